"""What a language model is before it is loaded: its folder, checked files and features; imports no torch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from automl.errors import SourceError
from automl.sources.architectures import LAYER_NAME

MAX_CONFIG_BYTES = 1 << 20
MAX_HEADER_BYTES = 100 << 20  # the limit of the safetensors format itself
REMOTE_CODE_KEYS = ("auto_map", "custom_pipelines", "trust_remote_code")


@dataclass(frozen=True)
class Checkpoint:
    """A language model that can be loaded: `folder` holds config, tokenizer and model.safetensors.

    `layers` is the number of layers used, of both stacks in an encoder-decoder; `truncated` is how many of each stack
    are kept, the first ones of the file, where that is not all of them. `seed` is set where the weights are drawn
    instead of read; `features` are the record's language model features.
    """

    key: str
    folder: Path
    layers: int
    parameters: int
    features: Mapping[str, str | int | None] = field(default_factory=dict)
    seed: int | None = None
    truncated: int | None = None


def read_config(folder: Path) -> dict[str, object]:
    """config.json of a folder; refuses one that asks for code of its own."""
    config = _read_json(folder / "config.json")
    for name in ("config.json", "tokenizer_config.json"):
        content = config if name == "config.json" else _read_json(folder / name, required=False)
        for key in REMOTE_CODE_KEYS:
            if key in content:
                raise SourceError(
                    message=f"{name} of {folder.name!r} has {key!r}: checkpoints with code of their own are refused",
                    code="remote_code",
                    field="language_model",
                )
    if "quantization_config" in config:
        raise SourceError(
            message=f"{folder.name!r} is quantised; name the checkpoint that it was made from, in 16 or 32 bits",
            code="quantised",
            field="language_model",
        )
    return config


def _read_json(path: Path, required: bool = True) -> dict[str, object]:
    if not path.is_file():
        if required:
            raise SourceError(
                message=f"{path.parent.name!r} has no {path.name}", code="incomplete", field="language_model"
            )
        return {}
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise SourceError(
            message=f"{path.name} is over {MAX_CONFIG_BYTES} bytes", code="too_large", field="language_model"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceError(
            message=f"{path.name} is not JSON: {error}", code="malformed", field="language_model"
        ) from error
    if not isinstance(content, dict):
        raise SourceError(message=f"{path.name} is not an object", code="malformed", field="language_model")
    return content


def weights_file(folder: Path) -> Path:
    """The one safetensors file of a folder; pickled weights are named and refused."""
    weights = folder / "model.safetensors"
    if weights.is_file() and not weights.is_symlink():
        return weights
    found = sorted(
        path.name for path in folder.glob("*") if path.suffix in {".bin", ".pt", ".pth", ".ckpt", ".pkl"}
    )
    reason = f"; {', '.join(found)}: pickles are not read, convert them" if found else ""
    raise SourceError(
        message=f"{folder.name!r} has no model.safetensors (a single file){reason}",
        code="no_safetensors",
        field="language_model",
    )


def parameter_count(weights: Path, layers: int | None = None) -> int:
    """Number of weights by the file's own header, buffers of positions apart; `layers`: the first n of each stack."""
    total = 0
    for name, entry in _header(weights).items():
        inside = LAYER_NAME.search(name)
        if name == "__metadata__" or name.endswith("position_ids"):
            continue
        if layers is not None and inside and int(inside.group(1)) >= layers:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("shape"), list):
            total += math.prod(entry["shape"])
    return total


def _header(weights: Path) -> dict[str, object]:
    with weights.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, weights.stat().st_size):
            raise SourceError(
                message=f"{weights.name} is not a safetensors file", code="malformed", field="language_model"
            )
        try:
            header = json.loads(stream.read(length))
        except ValueError as error:
            raise SourceError(
                message=f"{weights.name} is not a safetensors file", code="malformed", field="language_model"
            ) from error
    return header if isinstance(header, dict) else {}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read once per process and content (path, size, time of change)."""
    state = path.stat()
    return _sha256(str(path), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: str, _size: int, _changed: int) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tokens_read(checkpoint: Checkpoint) -> int:
    """Tokens that the language model reads at once. RoBERTa's kin count two positions that no token has."""
    family = checkpoint.features.get("architecture")
    known = int(checkpoint.features.get("context") or 0)
    if family in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        known -= 2
    # T5 knows distances and no places: it reads what it is given.
    unlimited = family in ("t5", "mt5") or known <= 0
    return 10**6 if unlimited else known
