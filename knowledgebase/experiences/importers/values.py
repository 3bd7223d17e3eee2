"""Values of other tools as a record takes them, and what does not fit kept for ``extra``. It knows no format."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tunelore import record as records

CLIENT = "tunelore-import/1"
LARGEST = 2**53 - 1
MAX_HYPERPARAMETERS, MAX_NAME, MAX_TEXT, MAX_LIST = 256, 100, 256, 64
EXTRA_DEPTH = 6
EXTRA_TEXT = 4_000
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d*)?(?:[eE][+-]?\d+)?")
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")
# Ends that say "a file or folder", which no name of the HF Hub has.
_FILE_ENDS = (".json", ".csv", ".tsv", ".txt", ".pt", ".bin", ".jsonl", ".parquet")


def number(value: object) -> int | float | None:
    """The number, None for what is none or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value if isinstance(value, float) or abs(value) <= LARGEST else float(value)


def at_least_zero(value: object) -> int | float | None:
    """A number that is not negative."""
    found = number(value)
    return found if found is not None and found >= 0 else None


def whole(value: object) -> int | None:
    """A count."""
    found = at_least_zero(value)
    return int(found) if found is not None and float(found).is_integer() and found <= LARGEST else None


def infinite(value: object) -> bool:
    """Whether this is a number that is NaN or infinite."""
    return isinstance(value, float) and not math.isfinite(value)


def text(value: object, limit: int) -> str | None:
    """The text when it is one, not empty, and fits as it is."""
    return value if isinstance(value, str) and value and len(value) <= limit else None


def written_number(value: str) -> int | float | bool | str | None:
    """What a tool that keeps everything as text was given: a number, a truth value, None, or the text itself."""
    plain = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
    if value in plain:
        return plain[value]
    if len(value) > 40 or _NUMBER.fullmatch(value) is None:
        return value
    found = float(value)
    if re.fullmatch(r"-?\d+", value) and abs(found) <= LARGEST:
        return int(value)
    return found if math.isfinite(found) else value


def hyperparameters(pairs: Iterable[tuple[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a record takes as hyper-parameters, and the rest: long names and texts, objects, what is not finite."""
    named: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, value in pairs:
        fits = 0 < len(name) <= MAX_NAME and len(named) < MAX_HYPERPARAMETERS and _is_setting(value)
        (named if fits else rest)[name] = value
    return named, rest


def _is_setting(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= MAX_LIST and all(not isinstance(one, list) and _is_setting(one) for one in value)
    if isinstance(value, str):
        return len(value) <= MAX_TEXT
    return value is None or isinstance(value, bool) or number(value) is not None


def hub_name(value: object) -> str | None:
    """The text when it can be a name on the HF Hub: no path, no file."""
    if not isinstance(value, str) or _HUB_NAME.fullmatch(value) is None or value.lower().endswith(_FILE_ENDS):
        return None
    return value


def language_model(named: object, features: Mapping[str, Any], revision: object = None) -> dict[str, Any]:
    """``language_model`` of a record from the text it was loaded by; a path is never a name."""
    name = hub_name(named)
    if name is not None:
        found: dict[str, Any] = {"source": "hub", "name": name}
        if text(revision, 200):
            found["revision"] = str(revision)
    else:
        found = {"source": "path" if isinstance(named, str) and named else "unknown", "name": None}
    return {**found, "features": dict(features)}


def last_part(path: object) -> str | None:
    """The last part of a path of any system: folders are those of the people who ran it."""
    if not isinstance(path, str) or not path:
        return None
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1][:200] or None


def utc(moment: datetime) -> str:
    """A time as records write it, in milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_milliseconds(value: object) -> str | None:
    """Milliseconds since 1970 as a time; None for what is no time of the calendar."""
    milliseconds = number(value)
    if milliseconds is None:
        return None
    try:
        return utc(datetime.fromtimestamp(milliseconds / 1000, UTC))
    except (OverflowError, ValueError, OSError):
        return None


def kept(value: Any, depth: int = EXTRA_DEPTH) -> Any:
    """A value as ``extra`` takes it: what is not finite as text, what lies deeper as its JSON, long text cut."""
    if isinstance(value, str):
        return value if len(value) <= EXTRA_TEXT else value[:EXTRA_TEXT] + f"... ({len(value)} characters)"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, int) and abs(value) > LARGEST:
        return str(value)
    if isinstance(value, int | float) or value is None:
        return value
    if not isinstance(value, dict | list):
        return str(value)[:EXTRA_TEXT]
    if depth == 0:
        return kept(json.dumps(value, default=str))
    if isinstance(value, list):
        return [kept(one, depth - 1) for one in value]
    return {str(key): kept(one, depth - 1) for key, one in value.items()}


def without_nothing(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members that say something."""
    return {key: value for key, value in members.items() if value not in (None, {}, [], "")}


def fitted(record: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record within its limit of bytes: a thinner curve, then less of ``extra``; and a note of what was left."""
    for most in (None, 400, 100):
        if most is not None and len(record.get("curve") or ()) > most:
            record = {**record, "curve": thinned(record["curve"], most)}
        if _fits(record):
            return record, (() if most is None else (f"curve thinned to {most} points",))
    names = sorted(record.get("extra") or {})
    return {**record, "extra": {"left_out": names[:64]}}, ("extra left out: too large for a record",)


def _fits(record: dict[str, Any]) -> bool:
    try:
        return len(records.canonical(record)) <= records.MAX_RECORD_BYTES
    except records.RecordError:
        return True  # whatever is wrong with it, the store says so with its place


def thinned(points: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """At most ``limit`` (>= 2) points, the first and the last among them, evaluations before ordinary ones."""
    if len(points) <= limit:
        return points
    best: list[int] = []
    others: list[int] = []
    for place, point in enumerate(points):
        is_evaluation = any(name.startswith("eval") for name in point["values"])
        (best if is_evaluation else others).append(place)
    places = _spread(best, limit)
    places += _spread(others, limit - len(places))
    return [points[place] for place in sorted(places)]


def _spread(places: list[int], limit: int) -> list[int]:
    if limit <= 1 or len(places) <= limit:
        return places[len(places) - limit :] if 0 <= limit < len(places) else list(places)
    step = (len(places) - 1) / (limit - 1)
    return [places[round(index * step)] for index in range(limit)]
