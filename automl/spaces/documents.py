"""Files of spaces: what stands in a `.json`, `.yaml` or `.yml` file as data, and a space as such a file.

Knows how the two are written, and nothing of what a space may be.
"""

from __future__ import annotations

import json
from pathlib import Path

from automl.errors import SpaceError
from automl.space import Space
from automl.spaces.yaml_text import from_yaml, to_yaml

#: A space is a page of text; more than this is something else.
MOST_BYTES = 2**20


def read_data(file: Path) -> object:
    """The data of a file; SpaceError, without its name, where there is none or it is not readable."""
    try:
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise SpaceError(f"has {size} bytes; a space has at most {MOST_BYTES}")
        return _parsed(file.read_text(encoding="utf-8"), file.suffix.lower())
    except OSError as wrong:
        raise SpaceError(f"cannot be read: {wrong.strerror}") from None
    except UnicodeDecodeError:
        raise SpaceError("is not UTF-8 text; save it as UTF-8") from None


def data_of(text: str) -> object:
    """The data of a text: JSON where it begins with a brace, else YAML; SpaceError where it is not readable."""
    return _parsed(text, ".json" if text.lstrip().startswith("{") else ".yaml")


def write_space(space: Space, path: str | Path) -> None:
    """Write all of a space to a file of the same kinds; `read_space` gives the same space back."""
    file, data = Path(path), space.to_dict()
    kind = _kind(file.suffix.lower())
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n" if kind == "json" else to_yaml(data)
    file.write_text(text, encoding="utf-8")


def _kind(suffix: str) -> str:
    if suffix not in (".json", ".yaml", ".yml"):
        raise SpaceError(f"a space is a .json, .yaml or .yml file, got {suffix or 'no ending'!r}")
    return "json" if suffix == ".json" else "yaml"


def _parsed(text: str, suffix: str) -> object:
    if _kind(suffix) == "yaml":
        return from_yaml(text)
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as wrong:
        raise SpaceError(
            f"line {wrong.lineno}, column {wrong.colno}: not readable as JSON: {wrong.msg}"
        ) from None
    except RecursionError:
        raise SpaceError("nested too deeply to be a space; a value lies at most five levels deep") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise SpaceError(f"the key {twice[0]!r} stands twice in one object; keep one", twice[0])
    return dict(pairs)
