"""What does the gate save, and what does it skip wrongly? Every sampler with and without it.

On the invented family of `bench_search` (reported tasks and seeds, with a helpful store, without one, and with one
whose outcomes are permuted) the truth of every skipped proposal is known; on the starter experience, one task left
out in turn, the samplers pick rows. Hypervolume (HV) is score against seconds, as a share of the best that is known.

    saved    how many trials sooner the gated search has the HV that the other one ends with (after 50; a search that
             never has it counts as needing 50)
    wrong    skips that the truth contradicts (it lived; it came near the best), and audits that did
    costly   skips that would have enlarged the hypervolume, by more than 0.001

`python tests/bench/bench_gate.py [--quick] [--tuning]`; --tuning compares thresholds on the family that parameters
are chosen on, and writes nothing.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one thread: the figures are of one core

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from search.gated import Gated, gated_search  # noqa: E402
from search.searches import Case, frozen  # noqa: E402
from search.starter import starter_rows  # noqa: E402
from search.worlds import (  # noqa: E402
    FIRST_REPORTED_SEED,
    FIRST_TUNING_SEED,
    REPORTED,
    REPORTED_TASKS,
    TUNING,
    TUNING_TASKS,
)

from automl.gate import GateOptions  # noqa: E402
from tests.bench import results  # noqa: E402

BUDGET = 50
#: Sampler, what sampler and gate are given, and the regime of the store.
ARMS = (
    ("random", "store", "helpful"),
    ("pge", "store", "helpful"),
    ("process", "store", "helpful"),
    ("random", "task", "helpful"),
    ("process", "task", "helpful"),
    ("random", "store", "misleading"),
    ("pge", "store", "misleading"),
)
#: What --tuning looks at.
TRIED: Mapping[str, GateOptions] = {
    "default": GateOptions(),
    "failing 0.4": GateOptions(failing=0.4),
    "failing 0.8": GateOptions(failing=0.8),
    "reach 0.02": GateOptions(reach=0.02),
    "reach 0.3": GateOptions(reach=0.3),
    "failure alone": GateOptions(rules=("likely_failure",)),
    "score alone": GateOptions(rules=("score_below_best",)),
    "no margin": GateOptions(margin=0.0),
    "retries 30": GateOptions(retries=30),
}


def cases(regime: str, seeds: int, *, tuning: bool) -> list[Case]:
    """Where the searches take place."""
    specs, tasks, first = (
        (TUNING, TUNING_TASKS, FIRST_TUNING_SEED)
        if tuning
        else (REPORTED, REPORTED_TASKS, FIRST_REPORTED_SEED)
    )
    return [
        Case(one.name, regime, task, first + seed) for one in specs for task in tasks for seed in range(seeds)
    ]


def searches(arm: tuple[str, str, str], where: Sequence[Case], gate: GateOptions | None) -> list[Gated]:
    """One arm everywhere."""
    sampler, prior, _ = arm
    return [gated_search(sampler, prior, case, BUDGET, gate) for case in where]


def row(
    arm: tuple[str, str, str], where: Sequence[Case], plain: list[Gated], gated: list[Gated]
) -> dict[str, Any]:
    """An arm with the gate beside the same without it."""
    before, after = [one.curve() for one in plain], [one.curve() for one in gated]
    needed = [_needed(a[-1], a) - _needed(a[-1], b) for a, b in zip(before, after, strict=True)]
    skips = [skip for one in gated for skip in one.skipped]
    audits = [wrong for one in gated for wrong in one.audits]
    gaps = by_task(where, [b[-1] - a[-1] for a, b in zip(before, after, strict=True)])
    return {
        "sampler": arm[0],
        "prior": arm[1],
        "store": arm[2],
        **{f"hv_{at}": fmean(curve[at - 1] for curve in before) for at in (10, 25, 50)},
        **{f"gated_hv_{at}": fmean(curve[at - 1] for curve in after) for at in (10, 25, 50)},
        "difference": fmean(gaps),
        "difference_error": stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0,
        "saved": fmean(needed),
        "reached": sum(a[-1] <= b[-1] for a, b in zip(before, after, strict=True)) / len(after),
        "failed": fmean(one.failed() for one in plain),
        "gated_failed": fmean(one.failed() for one in gated),
        "seconds": fmean(one.paid() for one in plain),
        "gated_seconds": fmean(one.paid() for one in gated),
        "skipped": len(skips) / len(gated),
        "skipped_seconds": sum(skip["seconds"] for skip in skips) / len(gated),
        **{
            f"{rule}_skips": sum(skip["rule"] == rule for skip in skips) / len(gated)
            for rule in ("likely_failure", "score_below_best")
        },
        "wrong": _share([skip["wrong"] for skip in skips]),
        "costly": _share([skip["costly"] for skip in skips]),
        "audits": len(audits) / len(gated),
        "audits_wrong": _share(audits),
    }


def _needed(target: float, curve: Sequence[float]) -> int:
    """Trials until the curve reaches the target; all of the budget where it never does."""
    return next((at for at, value in enumerate(curve, start=1) if value >= target), BUDGET)


def _share(found: Sequence[bool]) -> float:
    return sum(found) / len(found) if found else 0.0


def by_task(where: Sequence[Case], values: Sequence[float]) -> list[float]:
    """The mean of each task: seeds of one task share it."""
    tasks = sorted({(case.family, case.task) for case in where})
    return [
        fmean(value for case, value in zip(where, values, strict=True) if (case.family, case.task) == task)
        for task in tasks
    ]


def show(label: str, found: Mapping[str, Any]) -> None:
    print(
        f"{label:34}{found['hv_25']:.3f} {found['gated_hv_25']:.3f} | {found['hv_50']:.3f} {found['gated_hv_50']:.3f}"
        f" ({found['difference']:+.3f} ± {found['difference_error']:.3f}) | saved {found['saved']:4.1f}"
        f" | failed {found['failed']:.2f} {found['gated_failed']:.2f}"
        f" | seconds {found['seconds']:5.1f} {found['gated_seconds']:5.1f} | skipped {found['skipped']:5.1f}"
        f" wrong {found['wrong']:.2f} costly {found['costly']:.3f} | audits {found['audits']:.1f}"
        f" wrong {found['audits_wrong']:.2f}",
        flush=True,
    )


def tune(seeds: int) -> None:
    """Thresholds side by side, on what parameters are chosen on."""
    where = cases("helpful", seeds, tuning=True)
    for arm in ARMS[:3]:
        plain = searches(arm, where, None)
        for label, options in TRIED.items():
            show(f"{arm[0]} {label}", row(arm, where, plain, searches(arm, where, options)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "gate.json")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="1 seed")
    parser.add_argument("--tuning", action="store_true", help="compare thresholds on the tuning family")
    options = parser.parse_args(arguments)
    seeds = 1 if options.quick else options.seeds
    if options.tuning:
        tune(seeds)
        return 0
    rows = []
    for arm in ARMS:
        where = cases(arm[2], seeds, tuning=False)
        found = row(arm, where, searches(arm, where, None), searches(arm, where, GateOptions()))
        show(" ".join(arm), found)
        rows.append(found)
    starter = starter_rows(seeds, GateOptions())
    for found in starter:
        print(
            f"starter, {found['sampler']:12} HV 4 / 8 picks {found['hv_4']:.3f} {found['hv_8']:.3f}, gated"
            f" {found['gated_hv_4']:.3f} {found['gated_hv_8']:.3f}; skipped {found['skipped']:.1f}, wrong"
            f" {found['wrong']:.2f}, costly {found['costly']:.3f}"
        )
    result = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "family": frozen(),
        "budget": BUDGET,
        "seeds": seeds,
        "rows": rows,
        "starter": starter,
        "bars": {},
    }
    results.write(result, options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
