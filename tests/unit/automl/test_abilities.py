"""What the runner cannot run is said before anything is launched, with the method and the hyper-parameter."""

from __future__ import annotations

import pytest

from automl.runners.abilities import cannot_run, runnable
from automl.sources.rows import ANSWERS, CLASSES
from automl.space import Choice, Condition, Method, Space
from automl.spaces import preset, tunelore

KEYS = ["package:a@1"]


@pytest.mark.parametrize(
    ("name", "kind"), [("tunelore", CLASSES), ("tunelore-answers", ANSWERS), ("proposal", CLASSES)]
)
def test_what_the_runner_was_written_for_it_runs(name: str, kind: str) -> None:
    assert cannot_run(preset(name, None if name == "proposal" else KEYS), kind) == []


def test_smaller_is_still_runnable() -> None:
    assert cannot_run(tunelore(KEYS).restrict(methods=["lora"]), CLASSES) == []


@pytest.mark.parametrize(("name", "kind"), [("xautolm", CLASSES), ("xautolm-generation", ANSWERS)])
def test_the_methods_of_the_reference_system_are_run_under_their_names(name: str, kind: str) -> None:
    assert cannot_run(runnable(preset(name)), kind) == []


def test_a_value_that_cannot_be_run_is_said_at_launch_and_left_out_where_one_asks() -> None:
    space = preset("xautolm")
    assert cannot_run(space, CLASSES) == [
        f"of {method!r} it cannot do every init_lora_weights; use 'gaussian', 'pissa', None"
        for method in ("lora-encoder", "lora-generative")
    ]
    left = runnable(space).method("lora-encoder").parameters["init_lora_weights"]
    assert left == Choice(("gaussian", "pissa", None))
    assert runnable(preset("proposal")) is preset("proposal")


def test_every_method_that_does_not_fit_is_told_why() -> None:
    probing = Method("probe-encoder", {}, family="encoder")
    space = Space("s", (probing,), families={"encoder": tuple(KEYS)})
    [reason] = cannot_run(space, CLASSES)
    assert reason == "it knows no method 'probe-encoder', only full, lora, partial, probe, linear"
    [first, *_] = cannot_run(preset("proposal"), ANSWERS)
    assert first == "of 'full' it does not read class_weights"


def test_a_value_that_the_runner_makes_nothing_of_is_named() -> None:
    full = tunelore(KEYS).method("full")
    odd = Method("full", {**full.parameters, "optimizer": Choice(("adamw", "lion"))})
    [reason] = cannot_run(Space("s", (odd,), tuple(KEYS)), CLASSES)
    assert reason == "of 'full' it cannot do every optimizer; use 'adamw', 'adam', 'sgd', 'adagrad'"


def test_what_it_always_needs_may_not_be_conditional() -> None:
    full = tunelore(KEYS).method("full")
    maybe = Method("full", full.parameters, conditions={"max_length": Condition("batch_size", (8,))})
    assert cannot_run(Space("s", (maybe,), tuple(KEYS)), CLASSES) == ["of 'full' it always needs max_length"]
