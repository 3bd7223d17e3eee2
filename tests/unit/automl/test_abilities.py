"""What the runner cannot run is said before anything is launched, with the method and the hyper-parameter."""

from __future__ import annotations

import pytest

from automl.runners.abilities import cannot_run
from automl.sources.rows import ANSWERS, CLASSES
from automl.space import Condition, Method, Space
from automl.spaces import preset, tunelore

KEYS = ["package:a@1"]


@pytest.mark.parametrize(
    ("name", "kind"), [("tunelore", CLASSES), ("tunelore-answers", ANSWERS), ("proposal", CLASSES)]
)
def test_what_the_runner_was_written_for_it_runs(name: str, kind: str) -> None:
    assert cannot_run(preset(name, None if name == "proposal" else KEYS), kind) == []


def test_smaller_is_still_runnable() -> None:
    assert cannot_run(tunelore(KEYS).restrict(methods=["lora"]), CLASSES) == []


def test_every_method_that_does_not_fit_is_told_why() -> None:
    reasons = cannot_run(preset("xautolm"), CLASSES)
    assert len(reasons) == 6
    assert reasons[0] == "it knows no method 'full-encoder', only full, lora, partial, probe, linear"
    [full, _, _] = cannot_run(preset("xautolm-generation"), ANSWERS)
    assert full.startswith("of 'full' it needs warmup_share and does not read warmup_steps, optimizer, ")
    [first, *_] = cannot_run(preset("proposal"), ANSWERS)
    assert first == "of 'full' it does not read class_weights"


def test_what_it_always_needs_may_not_be_conditional() -> None:
    full = tunelore(KEYS).method("full")
    maybe = Method("full", full.parameters, conditions={"max_length": Condition("batch_size", (8,))})
    assert cannot_run(Space("s", (maybe,), tuple(KEYS)), CLASSES) == ["of 'full' it always needs max_length"]
