"""Numbers of any library as a record wants them. Imports none of those libraries."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

PLAIN = (float, int, str)
# The folders of an absolute path, wherever in a text it stands; of "hub:owner/name" and of an address nothing.
_FOLDERS = re.compile(
    r"""(^|[\s=,;:"'(\[])(?:file://)?(?:~[^\s\\/]*|[A-Za-z]:)?[\\/](?:[^\s\\/:;,"']+[\\/])+"""
)
# Labels that say nothing, and words that metrics are named by anyway.
_PLAIN_LABEL = re.compile(
    r"(?i)(?:label|class)_\d+|\d+|loss|f1|macro|micro|weighted|avg|accuracy|precision|recall|score|auc|eval|train|test"
)


def clean(text: object, limit: int) -> str:
    """Text for a record: no lone surrogate, no NUL, at most so many characters."""
    found = str(text)
    if not found.isascii() or "\0" in found:
        found = found.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return found[:limit]


def pathless(text: str) -> str:
    """The text with every absolute path cut down to its last part: folders tell of people and machines."""
    return _FOLDERS.sub(r"\1", text) if "/" in text or "\\" in text else text


def label_words(labels: Iterable[object]) -> dict[str, str]:
    """What to write in a metric's name for each class: its number. Labels that are numbers themselves stay."""
    named = [str(label) for label in labels]
    return {
        _joined(label): f"class_{number}"
        for number, label in enumerate(named)
        if _joined(label) and _PLAIN_LABEL.fullmatch(label) is None
    }


def without_labels(name: str, words: Mapping[str, str]) -> str:
    """eval_f1_sadness -> eval_f1_class_0: metrics by class are named by the labels, which stay here.

    "very sad", very_sad and Very-Sad are one label.
    """
    if not words:
        return name
    longest_first = sorted(words, key=len, reverse=True)
    pattern = "|".join(r"[\s_\-]+".join(map(re.escape, label.split(" "))) for label in longest_first)
    return re.sub(
        rf"(?i)(?<![^\W_])(?:{pattern})(?![^\W_])", lambda match: words.get(_joined(match[0]), "class"), name
    )


def _joined(label: str) -> str:
    return " ".join(re.split(r"[\s_\-]+", label.strip().lower())).strip()


def finite(value: object) -> float | int | None:
    """The number for a record, null where it is not finite; booleans and what is no number are null."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except Exception:  # a tensor of several elements, one without storage, any object's own __float__
        return None
    if not math.isfinite(number):
        return None
    return value if type(value) is int else number


def whole(value: object) -> int:
    """A step as a record takes it: 0 where this is no whole number from 0 to 2**53 - 1."""
    return value if type(value) is int and 0 <= value < 2**53 else 0


def is_number(value: object) -> bool:
    """Numbers of any library, NaN included; text and booleans are none."""
    return not isinstance(value, (bool, str, bytes)) and hasattr(value, "__float__")


def is_infinite(value: object) -> bool:
    """Whether this is a number that is NaN or infinite."""
    if not is_number(value):
        return False
    try:
        return not math.isfinite(float(value))  # type: ignore[arg-type]
    except Exception:
        return False


def snapshot(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as they are now: a tensor may be changed in place later, and holds on to its graph.

    A tensor of the host is read at once; one of a device is copied there, since reading it would wait for the device.
    """
    found = dict(values)
    for name, value in found.items():
        if type(value) not in PLAIN and callable(getattr(value, "detach", None)):
            found[name] = _frozen(value)
    return found


def _frozen(tensor: Any) -> Any:
    try:
        tensor = tensor.detach()
        if getattr(getattr(tensor, "device", None), "type", "cpu") == "cpu":
            return float(tensor)
        return tensor.clone() if tensor.numel() == 1 else None
    except Exception:
        return None
