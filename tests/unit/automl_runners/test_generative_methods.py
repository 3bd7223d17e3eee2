"""XAutoLM's methods for generative language models, by its names and words: they run, and what they train learns.

The networks are tiny and drawn at random, so that rates of learning from the space, made for networks that know a
language, would teach them nothing within seconds: the rate is the one value that is not the space's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl.runners.abilities import cannot_run, runnable
from automl.runners.base import TrialResult, TrialSpec
from automl.runners.execute import execute, read
from automl.runners.settings import plain
from automl.sources.answered.questions import questions_of
from automl.sources.datasets import DatasetRef
from automl.sources.rows import ANSWERS, CLASSES
from automl.space import Space
from automl.spaces import preset
from automl.values import Limits, Pipeline
from tests.tiny import make_reader
from tests.unit.automl_answering.test_question_runs import rows

pytestmark = [
    pytest.mark.training,
    pytest.mark.usefixtures("one_thread"),
    # peft asks a network of transformers by a name that is on its way out.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]
FAMILIES = ("gpt2", "llama", "t5")
CLASSIFYING, ANSWERING = runnable(preset("xautolm")), runnable(preset("xautolm-generation"))
METHODS = ("full", "partial", "lora")
SHARED = {
    "batch_size": 4, "epochs": 10, "warmup_steps": 0, "weight_decay": 0.01, "optimizer": "adamw",
    "gradient_accumulation_steps": 1, "lr_scheduler": "linear", "early_stopping_delta": 0.001,
    "use_mixed_precision": True, "gradient_clipping_max_norm": 1.0,
}  # fmt: skip
TO_CLASSIFY = {
    "max_length": 64, "use_gradient_clipping": True, "class_weighted_loss": True, "num_workers": "half",
}  # fmt: skip
TO_ANSWER = {
    "max_length": 500, "early_stopping_patience": 10, "num_workers": "default", "data_downsize": "none",
    "quantization": "none", "verbose": False,
}  # fmt: skip
ADAPTERS = {"lora_r": 32, "lora_alpha": 64, "lora_dropout": 0.0, "lora_bias": "all"}
OF_CLASSES: dict[str, dict[str, Any]] = {
    "full": {"dropout_rate": 0.1},
    "partial": {"dropout_rate": 0.1, "num_trainable_layers": 1},
    "lora": {**ADAPTERS, "model_save": "classifier", "init_lora_weights": "gaussian", "fan_in_fan_out": True},
}
OF_ANSWERS: dict[str, dict[str, Any]] = {"full": {}, "partial": {"num_trainable_layers": 2}, "lora": ADAPTERS}
RATES = {"full": 3e-3, "partial": 5e-3, "lora": 5e-3}
#: Of the four layers of the T5 two are an encoder, and one that was never trained tells its decoder little.
LAYERS = {"t5": {"num_trainable_layers": 4}}
#: Always answering the usual class is right for so many, and a few more in a cut.
MAJORITY = 0.7


def of_space(space: Space, method: str, values: dict[str, Any]) -> dict[str, Any]:
    """The values with the rate of tiny networks; every other one, and no more, is the space's."""
    known = space.method(method).parameters
    found = {**values, "learning_rate": RATES[plain(method)]}
    assert set(found) == set(known)
    strange = [name for name, value in found.items() if known[name].reason(value) is not None]
    assert strange == ["learning_rate"]
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions in a file, texts of two classes in another, and language models that read both."""
    folder = tmp_path_factory.mktemp("generative")
    lines = [json.dumps(row) for row in rows()]
    (folder / "questions.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    texts = sorted({row["context"] for row in rows()})
    # Who sailed says which class it is, and "Ada" and "Ken" are of the rarer one.
    labelled = [f'"{text}",{"rare" if text.split()[0] < "B" or "Ken" in text else "usual"}' for text in texts]
    (folder / "classes.csv").write_text("text,label\n" + "\n".join(labelled) + "\n", encoding="utf-8")
    asked = [f"{row['context']} {row['question']}" for row in rows()]
    for family in FAMILIES:
        make_reader(folder / family, family, [*asked, "question: context: answer:"])
    return folder


@pytest.fixture
def make_spec(root: Path) -> Callable[..., TrialSpec]:
    def make(family: str, method: str, values: dict[str, Any], *, kind: str, **more: Any) -> TrialSpec:
        file = "questions.jsonl" if kind == ANSWERS else "classes.csv"
        settings = {"limits": Limits(300.0, 4 * 2**30), "seed": 3, **more}
        roots = (str(root),)
        return TrialSpec(
            Pipeline(method, values, f"path:{family}"), DatasetRef("file", "rows", file, kind=kind),
            model_roots=roots, data_roots=roots, **settings,
        )  # fmt: skip

    return make


def score(result: TrialResult, metric: str) -> float:
    """The mean of what was reached on rows that were not trained on."""
    assert (result.status, result.cause, result.exception) == ("ok", None, None)
    return float(np.mean([result.metrics[split][metric] for split in ("validation", "test")]))


def check_share(result: TrialResult, method: str) -> None:
    share = result.cost["trainable_parameters"] / result.cost["parameters"]
    assert share == 1.0 if method == "full" else share < 0.95


def test_the_runner_can_run_both_spaces():
    assert cannot_run(CLASSIFYING, CLASSES) == []
    assert cannot_run(ANSWERING, ANSWERS) == []
    assert [one.name for one in ANSWERING.methods] == list(METHODS)
    names = [one.name for one in CLASSIFYING.methods]
    assert names == [f"{method}-{family}" for family in ("encoder", "generative") for method in METHODS]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_classes_are_learnt(make_spec, family, method):
    own = {**OF_CLASSES[method], **(LAYERS.get(family, {}) if method == "partial" else {})}
    chosen = of_space(CLASSIFYING, f"{method}-generative", {**SHARED, **TO_CLASSIFY, **own})
    spec = make_spec(family, f"{method}-generative", chosen, kind=CLASSES)
    splits = read(spec)
    judged = Counter(splits.validation.labels + splits.test.labels)
    always = max(judged.values()) / judged.total()
    result = execute(spec)
    assert score(result, "accuracy") > max(always, MAJORITY) + 0.15
    check_share(result, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_learnt(make_spec, family, method):
    chosen = of_space(ANSWERING, method, {**SHARED, **TO_ANSWER, **OF_ANSWERS[method]})
    spec = make_spec(family, method, chosen, kind=ANSWERS)
    splits = read(spec)
    right = Counter(
        one.answers[0] for each in (splits.validation, splits.test) for one in questions_of(each).items
    )
    always = max(right.values()) / right.total()
    result = execute(spec)
    assert score(result, "token_f1") > 2 * always
    check_share(result, method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", FAMILIES)
def test_what_the_space_draws_is_run_as_it_is(make_spec, family, method):
    """One draw each, with its own rate, optimiser, schedule, batch and start of the adapters; two epochs of it."""
    name = f"{method}-generative"
    model = CLASSIFYING.models_of(CLASSIFYING.method(name))[0]
    space = CLASSIFYING.restrict(methods=[name], language_models=[model])
    [drawn] = space.sample(np.random.default_rng([FAMILIES.index(family), METHODS.index(method)]), 1)
    spec = make_spec(family, name, {**drawn.hyperparameters, "epochs": 2}, kind=CLASSES, train_rows=24)
    result = execute(spec)
    assert (result.status, result.cause, result.exception) == ("ok", None, None)
    assert result.metrics["validation"]["accuracy"] is not None
