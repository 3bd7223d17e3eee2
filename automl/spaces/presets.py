"""Spaces by name, and spaces that people write: a whole one, or a ready-made one made smaller.

Knows which there are and how each is made; nothing of what they hold. "xautolm", "xautolm-generation" and "proposal"
are files in `shipped/`, in the format that anybody may write (docs/spaces.md); the others are functions, because the
language models are the caller's. Start at `preset` and `read_space`.

    base: tunelore                  or all of it:   name: mine/1
    methods: [full, lora]                           language_models: [hub:owner/name]
    parameters:                                     methods:
      full.epochs: {low: 2, high: 4}                  - name: full
      batch_size: [8, 16]                               parameters: {epochs: {type: integer, low: 2, high: 4}}
    train_fractions: [0.11, 0.33, 1]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import cast

from automl.errors import SpaceError
from automl.space import Space
from automl.space.parameters import checked_keys
from automl.spaces.answers import answers
from automl.spaces.documents import read_data
from automl.spaces.restricting import restricted, texts
from automl.spaces.tunelore import tunelore

SHIPPED = Path(__file__).parent / "shipped"
#: Those that search over language models of the caller.
OPEN: Mapping[str, Callable[[Sequence[str]], Space]] = {"tunelore": tunelore, "tunelore-answers": answers}
#: Those that name their own.
CLOSED = ("proposal", "xautolm", "xautolm-generation")
PRESETS = (*OPEN, *CLOSED)
#: Where anchors of YAML may be defined; its content says nothing by itself.
DEFINITIONS = "definitions"
RESTRICTED = ("base", "name", "methods", "language_models", "parameters", "train_fractions", DEFINITIONS)


def preset(name: str, language_models: Sequence[str] | None = None) -> Space:
    """A ready-made space by its name, with or without its version ("tunelore" or "tunelore/1").

    `language_models` are what to search over; of a space that names its own they have to be among those, at any
    revision, and None is all of them. SpaceError for a name or a language model that is not there, or for an open
    space without any.
    """
    plain, _, version = name.partition("/")
    if plain not in PRESETS or version not in ("", "1"):
        raise SpaceError(f"space {name!r} is unknown; use one of {list(PRESETS)}", "base")
    if plain in OPEN:
        return OPEN[plain](tuple(language_models or ()))
    space = _shipped(plain)
    return space if language_models is None else over(space, language_models)


def over(space: Space, keys: Sequence[str]) -> Space:
    """The space over these of its language models, at the revisions of the keys, with the methods that they suit.

    SpaceError for a key whose language model it has at no revision.
    """
    wanted = {_unpinned(key): key for key in keys}
    known = {_unpinned(model) for model in space.language_models}
    if foreign := [key for key in wanted if key not in known]:
        raise SpaceError(
            f"language models {foreign!r} are not among {list(space.language_models)!r}", "language_models"
        )
    at = {model: wanted[name] for model in space.language_models if (name := _unpinned(model)) in wanted}
    left = [
        method.name
        for method in space.methods
        if not method.needs_language_model or set(space.models_of(method)) & set(at)
    ]
    smaller = space.restrict(methods=left or None, language_models=list(at))
    families = {name: tuple(at[model] for model in own) for name, own in smaller.families.items()}
    models = () if families else tuple(at[model] for model in smaller.language_models)
    return Space(smaller.name, smaller.methods, models, families)


def _unpinned(key: str) -> str:
    """A key without its revision; one of a variant is another network and stays what it is."""
    return key if "#" in key else key.partition("@")[0]


@cache
def _shipped(name: str) -> Space:
    return read_space(SHIPPED / f"{name}.yaml")


def read_space(path: str | Path, language_models: Sequence[str] | None = None) -> Space:
    """The space of a file, `.json`, `.yaml` or `.yml`; SpaceError with the path, the place and what to do.

    `language_models` are for an open base, where the file names none.
    """
    try:
        return space_from(read_data(Path(path)), language_models)
    except SpaceError as wrong:
        raise SpaceError(f"{path}: {wrong.message}", wrong.field) from None


def space_from(data: object, language_models: Sequence[str] | None = None) -> Space:
    """The space that the data of a file says; SpaceError naming the place (dotted), the value and what to do."""
    if not isinstance(data, Mapping):
        raise SpaceError(f"a space must be an object with methods, or with a base, got {data!r}"[:300])
    if "base" not in data:
        return Space.from_dict({name: value for name, value in data.items() if name != DEFINITIONS})
    checked_keys(data, RESTRICTED, "a space with a base", "")
    base = data["base"]
    if not isinstance(base, str):
        raise SpaceError(f"base must be the name of a ready-made space, got {base!r}", "base")
    space = restricted(preset(base, texts(data, "language_models") or language_models), data)
    if "train_fractions" not in data:
        return space
    return space.with_fractions(cast("Sequence[float]", data["train_fractions"]))
