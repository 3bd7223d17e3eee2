"""Ask and tell: deterministic, never the same pipeline twice, learning from successes and failures."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from automl.engine import Engine
from automl.errors import SamplerError
from automl.priors import build_prior
from automl.samplers import SAMPLERS
from automl.spaces.tunelore import tunelore
from automl.values import SCORE, SECONDS, Evidence, Limits, Outcome, Pipeline, Proposal, TaskView

SPACE = tunelore(["package:big@1", "package:small@1", "package:noise@1"])
LIMITS = Limits(60.0, 2**31)
TARGET = TaskView("target", {"instances": 300.0, "classes": 4.0, "mean_length": 50.0}, limits=LIMITS)


def outcome(
    proposal: Proposal, score: float | None = 0.5, seconds: float = 10.0, status: str = "ok"
) -> Outcome:
    return Outcome(
        proposal.number, proposal.pipeline, status, "host" if status == "oom" else None, score, seconds
    )


def judge(pipeline: Pipeline) -> tuple[str, float | None, float]:
    """A world in which lora of the small language model is good and quick, and full runs out of memory."""
    if pipeline.method == "full":
        return "oom", None, 5.0
    good = (pipeline.method == "lora") * 0.3 + (pipeline.language_model == "package:small@1") * 0.2
    return "ok", 0.3 + good, 20.0 - 15.0 * (pipeline.method == "lora")


def evidence(tasks: int = 3, each: int = 40, shuffle: int | None = None) -> list[Evidence]:
    found = []
    for task in range(tasks):
        pipelines = SPACE.sample(np.random.default_rng(task), each)
        results = [judge(pipeline) for pipeline in pipelines]
        if shuffle is not None:
            random.Random(shuffle + task).shuffle(results)
        features = {"instances": 300.0 + 50 * task, "classes": 4.0, "mean_length": 50.0 + task}
        for number, (pipeline, (status, score, seconds)) in enumerate(zip(pipelines, results, strict=True)):
            cause = "host" if status == "oom" else None
            found.append(
                Evidence(
                    f"{task}-{number}",
                    f"task-{task}",
                    features,
                    pipeline,
                    status,
                    cause,
                    score,
                    seconds,
                    limits=LIMITS,
                )
            )
    return found


def run(engine: Engine, trials: int) -> list[Pipeline]:
    for _ in range(trials):
        [proposal] = engine.ask()
        status, score, seconds = judge(proposal.pipeline)
        engine.tell(outcome(proposal, score, seconds, status))
    return [one.pipeline for one in engine.history]


def listed_options(name: str) -> dict[str, object]:
    if name != "listed":
        return {}
    return {"pipelines": [pipeline.to_dict() for pipeline in SPACE.sample(np.random.default_rng(9), 40)]}


@pytest.fixture(params=sorted(SAMPLERS))
def make(request):
    if request.param == "tpe":
        pytest.importorskip("optuna")
    return lambda seed=1, **more: Engine(
        SPACE, request.param, seed=seed, options=listed_options(request.param), **more
    )


def test_the_same_seed_and_history_give_the_same_proposals(make):
    assert run(make(), 20) == run(make(), 20)


def test_everything_proposed_belongs_to_the_space(make):
    assert all(SPACE.contains(pipeline) for pipeline in run(make(), 30))


def test_pending_pipelines_are_not_proposed_again(make):
    engine = make()
    together = engine.ask(12)
    assert len({proposal.pipeline.key() for proposal in together}) == 12
    more = engine.ask(3, pending=together)
    assert [proposal.number for proposal in more] == [13, 14, 15]
    assert not {one.pipeline.key() for one in more} & {one.pipeline.key() for one in together}


def test_a_history_of_failures_does_not_stop_a_search(make):
    engine = make()
    for _ in range(20):
        [proposal] = engine.ask()
        engine.tell(outcome(proposal, None, 1.0, "oom"))
    assert engine.ask()
    assert engine.front() == []


def test_the_order_in_which_trials_end_does_not_matter(make):
    together = make().ask(8)
    forward, backward = make(), make()
    for proposal in together:
        forward.tell(outcome(proposal, 0.1 * proposal.number))
    for proposal in reversed(together):
        backward.tell(outcome(proposal, 0.1 * proposal.number))
    assert forward.ask(3) == backward.ask(3)


def test_a_trial_ends_once(make):
    engine = make()
    [proposal] = engine.ask()
    engine.tell(outcome(proposal))
    with pytest.raises(SamplerError, match="trial 1"):
        engine.tell(outcome(proposal))


def test_a_used_up_space_gives_fewer_proposals():
    tiny = SPACE.restrict(methods=["linear"], language_models=[])
    engine = Engine(
        tiny,
        "listed",
        options={
            "pipelines": [
                Pipeline("linear", tiny.sample(np.random.default_rng(0), 1)[0].hyperparameters).to_dict()
            ]
        },
    )
    assert [len(engine.ask(4)), engine.ask(4)[0].origin] == [1, "listed"]


def test_evolution_finds_what_is_good_and_leaves_what_fails():
    late = run(Engine(SPACE, "pge", seed=3), 60)[30:]
    methods = [pipeline.method for pipeline in late]
    assert methods.count("lora") > len(late) / 2
    assert methods.count("full") < len(late) / 5


def test_a_warm_start_begins_where_others_ended():
    prior = build_prior(SPACE, evidence(each=200), TARGET)
    shares = prior.distributions()
    assert shares["method"]["lora"] > 2 * prior.uniform()["method"]["lora"]
    assert shares["method"]["full"] < prior.uniform()["method"]["full"]
    assert shares["language_model"]["package:small@1"] > shares["language_model"]["package:noise@1"]
    first = [proposal.pipeline.method for proposal in Engine(SPACE, "pge", prior=prior, seed=1).ask(60)]
    assert first.count("lora") > 1.5 * len(first) / len(SPACE.methods)


def test_permuting_the_store_changes_the_first_twelve_proposals():
    """What is learnt comes from which pipeline did what, not from how many rows there are."""
    straight = Engine(SPACE, "pge", prior=build_prior(SPACE, evidence(), TARGET), seed=1).ask(12)
    permuted = Engine(SPACE, "pge", prior=build_prior(SPACE, evidence(shuffle=5), TARGET), seed=1).ask(12)
    assert [one.pipeline for one in straight] != [one.pipeline for one in permuted]


def test_neighbours_come_nearest_first_and_say_why():
    prior = build_prior(SPACE, evidence(), TARGET)
    assert [near.task for near in prior.neighbours] == ["task-0", "task-1", "task-2"]
    assert all(set(near.parts) == {"instances", "classes", "mean_length"} for near in prior.neighbours)


def test_failures_under_tighter_limits_say_nothing():
    tight = [
        Evidence(
            "1",
            "task-0",
            TARGET.metafeatures,
            SPACE.sample(np.random.default_rng(1), 1)[0],
            "timeout",
            "wall",
            None,
            40.0,
            limits=Limits(40.0),
        )
    ]
    assert not tight[0].is_negative(Limits(600.0))
    assert tight[0].is_negative(Limits(30.0))
    killed = Evidence("2", "t", {}, tight[0].pipeline, "killed", "user", limits=Limits(600.0))
    assert not killed.is_negative(Limits(1.0))


def test_front_and_hypervolume():
    engine = Engine(SPACE, "random", objectives=(SCORE, SECONDS), seed=2)
    points = [(0.5, 10.0), (0.6, 20.0), (0.4, 30.0), (0.5, 5.0)]
    for (score, seconds), proposal in zip(points, engine.ask(4), strict=True):
        engine.tell(outcome(proposal, score, seconds))
    assert [one.number for one in engine.front()] == [2, 4]
    assert engine.hypervolume(100.0) == pytest.approx((0.5 * 95 + 0.1 * 80) / 100)


def test_a_prior_survives_storage():
    prior = build_prior(SPACE, evidence(), TARGET)
    again = type(prior).from_dict(SPACE, prior.to_dict())
    assert Engine(SPACE, "pge", prior=again, seed=4).ask(6) == Engine(SPACE, "pge", prior=prior, seed=4).ask(
        6
    )


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("magic", {}, "magic"),
        ("random", {"speed": 1}, "speed"),
        ("pge", {"population": 0}, "population"),
        ("pge", {"explore": 2}, "explore"),
        ("listed", {}, "pipelines"),
    ],
)
def test_wrong_settings_are_named(name, options, word):
    with pytest.raises(SamplerError, match=word):
        Engine(SPACE, name, options=options)


def test_two_hundred_trials_of_history_are_refitted_quickly_enough():
    """A coarse bound, a hundred times the target: it catches a loop that became quadratic, not a slow machine."""
    engine = Engine(SPACE, "pge", seed=1)
    run(engine, 200)
    began = time.process_time()
    engine.ask()
    assert time.process_time() - began < 2.0
