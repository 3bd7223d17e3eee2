"""Runs on questions from a file to a result: in a child process, as a script, and what is the pipeline's own fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automl.runners.base import SCORES, TrialSpec
from automl.runners.execute import execute, method_of
from automl.runners.process import run
from automl.runners.state import State
from automl.sources.answered.questions import Question, Questions
from automl.sources.datasets import DatasetRef
from automl.sources.rows import Splits
from automl.values import Limits, Pipeline
from tests.best_script import said_by_script
from tests.tiny import make_reader

pytestmark = [
    pytest.mark.training,
    pytest.mark.usefixtures("one_thread"),
    # transformers warns of an attribute that its own Trainer still reads.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]
NAMES = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Hedy", "Tim", "Radia", "Ken")
PLACES = ("Lisbon", "Bergen", "Genoa", "Cadiz", "Split", "Riga", "Brest", "Hull")
TRAINING = {
    "learning_rate": 3e-3,
    "epochs": 2,
    "batch_size": 8,
    "max_length": 64,
    "answer_length": 8,
    "warmup_share": 0.1,
    "weight_decay": 0.0,
}
CHANGES: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora_r": 8, "lora_alpha": 32, "lora_dropout": 0.0},
    "partial": {"frozen_share": 0.5},
}


def rows() -> list[dict[str, Any]]:
    found = []
    for at, name in enumerate(NAMES):
        for place in PLACES:
            context = f"{name} sailed to {place} with {at + 2} friends."
            for question, answer in (("Who sailed?", name), ("Where to?", place)):
                nested = {"text": [answer], "answer_start": [context.index(answer)]}
                found.append({"context": context, "question": question, "answers": nested})
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    lines = [json.dumps(row) for row in rows()]
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = [row["context"] + " " + row["question"] for row in rows()]
    for family in ("bert", "gpt2", "t5", "bart"):
        make_reader(folder / family, family, [*texts, "question: context: answer:"])
    labelled = [f'"{row["context"]}",{row["answers"]["text"][0][0]}' for row in rows()[::2]]
    (folder / "classes.csv").write_text("text,label\n" + "\n".join(labelled) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def make_spec(root: Path) -> Callable[..., TrialSpec]:
    def make(family: str, method: str, *, changes: dict[str, Any] | None = None, **more: Any) -> TrialSpec:
        values = {**TRAINING, **CHANGES.get(method, {}), **(changes or {})}
        ref = DatasetRef("file", "sailing", "rows.jsonl", kind="question-answering")
        settings = {"limits": Limits(300.0, 4 * 2**30), "seed": 3, **more}
        roots = (str(root),)
        return TrialSpec(
            Pipeline(method, values, f"path:{family}"), ref, model_roots=roots, data_roots=roots, **settings
        )

    return make


@pytest.mark.parametrize("family", ["bert", "t5"])
def test_a_run_in_a_child_says_all_scores(make_spec: Callable[..., TrialSpec], family: str) -> None:
    result = run(make_spec(family, "full"), lambda _progress: True)
    assert (result.status, result.cause, result.exception) == ("ok", None, None)
    assert set(result.metrics) == {"validation", "test"}
    for split in result.metrics.values():
        assert tuple(split) == SCORES["question-answering"]
        assert all(value is not None and 0 <= value <= 1 for value in split.values())
    assert result.primary == {
        "split": "validation",
        "metric": "token_f1",
        "value": result.metrics["validation"]["token_f1"],
    }
    assert result.language_model_features["architecture"] == family
    assert result.fidelity == {"train_rows": 116, "epochs": 2.0}
    assert [point["values"] for point in result.curve if "eval_token_f1" in point["values"]]


@pytest.mark.parametrize(("family", "method"), [("bert", "partial"), ("gpt2", "lora"), ("bart", "full")])
def test_the_script_of_a_run_gives_its_score(
    make_spec: Callable[..., TrialSpec], tmp_path: Path, family: str, method: str
) -> None:
    spec = make_spec(family, method)
    assert TrialSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    check_script(spec, tmp_path)


def test_the_script_of_a_decoder_that_tells_classes_apart(root: Path, tmp_path: Path) -> None:
    values = {**TRAINING, "class_weights": False}
    ref = DatasetRef("file", "initials", "classes.csv")
    roots = (str(root),)
    spec = TrialSpec(
        Pipeline("full", values, "path:gpt2#layers=1"), ref, seed=3, model_roots=roots, data_roots=roots
    )
    check_script(spec, tmp_path)


def check_script(spec: TrialSpec, folder: Path) -> None:
    name, value = said_by_script(spec, folder)
    here = execute(spec)
    assert here.primary is not None
    assert name == here.primary["metric"] == spec.metric
    assert abs(here.primary["value"] - value) <= 1e-6


def test_any_score_may_compare_runs_but_none_of_another_kind(make_spec: Callable[..., TrialSpec]) -> None:
    spec = make_spec("bert", "full", metric="drop_f1")
    assert execute(spec).primary["metric"] == "drop_f1"
    with pytest.raises(ValueError, match="question-answering has no metric 'f1_macro'; known: token_f1"):
        make_spec("bert", "full", metric="f1_macro")
    with pytest.raises(ValueError, match="text-classification has no metric 'token_f1'"):
        replace(spec, dataset=DatasetRef("file", "rows"), metric="token_f1")


def test_a_method_that_cannot_answer_is_refused_by_name(make_spec: Callable[..., TrialSpec]) -> None:
    from automl.errors import SourceError

    with pytest.raises(SourceError, match="'probe' of question answering; known: full, lora, partial"):
        method_of(make_spec("bert", "probe"))


def ended(spec: TrialSpec, items: list[Question]) -> tuple[str, str | None]:
    from automl.runners.failures import Unfit, classify

    rows = Questions.of(items)
    with pytest.raises(Unfit) as raised:
        method_of(spec)(spec, Splits(rows, rows, rows, ()), State(), lambda state: None)
    return classify(raised.value)


def test_what_cannot_be_learnt_is_the_pipelines_fault(make_spec: Callable[..., TrialSpec]) -> None:
    counted = [Question("How many?", "Two ships and one boat.", ("3",), (-1,))] * 12
    assert ended(make_spec("bert", "full"), counted) == ("error", "config")
    # BART's head is its embeddings, and behind its last layer nothing stands.
    assert ended(make_spec("bart", "partial", changes={"frozen_share": 1.0}), counted) == ("error", "config")


@pytest.mark.parametrize("family", ["bert", "gpt2"])
def test_silence_is_learnt_where_it_is_right(make_spec: Callable[..., TrialSpec], family: str) -> None:
    items = [
        Question(row["question"], row["context"], *answers)
        for row in rows()[:64]
        for answers in [
            ((row["answers"]["text"][0],), (row["answers"]["answer_start"][0],))
            if row["question"] == "Who sailed?"
            else ((), ())
        ]
    ]
    questions = Questions.of(items)
    often = questions.take([*range(len(items))] * 4)
    spec = make_spec(family, "full", changes={"epochs": 8})
    found = method_of(spec)(spec, Splits(often, questions, questions, ()), State(), lambda state: None)
    answers = found.answers(questions)
    silent = [not one for one in answers]
    assert sum(quiet == (not one.answers) for quiet, one in zip(silent, items, strict=True)) >= 0.95 * len(
        items
    )
    assert found.validation["exact_match"] >= 0.9
