"""Curves, tables and bars from searches.

Knows figures only. Rows are means over searches; differences are paired by (family, task, seed), and their
error is taken over tasks, because the seeds of one task share it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, quantiles, stdev
from typing import Any

from search import records
from search.searches import Case, by_clock, curve

POINTS = (10, 25, 50)
#: Time limits of seconds at which curves against the clock are read.
CLOCK = (1, 2, 5, 10, 20)


@dataclass(frozen=True)
class Searched:
    """One search and its curve."""

    arm: str
    case: Case
    found: Mapping[str, Any]
    volumes: Sequence[float]

    @classmethod
    def of(cls, arm: str, case: Case, found: Mapping[str, Any]) -> Searched:
        return cls(arm, case, found, curve(found))

    @property
    def failures(self) -> float:
        rows = self.found["trials"][:50]
        return sum(row[0] != "ok" for row in rows) / len(rows)

    @property
    def seconds(self) -> float:
        """Mean seconds of a trial, as a share of the limit."""
        return fmean(row[3] for row in self.found["trials"][:50]) / float(self.found["limit_s"])

    @property
    def best(self) -> float:
        return max((row[1] or 0.0 for row in self.found["trials"][:50]), default=0.0)

    def regret(self, at: int) -> float:
        """How far the best score of so many trials is below the best there is; NaN where that is not known."""
        best = self.found.get("best_score")
        found = max((row[1] or 0.0 for row in self.found["trials"][:at]), default=0.0)
        return math.nan if best is None else float(best) - found


Table = Mapping[tuple[str, str], Sequence[Searched]]


def mean_curve(rows: Sequence[Searched]) -> list[float]:
    return [fmean(values) for values in zip(*(row.volumes for row in rows), strict=True)]


def difference(ours: Sequence[Searched], theirs: Sequence[Searched], at: int) -> tuple[float, float]:
    """Mean paired difference of hypervolume after `at` trials, and its error over tasks (one task: over seeds)."""
    means = _leads(ours, theirs, at)
    return fmean(means), stdev(means) / math.sqrt(len(means)) if len(means) > 1 else 0.0


def _gaps(
    ours: Sequence[Searched], theirs: Sequence[Searched], at: int
) -> Mapping[tuple[str, int], list[float]]:
    """Our lead after `at` trials, task by task."""
    other = {row.case: row for row in theirs}
    gaps: dict[tuple[str, int], list[float]] = {}
    for row in ours:
        gap = row.volumes[at - 1] - other[row.case].volumes[at - 1]
        gaps.setdefault((row.case.family, row.case.task), []).append(gap)
    return gaps


def _leads(ours: Sequence[Searched], theirs: Sequence[Searched], at: int) -> list[float]:
    """Our mean lead on each task; of one task, on each seed."""
    gaps = list(_gaps(ours, theirs, at).values())
    return gaps[0] if len(gaps) == 1 else [fmean(values) for values in gaps]


def sign_flips(ours: Sequence[Searched], theirs: Sequence[Searched], at: int) -> float:
    """How often chance alone makes so large a difference: the exact two-sided test that turns the signs of the
    tasks' mean differences round in all ways; of the seeds' where there is one task.
    """
    means = _leads(ours, theirs, at)
    seen = abs(sum(means))
    flips = itertools.product((1, -1), repeat=len(means))
    sums = [abs(sum(sign * gap for sign, gap in zip(signs, means, strict=True))) for signs in flips]
    return fmean(total >= seen - 1e-12 for total in sums)


def beyond(ours: Sequence[Searched], cold: Sequence[Searched]) -> float:
    """The share of our successes that no trial of the cold search on the same case dominates."""
    other = {row.case: [(t[1], t[2]) for t in row.found["trials"] if t[1] is not None] for row in cold}
    shares = []
    for row in ours:
        good = [(t[1], t[2]) for t in row.found["trials"] if t[1] is not None]
        ahead = [all(s > a or t < b or (s, t) == (a, b) for a, b in other[row.case]) for s, t in good]
        shares.append(fmean(ahead) if ahead else 0.0)
    return fmean(shares)


def best_curve(rows: Sequence[Searched]) -> list[float]:
    """The mean best score after each trial."""
    return [fmean(values) for values in zip(*map(_bests, rows), strict=True)]


def _bests(row: Searched) -> list[float]:
    return list(itertools.accumulate((trial[1] or 0.0 for trial in row.found["trials"]), max))


def clock(rows: Sequence[Searched]) -> dict[str, float]:
    """Mean hypervolume after so many time limits of seconds, failed seconds counted."""
    return {str(at): fmean(by_clock(row.found, row.volumes, at) for row in rows) for at in CLOCK}


def best_clock(rows: Sequence[Searched]) -> dict[str, float]:
    """Mean best score after so many time limits of seconds, failed seconds counted."""
    return {str(at): fmean(by_clock(row.found, _bests(row), at) for row in rows) for at in CLOCK}


def curves(rows: Sequence[Searched]) -> dict[str, Any]:
    """Hypervolume and best score, against trials and against seconds."""
    return {
        "curve": mean_curve(rows),
        "best_curve": best_curve(rows),
        "clock": clock(rows),
        "best_clock": best_clock(rows),
    }


def by_task(table: Table, name: str, regime: str) -> list[dict[str, Any]]:
    """The same of each task alone; `p` there turns the signs of its seeds round."""
    found = []
    for family, task in sorted({(row.case.family, row.case.task) for row in table[name, regime]}):
        here = {
            key: [row for row in rows if (row.case.family, row.case.task) == (family, task)]
            for key, rows in table.items()
            if key[1] == regime
        }
        rows = here[name, regime]
        line = {
            "family": family,
            "task": task,
            **summary(rows),
            **compared(here, name, regime),
            **curves(rows),
        }
        found.append(line)
    return found


def evaluations_for(volumes: Sequence[float], target: float) -> float:
    """The first number of trials at which a curve reaches the target; infinite when it never does."""
    return next((at for at, volume in enumerate(volumes, start=1) if volume >= target), math.inf)


def summary(rows: Sequence[Searched]) -> dict[str, float]:
    """One line of the table."""
    volumes = mean_curve(rows)
    spent = [1000 * value for row in rows for value in row.found["suggest_s"]]
    return {
        **{f"hv{at}": volumes[at - 1] for at in POINTS},
        "failures": fmean(row.failures for row in rows),
        "seconds": fmean(row.seconds for row in rows),
        "best": fmean(row.best for row in rows),
        **{
            f"regret{at}": fmean(row.regret(at) for row in rows)
            for at in POINTS
            if not math.isnan(rows[0].regret(1))
        },
        "hv_2_limits": fmean(by_clock(row.found, row.volumes, 2) for row in rows),
        "hv_10_limits": fmean(by_clock(row.found, row.volumes, 10) for row in rows),
        "suggest_ms": median(spent),
        "suggest_p95_ms": quantiles(spent, n=20)[-1],
        "start_s": max(row.found["start_s"] for row in rows),
    }


def show(table: Table, regimes: Sequence[str], names: Sequence[str]) -> None:
    """The table of every regime."""
    for regime in regimes:
        heads = (
            "hv10",
            "hv25",
            "hv50",
            "- replay",
            "failed",
            "seconds",
            "best",
            "2 limits",
            "10 limits",
            "ms",
            "p95",
        )
        print(f"\n{regime:16}" + "".join(f"{head:>10}" for head in heads))
        for name in names:
            rows = table[name, regime]
            line, gap = summary(rows), difference(rows, table["replay", regime], 50)
            cells = [line["hv10"], line["hv25"], line["hv50"], gap[0]]
            cells += [line[key] for key in ("failures", "seconds", "best", "hv_2_limits", "hv_10_limits")]
            numbers = "".join(f"{cell:10.3f}" for cell in cells)
            regret = f"  regret at 25 {line['regret25']:.3f}" if "regret25" in line else ""
            print(
                f"{name:16}{numbers}{line['suggest_ms']:10.1f}{line['suggest_p95_ms']:10.1f}  ±{gap[1]:.3f}{regret}"
            )


def compared(table: Table, name: str, regime: str) -> dict[str, float]:
    """How far our sampler is ahead of this one at 50, by chance how often, and what lies beyond the cold front."""
    rows, found = table[name, regime], dict[str, float]()
    if (ours := table.get(("process", regime))) is not None and name != "process":
        gap, error = difference(ours, rows, 50)
        found |= {"process_ahead": gap, "process_ahead_error": error, "p": sign_flips(ours, rows, 50)}
    if (cold := table.get(("pge-cold", regime))) is not None:
        found["beyond_cold"] = beyond(rows, cold)
    return found


def ratio_to(table: Table, regime: str, rivals: Sequence[str]) -> tuple[float, str]:
    """Evaluations ours needs for what the best rival has at 50, over 50; and that rival."""
    best = max(rivals, key=lambda name: mean_curve(table[name, regime])[49])
    needed = evaluations_for(mean_curve(table["process", regime]), mean_curve(table[best, regime])[49])
    return needed / 50, best


def loss(table: Table, regime: str) -> float:
    """The largest share of hypervolume that the store costs us, against ourselves without it."""
    with_store, without = (mean_curve(table[name, regime]) for name in ("process", "process-cold"))
    return max((without[at - 1] - with_store[at - 1]) / without[at - 1] for at in POINTS)


def bars(table: Table, rivals: Sequence[str]) -> dict[str, Any]:
    """What the figures come to; a bar without its searches is left out."""
    regimes = {regime for _, regime in table}
    found: dict[str, Any] = {}
    if "helpful" in regimes:
        found |= _helpful(table, rivals)
    for regime in ("misleading", "inverted"):
        if regime in regimes:
            found[f"{regime}_loss"] = loss(table, regime)
    if records.NAME in regimes:
        line = summary(table["process", records.NAME])
        found |= {
            "real_hv10": line["hv10"],
            "real_regret25": line["regret25"],
            "real_failures": line["failures"],
        }
    if "noisy" in regimes:
        gap, error = difference(table["process", "noisy"], table["replay", "noisy"], 50)
        found |= {"noisy_hv_gain": gap, "noisy_hv_gain_error": error}
    return found


def _helpful(table: Table, rivals: Sequence[str]) -> dict[str, Any]:
    lines = {name: summary(rows) for (name, regime), rows in table.items() if regime == "helpful"}
    cold, ours, fast = lines["pge-cold"], lines["process"], lines["process-fast"]
    slow = lines["pge-cold-20"]
    ratio, best = ratio_to(table, "helpful", rivals)
    models = [name for name in rivals if name != "replay"]
    model_ratio, best_model = ratio_to(table, "helpful", models)
    gap, error = difference(table["process", "helpful"], table["replay", "helpful"], 50)
    return {
        "evals_ratio": ratio,
        "evals_ratio_rival": best,
        "evals_ratio_model": model_ratio,
        "evals_ratio_model_rival": best_model,
        "failure_ratio": ours["failures"] / cold["failures"],
        "failure_ratio_20": ours["failures"] / slow["failures"],
        "hv50_minus_replay": gap,
        "hv50_minus_replay_error": error,
        "time_ratio": fast["seconds"] / cold["seconds"],
        "time_ratio_20": fast["seconds"] / slow["seconds"],
        "fast_keeps": fast["hv50"] / ours["hv50"],
        "time_ratio_default": ours["seconds"] / cold["seconds"],
        "time_ratio_default_20": ours["seconds"] / slow["seconds"],
        "suggest_ms": ours["suggest_ms"],
        "suggest_p95_ms": ours["suggest_p95_ms"],
        "start_s": ours["start_s"],
    }
