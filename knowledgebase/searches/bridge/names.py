"""What may be named in a request: methods, language models, built-in datasets, samplers, objectives.

Cheap enough for the web process: it lists names and reads no weights and no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec

from django.conf import settings

from automl.errors import SourceError, SpaceError
from automl.runners.abilities import cannot_measure, cannot_run, runnable
from automl.runners.settings import plain
from automl.sources.builtin import builtin_datasets
from automl.sources.fetching import pinned_language_model
from automl.sources.hub.store import REPO, revision_is_plain
from automl.sources.language_models import available, known_keys, parse_key, resolve
from automl.sources.rows import ANSWERS, CLASSES
from automl.space import Space
from automl.spaces.answers import answers
from automl.spaces.presets import CLOSED, over, preset
from automl.spaces.tunelore import tunelore
from automl.values import DIRECTIONS
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
#: What a search may be asked to optimise.
OBJECTIVES = tuple(DIRECTIONS)


@dataclass(frozen=True)
class Choice:
    """One thing to choose from, with the words to show."""

    key: str
    title: str
    features: Mapping[str, object] = field(default_factory=dict)


def space_of(
    kind: str,
    language_models: Sequence[str] | None,
    name: str = "",
    own: Mapping[str, object] | None = None,
) -> Space:
    """The space of that name, else the kind's own, over these language models; SpaceError when there are none.

    None is all of them: those of the space where it names its own, else those that ship as packages. `own` is a space
    that somebody wrote for the search, as data; then the name is its.
    """
    if own:
        whole = Space.from_dict(own)
        return whole if language_models is None else over(whole, language_models)
    if names_its_models(name):
        return runnable(preset(name, language_models))
    return (answers if kind == ANSWERS else tunelore)(
        known_keys() if language_models is None else language_models
    )


def names_its_models(name: str) -> bool:
    """Whether a space, named with or without its version, comes with language models of its own."""
    return name.partition("/")[0] in CLOSED


@lru_cache(maxsize=16)
def method_names(kind: str = CLASSES, space: str = "") -> tuple[str, ...]:
    """Every method of the space, in its order."""
    return tuple(method.name for method in space_of(kind, None, space).methods)


@lru_cache(maxsize=16)
def space_name(kind: str, space: str = "") -> str:
    """The name and version of the space."""
    return space_of(kind, None, space).name


@lru_cache(maxsize=4)
def space_names(kind: str) -> tuple[str, ...]:
    """The spaces that a request may name, the kind's own first, without their versions."""
    return (space_name(kind).partition("/")[0], *CLOSED)


def measured() -> tuple[str, ...]:
    """The objectives by which trials can be judged, as far as this machine can tell: its workers look again."""
    return tuple(name for name in OBJECTIVES if not cannot_measure(name, powercap=settings.POWERCAP))


def objectives_problems(asked: Sequence[str]) -> list[str]:
    """What is wrong with a choice of objectives: none, unknown ones, one twice, one that nobody measures here."""
    known = ", ".join(measured())
    found = [] if asked else [f"is empty; name at least one of {known}"]
    for name in dict.fromkeys(asked):
        if name not in OBJECTIVES:
            found.append(f"{name[:100]!r} is unknown; known: {', '.join(OBJECTIVES)}")
        elif reason := cannot_measure(name, powercap=settings.POWERCAP):
            found.append(
                f"{name!r} cannot be measured on this hub: {reason} (TUNELORE_POWERCAP); use {known}"
            )
        if (times := list(asked).count(name)) > 1:
            found.append(f"{name[:100]!r} is named {times} times; name each objective once")
    return found


@lru_cache(maxsize=16)
def space_problem(kind: str, space: str) -> str:
    """Why a search of this kind cannot use the space; '' when it can, and for no name at all."""
    if not space:
        return ""
    if space.partition("/")[0] not in space_names(kind) or space.partition("/")[2] not in ("", "1"):
        return f"{space[:100]!r} is unknown; known: {', '.join(space_names(kind))}"
    reasons = cannot_run(space_of(kind, None, space), kind)
    if not reasons:
        return ""
    own = space_names(kind)[0]
    return f"{space!r} is for the library alone: the runner cannot run it, {reasons[0]}; choose {own!r}"


def needs_language_model(method: str) -> bool:
    """Whether a method starts from a language model."""
    return tunelore(known_keys()).method(plain(method)).needs_language_model


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


def check_language_model(key: str, space: str = "") -> str:
    """The full key of a language model; Refused, naming those that are known, when there is none.

    Of a space that names its own it has to be one of those.

    `path:` keys are resolved here because only their folder is looked at, never their weights' content as code.
    Of `hub:` keys only the spelling is checked: a worker asks the HF Hub when the search starts.
    """
    if names_its_models(space):
        _check_belongs(key, space)
    if any(choice.key == key for choice in _installed()):
        return key
    try:
        if parse_key(key)[0] == "hub":
            return key
        return resolve(key, roots=[str(root) for root in settings.MODEL_ROOTS]).key
    except SourceError as error:
        raise refused(error) from error


def _check_belongs(key: str, space: str) -> None:
    try:
        preset(space, [key])
    except SpaceError:
        known = ", ".join(preset(space).language_models)
        raise Refused(
            "unknown_language_model",
            f"{key[:200]!r} is not in the space {space!r}; it has {known}",
            "language_models",
        ) from None


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
