"""Which sampler finds good pipelines soonest? Searches on an invented family of related tasks.

Every sampler searches the same tasks with the same seeds and budget, with a store of 150 runs of each of nine
other tasks that is helpful, irrelevant (unrelated scores), misleading (outcomes permuted), inverted (ranks
turned round) or noisy (helpful, with seconds that nothing explains); then real records (TransferGraph), where
the shared data is at hand. Hypervolume is score against seconds, reference (0, the time limit), from what truly
happened, as a share of the best that is known.

`python tests/bench/bench_search.py [--quick] [--tuning] [--arms a,b] [--regimes a,b]`. Each search is kept as
a file below build/bench/searches and is not run again while the code of its sampler stays what it was. Syne Tune's
schedulers need an environment of their own: a run that is not quick makes it below build/bench/syne (1.3 GB). A
quick one leaves them out, and the published priors that were tried on single tasks.
--tuning runs on the family, tasks and seeds that parameters are chosen on; its figures are never reported.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one thread: the figures are of one core

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from search import drawing, records, report, syne  # noqa: E402
from search.arms import Arm, arms  # noqa: E402
from search.searches import Case, frozen, searched  # noqa: E402
from search.worlds import (  # noqa: E402
    FIRST_REPORTED_SEED,
    FIRST_TUNING_SEED,
    REGIMES,
    REPORTED,
    REPORTED_TASKS,
    TUNING,
    TUNING_TASKS,
)

from tests.bench import results  # noqa: E402

BUDGET = 50
#: Data sets of the records, by number, for choosing parameters; the other seven are reported, with other seeds.
TUNING_SETS, TUNING_SEED = (1, 5), 0
REPORTED_SETS = (0, 2, 3, 4, 6, 7, 8)
ALL_REGIMES = (*REGIMES, *([records.NAME] if records.available() else []))


def cases(regime: str, seeds: int, *, tuning: bool) -> list[Case]:
    """Where the searches of a regime take place."""
    if regime == records.NAME:
        first, places = (TUNING_SEED, TUNING_SETS) if tuning else (FIRST_REPORTED_SEED, REPORTED_SETS)
        return [Case(regime, regime, task, first + seed) for task in places for seed in range(seeds)]
    specs, tasks, first = (
        (TUNING, TUNING_TASKS, FIRST_TUNING_SEED)
        if tuning
        else (REPORTED, REPORTED_TASKS, FIRST_REPORTED_SEED)
    )
    return [
        Case(spec.name, regime, task, first + seed)
        for spec in specs
        for task in tasks
        for seed in range(seeds)
    ]


def run_all(
    chosen: Sequence[Arm], regimes: Sequence[str], seeds: int, cache: Path, *, tuning: bool
) -> dict[tuple[str, str], list[report.Searched]]:
    """All searches, those without a file run now."""
    table: dict[tuple[str, str], list[report.Searched]] = {}
    for regime in regimes:
        for arm in chosen:
            rows = []
            for case in cases(regime, seeds, tuning=tuning):
                rows.append(report.Searched.of(arm.name, case, searched(arm, case, BUDGET, cache)))
            table[arm.name, regime] = rows
            print(f"{regime:12} {arm.name:16} {len(rows)} searches", file=sys.stderr, flush=True)
    return table


def document(
    table: report.Table, chosen: Sequence[Arm], regimes: Sequence[str], seeds: int
) -> dict[str, Any]:
    """The result in the shape of all benches."""
    rows = [
        {
            "arm": arm.name,
            "regime": regime,
            "searches": len(table[arm.name, regime]),
            **report.summary(table[arm.name, regime]),
            **report.compared(table, arm.name, regime),
            **report.curves(table[arm.name, regime]),
            "tasks": report.by_task(table, arm.name, regime),
        }
        for regime in regimes
        for arm in chosen
    ]
    whole = {arm.name for arm in chosen} >= set(present(quick=True))
    rivals = [arm.name for arm in chosen if arm.rival]
    return {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "family": frozen(),
        "budget": BUDGET,
        "seeds": seeds,
        "rows": rows,
        "bars": report.bars(table, rivals) if whole else {},
    }


def present(*, quick: bool) -> list[str]:
    """Everybody who takes part; in a quick run nobody who is there for completeness, or takes seconds a search."""
    return [arm.name for arm in arms() if arm.quick or not quick]


def picked(given: str | None, known: Sequence[str]) -> list[str]:
    """The names of a comma-separated list, all when there is none; an exit that names what is unknown."""
    names = given.split(",") if given else list(known)
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"{unknown[0]!r} is unknown; use some of {', '.join(known)}")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "search.json")
    parser.add_argument("--cache", type=Path, default=ROOT / "build" / "bench" / "searches")
    parser.add_argument("--drawing", type=Path, help="also draw the curves of stores that help, as SVG")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="2 seeds, minutes instead of an hour")
    parser.add_argument("--tuning", action="store_true", help="the family that parameters are chosen on")
    parser.add_argument("--arms", help="some of the samplers, with commas; replay always takes part")
    parser.add_argument("--regimes", help="some of the regimes, with commas")
    options = parser.parse_args(arguments)
    if not options.quick and (options.arms is None or "syne-" in options.arms):
        syne.prepare()
    everybody = present(quick=options.quick and options.arms is None)
    names = picked(options.arms, everybody)
    chosen = [arm for arm in arms() if arm.name in {*names, "replay"}]
    regimes, seeds = picked(options.regimes, ALL_REGIMES), 2 if options.quick else options.seeds
    table = run_all(chosen, regimes, seeds, options.cache, tuning=options.tuning)
    report.show(table, regimes, [arm.name for arm in chosen])
    result = document(table, chosen, regimes, seeds)
    print()
    for name, value in result["bars"].items():
        print(f"{name:26}{value if isinstance(value, str) else format(value, '.3f')}")
    if options.tuning:
        return 0
    results.write(result, options.target)
    if options.drawing is not None:
        options.drawing.write_text(drawing.svg(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
