"""Encoders, decoders and encoder-decoders learn by every method; the table of families is true to transformers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl.runners.adapting import freeze, with_adapters
from automl.runners.base import TrialSpec
from automl.runners.execute import method_of
from automl.runners.finetune import ended
from automl.runners.state import State
from automl.sources.architectures import ARCHITECTURES, architecture_of
from automl.sources.datasets import DatasetRef
from automl.sources.encoders import load_classifier, load_tokenizer
from automl.sources.language_models import resolve
from automl.sources.rows import Rows, Splits
from automl.values import Pipeline
from tests.tiny import tiny_config

pytestmark = [
    pytest.mark.training,
    pytest.mark.usefixtures("one_thread"),
    # transformers warns of an attribute that its own Trainer still reads.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]
TRAINED = ("bert", "gpt2", "llama", "t5", "bart")
TRAINING = {
    "learning_rate": 3e-3,
    "epochs": 12,
    "batch_size": 4,
    "max_length": 32,
    "warmup_share": 0.1,
    "weight_decay": 0.0,
    "class_weights": True,
}
CHANGES: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora_r": 8, "lora_alpha": 32, "lora_dropout": 0.0, "learning_rate": 1e-2, "epochs": 20},
    "partial": {"frozen_share": 0.5, "epochs": 20, "learning_rate": 5e-3},
    "probe": {"pooling": "mean", "c": 100.0},
}

# Drawn at random it stands still for some epochs before it learns.
PATIENT = {"deberta": {"early_stopping_patience": 12}}


def thirty_two() -> Rows:
    """32 texts of two subjects that share most of their words."""
    subjects = {
        "cooking": ("stir the soup", "knead the dough", "roast the carrots", "whisk the eggs"),
        "sailing": ("hoist the sail", "trim the jib", "drop the anchor", "steer to port"),
    }
    when = ("at noon", "with care", "again slowly before dusk", "once more for the guests")
    rows = [
        (f"{what} {moment}", label) for label, whats in subjects.items() for what in whats for moment in when
    ]
    return Rows([text for text, _ in rows], [label for _, label in rows])


def spec_of(family: str, method: str, root: str, **changes: Any) -> TrialSpec:
    values = {**TRAINING, **CHANGES[method], **changes}
    pipeline = Pipeline(method, values, f"path:{family}")
    return TrialSpec(pipeline, DatasetRef("file", "rows"), seed=5, model_roots=(root,))


def trained(spec: TrialSpec, rows: Rows) -> Any:
    """The method on rows that are also judged: its validation accuracy is its training accuracy."""
    splits = Splits(rows, rows, rows, ("cooking", "sailing"))
    return method_of(spec)(spec, splits, State(), lambda state: None)


@pytest.mark.parametrize(
    ("family", "method"),
    [
        *itertools.product(TRAINED, sorted(CHANGES)),
        ("phi3", "lora"),
        ("deepseek_v2", "lora"),
        ("deberta", "full"),
    ],
)
def test_every_method_overfits_thirty_two_rows(tiny: Callable[[str], str], family: str, method: str) -> None:
    found = trained(spec_of(family, method, tiny(family), **PATIENT.get(family, {})), thirty_two())
    assert found.validation["accuracy"] >= 0.95
    assert found.judge() == found.validation
    assert found.features["architecture"] == family
    assert 0 < found.cost["trainable_parameters"] <= found.cost["parameters"]
    if method in ("lora", "partial"):
        assert found.cost["trainable_parameters"] < 0.8 * found.cost["parameters"]


@pytest.mark.parametrize("family", ["gpt2", "bart"])
def test_texts_that_spell_the_end_token_are_texts_like_any_other(
    tiny: Callable[[str], str], family: str
) -> None:
    rows = thirty_two()
    odd = Rows([f"{text} </s> </s>" if at % 3 else text for at, text in enumerate(rows.texts)], rows.labels)
    found = trained(spec_of(family, "full", tiny(family), max_length=6, epochs=2), odd)
    assert found.epochs == 2


def test_a_text_ends_with_one_end_token() -> None:
    assert ended([5, 2, 6, 2], 2, 8) == [5, 6, 2]
    assert ended([5, 6, 7, 8], 2, 3) == [5, 6, 2]
    assert ended([], 2, 3) == [2]


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_the_table_is_true_to_transformers(family: str) -> None:
    """LoRA finds its modules, freezing all layers leaves a head, and both train what no checkpoint holds."""
    from transformers import AutoModelForSequenceClassification

    known = architecture_of(family)
    config = tiny_config(family, num_labels=3)
    counts = known.layer_counts(config.to_dict())
    assert counts == [2] * len(known.count)
    assert config.to_dict()[known.hidden] == 32

    model = AutoModelForSequenceClassification.from_config(config)
    layers = {known.layer_of(name, counts[0]) for name, _ in model.named_parameters()} - {None}
    if family != "albert":  # one layer, used as often as there are layers
        assert layers == set(range(sum(counts)))
    assert any(known.is_embedding(name) for name, _ in model.named_parameters())
    freeze(model, 1.0)
    left = {name.split(".")[0] for name, weight in model.named_parameters() if weight.requires_grad}
    assert left & {"classifier", "score", "classification_head"}
    for module in known.fresh:
        assert module in left

    adapted = with_adapters(
        AutoModelForSequenceClassification.from_config(config),
        {"lora_r": 4, "lora_alpha": 8, "lora_dropout": 0.0},
        "SEQ_CLS",
        known.fresh,
    )
    training = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    for module in known.lora:
        assert any(f".{module}.lora_A" in name for name in training), (module, training)
    for module in known.fresh:
        assert any(module in name for name in training), (module, training)
    assert any("lora" not in name for name in training), "the head is trained"


def test_a_decoder_without_a_padding_token_gets_one(tiny: Callable[[str], str]) -> None:
    checkpoint = resolve("path:llama", roots=[tiny("llama")])
    tokenizer = load_tokenizer(checkpoint)
    assert (tokenizer.pad_token, tokenizer.padding_side) == ("</s>", "right")
    model = load_classifier(checkpoint, 2, tokenizer.pad_token_id)
    assert model.config.pad_token_id == tokenizer.pad_token_id == 2


@pytest.mark.parametrize("family", [*TRAINED, "phi3", "deepseek_v2", "deberta"])
def test_padding_says_nothing(tiny: Callable[[str], str], family: str) -> None:
    """A short text in a batch with a long one gets the answer that it gets alone."""
    import torch

    checkpoint = resolve(f"path:{family}", roots=[tiny(family)])
    tokenizer = load_tokenizer(checkpoint)
    torch.manual_seed(7)
    model = load_classifier(checkpoint, 2, tokenizer.pad_token_id)
    model.train(False)
    texts = ["stir the soup", "hoist the sail slowly before dusk as agreed for the guests once more"]
    with torch.inference_mode():
        together = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits
        alone = torch.cat([model(**tokenizer([text], return_tensors="pt")).logits for text in texts])
    assert torch.allclose(together, alone, atol=1e-5)
    assert not torch.allclose(alone[0], alone[1], atol=1e-3), "the two texts are told apart"


def test_features_count_both_stacks(tiny: Callable[[str], str]) -> None:
    for family, layers in (("t5", 4), ("bart", 4), ("gpt2", 2)):
        features = resolve(f"path:{family}", roots=[tiny(family)]).features
        assert (features["layers"], features["hidden_size"]) == (layers, 32)
        assert int(str(features["parameters"])) > 1000


def test_an_unknown_family_is_refused_by_name(tmp_path: Path) -> None:
    from automl.errors import SourceError

    with pytest.raises(SourceError, match="'mamba' is not known here; known: albert, bart"):
        architecture_of("mamba")


def test_probing_sums_up_by_the_token_that_saw_all(tiny: Callable[[str], str]) -> None:
    for family in ("bert", "gpt2", "t5"):
        found = trained(spec_of(family, "probe", tiny(family), pooling="cls", batch_size=8), thirty_two())
        assert found.validation["accuracy"] >= 0.9
