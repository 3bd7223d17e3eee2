"""A folder of checkpoint files to a checked Checkpoint with its features; knows neither sources nor names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from automl.errors import SourceError
from automl.sources.architectures import architecture_of
from automl.sources.checkpoints import Checkpoint, parameter_count, read_config, weights_file


def checkpoint_in(folder: Path, key: str, layers: int | None) -> Checkpoint:
    """The checkpoint in `folder`, cut to its first `layers` where given; `key` is its full name without variant.

    Raises SourceError: an adapter, code in the configuration, pickles, an unknown architecture, too many layers.
    """
    if (folder / "adapter_config.json").exists():
        raise SourceError(
            message=f"{key} holds an adapter; merge it into its base first",
            code="adapter",
            field="language_model",
        )
    config, weights = read_config(folder), weights_file(folder)
    family = architecture_of(config.get("model_type"))
    whole = sum(family.layer_counts(config))
    if layers is not None and (not family.truncatable or layers > whole):
        raise SourceError(
            message=f"{key} ({config.get('model_type')}, {whole} layers) has no variant layers={layers}",
            code="unknown_language_model",
            field="language_model",
        )
    parameters = parameter_count(weights, layers)
    features = checkpoint_features(config, parameters, layers, None)
    return Checkpoint(
        key + (f"#layers={layers}" if layers else ""),
        folder,
        layers or whole,
        parameters,
        features,
        truncated=layers is not None,
    )


def checkpoint_features(
    config: Mapping[str, object], parameters: int, layers: int | None, objective: str | None
) -> dict[str, str | int | None]:
    """The record's language model features."""
    family = architecture_of(config.get("model_type"))
    return {
        "parameters": parameters,
        "layers": layers or sum(family.layer_counts(config)),
        "hidden_size": _whole(config.get(family.hidden)),
        "context": _whole(config.get(family.context)),
        "architecture": str(config.get("model_type")),
        "pretraining_objective": objective,
    }


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
