"""What a method trains of a loaded network: all of it, adapters beside it, or its upper layers. Knows no rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automl.runners.base import TrialSpec
from automl.runners.failures import Unfit
from automl.runners.settings import OPTIONAL, WORDS, plain, settings_of
from automl.sources.architectures import architecture_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def prepare_model(model: PreTrainedModel, spec: TrialSpec, goal: str, heads: Sequence[str]) -> Any:
    """Freeze or adapt what the method says. `goal` is peft's name of the task, `heads` are modules drawn fresh."""
    chosen, method = settings_of(spec.pipeline), plain(spec.pipeline.method)
    if chosen["dropout_rate"] is not None:
        set_dropout(model, float(chosen["dropout_rate"]))
    if method == "partial":
        freeze(model, share_frozen(model, chosen))
    if method == "lora":
        return with_adapters(model, chosen, goal, heads)
    return model


def set_dropout(model: Any, rate: float) -> None:
    """The same rate wherever the network drops units; inside of attention the checkpoint's own stays."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate


def share_frozen(model: Any, chosen: dict[str, Any]) -> float:
    """The share of layers that stand still: as said, or so that the upper n train (all where there are fewer)."""
    layers = chosen.get("num_trainable_layers")
    if layers is None:
        return float(chosen["frozen_share"])
    family = architecture_of(model.config.model_type)
    total = sum(int(getattr(model.config, name)) for name in family.count)
    return 1.0 - min(int(layers), total) / total


def freeze(model: Any, share: float) -> None:
    """Freeze the embeddings and the first `share` of the layers; a fresh head always trains.

    Unfit where nothing would be left: a head that shares its weights with the embeddings is frozen with them.
    """
    family = architecture_of(model.config.model_type)
    counts = [int(getattr(model.config, name)) for name in family.count]
    frozen = math.floor(share * sum(counts) + 0.5)
    for name, weight in model.named_parameters():
        layer = family.layer_of(name, counts[0])
        if family.is_embedding(name) or (layer is not None and layer < frozen):
            weight.requires_grad = False
    if not any(weight.requires_grad for weight in model.parameters()):
        raise Unfit(f"frozen_share={share} leaves nothing to train in {model.config.model_type}")


def with_adapters(model: Any, chosen: Mapping[str, Any], goal: str, heads: Sequence[str]) -> Any:
    """The network with LoRA adapters on its attention; all else stands still but the `heads`.

    `chosen` holds `lora_r`, `lora_alpha` and `lora_dropout`, and what else of `settings.OPTIONAL` is not as there.
    """
    from peft import LoraConfig, get_peft_model

    family = architecture_of(model.config.model_type)
    chosen = {**OPTIONAL, **chosen}
    start = chosen["init_lora_weights"]
    if start not in WORDS["init_lora_weights"]:
        raise Unfit(f"init_lora_weights={start!r} is not known here (LoftQ wants a quantised network)")
    config = LoraConfig(
        task_type=goal,
        r=int(chosen["lora_r"]),
        lora_alpha=int(chosen["lora_alpha"]),
        lora_dropout=float(chosen["lora_dropout"]),
        target_modules=list(family.lora),
        # peft trains `classifier`, `score` and `qa_outputs` by itself, and no head of another name.
        modules_to_save=list(heads) or None,
        fan_in_fan_out=family.conv1d,
        bias=chosen["lora_bias"],
        init_lora_weights=True if start is None else start,
    )
    return get_peft_model(model, config)
