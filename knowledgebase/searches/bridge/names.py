"""What may be named in a request: methods, language models, built-in datasets, samplers, objectives.

Cheap enough for the web process: it lists names and reads no weights and no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec

from django.conf import settings

from automl.errors import SourceError
from automl.sources.builtin import builtin_datasets
from automl.sources.fetching import pinned_language_model
from automl.sources.hub.store import REPO, revision_is_plain
from automl.sources.language_models import available, known_keys, parse_key, resolve
from automl.sources.rows import ANSWERS, CLASSES
from automl.space import Space
from automl.spaces.answers import answers
from automl.spaces.tunelore import tunelore
from knowledgebase.searches.bridge.refusal import Refused, refused
from knowledgebase.searches.bridge.store import hub_store

#: The default first. The sampler that needs Optuna is offered where that is installed.
SAMPLERS = (
    "process",
    "pge",
    "replay",
    "expert",
    "nsga2",
    "random",
    *(("tpe",) if find_spec("optuna") else ()),
)
OBJECTIVES = ("score", "seconds")


@dataclass(frozen=True)
class Choice:
    """One thing to choose from, with the words to show."""

    key: str
    title: str
    features: Mapping[str, object] = field(default_factory=dict)


def space_of(kind: str, language_models: Sequence[str]) -> Space:
    """The space of a kind of task over these language models; SpaceError when there are none."""
    return (answers if kind == ANSWERS else tunelore)(language_models)


@lru_cache(maxsize=4)
def method_names(kind: str = CLASSES) -> tuple[str, ...]:
    """Every method of the kind's space, in its order."""
    return tuple(method.name for method in space_of(kind, known_keys()).methods)


@lru_cache(maxsize=4)
def space_name(kind: str) -> str:
    """The name and version of the kind's space."""
    return space_of(kind, known_keys()).name


def needs_language_model(method: str) -> bool:
    """Whether a method starts from a language model."""
    return tunelore(known_keys()).method(method).needs_language_model


def language_model_choices() -> tuple[Choice, ...]:
    """Installed language models, largest first; () when none is installed."""
    return _installed()


@lru_cache(maxsize=1)
def _installed() -> tuple[Choice, ...]:
    # Checksums take a second, and what is installed does not change under a running process.
    return tuple(Choice(info.key, info.title, info.features) for info in available())


def builtin_choices() -> tuple[Choice, ...]:
    """Built-in datasets."""
    return tuple(Choice(info.name, info.title) for info in builtin_datasets())


def check_language_model(key: str) -> str:
    """The full key of a language model; Refused, naming those that are known, when there is none.

    `path:` keys are resolved here because only their folder is looked at, never their weights' content as code.
    Of `hub:` keys only the spelling is checked: a worker asks the HF Hub when the search starts.
    """
    if any(choice.key == key for choice in _installed()):
        return key
    try:
        if parse_key(key)[0] == "hub":
            return key
        return resolve(key, roots=[str(root) for root in settings.MODEL_ROOTS]).key
    except SourceError as error:
        raise refused(error) from error


def pin_language_model(key: str) -> str:
    """The full key, a branch or tag of the HF Hub as the commit that it means now; for workers, it may ask there."""
    try:
        return pinned_language_model(check_language_model(key), hub_store())
    except SourceError as error:
        raise refused(error) from error


def check_hub_dataset(name: str, revision: str) -> None:
    """Refused when these cannot be names of the HF Hub; whether they are there a worker finds out."""
    if not REPO.fullmatch(name):
        raise Refused("unknown_dataset", f"{name[:100]!r} is no name of the HF Hub; write owner/name", "name")
    if not revision_is_plain(revision or None):
        raise Refused("unknown_revision", f"{revision[:60]!r} is no branch, tag or commit", "revision")


def language_model_features(key: str) -> Mapping[str, object]:
    """The record's features of a language model, {} when it cannot be had any more."""
    known = next((choice.features for choice in _installed() if choice.key == key), None)
    if known is not None:
        return known
    try:
        roots = [str(root) for root in settings.MODEL_ROOTS]
        return resolve(key, roots=roots, cache=str(settings.CACHE_FOLDER)).features
    except SourceError:
        return {}


def language_model_facts(keys: Iterable[str]) -> dict[str, dict[str, float]]:
    """What samplers read of language models by key: parameters, layers and hidden size, as far as known."""
    found = {}
    for key in keys:
        features = language_model_features(key)
        sizes = {name: features.get(name) for name in ("parameters", "layers", "hidden_size")}
        found[key] = {
            name: float(value) for name, value in sizes.items() if isinstance(value, int) and value > 0
        }
    return found


def installed_keys() -> tuple[str, ...]:
    """Keys of all installed language models."""
    keys = tuple(choice.key for choice in _installed())
    if not keys:
        raise Refused("no_language_model", "no language model is installed; see the README, section Set up")
    return keys
