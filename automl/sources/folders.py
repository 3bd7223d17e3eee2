"""A folder of checkpoint files to a checked Checkpoint with its features; knows neither sources nor names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from automl.errors import SourceError
from automl.sources.architectures import architecture_of
from automl.sources.checkpoints import Checkpoint, parameter_count, read_config, weights_file


def checkpoint_in(folder: Path, key: str, layers: int | None) -> Checkpoint:
    """The checkpoint in `folder`, cut to the first `layers` of each stack where given; `key` names it uncut.

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
    counts = family.layer_counts(config)
    check_layers(key, config, layers)
    parameters = parameter_count(weights, layers)
    features = checkpoint_features(config, parameters, layers, None)
    return Checkpoint(
        key + (f"#layers={layers}" if layers else ""),
        folder,
        layers * len(counts) if layers else sum(counts),
        parameters,
        features,
        truncated=layers,
    )


def check_layers(key: str, config: Mapping[str, object], layers: int | None) -> None:
    """Refuse a variant of more layers than a stack has, or of a family that cannot be cut."""
    family = architecture_of(config.get("model_type"))
    counts = family.layer_counts(config)
    if layers is None or (family.truncatable and layers <= min(counts)):
        return
    shown = f"{config.get('model_type')}, {' + '.join(map(str, counts))} layers"
    why = f"give 1 to {min(counts)}" if family.truncatable else "this family cannot be cut"
    raise SourceError(
        message=f"{key} ({shown}) has no variant layers={layers}; {why}",
        code="unknown_language_model",
        field="language_model",
    )


def checkpoint_features(
    config: Mapping[str, object], parameters: int, layers: int | None, objective: str | None
) -> dict[str, str | int | None]:
    """The record's language model features; `layers` of each stack where it is cut, all of them where it is None."""
    family = architecture_of(config.get("model_type"))
    counts = family.layer_counts(config)
    return {
        "parameters": parameters,
        "layers": layers * len(counts) if layers else sum(counts),
        "hidden_size": _whole(config.get(family.hidden)),
        "context": _whole(config.get(family.context)),
        "architecture": str(config.get("model_type")),
        "pretraining_objective": objective,
    }


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
