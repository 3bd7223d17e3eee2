"""Every family answers 32 real questions after training on them, by every method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automl.runners.base import TrialSpec
from automl.runners.execute import method_of
from automl.runners.state import State
from automl.sources.answered.questions import Questions
from automl.sources.datasets import DatasetRef
from automl.sources.rows import Splits
from automl.values import Pipeline

pytestmark = [
    pytest.mark.training,
    pytest.mark.shared_data,
    pytest.mark.usefixtures("one_thread"),
    # transformers warns of an attribute that its own Trainer still reads.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]
SQUAD, DROP = "squad_v1_xquad_en", "drop"
DATA = {"bert": SQUAD, "gpt2": SQUAD, "llama": DROP, "t5": SQUAD, "bart": DROP}
# Of the rows in an epoch: all questions are answered after each one, which takes as long as learning them once.
REPEATS = {"t5": 16, "bart": 16}
TRAINING = {
    "learning_rate": 3e-3,
    "epochs": 16,
    "batch_size": 8,
    "max_length": 96,
    "answer_length": 32,
    "warmup_share": 0.1,
    "weight_decay": 0.0,
}
METHODS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora_r": 32, "lora_alpha": 256, "lora_dropout": 0.0},
    "partial": {"frozen_share": 0.5},
}


def spec_of(family: str, method: str, root: str, **changes: Any) -> TrialSpec:
    slow = {"learning_rate": 1e-3} if family in REPEATS else {}
    values = {**TRAINING, **METHODS[method], **slow, **changes}
    ref = DatasetRef("file", "questions", kind="question-answering")
    return TrialSpec(Pipeline(method, values, f"path:{family}"), ref, seed=5, model_roots=(root,))


def trained(spec: TrialSpec, rows: Questions) -> Any:
    """The method on rows that are also judged: its validation scores are its training scores."""
    family = str(spec.pipeline.language_model).removeprefix("path:")
    often = rows.take([*range(len(rows))] * REPEATS.get(family, 8))
    return method_of(spec)(spec, Splits(often, rows, rows, ()), State(), lambda state: None)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("family", sorted(DATA))
def test_every_family_learns_thirty_two_questions_by_heart(
    thirty_two: Callable[[str], Questions],
    reader: Callable[[str, Questions], str],
    family: str,
    method: str,
) -> None:
    rows = thirty_two(DATA[family])
    found = trained(spec_of(family, method, reader(family, rows)), rows)
    score = "drop_f1" if DATA[family] == DROP else "token_f1"
    assert found.validation[score] >= 0.9
    assert found.judge() == found.validation
    assert 0 < found.cost["trainable_parameters"] <= found.cost["parameters"]
    if method != "full":
        assert found.cost["trainable_parameters"] < 0.8 * found.cost["parameters"]
    answers = found.answers(rows)
    # Word for word, blanks and case too: nothing of a prompt and nothing behind the end is in them.
    assert sum(one in row.answers for one, row in zip(answers, rows.items, strict=True)) >= 0.85 * len(rows)
