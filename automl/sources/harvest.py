"""Collects docstrings, parameter descriptions and raised messages from installed packages by parsing their files.

Never imports or runs what it reads, and does not know what datasets are made of it.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from automl.errors import SourceError

FILES_PER_PACKAGE = 700  # bounds the one pass to seconds; every class fills up well before
MAX_FILE_BYTES = 400_000
SKIPPED_FOLDERS = {"tests", "test", "testing", "_vendor", "vendor", "externals", "migrations", "locale"}
PARAMETER = re.compile(r"^(?P<name>\*{0,2}\w+(?:, \*{0,2}\w+)*) : (?P<type>.+)$")
SECTION = re.compile(r"^(?:Other )?Parameters\n-{3,}\n", re.MULTILINE)
NEXT_SECTION = re.compile(r"^\S[^\n]*\n-{3,}\n", re.MULTILINE)
PARTS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Docstring:
    """One docstring with the package it stands in and what it describes."""

    package: str
    kind: str
    text: str


@dataclass
class Harvest:
    """What one pass found, in a fixed order: docstrings, (type, description) and (exception class, message)."""

    docstrings: list[Docstring] = field(default_factory=list)
    parameters: list[tuple[str, str]] = field(default_factory=list)
    raised: list[tuple[str, str]] = field(default_factory=list)


def package_folder(package: str) -> Path:
    """Where a top-level package is installed, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(
            message=f"the builtin datasets are built from the package {package!r}, which is not installed; "
            "install the pinned requirements: python -m pip install -r requirements.txt",
            code="package_missing",
            field="dataset",
        )
    return Path(next(iter(spec.submodule_search_locations)))


def harvest(packages: tuple[str, ...]) -> Harvest:
    """One pass over the source files of `packages`; seconds, not minutes."""
    found = Harvest()
    for package in packages:
        for path in _source_files(package_folder(package)):
            tree = _parse(path)
            if tree is not None:
                _collect(tree, package, found)
    return found


def _source_files(folder: Path) -> list[Path]:
    """Up to FILES_PER_PACKAGE files, the same ones wherever the package lies: chosen by hash of their inner path."""
    ranked = []
    for path in folder.rglob("*.py"):
        inner = path.relative_to(folder)
        if SKIPPED_FOLDERS.isdisjoint(inner.parts) and not path.is_symlink():
            name = inner.as_posix()
            ranked.append((hashlib.sha256(name.encode()).digest(), name))
    return [folder / name for name in sorted(name for _, name in sorted(ranked)[:FILES_PER_PACKAGE])]


def _parse(path: Path) -> ast.Module | None:
    if path.stat().st_size > MAX_FILE_BYTES:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # other people's escapes
            return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None


def _collect(tree: ast.Module, package: str, found: Harvest) -> None:
    for node, kind in _walk(tree):
        if isinstance(node, ast.Raise):
            message = raised_message(node)
            if message is not None:
                found.raised.append(message)
        elif isinstance(node, PARTS):
            text = ast.get_docstring(node)
            if text:
                found.docstrings.append(Docstring(package, kind, text))
                found.parameters.extend(numpy_parameters(text))


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every raise and every part that may have a docstring, in the order of the file, with the part's kind."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, in_class = waiting.pop()
        yield node, _kind(node, in_class)
        inside = isinstance(node, ast.ClassDef)
        waiting.extend(
            (child, inside) for child in reversed(list(ast.iter_child_nodes(node))) if _worthwhile(child)
        )


def _worthwhile(node: ast.AST) -> bool:
    return isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case))


def _kind(node: ast.AST, in_class: bool) -> str:
    if isinstance(node, ast.Module):
        return "module"
    if isinstance(node, ast.ClassDef):
        return "exception" if node.name.endswith(("Error", "Exception", "Warning")) else "class"
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return ""
    if not in_class:
        return "function"
    decorators = {ast.unparse(each) for each in node.decorator_list}
    return (
        "property" if decorators & {"property", "cached_property", "functools.cached_property"} else "method"
    )


def raised_message(node: ast.Raise) -> tuple[str, str] | None:
    """(exception class, message) of `raise Name("...")`, with "…" for the values put into the message."""
    call = node.exc
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or not call.args:
        return None
    message = call.args[0]
    if isinstance(message, ast.Constant) and isinstance(message.value, str):
        return call.func.id, message.value
    if isinstance(message, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in message.values)
        return call.func.id, "".join(str(part) for part in parts)
    return None


def numpy_parameters(docstring: str) -> list[tuple[str, str]]:
    """(type, description) of each parameter of a numpy-style docstring's Parameters sections."""
    found: list[tuple[str, str]] = []
    for start in SECTION.finditer(docstring):
        body = docstring[start.end() :]
        end = NEXT_SECTION.search(body)
        found.extend(_entries(body[: end.start()] if end else body))
    return found


def _entries(section: str) -> Iterator[tuple[str, str]]:
    kind, lines = "", list[str]()
    for line in [*section.splitlines(), "end : end"]:
        header = PARAMETER.match(line)
        if header:
            if kind and lines:
                yield kind, " ".join(lines)
            kind, lines = header["type"], []
        elif line.startswith((" ", "\t")) and line.strip():
            lines.append(line.strip())
