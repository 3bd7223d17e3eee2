"""The seconds that the sampler foresees for language models that nobody has timed.

Knows the starter experience and the physics of the sampler "process"; knows no sampler.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from automl.estimators.evaluation.folds import Asked, folds_of
from automl.estimators.feasibility.forecast import view_of
from automl.estimators.feasibility.needs import USUAL_SPEED
from automl.estimators.features import Describer, Facts
from automl.estimators.physics import Physics, Runs, fit_physics
from automl.estimators.pool.process import space_seen
from automl.estimators.reading import STARTER, read_records
from automl.estimators.timing import PHYSICS, Machines, physics
from automl.space import Method, Space
from automl.values import Evidence, Pipeline, TaskView


@cache
def starter() -> Asked:
    return Asked.of(read_records([STARTER]))


def physics_of(runs: Sequence[Evidence], facts: Facts) -> Physics:
    pipelines, views = [run.pipeline for run in runs], [view_of(run) for run in runs]
    describer = Describer(space_seen(runs, facts), facts, pipelines)
    names = {task: place for place, task in enumerate(dict.fromkeys(run.task for run in runs))}
    tasks = np.array([names[run.task] for run in runs], dtype=np.int64)
    return fit_physics(describer, views[0], Runs(runs, views, tasks))


def foreseen(physics: Physics, run: Evidence) -> tuple[float, float]:
    """Mean and deviation of ln seconds."""
    physics = replace(physics, target=view_of(run))
    mean, deviation = physics.seconds.predict(physics.cost([run.pipeline]).rows)
    return float(mean[0]), float(deviation[0])


@cache
def left_out() -> dict[str, list[tuple[str, float, float]]]:
    """Of each language model that the others foretell: status, how far off (ln; below 0: too short), deviation."""
    found: dict[str, list[tuple[str, float, float]]] = {}
    asked = starter()
    for fold in folds_of("model", asked):
        physics = physics_of([asked.runs[place] for place in fold.known], asked.experience.facts)
        for run in (asked.runs[place] for place in fold.asked):
            mean, deviation = foreseen(physics, run)
            said = (run.status, mean - math.log(run.seconds or 1.0), deviation)
            found.setdefault(run.pipeline.language_model or "", []).append(said)
    return found


#: Of its weights a token passes 18 times fewer than of the next one's: its seconds are mostly the steps' own.
TINY = "package:tunelore/untrained-tiny@1"


def off_of(key: str) -> list[float]:
    return [off for status, off, _ in left_out()[key] if status == "ok"]


def test_no_language_model_that_was_never_timed_passes_for_nearly_free() -> None:
    assert len(left_out()) == 5
    middles = {key: float(np.mean(off_of(key))) for key in left_out()}
    assert max(map(abs, middles.values())) < math.log(1.5), middles


def test_one_far_smaller_than_all_others_is_foreseen_as_well_as_they() -> None:
    # 1.28 where seconds were a slope of the operations alone
    assert np.sqrt(np.mean(np.square(off_of(TINY)))) < 0.5


def test_their_seconds_are_foreseen_and_so_is_how_unsure_that_is() -> None:
    said = [one for key in left_out() for one in left_out()[key]]
    off, deviation = np.array([(off, deviation) for status, off, deviation in said if status == "ok"]).T
    # 5.97 with the language models' offsets standing for having one at all, 0.72 with operations alone
    assert np.sqrt(np.mean(off**2)) < 0.4
    assert 0.75 < np.mean(np.abs(off / deviation) < 1.2816) < 0.97
    assert np.median(deviation) < 0.7


def test_their_timeouts_are_foreseen_to_come_near_to_the_limit() -> None:
    late = np.array([off for said in left_out().values() for status, off, _ in said if status == "timeout"])
    assert len(late) > 100
    assert np.mean(late > -math.log(4 / 3)) > 0.97
    assert min(late) > -math.log(2.5)


def test_words_are_looked_up_and_not_multiplied_but_read_from_disk_and_trained() -> None:
    layers = {"layers": 6.0, "hidden_size": 384.0}
    facts = {"few": {"parameters": 1.2e7, **layers}, "many": {"parameters": 2e8, **layers}}
    methods = tuple(Method(name, {}, needs_language_model=True) for name in ("full", "lora"))
    describer = Describer(Space("s", methods, tuple(facts)), facts)
    values = {"epochs": 3, "batch_size": 16, "max_length": 64}
    pipelines = [Pipeline(method, values, key) for method in ("lora", "full") for key in facts]
    rows = physics(describer, pipelines, [TaskView("task", {"mean_length": 80.0}, train_rows=600)] * 4)
    few, many, few_trained, many_trained = rows[:, PHYSICS.index("counted")]
    assert 0 < many - few < 0.1
    assert many_trained - few_trained > 0.5  # Adam goes through every weight at each step


def test_what_has_no_language_model_is_told_apart() -> None:
    runs, facts = starter().runs, starter().experience.facts
    describer = Describer(space_seen(runs, facts), facts)
    pipelines = [Pipeline("linear", {}), Pipeline("full", {"epochs": 1}, next(iter(facts)))]
    rows = physics(describer, pipelines, [TaskView("task", {}, train_rows=600)] * 2)
    assert rows[:, PHYSICS.index("plain")].tolist() == [1.0, 0.0]
    assert rows[0, PHYSICS.index("counted")] == rows[1, PHYSICS.index("plain_counted")] == 0.0


def test_a_machine_of_twice_the_speed_takes_half_the_time_for_what_is_operations() -> None:
    describer = Describer(Space("s", (Method("full", {}, needs_language_model=True),), ("big",)), {})
    slow, fast = (TaskView("task", {}, {"device_speed": speed}, train_rows=600) for speed in (1e11, 2e11))
    values = {"epochs": 4, "batch_size": 64, "max_length": 512}
    rows = physics(describer, [Pipeline("full", values, "big")] * 2, [slow, fast])
    first, second = rows[:, PHYSICS.index("counted")]
    assert 0.9 * math.log(2) < first - second < math.log(2)


def test_unnamed_machines_are_as_fast_as_is_usual_among_the_others() -> None:
    named = [TaskView("t", {}, {"device_speed": speed}) for speed in (1e11, 3e11, 9e13)]
    unnamed = TaskView("t", {}, {"device_speed": math.nan, "cpu_ghz": 2.6})
    some = Machines.of([*named, unnamed], unnamed)
    assert some.seen(unnamed).system == {"device_speed": 3e11, "cpu_ghz": 2.6}
    assert some.seen(named[2]) is named[2]
    nobody = Machines.of([unnamed], named[2])  # one machine, as far as anybody knows
    assert nobody.seen(unnamed).system["device_speed"] == nobody.seen(named[0]).system["device_speed"] == 9e13
    assert Machines.of([], unnamed).seen(unnamed).system["device_speed"] == USUAL_SPEED


@pytest.mark.parametrize("speed", [None, 1.3e14])
def test_a_store_of_unnamed_machines_says_the_same_of_a_named_target(speed: float | None) -> None:
    runs = [replace(run, system={}) for run in starter().runs]
    models = physics_of(runs, starter().experience.facts)
    there = replace(view_of(runs[0]), system={"device_speed": speed})
    said, known = (
        replace(models, target=view).cost([run.pipeline for run in runs[:40]]).rows
        for view in (there, view_of(runs[0]))
    )
    np.testing.assert_array_equal(said, known)


@pytest.mark.parametrize("sizes", [{}, {"parameters": 0.0}, {"parameters": math.nan, "layers": -1.0}])
def test_sizes_that_are_no_sizes_still_give_finite_features(sizes: dict[str, float]) -> None:
    facts = {"odd": sizes}
    describer = Describer(space_seen(starter().runs, facts), facts)
    view = TaskView("task", {"mean_length": math.nan}, train_rows=None)
    assert np.isfinite(physics(describer, [Pipeline("full", {}, "odd")], [view])).all()


@pytest.mark.parametrize("odd", [1e300, 1e-300, -1.0, 0])
def test_choices_and_machines_beyond_all_measure_still_give_finite_features(odd: float) -> None:
    methods = (Method("full", {}, needs_language_model=True), Method("linear", {}))
    describer = Describer(Space("s", methods, ("big",)), {})
    names = ("epochs", "batch_size", "max_length", "ngram_max", "lora_r")
    chosen = [{}, *({name: odd} for name in names), {"epochs": odd, "batch_size": odd}]
    pipelines = [Pipeline("full", values, "big") for values in chosen]
    pipelines += [Pipeline("linear", values) for values in chosen]
    view = TaskView("t", {"mean_length": odd}, {"device_speed": odd}, train_rows=int(odd) or None)
    assert np.isfinite(physics(describer, pipelines, [view] * len(pipelines))).all()
