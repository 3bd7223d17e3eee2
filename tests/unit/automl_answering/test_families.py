"""The table of families is true to the heads that answer: what is trained, what stands still, for every one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl.runners.adapting import freeze, with_adapters
from automl.runners.answering.training import tokens_read
from automl.runners.failures import Unfit
from automl.sources.architectures import ARCHITECTURES, architecture_of
from automl.sources.checkpoints import Checkpoint
from tests.tiny import tiny_config

pytestmark = [
    pytest.mark.training,
    # transformers warns of an attribute that its own Trainer still reads.
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
]
ADAPTERS = {"lora_r": 4, "lora_alpha": 8, "lora_dropout": 0.0}
POINTING = sorted(name for name, family in ARCHITECTURES.items() if family.kind == "encoder")
WRITING = sorted(set(ARCHITECTURES) - set(POINTING))


def drawn(family: str) -> tuple[Any, str]:
    """A network with the head that answers, and peft's name of its task."""
    from transformers import AutoModelForCausalLM, AutoModelForQuestionAnswering, AutoModelForSeq2SeqLM

    config = tiny_config(family)
    if family in POINTING:
        return AutoModelForQuestionAnswering.from_config(config), "QUESTION_ANS"
    if config.is_encoder_decoder:
        return AutoModelForSeq2SeqLM.from_config(config), "SEQ_2_SEQ_LM"
    return AutoModelForCausalLM.from_config(config), "CAUSAL_LM"


def trained(model: Any) -> list[str]:
    return [name for name, weight in model.named_parameters() if weight.requires_grad]


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_adapters_go_where_the_table_says_and_a_fresh_head_is_trained(family: str) -> None:
    model, goal = drawn(family)
    known = architecture_of(family)
    heads = known.pointer if family in POINTING else ()
    there = {name.split(".")[0] for name, _ in model.named_parameters()}
    assert set(heads) <= there
    names = trained(with_adapters(model, ADAPTERS, goal, heads))
    for module in known.lora:
        assert any(f".{module}.lora_A" in name for name in names), (module, names)
    for module in heads:
        assert any(f".{module}." in name for name in names), (module, names)
    if not heads:
        assert all("lora_" in name for name in names), "what a checkpoint holds stands still"


@pytest.mark.parametrize("family", POINTING)
def test_freezing_all_layers_leaves_the_head_that_points(family: str) -> None:
    model, _ = drawn(family)
    freeze(model, 1.0)
    left = {name.split(".")[0] for name in trained(model)}
    assert set(architecture_of(family).pointer) <= left


@pytest.mark.parametrize("family", WRITING)
def test_freezing_half_leaves_the_upper_half(family: str) -> None:
    model, _ = drawn(family)
    freeze(model, 0.5)
    known = architecture_of(family)
    counts = known.layer_counts(model.config.to_dict())
    layers = {known.layer_of(name, counts[0]) for name in trained(model)} - {None}
    assert layers == set(range(sum(counts) // 2, sum(counts)))
    assert not any(known.is_embedding(name) for name in trained(model))


@pytest.mark.parametrize("family", ["bart", "mbart"])
def test_a_head_that_is_the_embeddings_is_frozen_with_them(family: str) -> None:
    model, _ = drawn(family)
    if family == "mbart":  # it has a norm behind its last layer
        freeze(model, 1.0)
        assert trained(model)
        return
    with pytest.raises(Unfit, match=r"frozen_share=1\.0 leaves nothing to train in bart"):
        freeze(model, 1.0)


@pytest.mark.parametrize(
    ("family", "context", "tokens"),
    [("bert", 512, 512), ("roberta", 514, 512), ("t5", 512, 10**6), ("gpt2", 0, 10**6)],
)
def test_a_window_is_at_most_what_is_read_at_once(family: str, context: int, tokens: int) -> None:
    features = {"architecture": family, "context": context}
    assert tokens_read(Checkpoint("path:x", Path(), 2, 1, features)) == tokens
