"""YAML as its version 1.2 reads it, and strictly: `1e-5` is a number, `no` a word, and a key stands once.

Knows no space. PyYAML, which reads version 1.1 by default, is looked up when it is used.
"""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any

from automl.errors import SpaceError

#: More parts, every alias written out, is no space: a few lines of aliases can stand for millions.
MOST_PARTS = 100_000
#: What a plain word means, first match first; anything else is a text. Source: YAML 1.2.2, section 10.3 (core schema).
MEANINGS = (
    ("null", r"~|null|Null|NULL|"),
    ("bool", r"true|True|TRUE|false|False|FALSE"),
    ("int", r"[-+]?[0-9]+"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"),
    ("merge", r"<<"),
)


def from_yaml(text: str) -> object:
    """The data of a document; SpaceError with line and column where it is none, or a key stands twice."""
    library = _library()
    loader = _loader()(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_bounded(node)
        return loader.construct_document(node)
    except RecursionError:
        raise SpaceError("nested too deeply to be a space; a value lies at most five levels deep") from None
    except library.YAMLError as wrong:
        mark = getattr(wrong, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        said = getattr(wrong, "problem", None) or str(wrong)
        raise SpaceError(f"{place}not readable as YAML: {said}") from None
    finally:
        loader.dispose()


def _check_bounded(root: Any) -> None:
    """SpaceError where the aliases of a short text stand for a huge document, or for one that holds itself.

    What an anchor names is one node, however often it is repeated: so all sizes are known before anything is built.
    """
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any) -> int:
        key = id(node)
        if key in open_nodes:
            raise SpaceError(
                f"line {node.start_mark.line + 1}: not readable as YAML: an alias inside of what it names"
            )
        if key not in sizes:
            open_nodes.add(key)
            sizes[key] = 1 + sum(map(size, _below(node)))
            open_nodes.discard(key)
        return sizes[key]

    if (parts := size(root)) > MOST_PARTS:
        raise SpaceError(f"its aliases make it {parts} parts large; a space has at most {MOST_PARTS}")


def _below(node: Any) -> list[Any]:
    if isinstance(node.value, str):
        return []
    return [one for item in node.value for one in (item if isinstance(item, tuple) else (item,))]


def to_yaml(data: object) -> str:
    """A document of JSON data, keys in their order."""
    return str(_library().safe_dump(data, sort_keys=False, allow_unicode=True, width=110))


@cache
def _library() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError:
        raise SpaceError(
            "spaces in YAML need PyYAML; install it with: pip install PyYAML, or write JSON"
        ) from None


@cache
def _loader() -> Any:
    library = _library()
    loader: Any = type("Loader", (library.SafeLoader,), {"yaml_implicit_resolvers": {}})
    for kind, pattern in MEANINGS:
        loader.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"(?:{pattern})$"), None)
    loader.add_constructor("tag:yaml.org,2002:int", lambda self, node: int(node.value))
    loader.add_constructor("tag:yaml.org,2002:float", lambda self, node: float(node.value))
    loader.add_constructor("tag:yaml.org,2002:map", _mapping)
    return loader


def _mapping(loader: Any, node: Any) -> Any:
    """A mapping whose keys are texts, each of them there once; what is merged in may be said again."""
    seen: set[str] = set()
    for key, _ in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.value in seen:
            raise _library().constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands here a second time", key.start_mark
            )
        seen.add(key.value)
    loader.flatten_mapping(node)
    return {
        str(loader.construct_object(key)): loader.construct_object(value, deep=True)
        for key, value in node.value
    }
