"""Spaces with fractions of the training rows, and what the sampler "process" makes of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from automl.engine import Engine
from automl.errors import SpaceError
from automl.estimators.feasibility import fit_feasibility
from automl.estimators.features import Describer
from automl.estimators.pool import fit
from automl.estimators.reading import read_records
from automl.estimators.timing import physics
from automl.priors import Memory, Prior, build_prior
from automl.runners.abilities import cannot_run
from automl.samplers import SAMPLERS
from automl.samplers.base import Setting
from automl.samplers.local import beside_in_rows
from automl.samplers.process import ProcessSampler
from automl.samplers.process_pool import placed
from automl.sources.rows import CLASSES
from automl.space import Choice, Condition, Flag, Integer, Method, Real, Space
from automl.space.parameters import Parameter
from automl.spaces import preset, read_space, space_from, tunelore
from automl.testing import SamplerSuite
from automl.testing.worlds import GOOD, World
from automl.values import TRAIN_FRACTION, Evidence, Limits, Outcome, Pipeline, TaskView

FRACTIONS = (1 / 9, 1 / 3, 1)
NINTH, THIRD = 0.111111, 0.333333
WORLD = World()
SPACE = WORLD.space.with_fractions(FRACTIONS)
FACTS = {GOOD: {"parameters": 2.2e7, "hidden_size": 384.0, "layers": 6.0}}
VIEW = TaskView("here", {"mean_length": 60.0, "classes": 8.0}, limits=Limits(wall_s=4000.0), train_rows=9000)
TRAINING = {
    "learning_rate": 2e-4, "epochs": 3, "batch_size": 16, "max_length": 64, "warmup_share": 0.0,
    "weight_decay": 0.0, "class_weights": False,
}  # fmt: skip
BAD = [0, -0.5, 1.5, math.nan, math.inf, "1/9", True, None, 1e-9]


def pipeline(fraction: float | None, method: str = "full", **changes: object) -> Pipeline:
    own = {} if fraction is None else {TRAIN_FRACTION: fraction}
    return Pipeline(method, {**TRAINING, **changes, **own}, GOOD)  # type: ignore[dict-item]


def prior(runs: list[Evidence] | None = None, space: Space = SPACE, view: TaskView = VIEW) -> Prior:
    return build_prior(space, runs or [], view, facts=FACTS)


def sampler(given: Prior | None = None, seed: int = 1) -> ProcessSampler:
    return ProcessSampler(Setting(SPACE, given or prior(), seed=seed))


def foreseen(one: ProcessSampler, *pipelines: Pipeline) -> tuple[list[float], list[float]]:
    """Expected logits of the scores and ln seconds."""
    found = one.search.beliefs(others=placed(one.base, pipelines, once=False))
    return found.mean.tolist(), found.forecast.log_seconds.tolist()


def test_every_method_decides_on_the_fraction_and_the_ready_made_space_stays() -> None:
    for method in SPACE.methods:
        assert method.parameters[TRAIN_FRACTION] == Choice((NINTH, THIRD, 1.0))
    assert not any(TRAIN_FRACTION in method.parameters for method in WORLD.space.methods)
    drawn = SPACE.sample(np.random.default_rng(1), 300)
    assert {one.train_fraction for one in drawn} == {NINTH, THIRD, 1.0}
    assert Space.from_dict(json.loads(json.dumps(SPACE.to_dict()))) == SPACE
    assert cannot_run(SPACE, CLASSES) == []
    with pytest.raises(SpaceError, match=r"full\.train_fraction is there already"):
        SPACE.with_fractions((0.5, 1))


@pytest.mark.parametrize("wrong", BAD)
def test_what_is_no_fraction_is_refused_with_place_and_value(wrong: object) -> None:
    with pytest.raises(SpaceError) as caught:
        space_from({"base": "tunelore", "train_fractions": [1, wrong]}, [GOOD])
    assert caught.value.field == "train_fractions.1"
    assert f"got {wrong!r}" in caught.value.message
    with pytest.raises(SpaceError, match=r"full\.train_fraction must be a choice or a real"):
        Method("full", {TRAIN_FRACTION: Choice((1, wrong))})  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [[], "1/9", 0.5, None, {"a": 1}])
def test_a_list_is_needed(given: object) -> None:
    with pytest.raises(SpaceError, match="must be a list of fractions such as"):
        space_from({"base": "tunelore", "train_fractions": given}, [GOOD])


def test_a_fraction_stands_once() -> None:
    with pytest.raises(SpaceError, match=r"has 0\.5 twice; keep one"):
        WORLD.space.with_fractions((0.5, 1, 0.5))


@pytest.mark.parametrize("parameter", [Flag(), Integer(0, 1), Real(0.5, 2.0), Real(0.0, 1.0)])
def test_a_whole_space_may_only_have_shares(parameter: Flag | Integer | Real) -> None:
    with pytest.raises(SpaceError) as caught:
        space_from({"methods": [{"name": "full", "parameters": {TRAIN_FRACTION: parameter.to_dict()}}]})
    assert caught.value.field == "methods.0"
    assert "methods.0: full.train_fraction must be a choice or a real" in caught.value.message


@pytest.mark.parametrize("name", ["mine.yaml", "mine.json"])
def test_a_file_says_it_beside_its_base(tmp_path: Path, name: str) -> None:
    data = {"base": "tunelore", "methods": ["full", "linear"], "train_fractions": [0.11, 0.33, 1]}
    text = json.dumps(data)  # which is YAML as well
    (tmp_path / name).write_text(text, encoding="utf-8")
    space = read_space(tmp_path / name, [GOOD])
    assert [method.parameters[TRAIN_FRACTION] for method in space.methods] == [Choice((0.11, 0.33, 1.0))] * 2
    families = space_from({"base": "xautolm", "train_fractions": [0.5, 1]})
    assert families.families == preset("xautolm").families
    assert all(TRAIN_FRACTION in method.parameters for method in families.methods)


def test_who_says_nothing_took_all_rows() -> None:
    plain = pipeline(None)
    assert SPACE.completed(plain) == pipeline(1)
    assert SPACE.contains(SPACE.completed(plain))
    assert WORLD.space.completed(plain) is plain
    assert SPACE.completed(pipeline(THIRD)) == pipeline(THIRD)
    small = WORLD.space.with_fractions((0.1, 0.5))
    assert small.completed(plain) is plain
    own: dict[str, Parameter] = {"epochs": Integer(1, 9), TRAIN_FRACTION: Choice((0.5, 1))}
    long_ones = Method("full", own, conditions={TRAIN_FRACTION: Condition("epochs", (8, 9))})
    assert Space("s", (long_ones,), (GOOD,)).completed(plain) is plain


@pytest.mark.parametrize("value", BAD)
def test_what_others_call_so_counts_as_all_rows(value: object) -> None:
    odd = replace(pipeline(None), hyperparameters={**TRAINING, TRAIN_FRACTION: value})  # type: ignore[dict-item]
    assert odd.train_fraction == 1.0
    assert odd.rows_before(300) == 300
    run = replace(evidence(pipeline(1), 0.5), pipeline=odd)
    fit("process", [run], FACTS)


def evidence(one: Pipeline, score: float, *, task: str = "there", rows: int | None = 9000) -> Evidence:
    features = {"mean_length": 60.0, "classes": 8.0}
    return Evidence(
        f"{task} {one.key()}", task, features, one, "ok", score=score, seconds=9.0, train_rows=rows
    )


def test_rows_are_those_of_the_task_times_the_fraction() -> None:
    describer = Describer(SPACE, FACTS)
    third = replace(VIEW, train_rows=3000)
    linear = Pipeline("linear", {"c": 1.0}, None)
    for plain in (pipeline(None), linear):
        cut = replace(plain, hyperparameters={**plain.hyperparameters, TRAIN_FRACTION: 1 / 3})
        for found in (partial(physics, describer), describer.coordinates):
            np.testing.assert_allclose(found([cut], [VIEW]), found([plain], [third]), atol=1e-9)
    model = fit_feasibility([], FACTS)
    ninth = model.forecast([pipeline(1 / 9)], [VIEW]).log_seconds[0]
    whole, as_few = (
        model.forecast([pipeline(1)], [view]).log_seconds[0]
        for view in (VIEW, replace(VIEW, train_rows=1000))
    )
    assert 5 < math.exp(whole - ninth) < 9.1
    assert ninth == pytest.approx(as_few, abs=0.05)


def record(rows: int, values: Mapping[str, object]) -> dict[str, object]:
    return {
        "schema": "tunelore.experience/1", "id": "1", "task": {"name": "t", "kind": "text-classification"},
        "pipeline": {"method": "full", "hyperparameters": values}, "fidelity": {"train_rows": rows},
        "outcome": {"status": "ok"}, "primary": {"value": 0.5},
        "language_model": {"source": "package", "name": "good", "revision": "1"},
    }  # fmt: skip


def test_the_rows_of_a_stored_run_are_cut_once(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps(record(300, {TRAIN_FRACTION: NINTH})), encoding="utf-8")
    [run] = read_records([path]).runs
    assert run.train_rows == 2700
    described = Describer(SPACE, FACTS).coordinates(
        [run.pipeline], [replace(VIEW, train_rows=run.train_rows)]
    )
    as_run = Describer(SPACE, FACTS).coordinates([pipeline(None)], [replace(VIEW, train_rows=300)])
    batches = math.log(300 / 16) - 5.0
    assert described[0, 2] == pytest.approx(batches, abs=1e-3)
    assert as_run[0, 2] == pytest.approx(batches + math.log(3), abs=1e-3)


@pytest.mark.parametrize("after", [0.2, 0.9])
def test_a_run_on_a_ninth_moves_what_is_expected_of_all_rows(after: float) -> None:
    ninth, whole = pipeline(NINTH), pipeline(1)
    before, _ = foreseen(sampler(), whole)
    one = sampler()
    one.learn([Outcome(1, ninth, "ok", score=after, seconds=10.0)])
    then, _ = foreseen(one, whole)
    assert (then[0] > before[0] + 0.3) if after > 0.5 else (then[0] < before[0] - 0.3)


def test_more_rows_are_expected_to_be_better_and_it_is_learnt_how_much() -> None:
    steps = [pipeline(fraction) for fraction in (NINTH, THIRD, 1)]
    cold, _ = foreseen(sampler(), *steps)
    assert cold[0] < cold[1] < cold[2]
    other = [pipeline(fraction, learning_rate=4e-4) for fraction in (NINTH, 1)]
    rises = []
    for first, last in ((0.5, 0.55), (0.3, 0.9)):
        one = sampler()
        scores = zip([*other, steps[0]], (first, last, first), strict=True)
        one.learn(
            [Outcome(at, who, "ok", score=score, seconds=9.0) for at, (who, score) in enumerate(scores, 1)]
        )
        found, _ = foreseen(one, steps[0], steps[2])
        rises.append(found[1] - found[0])
    assert rises[0] < rises[1]


def test_seconds_of_all_rows_are_about_nine_times_those_of_a_ninth() -> None:
    ninth, whole = pipeline(NINTH), pipeline(1)
    one = sampler()
    _, cold = foreseen(one, ninth, whole)
    assert 5 < math.exp(cold[1] - cold[0]) < 12
    told = [
        Outcome(at, pipeline(fraction, epochs=epochs), "ok", score=0.5, seconds=seconds)
        for at, (fraction, epochs, seconds) in enumerate(
            [
                (NINTH, 2, 20.0),
                (THIRD, 2, 60.0),
                (1, 2, 180.0),
                (NINTH, 6, 60.0),
                (THIRD, 6, 180.0),
                (1, 6, 540.0),
            ],
            1,
        )
    ]
    one.learn(told)
    _, warm = foreseen(one, ninth, whole)
    assert 7.5 < math.exp(warm[1] - warm[0]) < 10.5
    assert math.exp(warm[0]) == pytest.approx(30.0, rel=0.3)


def test_a_store_of_whole_runs_speaks_of_fractions_too() -> None:
    world = World(space=WORLD.space)
    runs = world.evidence([1, 2, 3, 4], 60)
    warm = prior(runs, view=replace(world.target(0), train_rows=300))
    assert isinstance(warm.memory, Memory)
    assert all(run.pipeline.train_fraction == 1 for run in warm.memory.runs)
    assert all(SPACE.contains(run.pipeline) for run in warm.memory.runs)
    one = ProcessSampler(Setting(SPACE, warm, seed=1))
    assert one.base.trust >= 0.3
    assert any(run.pipeline.key() in one.pool.keys for run in warm.memory.runs)
    good = max((run for run in runs if run.is_positive), key=lambda run: run.score or 0).pipeline
    means, _ = foreseen(one, *(SPACE.completed(good), *beside_in_rows(SPACE, [SPACE.completed(good)])))
    assert means[0] > means[1]


def test_the_best_are_candidates_on_the_next_fractions() -> None:
    found = beside_in_rows(SPACE, [pipeline(NINTH), pipeline(THIRD), pipeline(1)])
    assert found == [pipeline(THIRD), pipeline(1), pipeline(NINTH), pipeline(THIRD)]
    assert beside_in_rows(WORLD.space, [pipeline(None)]) == []
    full = Method("full", {TRAIN_FRACTION: Choice((1, NINTH, THIRD))})
    [larger, smaller] = beside_in_rows(Space("s", (full,), (GOOD,)), [pipeline(THIRD)])
    assert (larger.train_fraction, smaller.train_fraction) == (1, NINTH)
    one = sampler()
    tried = [pipeline(NINTH, learning_rate=rate) for rate in (1e-4, 2e-4, 3e-4, 4e-4, 5e-4)]
    one.learn([Outcome(at, who, "ok", score=0.3 + 0.1 * at, seconds=at) for at, who in enumerate(tried, 1)])
    promoted = {
        replace(who, hyperparameters={**who.hyperparameters, TRAIN_FRACTION: THIRD}).key() for who in tried
    }
    assert promoted <= set(one.search.candidates.keys)


class FractionSuite(SamplerSuite):
    """Every promise of a sampler, in a space with fractions; the invented results know nothing of rows."""

    world = World(space=tunelore(tuple(WORLD.space.language_models)).with_fractions(FRACTIONS))


class TestProcess(FractionSuite):
    sampler = "process"
    learns_from_store = True


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"listed"}))
def test_every_sampler_proposes_pipelines_with_fractions(name: str) -> None:
    engine = Engine(SPACE, name, prior=prior(WORLD.evidence([1, 2], 30), view=WORLD.target(0)), seed=2)
    for _ in range(4):
        for proposal in engine.ask():
            assert SPACE.reasons(proposal.pipeline) == []
            engine.tell(WORLD.outcome(proposal))


def test_trends_of_fractions_are_fair_variances() -> None:
    """A covariance of any candidates: no direction has a variance below zero."""
    one = sampler()
    drawn = SPACE.sample(np.random.default_rng(5), 60)
    at = placed(one.base, drawn).cold
    spread = np.linalg.eigvalsh(one.base.cold.covariance(at, at))
    assert spread.min() > -1e-9
    np.testing.assert_allclose(np.diag(one.base.cold.covariance(at, at)), at.variance, rtol=1e-9)
    fractions = sorted({float(value) for value in at.described.fraction})
    assert [round(math.exp(a - b), 3) for a, b in pairwise(fractions)] == [0.333, 0.333]
