"""Builds the wheel without comments, internal docstrings and blanks, so that it stays small; lines keep their numbers.

The source distribution has everything, and the schema on more than one line. What is public (the modules named below)
keeps its docstrings for `help()`. The wheel's own description is the README up to what one looks up later.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py

# Modules whose docstrings people meet, and where it is not all of them, the names they are of.
PUBLIC: dict[str, tuple[str, ...]] = {
    "tunelore/__init__.py": (),
    "tunelore/callback.py": (),
    "tunelore/plain.py": (),
    "tunelore/hub/__init__.py": (),
    "tunelore/hub/searches.py": (),
    "tunelore/hub/transport.py": ("HubError", "HubUnreachable", "HubRefused"),
}


def lean(source: str, *, public: bool, names: tuple[str, ...] = ()) -> str:
    """The same code, indented by one; every comment and the docstrings of what is not public are empty lines."""
    lines = source.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            end = "\n" if lines[row - 1].endswith("\n") else ""
            lines[row - 1] = lines[row - 1][:column].rstrip() + end
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)) or not ast.get_docstring(node):
            continue
        name = getattr(node, "name", "")
        if public and not name.startswith("_") and (not names or name in names):
            continue
        text = node.body[0]
        for row in range(text.lineno - 1, text.end_lineno or text.lineno):
            lines[row] = "\n"
        if len(node.body) == 1:
            lines[text.lineno - 1] = " " * text.col_offset + "pass\n"
    return _indented_by_one(_tight("".join(lines)))


def _tight(source: str) -> str:
    """Without blanks between two tokens of a line that are no words; formatted strings stay as they are."""
    letters = [list(line) for line in source.splitlines(keepends=True)]
    within = {getattr(tokenize, f"{kind}STRING_{end}", -1): step for kind in "FT" for end, step in ENDS}
    depth, before = 0, None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if not token.string.strip():
            continue
        row = token.start[0] - 1
        if before is not None and not depth and before.end[0] - 1 == row:
            two = before.string[-1] + token.string[0]
            if not (all(map(_is_word, two)) or two[0].isdigit()):
                letters[row][before.end[1] : token.start[1]] = [""] * (token.start[1] - before.end[1])
        depth += within.get(token.type, 0)
        before = token
    return "".join("".join(line) for line in letters)


ENDS = (("START", 1), ("END", -1))  # of formatted strings, which are several tokens since Python 3.12


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter in "_\"'" or not letter.isascii()


def _indented_by_one(source: str) -> str:
    """Text that goes over several lines stays as it is."""
    kept = {
        row
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Constant, ast.JoinedStr))
        for row in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
    }
    return "".join(
        line if row in kept else " " * ((len(line) - len(line.lstrip(" "))) // 4) + line.lstrip(" ")
        for row, line in enumerate(source.splitlines(keepends=True), 1)
    )


class Lean(build_py):
    """Modules are copied as they are, then made lean."""

    def build_module(self, module: str, module_file: str, package: str) -> Any:
        """Copy one module; an editable installation copies none."""
        built, copied = super().build_module(module, module_file, package)
        path = Path(built)
        if not getattr(self, "editable_mode", False):
            name = path.relative_to(self.build_lib).as_posix()
            text = lean(path.read_text(encoding="utf-8"), public=name in PUBLIC, names=PUBLIC.get(name, ()))
            path.write_text(text, encoding="utf-8")
        return built, copied

    def build_package_data(self) -> None:
        """Copy the schema, without what only indents it."""
        super().build_package_data()
        if not getattr(self, "editable_mode", False):
            for path in Path(self.build_lib).rglob("*.json"):
                schema = json.loads(path.read_text(encoding="utf-8"))
                path.write_text(
                    json.dumps(schema, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
                )


def description() -> str:
    """The README's first sections; the wheel needs no reference."""
    readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    first, _, _ = readme.partition("## The dataset")
    return f"{first}More, with every argument, promise and limit: `README.md` in the source distribution.\n"


if __name__ == "__main__":
    setup(
        cmdclass={"build_py": Lean},
        long_description=description(),
        long_description_content_type="text/markdown",
    )
