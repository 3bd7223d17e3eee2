"""What does each defect of the reference system do, and what is left of its claims without them? A replay.

Searches with the sampler `pge` from the reference's priors, without a defect, with each of the nine that move a
prior or a search, and with all of them: on the invented family of bench_search (8 tasks, 50 trials), and on the
starter experience (one task left out, 8 picks of its 16 rows). The stores are worn as the reference's logger left
them: series of runs, failures written twice, values missing or foreign. The three defects of ranking once more in
cold searches of 100 trials, under usual limits and where four of five uniform pipelines fail, and B10 with a store
whose ranks are turned round. Then the claims:
zero-shot against priors and memory baselines at the reference's own settings, without the nine and with them.

`python tests/bench/bench_defects.py [--quick]`; hypervolume is a share of the best that is known, and ± half of
a 95 % interval of the paired difference over tasks.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one thread: the figures are of one core

import numpy as np  # noqa: E402
from scipy.stats import t as student  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from bench_warm_start import TABLE, read_table  # noqa: E402
from defects.searches import Arm, Searched, changed_generations, harsh, invented, starter  # noqa: E402
from search.searches import Case, frozen  # noqa: E402
from search.worlds import FIRST_REPORTED_SEED, REPORTED, REPORTED_TASKS  # noqa: E402

from automl.priors import NINE, PRIORS  # noqa: E402
from tests.bench import results  # noqa: E402

BUDGET, PICKS = 50, 8
AT, STARTER_AT = (10, 25, 50), (2, 4, 8)
#: A population that learns five times in 50 trials, four of ten taken, so that fronts are cut and rates are felt.
SETTINGS = {"population": 10, "selection": 0.4, "learning_factor": 0.3, "failure_factor": 0.1}
#: On the starter a generation of 2 learns three times before the eighth pick.
STARTER_SETTINGS = SETTINGS | {"population": 2, "selection": 0.5}
#: Twenty of which four are taken, as published, but learning fast enough to matter within 100 trials.
COLD_SETTINGS = {"population": 20, "selection": 0.2, "learning_factor": 0.3, "failure_factor": 0.0}
COLD_BUDGET, COLD_AT = 100, (25, 50, 100)
RANKING = ("B1", "B2", "B3")
#: The reference's own.
PUBLISHED = {"population": 20, "selection": 0.2, "learning_factor": 0.05, "failure_factor": 0.0}
#: The prior under which a defect can show itself: W1 needs one that wants no failures, W12 one with fronts.
PLAIN, FRONTS = "f-pos f-neg k=0.5", "a-pos no-neg k=0.5 linear_front"
LINES: Mapping[str, tuple[str, ...]] = {
    PLAIN: ("B1", "B2", "B3", "B10", "W8", "W11", "W13"),
    FRONTS: ("W1", "W12"),
}
CLAIMED = (
    "low-liar",
    "moderate-liar",
    "high-liar",
    "liar/low-median",
    "liar/moderate-median",
    "knn-25",
    "knn-50",
)

Runs = Mapping[str, Sequence[Searched]]


def defect_arms(settings: Mapping[str, Any]) -> list[tuple[Arm, Arm]]:
    """Each arm with the one that it is compared with: the same prior without a defect."""
    pairs = []
    for line, letters in LINES.items():
        none = Arm(f"none ({line})", line, (), settings)
        pairs += [(Arm(letter, line, (letter,), settings), none) for letter in letters]
        pairs.append((Arm(f"all nine ({line})", line, tuple(NINE), settings), none))
    return pairs


def ranking_arms() -> list[tuple[Arm, Arm]]:
    """The defects of ranking, each and together, in a cold search."""
    none = Arm("none", "", (), COLD_SETTINGS)
    arms = [Arm(letter, "", (letter,), COLD_SETTINGS) for letter in RANKING]
    return [(arm, none) for arm in [*arms, Arm("all three", "", RANKING, COLD_SETTINGS)]]


def escape_arms() -> list[tuple[Arm, Arm]]:
    """Whether a search finds its way out of a wrong prior."""
    return [(arm, none) for arm, none in defect_arms(SETTINGS) if arm.name == "B10"]


def claim_arms() -> list[tuple[Arm, Arm]]:
    """Each named prior with the zero-shot search, without the nine and with them."""
    pairs = []
    for words, defects in (("", ()), (" + nine", tuple(NINE))):
        cold = Arm(f"zero-shot{words}", "", defects, PUBLISHED)
        pairs += [(Arm(f"{name}{words}", PRIORS[name], defects, PUBLISHED), cold) for name in CLAIMED]
    return pairs


def run_all(
    pairs: Sequence[tuple[Arm, Arm]], run: Callable[[Arm], list[Searched]]
) -> dict[str, list[Searched]]:
    """Every arm once."""
    found: dict[str, list[Searched]] = {}
    for arm in [one for pair in pairs for one in pair]:
        if arm.name not in found:
            found[arm.name] = run(arm)
            print(f"  {arm.name}", file=sys.stderr, flush=True)
    return found


def by_task(runs: Sequence[Searched], read: Callable[[Searched], float]) -> dict[str, float]:
    """The mean over seeds of each task: one observation."""
    tasks = sorted({run.task for run in runs})
    return {task: fmean(read(run) for run in runs if run.task == task) for task in tasks}


def difference(
    runs: Sequence[Searched], others: Sequence[Searched], read: Callable[[Searched], float]
) -> tuple[float, float]:
    """Mean of the paired difference over tasks, and half of its 95 % interval (Student's t)."""
    own, theirs = by_task(runs, read), by_task(others, read)
    gaps = [own[task] - theirs[task] for task in own]
    half = float(student.ppf(0.975, len(gaps) - 1)) * stdev(gaps) / math.sqrt(len(gaps))
    return fmean(gaps), half


def volume_at(at: int) -> Callable[[Searched], float]:
    return lambda run: run.volumes[at - 1]


def failed_at(at: int) -> Callable[[Searched], float]:
    return lambda run: run.failures[at - 1] / at


def defect_rows(
    where: str, pairs: Sequence[tuple[Arm, Arm]], runs: Runs, at: Sequence[int]
) -> list[dict[str, Any]]:
    """One row an arm: what it reached, and what the defect changed."""
    rows, shown = [], set[str]()
    for arm, none in pairs:
        for one in (none, arm):
            if one.name in shown:
                continue
            shown.add(one.name)
            own, base = runs[one.name], runs[none.name]
            rows.append(
                {
                    "where": where,
                    "arm": one.name,
                    "defects": list(one.defects),
                    "prior": one.line,
                    "hypervolume": [fmean(by_task(own, volume_at(k)).values()) for k in at],
                    "hypervolume_change": [difference(own, base, volume_at(k)) for k in at],
                    "failures": [fmean(by_task(own, failed_at(k)).values()) for k in at],
                    "failures_change": [difference(own, base, failed_at(k)) for k in at],
                    "generations_changed": changed_generations(base, one),
                }
            )
    return rows


def claim_rows(pairs: Sequence[tuple[Arm, Arm]], runs: Runs) -> list[dict[str, Any]]:
    """One row an arm: best score, seconds and failures beside the zero-shot search's, and what lies beyond its front.

    The zero-shot search itself is held against the front of its next seed.
    """
    rows = []
    colds = {cold.name: (cold, cold) for _, cold in pairs}
    for arm, cold in [*colds.values(), *pairs]:
        own, base = runs[arm.name], runs[cold.name]
        fronts = next_seeds(base) if arm is cold else base
        best = difference(own, base, lambda run: run.best)
        rows.append(
            {
                "arm": arm.name,
                "best_score": fmean(by_task(own, lambda run: run.best).values()),
                "best_score_change": best,
                "tasks_above": sum(
                    value > other
                    for value, other in zip(
                        by_task(own, lambda run: run.best).values(),
                        by_task(base, lambda run: run.best).values(),
                        strict=True,
                    )
                ),
                "hypervolume_change": difference(own, base, volume_at(BUDGET)),
                "seconds_ratio": _ratio(base, own, lambda run: fmean(run.seconds)),
                "failure_ratio": _ratio(base, own, failed_at(BUDGET)),
                "beyond_cold_front": fmean(map(_beyond, own, fronts)),
            }
        )
    return rows


def next_seeds(runs: Sequence[Searched]) -> list[Searched]:
    """In place of each search the next one of its task, of the last one the first."""
    found: list[Searched] = []
    for run in runs:
        own = [one for one in runs if one.task == run.task]
        place = next(at for at, one in enumerate(own) if one is run)
        found.append(own[(place + 1) % len(own)])
    return found


def _ratio(cold: Sequence[Searched], own: Sequence[Searched], read: Callable[[Searched], float]) -> float:
    """How many times less than the zero-shot search, over all tasks."""
    return fmean(by_task(cold, read).values()) / max(fmean(by_task(own, read).values()), 1e-9)


def _beyond(own: Searched, cold: Searched) -> float:
    """The share of successes that no point of the zero-shot search, of the same task and seed, beats in both."""
    if not own.points:
        return 0.0
    beaten = [any(s > score and t < spent for s, t in cold.points) for score, spent in own.points]
    return 1 - fmean(beaten)


def show_defects(rows: Sequence[Mapping[str, Any]], at: Sequence[int]) -> None:
    head = "".join(f"{f'HV {k}':>9}{'change':>17}" for k in at)
    print(f"\n{rows[0]['where']}\n{'':42}{head}{f'failed {at[-1]}':>11}{'change':>17}{'taken':>7}")
    for row in rows:
        cells = "".join(
            f"{value:9.3f}{mean:+9.3f} ± {half:.3f}"
            for value, (mean, half) in zip(row["hypervolume"], row["hypervolume_change"], strict=True)
        )
        mean, half = row["failures_change"][-1]
        failed = f"{row['failures'][-1]:11.3f}{mean:+9.3f} ± {half:.3f}"
        print(f"{row['arm']:42}{cells}{failed}{row['generations_changed']:7.2f}")


def show_claims(rows: Sequence[Mapping[str, Any]]) -> None:
    print(
        f"\n{'':32}{'best':>7}{'change':>17}{'tasks':>7}{'HV 50':>17}{'time /':>8}{'fail /':>8}{'beyond':>8}"
    )
    for row in rows:
        best, volume = row["best_score_change"], row["hypervolume_change"]
        print(
            f"{row['arm']:32}{row['best_score']:7.3f}{best[0]:+9.3f} ± {best[1]:.3f}{row['tasks_above']:7d}"
            f"{volume[0]:+9.3f} ± {volume[1]:.3f}{row['seconds_ratio']:8.2f}{row['failure_ratio']:8.2f}"
            f"{row['beyond_cold_front']:8.2f}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "defects.json")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    options = parser.parse_args(arguments)
    seeds = 2 if options.quick else options.seeds
    cases = [
        Case(spec.name, "helpful", task, FIRST_REPORTED_SEED + seed)
        for spec in REPORTED
        for task in REPORTED_TASKS
        for seed in range(seeds)
    ]
    table = read_table(TABLE)
    pairs, starter_pairs, claims = defect_arms(SETTINGS), defect_arms(STARTER_SETTINGS), claim_arms()
    runs = run_all(pairs, lambda arm: [invented(arm, case, BUDGET) for case in cases])
    rows = defect_rows("invented family", pairs, runs, AT)
    on_starter = run_all(
        starter_pairs,
        lambda arm: [
            starter(arm, table.tasks, table.language_models, task, seed, PICKS)
            for task in table.tasks
            for seed in range(2 * seeds)
        ],
    )
    starter_rows = defect_rows("starter experience", starter_pairs, on_starter, STARTER_AT)
    cold = run_all(ranking_arms(), lambda arm: [invented(arm, case, COLD_BUDGET) for case in cases])
    cold_rows = defect_rows("cold, usual limits", ranking_arms(), cold, COLD_AT)
    turned = [Case(case.family, "inverted", case.task, case.seed) for case in cases]
    escape = run_all(escape_arms(), lambda arm: [invented(arm, case, BUDGET) for case in turned])
    escape_rows = defect_rows("ranks turned round in the store", escape_arms(), escape, AT)
    hard = run_all(ranking_arms(), lambda arm: [harsh(arm, case, COLD_BUDGET) for case in cases])
    hard_rows = defect_rows("cold, four of five fail", ranking_arms(), hard, COLD_AT)
    claimed = claim_rows(claims, run_all(claims, lambda arm: [invented(arm, case, BUDGET) for case in cases]))
    show_defects(rows, AT)
    show_defects(starter_rows, STARTER_AT)
    show_defects(cold_rows, COLD_AT)
    show_defects(hard_rows, COLD_AT)
    show_defects(escape_rows, AT)
    show_claims(claimed)
    result = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "family": frozen(),
        "seeds": seeds,
        "rows": [*rows, *starter_rows, *cold_rows, *hard_rows, *escape_rows],
        "claims": claimed,
        "bars": {},
    }
    results.write(result, options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
