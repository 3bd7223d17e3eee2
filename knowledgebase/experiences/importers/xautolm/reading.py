"""Files of the experience store into records: twins merged, failures named, the text kept. It stores nothing."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable, place_of
from knowledgebase.experiences.importers.jsonl import MAX_LINE_BYTES
from knowledgebase.experiences.importers.texts import json_value, read_bytes
from knowledgebase.experiences.importers.xautolm.documents import OLD_SCORES, WRITTEN, Document, document
from knowledgebase.experiences.importers.xautolm.records import record_of

MAX_DOCUMENT_BYTES = 1024 * 1024
TWIN_SECONDS = 2.0
_NAME = re.compile(r"([^/]+/)?(\d{4}-\d{2}-\d{2}/)?[^/]+\.json")


def read(source: Source) -> Iterator[Item]:
    """One record an evaluation, its files in the order of their names; what is no experience is refused."""
    read_ones: list[Document] = []
    refused: list[Refused] = []
    for each in _documents(source):
        if isinstance(each, Document):
            read_ones.append(each)
        else:
            refused.append(each)
    groups = _grouped(read_ones)
    total = max(len(groups) + len(refused), 1)
    yield from refused
    for place, group in enumerate(groups, start=len(refused) + 1):
        yield _item(group, place / total)


def _item(group: list[Document], share: float) -> Item:
    first = group[0]
    try:
        record, notes = record_of(group)
    except Unreadable as error:
        return Refused(first.path, str(error), len(group), share)
    return Found(first.path, record, parts=len(group), by_content=True, notes=notes, share=share)


def _documents(source: Source) -> Iterator[Document | Refused]:
    if len(source.paths) == 1 and not source.paths[0].name.endswith(".json"):
        yield from _packed(source.paths[0])
        return
    for path in sorted(source.paths):
        name = _told(place_of(path, source.root))
        try:
            data = read_bytes(path, MAX_DOCUMENT_BYTES)
            content = json_value(data)
            yield document(name, data.decode("utf-8-sig"), content)
        except Unreadable as error:
            yield Refused(name, str(error))


def _told(place: str) -> str:
    """Alias, date and name: the part of a path that is of the store."""
    parts = place.split("/")
    known = len(parts) >= 3 and re.fullmatch(r"\d{4}-\d{2}-\d{2}", parts[-2])
    return "/".join(parts[-3:] if known else parts[-1:])


def _packed(path: Path) -> Iterator[Document | Refused]:
    """Lines {path, content}: each as the file that the source would have written."""
    number = 0
    try:
        with path.open("rb") as raw, gzip.open(raw) if path.suffix == ".gz" else raw as file:
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if line.strip():
                    yield _unpacked(line, f"{path.name} line {number}")
    except (OSError, EOFError, zlib.error) as error:
        yield Refused(path.name, f"after line {number}: {error}")


def _unpacked(line: bytes, place: str) -> Document | Refused:
    try:
        if len(line) > MAX_LINE_BYTES:
            raise Unreadable(f"is longer than {MAX_LINE_BYTES:,} bytes")
        value = json_value(line)
        if not isinstance(value, dict) or not isinstance(value.get("path"), str):
            raise Unreadable("must be an object with path and content")
        content = value.get("content")
        name = value["path"] if _NAME.fullmatch(value["path"]) else place
        return document(name, json.dumps(_literal(content), indent=4), _literal(content))
    except Unreadable as error:
        return Refused(place, str(error))


def _literal(content: Any) -> Any:
    """Infinities that were written as text, as the literals that the source itself writes."""
    if not isinstance(content, dict):
        return content
    fresh = {
        key: WRITTEN.get(str(value), value) if key in OLD_SCORES else value for key, value in content.items()
    }
    if isinstance(content.get("metrics"), list):
        fresh["metrics"] = [
            {**one, "value": WRITTEN.get(str(one.get("value")), one.get("value"))}
            if isinstance(one, dict)
            else one
            for one in content["metrics"]
        ]
    return fresh


def _grouped(found: list[Document]) -> list[list[Document]]:
    """Files of one evaluation together: the same content again, and failures with their twins."""
    groups: dict[str, list[Document]] = {}
    failures: dict[str, list[Document]] = defaultdict(list)
    for one in found:
        if one.failed:
            failures[one.key].append(one)
        else:
            groups.setdefault(one.id, []).append(one)
    for group in failures.values():
        for twins in _paired(group):
            groups.setdefault(twins[0].id, []).extend(twins)
    return list(groups.values())


def _paired(failures: list[Document]) -> Iterator[list[Document]]:
    """Each file with an error takes the nearest later one with the worst scores, at most two seconds away."""
    told = sorted((one for one in failures if one.error), key=_moment)
    worst = sorted((one for one in failures if not one.error), key=_moment)
    for one in told:
        twin = next((other for other in worst if 0 <= _seconds(one, other) <= TWIN_SECONDS), None)
        if twin is None:
            yield [one]
        else:
            worst.remove(twin)
            yield [one, twin]
    yield from ([one] for one in worst)


def _seconds(earlier: Document, later: Document) -> float:
    return (_moment(later) - _moment(earlier)).total_seconds()


def _moment(one: Document) -> datetime:
    try:
        return datetime.fromisoformat(one.timestamp).replace(tzinfo=None)
    except ValueError:
        return datetime.min
