"""What an arm runs, as a short text: a search is done again when that is another, and not when anything else is.

Knows how modules import one another and nothing of what they do. It follows imports from the sampler's own module
on, name by name through packages that only gather, and leaves out what has a key of its own (families and records)
and what an arm never calls (the other samplers, the gate). Comments and docstrings do not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: Where modules live, by the first part of their name.
FOLDERS = {"automl": ROOT, "search": ROOT / "tests" / "bench"}
#: The list of all samplers, which an arm reaches by one name; the gate, which no arm has; and what `frozen` covers.
NOT_FOLLOWED = (
    "automl.samplers",
    "automl.gate",
    "search.arms",
    "search.records",
    "search.family",
    "search.worlds",
)
#: What every search runs, whoever proposes.
EVERYBODY = ("search.searches", "automl.spaces.tunelore")


def fingerprint(said: object, roots: Sequence[str], *, store: bool, libraries: Sequence[str] = ()) -> str:
    """12 hexadecimal digits of the settings, the code behind the modules and the versions of libraries.

    `store` is whether it reads priors. FileNotFoundError for a root that is no module.
    """
    own = hashlib.sha256(repr(said).encode())
    passed = NOT_FOLLOWED if store else (*NOT_FOLLOWED, "automl.priors")
    for name in sorted(reached([*EVERYBODY, *roots], passed)):
        own.update(f"{name}\n{_code(name)}".encode())
    for library in ("numpy", *libraries):
        own.update(f"{library} {version(library)}".encode())
    return own.hexdigest()[:12]


def reached(roots: Sequence[str], passed: Collection[str]) -> set[str]:
    """All modules that the roots import, and theirs, by their full names."""
    found: set[str] = set()
    left = list(roots)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [one for one in _imports(name) if not _is_passed(one, passed)]
    return found


def _is_passed(name: str, passed: Collection[str]) -> bool:
    """Whether a module is left out; of the samplers only the list is, of the rest all that is below."""
    return any(name == one or (one != "automl.samplers" and name.startswith(f"{one}.")) for one in passed)


def _file(name: str) -> Path | None:
    folder = FOLDERS.get(name.partition(".")[0])
    if folder is None:
        return None
    place = folder / name.replace(".", "/")
    return next((one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file()), None)


@cache
def _tree(name: str) -> ast.Module:
    file = _file(name)
    if file is None:
        raise FileNotFoundError(f"there is no module {name!r} below {', '.join(map(str, FOLDERS.values()))}")
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def _imports(name: str) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            found.update(one.name for one in node.names if _file(one.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.update(_home(node.module, one.name) for one in node.names if _file(node.module))
    return frozenset(found)


def _home(module: str, name: str) -> str:
    """The module where a name that is imported from `module` is written down."""
    if _file(f"{module}.{name}"):
        return f"{module}.{name}"
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and node.module and _file(node.module):
            for one in node.names:
                if (one.asname or one.name) == name:
                    return _home(node.module, one.name)
    return module


@cache
def _code(name: str) -> str:
    tree = ast.parse(ast.unparse(_tree(name)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [one for one in node.body if not _is_text(one)] or [ast.Pass()]
    return ast.dump(tree)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
