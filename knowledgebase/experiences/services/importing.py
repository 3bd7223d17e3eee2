"""Sources of any format through the one door of the store, some hundred records at a time. It reads no format itself.

Ids come from the sources, so whatever was imported before is merged: an interrupted import is started again, and one
that was complete changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import audit
from knowledgebase.experiences import importers
from knowledgebase.experiences.importers import Found, Refused, Source
from knowledgebase.experiences.services.recording import ItemResult, record_experiences
from knowledgebase.experiences.services.rehearsing import Rehearsal

BATCH = 200
REASON_CHARACTERS = 2_000
MOST_REASONS, REST = 1_000, "and others, whose places are not told"
KEPT = "known from another reading of the same run, which stays as it is"
Progress = Callable[["Report"], None]
Record = Callable[..., list[ItemResult]]


@dataclass(frozen=True)
class Owner:
    """Whom imported records belong to, and who may see them."""

    owner: User | None
    team: Team | None
    visibility: str = "team"
    origin: str = ""


@dataclass
class Report:
    """What was read and what became of it: read = imported + merged + refused, in entries of the sources.

    merged: known already, or told twice by the source. reasons and notes (odd, but accepted) are counted by text.
    found: records that the readers made, whatever the store said to them.
    done: the share of all sources that has been read, in [0, 1]; now: the source that is being read.
    """

    read: int = 0
    imported: int = 0
    merged: int = 0
    refused: int = 0
    found: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    done: float = 0.0
    now: str = ""

    def refuse(self, place: str, reason: str, parts: int = 1) -> None:
        """Count entries that were left out, with where and why."""
        self.refused += parts
        _note(self.reasons, f"{place}: {reason}", parts)


def _note(told: Counter[str], text: str, count: int = 1) -> None:
    """Count a text; of a million wrong lines the first thousand are told by their places."""
    text = text[:REASON_CHARACTERS]
    told[text if text in told or len(told) < MOST_REASONS else REST] += count


def import_sources(
    sources: Sequence[Source | Refused],
    belongs: Owner,
    *,
    dry_run: bool = False,
    unfinished: bool = False,
    progress: Progress = lambda report: None,
) -> Report:
    """Store what the sources hold, each batch in a transaction of its own; a refused entry hinders no other.

    dry_run: each batch is taken back as soon as it was stored, so that no writer of the hub waits for the whole.
    unfinished: take runs that their tool still calls running, as they are now; later they would be another content.
    """
    report = Report()
    if dry_run:
        _import_all(sources, belongs, report, progress, unfinished, Rehearsal().record)
    else:
        try:
            _import_all(sources, belongs, report, progress, unfinished, record_experiences)
        finally:  # what was stored before an interruption stays, so it is told
            _tell(report, belongs)
    return report


def _tell(report: Report, belongs: Owner) -> None:
    """The one entry of an import: its counts, and whether it came to its end."""
    counts = {name: getattr(report, name) for name in ("read", "imported", "merged", "refused")}
    facts = {**counts, "visibility": belongs.visibility, "complete": report.done == 1.0}
    audit(belongs.owner, "experience.import", belongs.origin, concerns=belongs.team, **facts)


def _import_all(
    sources: Sequence[Source | Refused],
    belongs: Owner,
    report: Report,
    progress: Progress,
    unfinished: bool,
    record: Record,
) -> None:
    sizes = [source.bytes + 1 if isinstance(source, Source) else 1 for source in sources]
    total, before = sum(sizes), 0
    waiting: list[Found] = []
    for source, size in zip(sources, sizes, strict=True):
        report.now = source.name if isinstance(source, Source) else source.place
        for item in importers.read(source):
            report.read += item.parts
            report.done = (before + size * item.share) / total
            if isinstance(item, Refused):
                report.refuse(item.place, item.reason, item.parts)
                progress(report)
                continue
            report.found += 1
            if item.unfinished and not unfinished:
                report.refuse(
                    item.place, f"{item.unfinished}; import it when it has ended, or as it is (--unfinished)"
                )
                continue
            waiting.append(item)
            if len(waiting) == BATCH:
                _store(waiting, belongs, report, record)
                waiting = []
                progress(report)
        before += size
    _store(waiting, belongs, report, record)
    report.done = 1.0
    progress(report)


def _store(found: Sequence[Found], belongs: Owner, report: Report, record: Record) -> None:
    if not found:
        return
    results = record(
        [one.record for one in found],
        owner=belongs.owner,
        team=belongs.team,
        visibility=belongs.visibility,
        origin=belongs.origin,
        is_part=True,
    )
    for one, result in zip(found, results, strict=True):
        _count(one, result, report)


def _count(one: Found, result: ItemResult, report: Report) -> None:
    # An id made of the whole content of an entry: under it stands the same run, read elsewhere or in another way.
    known = result.status == 200 or (result.status == 409 and one.by_content)
    if result.status == 201 or known:
        report.imported += not known
        report.merged += one.parts - (not known)
        for note in one.notes if result.status != 409 else (*one.notes, KEPT):
            _note(report.notes, f"{one.place}: {note}")
        return
    report.refuse(one.place, _reason(result), one.parts)


def _reason(result: ItemResult) -> str:
    """Everything that is wrong, each with its place and value."""
    problem = result.problem
    if problem is None:
        return f"status {result.status}"
    fields = [f"{field.pointer or 'record'}: {field.message}" for field in problem.fields]
    return "; ".join(fields) or problem.detail
