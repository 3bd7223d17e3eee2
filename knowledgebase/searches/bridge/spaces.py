"""Spaces that people write for one search: bounded, judged by the library's own checks, kept whole with the search.

It knows no row and no request. The format is the library's (docs/spaces.md). What is kept is the space as it came out,
ready-made base and all, under its name and a digest of its content: the same name elsewhere may be another space.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from automl.errors import SpaceError
from automl.runners.abilities import cannot_run
from automl.sources.language_models import known_keys
from automl.space import Space
from automl.spaces import data_of, over, space_from
from automl.spaces.presets import CLOSED, PRESETS
from automl.spaces.yaml_text import to_yaml
from knowledgebase.searches.bridge.names import check_language_model, language_model_choices
from knowledgebase.searches.bridge.refusal import Refused

FIELD = "own_space"
LONGEST_TEXT = 20_000
MOST_PARTS, LONGEST_WORD, LARGEST_NUMBER = 2_000, 600, 2**53
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,59}")


@dataclass(frozen=True)
class OwnSpace:
    """A space that a search may use: its methods, which of the asked language models it keeps, and all of its data."""

    name: str
    methods: tuple[str, ...]
    language_models: tuple[str, ...]
    definition: Mapping[str, object]


def space_data(text: str) -> Mapping[str, object]:
    """The data of a space written as YAML or JSON; Refused where it is none."""
    if len(text) > LONGEST_TEXT:
        raise _refused(f"has {len(text):,} characters; a space has at most {LONGEST_TEXT:,}")
    try:
        data = data_of(text)
    except SpaceError as wrong:
        raise _refused(wrong.message) from None
    if not isinstance(data, Mapping):
        raise _refused("is no object; write methods, or a base (docs/spaces.md)")
    return data


def space_text(definition: Mapping[str, object]) -> str:
    """The space of a search as YAML, to be read, kept and given again; '' for none."""
    return to_yaml(dict(definition)) if definition else ""


def own_space(data: Mapping[str, object], kind: str, asked: Sequence[str]) -> OwnSpace:
    """The space of somebody's data over the asked language models, () being all; Refused with what is wrong.

    A space that names its own language models is kept whole and `asked` narrows the search; one on an open base
    without any is over those that are asked for, else over those that are installed.
    """
    _check_size(data)
    asked = [check_language_model(key) for key in dict.fromkeys(asked)]
    names_its_own = bool(data.get("language_models")) or data.get("base") in CLOSED or "base" not in data
    try:
        plain = space_from(data, None if names_its_own else asked or _installed())
        if reasons := cannot_run(plain, kind):
            raise _refused(f"the runner cannot run it: {reasons[0]}")
        space = _named(_with_full_keys(plain), data)
        narrowed = over(space, asked) if asked and names_its_own else space
    except SpaceError as wrong:
        raise _refused(wrong.message) from None
    except (TypeError, ValueError, OverflowError) as wrong:
        raise _refused(f"cannot be read as a space: {wrong}"[:300]) from None
    return OwnSpace(
        name=space.name,
        methods=tuple(method.name for method in narrowed.methods),
        language_models=tuple(asked) if names_its_own else (),
        definition=space.to_dict(),
    )


def _installed() -> tuple[str, ...]:
    return tuple(choice.key for choice in language_model_choices()) or tuple(known_keys())


def _refused(words: str) -> Refused:
    return Refused("space", words, FIELD)


def _with_full_keys(space: Space) -> Space:
    """Each language model under the key that it is found by; Refused for one that cannot be had."""
    try:
        full = {key: check_language_model(key) for key in space.language_models}
    except Refused as wrong:
        raise _refused(wrong.detail) from None
    plain = [key.partition("@")[0] for key in full.values() if "#" not in key]
    if twice := [key for key in plain if plain.count(key) > 1]:
        raise _refused(f"has {twice[0]!r} at several revisions; keep one of them")
    families = {name: tuple(full[key] for key in own) for name, own in space.families.items()}
    models = () if families else tuple(full[key] for key in space.language_models)
    return Space(space.name, space.methods, models, families)


def _named(space: Space, data: Mapping[str, object]) -> Space:
    """The space under its name and digest; a digest that was given with the name is found anew."""
    name = space.name.partition("#")[0]
    if not NAME.fullmatch(name):
        words = "up to 60 letters, digits, dots, dashes and slashes, such as mine/1"
        raise SpaceError(f"name: a space needs one of {words}; got {name[:80]!r}", "name")
    if "base" not in data and name.partition("/")[0] in PRESETS and "#" not in space.name:
        raise SpaceError(f"name: {name!r} is the name of a ready-made space; give it another", "name")
    said = json.dumps(space.to_dict() | {"name": name}, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(said.encode()).hexdigest()[:8]
    return Space(f"{name}#{digest}", space.methods, space.language_models, space.families)


def _check_size(data: Mapping[str, object]) -> None:
    """Refused for more parts, longer words or larger numbers than any space needs, before anything is built."""
    for parts, value in enumerate(_parts(data)):
        if parts >= MOST_PARTS:
            raise _refused(
                f"has more than {MOST_PARTS:,} parts; write a smaller one, or search over fewer at a time"
            )
        if isinstance(value, str) and len(value) > LONGEST_WORD:
            raise _refused(
                f"has a word of {len(value):,} characters, {value[:40]!r}...; at most {LONGEST_WORD} are read"
            )
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise _refused(f"has the number {str(value)[:40]}; whole numbers lie within 2**53")


def _parts(data: object) -> Iterator[object]:
    left = [data]
    while left:
        value = left.pop()
        yield value
        if isinstance(value, Mapping):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            left += value
