"""``manage.py export_experiences PATH``: what a person may see, as a file or folder that other systems can take."""

from __future__ import annotations

import gzip
import json
import os
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from knowledgebase.accounts.selectors import user_named
from knowledgebase.accounts.services import ADMINISTRATOR
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.filters import ExperienceFilters
from knowledgebase.experiences.importers import jsonl, parquet, xautolm
from knowledgebase.experiences.management.progress import Bar
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors import experience_list

FORMATS = ("jsonl", "parquet", "xautolm")
ROWS_AT_A_TIME = 500
Record = dict[str, Any]


class Command(BaseCommand):
    help = (
        "Export experiences: jsonl (.jsonl, .jsonl.gz) and parquet hold every record whole; xautolm writes a folder "
        "in the layout of XAutoLM's experience store and says what it has no place for. See docs/import-export.md."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", type=Path, help="a file, for xautolm a folder; replaced only when complete"
        )
        parser.add_argument("--format", choices=FORMATS, help="default: by the ending of PATH, else xautolm")
        parser.add_argument("--user", default=ADMINISTRATOR, help="whose view (default: %(default)s)")
        parser.add_argument("--filter", default="", help="an expression, as on the list of experiences")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be written, and write nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        user, path = user_named(options["user"]), options["path"]
        if user is None:
            raise CommandError(f"there is no user {options['user']!r}; --user names whose view is exported")
        try:
            rows = experience_list(user, ExperienceFilters.parse({"filter": options["filter"]}))
            self.export(rows, path, options["format"] or by_ending(path), options)
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from error

    def export(self, rows: QuerySet[Experience], path: Path, form: str, options: dict[str, Any]) -> None:
        bar, dropped = Bar(self.stderr), Counter[str]()
        records = counted(rows, bar)
        if options["dry_run"]:
            exported = sum(1 for record in records if form != "xautolm" or files_of(record, dropped))
        elif form == "xautolm":
            tree = Tree(path)
            exported = sum(tree.write(files_of(record, dropped)) for record in records)
        else:
            with replacing(path) as file:
                seen = Tally(records)
                (parquet if form == "parquet" else jsonl).write(seen, file)
                exported = seen.count
        bar.close()
        self.show(exported, form, dropped, as_json=options["json"])

    def show(self, exported: int, form: str, dropped: Counter[str], *, as_json: bool) -> None:
        left = sum(count for name, count in dropped.items() if name.startswith("whole record"))
        if as_json:
            told = {"format": form, "exported": exported, "left_out": left, "dropped": dict(dropped)}
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(f"{exported:,} exported as {form}, {left:,} left out")
        for name, count in dropped.most_common():
            self.stdout.write(f"  not in the export, {count:,} times: {name}")


class Tally:
    """Counts what passes."""

    def __init__(self, records: Iterator[Record]) -> None:
        self.count = 0
        self._records = records

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.count += 1
            yield record


def by_ending(path: Path) -> str:
    """The format that a path's name says; a folder is an experience store."""
    name = path.name.lower()
    if name.endswith((".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")):
        return "jsonl"
    if name.endswith(".parquet"):
        return "parquet"
    if path.suffix:
        raise CommandError(f"{path.name} ends in none of .jsonl, .jsonl.gz, .parquet; say --format")
    return "xautolm"


def counted(rows: QuerySet[Experience], bar: Bar) -> Iterator[Record]:
    """The records, oldest change first, some hundred in memory at a time."""
    total = rows.count()
    ordered = rows.prefetch_related(None).defer(None).only("record", "change_seq").order_by("change_seq")
    for place, row in enumerate(ordered.iterator(chunk_size=ROWS_AT_A_TIME), start=1):
        yield row.record
        bar.show(place / max(total, 1), f"{place:,} of {total:,}")


def files_of(record: Record, dropped: Counter[str]) -> list[xautolm.Written]:
    """The files of the experience store that hold a record; what they do not hold is counted."""
    files, names = xautolm.documents(record)
    dropped.update(names)
    return files


class Tree:
    """Files below a root; two records never share one, whatever they say of where they came from."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._taken: set[str] = set()

    def write(self, files: list[xautolm.Written]) -> bool:
        """Whether there was any. A file that is there already with this text stays as it is."""
        for file in files:
            other = xautolm.unnamed(file.text)
            path = other if file.path in self._taken else file.path
            try:
                self._write(path, file.text)
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                path = other  # another record's file stands where this one's folder would, or the other way round
                self._write(path, file.text)
            self._taken.add(path)
        return bool(files)

    def _write(self, name: str, text: str) -> None:
        path, data = self._root / name, text.encode("utf-8", "surrogatepass")
        if path.is_file() and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as target:
            target.write(data)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its place when it is complete; an interrupted export leaves what was there."""
    # Two exports into one place at once write two parts, and the later one stays.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
                    yield packed  # type: ignore[misc]
            else:
                yield raw
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
