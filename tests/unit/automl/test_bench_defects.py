"""The bench of the defects: its store is worn and says the same, and its arms cover the nine."""

from __future__ import annotations

import importlib
from collections import Counter
from types import ModuleType

import pytest

from automl.priors import NINE, prior_options
from automl.testing import World

BENCH = "bench_defects"
WORLD = World()
STORE = WORLD.evidence([1, 2, 3], 60)


def test_the_store_is_worn_and_says_the_same(bench: ModuleType) -> None:
    worn = importlib.import_module("defects.stores").as_written(STORE)
    failures = [run for run in STORE if not run.is_positive]
    assert len(worn) == len(STORE) + len(failures) > len(STORE)
    first = {run.id: run for run in worn}
    assert all((first[run.id].score, first[run.id].status) == (run.score, run.status) for run in STORE)
    series = Counter(run.series for run in worn if not run.id.endswith("-twin"))
    assert set(series.values()) == {10}
    known = [run for run in STORE if WORLD.space.contains(run.pipeline)]
    readable = [run for run in STORE if WORLD.space.contains(first[run.id].pipeline)]
    assert 0.5 * len(known) < len(readable) < 0.8 * len(known)


def test_every_defect_is_shown_once_alone_and_all_together(bench: ModuleType) -> None:
    pairs = bench.defect_arms(bench.SETTINGS)
    alone = [arm.defects[0] for arm, _ in pairs if len(arm.defects) == 1]
    assert sorted(alone) == sorted(NINE)
    assert [arm.defects for arm, _ in pairs if len(arm.defects) > 1] == [tuple(NINE)] * 2
    for arm, none in pairs:
        assert none.line == arm.line
        assert none.settings == arm.settings
        assert none.defects == ()
        prior_options(arm.line)


def test_differences_are_taken_over_tasks(bench: ModuleType) -> None:
    searched = bench.Searched
    runs = [searched(task, [value], [0], [], [1.0]) for task, value in (("a", 0.4), ("a", 0.6), ("b", 0.9))]
    base = [searched(task, [0.4], [1], [], [1.0]) for task in ("a", "b")]
    mean, half = bench.difference(runs, base, bench.volume_at(1))
    assert mean == pytest.approx(0.3)
    assert half == pytest.approx(12.706 * 0.2, rel=1e-3)  # two tasks: gaps of 0.1 and 0.5
    assert bench.by_task(base, bench.failed_at(1)) == {"a": 1.0, "b": 1.0}


def test_a_short_search_from_a_prior_ends(bench: ModuleType) -> None:
    [(arm, _), *_] = bench.defect_arms(bench.SETTINGS)
    case = bench.Case("plain", "helpful", 0, 1)
    found = importlib.import_module("defects.searches").invented(arm, case, 12)
    assert len(found.volumes) == len(found.failures) == 12
    assert found.volumes == sorted(found.volumes)
    assert 0 < found.volumes[-1] < 1
    assert found.failures[-1] + len(found.points) == 12
