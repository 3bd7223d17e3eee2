"""The one door into the store: record_experiences, plural, idempotent by id.

It knows nothing of who calls (upload, search, import). Start there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import BigIntegerField, QuerySet, Value
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from tunelore import record as records

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import audit
from knowledgebase.core.database import insert_rows
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.core.prepared import Prepared
from knowledgebase.experiences.models import Experience, Run, Tombstone, numbers_of
from knowledgebase.experiences.models.description import audience_of
from knowledgebase.experiences.models.experience import MOST_SECONDS
from knowledgebase.experiences.services.changes import lock_changes, take
from knowledgebase.experiences.services.descriptions import describe_again
from knowledgebase.experiences.services.forgetting import forget_unused
from knowledgebase.experiences.services.references import (
    Identities,
    References,
    canonical_parts,
    identify,
    resolve,
)

Record = Mapping[str, Any]
INSERT_ROWS = 200
NOT_CONTENT = ("id", "provenance")
SEEN_BEYOND = (Experience.Visibility.HUB, Experience.Visibility.PUBLIC)


@dataclass(frozen=True)
class ItemResult:
    """What became of one item. status: 201 new, 200 already there, 409 other content under this id,
    410 deleted, 413 too large, 422 not a valid record. ``problem`` says why where it was refused; ``row`` is what was
    stored, where it is new."""

    status: int
    id: str | None
    problem: Problem | None = None
    row: Experience | None = None


@dataclass(frozen=True)
class _Item:
    """A valid record with what identity and idempotency need."""

    record: Record
    id: UUID
    content: str
    digest: str
    parts: Mapping[str, bytes]


@dataclass(frozen=True)
class _There:
    """What the store holds under a batch's ids: content and whether it is provisional; what was deleted; runs, with
    who may see them; of the runs and provisional outcomes those of others; and own runs that a client took for lost.
    """

    rows: dict[UUID, tuple[str, bool]]
    gone: set[UUID]
    runs: dict[UUID, str]
    foreign: set[UUID]
    lost: set[UUID]


def record_experiences(
    batch: Sequence[object],
    *,
    owner: User | None,
    team: Team | None,
    visibility: str = Experience.Visibility.TEAM,
    origin: str = "",
    provisional: bool = False,
    is_checked: bool = False,
    is_part: bool = False,
) -> list[ItemResult]:
    """Store these records, each for itself: one refused item does not hinder the others.

    Returns one result an item, in order. Same id and same canonical record again: 200, nothing changes; other
    content: 409, nothing changes, except that a provisional outcome yields to its owner's own record, and `lost`,
    which is what other processes made of a silent one, to what the run then says itself. The id of a run that
    somebody else has announced is 409 too. What was announced for fewer than `visibility` stays with them. A deleted
    id is 410. One transaction: after an error of the database nothing is stored. ``is_checked``: the caller has made
    these records itself and vouches for them. ``is_part``: of something longer that its caller writes down in the
    audit as a whole.
    """
    checked = [_trust(item) if is_checked else _check(item) for item in batch]
    valid = [item for item in checked if isinstance(item, _Item)]
    results: list[ItemResult] = []
    fresh: dict[UUID, _Item] = {}
    with transaction.atomic():
        # Looked up under the lock: what is absent now stays absent until this transaction has committed.
        counter = lock_changes()
        there = _find(valid, owner)
        for item in checked:
            results.append(item if isinstance(item, ItemResult) else _decide(item, there, fresh, provisional))
        if fresh:
            audience = audience_of(visibility, team.pk if team else None, owner.pk if owner else None)
            known = [identify(item.record, audience, item.parts) for item in fresh.values()]
            references = resolve(known)
            numbers = take(counter, len(fresh))
            extra = {
                "owner_id": owner.pk if owner else None,
                "team_id": team.pk if team else None,
                "visibility": visibility,
                "origin": origin,
                "provisional": provisional,
            }
            rows = [
                _row(item, identities, references, {**extra, "change_seq": number})
                for item, identities, number in zip(fresh.values(), known, numbers, strict=True)
            ]
            _write(rows, there, owner)
            if not is_part:
                _tell([row for row in rows if row.pk not in there.rows], owner, team, visibility)
            results = _with_rows(results, rows)
    return results


def narrower(one: str, other: str) -> str:
    """Of two visibilities the one that fewer people see."""
    return min(one, other, key=lambda each: Experience.Visibility(each).width)


def _with_rows(results: Sequence[ItemResult], rows: Sequence[Experience]) -> list[ItemResult]:
    stored = {str(row.pk): row for row in rows}
    return [
        replace(result, row=stored[str(result.id)]) if result.status == 201 else result for result in results
    ]


def _trust(item: Any) -> _Item:
    parts = parts_in_order(item)
    content, digest = content_and_digest(parts)
    return _Item(item, UUID(item["id"]), content, digest, parts)


def parts_in_order(record: Record) -> dict[str, bytes]:
    """All parts of a record as its canonical form holds them: each is written once, for all that is told by it."""
    return canonical_parts(record, sorted(record, key=lambda name: name.encode("utf-16-be", "surrogatepass")))


def content_and_digest(parts: Mapping[str, bytes]) -> tuple[str, str]:
    """SHA-256 of the canonical record, hexadecimal; and `records.digest` of it, from its parts in canonical order."""
    whole = hashlib.sha256(b"{" + b",".join(parts.values()) + b"}")
    said = [part for name, part in parts.items() if name not in NOT_CONTENT]
    return whole.hexdigest(), "sha256:" + hashlib.sha256(b"{" + b",".join(said) + b"}").hexdigest()


def _check(item: object) -> _Item | ItemResult:
    problems = records.check(item)
    if not problems and isinstance(item, Mapping):
        return _trust(item)
    found = item.get("id") if isinstance(item, Mapping) else None
    fields = [FieldError(problem.pointer, problem.message) for problem in problems]
    detail = "; ".join(f"{field.pointer or 'record'}: {field.message}" for field in fields[:5])
    too_large = any(not field.pointer and "bytes as canonical JSON" in field.message for field in fields)
    status, code = (413, "record_too_large") if too_large else (422, "invalid_record")
    problem = Problem(status, code, "Not a valid record", detail, fields)
    return ItemResult(status, str(found)[:64] if isinstance(found, str) else None, problem)


def _under_ids(ids: list[UUID]) -> QuerySet[Any, Any]:
    nobody, empty = Value(None, output_field=BigIntegerField()), Value("")
    stored, runs, gone = (
        model._default_manager.filter(pk__among=ids).order_by() for model in (Experience, Run, Tombstone)
    )
    # In the column of the content, which a run has not: who may see it.
    return stored.values_list(Value("stored"), "pk", "owner_id", "content", "provisional", "cause").union(
        runs.values_list(Value("run"), "pk", "owner_id", "visibility", Value(True), empty),
        gone.values_list(Value("gone"), "pk", nobody, empty, Value(False), empty),
        all=True,
    )


UNDER_IDS = Prepared(_under_ids, ("ids",))
LOST = "lost"  # the cause of an end that nobody saw


def _find(items: Sequence[_Item], owner: User | None) -> _There:
    """One question for all three tables, which is most of what keeps other writers waiting."""
    there = _There({}, set(), {}, set(), set())
    ids, key = [item.id for item in items], owner.pk if owner else None
    if not ids:
        return there
    for what, pk, starter, content, is_provisional, cause in UNDER_IDS.rows(ids=ids):
        if what == "stored":
            there.rows[pk] = (content, is_provisional)
            if cause == LOST and starter == key is not None:
                there.lost.add(pk)
        elif what == "gone":
            there.gone.add(pk)
        else:
            there.runs[pk] = content
        if is_provisional and starter != key:
            there.foreign.add(pk)
    return there


def _decide(item: _Item, there: _There, fresh: dict[UUID, _Item], provisional: bool) -> ItemResult:
    name = str(item.id)
    if item.id in there.gone:
        problem = Problem(
            410, "deleted", "Deleted", f"experience {name} was deleted and stays so; do not send it again"
        )
        return ItemResult(410, name, problem)
    if item.id in there.foreign:
        detail = f"run {name} was started by somebody else. Give the new run an id of its own"
        return ItemResult(409, name, Problem(409, "other_owner", "Run of somebody else", detail))
    stored, is_provisional = there.rows.get(item.id, (None, False))
    content = fresh[item.id].content if item.id in fresh else stored
    if content is not None and content == item.content:
        return ItemResult(200, name)
    own_end = item.id in there.lost and item.record["outcome"].get("cause") != LOST
    yields = (is_provisional or own_end) and item.id not in fresh and not provisional
    if content is not None and not yields:
        return ItemResult(409, name, other_content(name))
    fresh[item.id] = item
    return ItemResult(200 if yields else 201, name)


def other_content(name: str) -> Problem:
    """What the same id under another record is told."""
    detail = f"id {name} has a record with other content, which stays. Give the new run an id of its own"
    return Problem(409, "other_content", "Other content under this id", detail)


def _tell(new: Sequence[Experience], owner: User | None, team: Team | None, visibility: str) -> None:
    """One entry for what was sent at once and is seen beyond its team from the start."""
    ids = [str(row.pk) for row in new if row.visibility in SEEN_BEYOND]
    if not ids:
        return
    target = ids[0] if len(ids) == 1 else f"{len(ids)} experiences"
    audit(owner, "experience.create", target, concerns=team, visibility=visibility, ids=ids)


def _write(rows: Sequence[Experience], there: _There, actor: User | None) -> None:
    for row in rows:
        if row.pk in there.runs:
            row.visibility = narrower(row.visibility, there.runs[row.pk])
    new = [row for row in rows if row.pk not in there.rows]
    insert_rows(Experience, new, at_once=INSERT_ROWS)
    for row in rows:
        if row.pk in there.rows:
            kept = Experience.objects.defer("record", "numbers").select_related("team").get(pk=row.pk)
            row.owner_id, row.team_id = kept.owner_id, kept.team_id
            # Nobody has said that those who saw the hub's guess may see what was now sent, nor the other way round.
            row.visibility = narrower(row.visibility, kept.visibility)
            row.save(force_update=True)
            # What the guess alone spoke of goes with it, and the words go to those who see the row.
            forget_unused(kept)
            describe_again(row)
            seen = {"before": kept.visibility, "after": row.visibility}
            audit(actor, "experience.replace", row.pk, concerns=kept.team, **seen)
    if ended := [row.pk for row in rows if row.pk in there.runs]:
        Run.objects.filter(pk__among=ended).delete()


def _row(item: _Item, identities: Identities, references: References, extra: Mapping[str, Any]) -> Experience:
    record = item.record
    outcome, cost = record["outcome"], record.get("cost") or {}
    primary, fidelity = record.get("primary") or {}, record.get("fidelity") or {}
    system, language_model = identities.system, identities.language_model
    descriptions, model_words = references.language_model_descriptions, identities.language_model_description
    started_at, finished_at = _times(record)
    return Experience(
        id=item.id,
        digest=item.digest,
        content=item.content,
        task=references.tasks[identities.task.digest],
        system_id=None if system is None else references.systems[system],
        pipeline_id=references.pipelines[identities.pipeline],
        language_model_id=None if language_model is None else references.language_models[language_model],
        task_description_id=references.task_descriptions[identities.task_description],
        language_model_description_id=None if model_words is None else descriptions[model_words],
        method=record["pipeline"]["method"],
        space=record["pipeline"].get("space") or "",
        status=outcome["status"],
        phase=outcome.get("phase") or "",
        cause=outcome.get("cause") or "",
        score=primary.get("value"),
        primary_metric=primary.get("metric") or "",
        primary_split=primary.get("split") or "",
        evaluation_s=_seconds(cost.get("evaluation_s")),
        cpu_s=_seconds(cost.get("cpu_s")),
        host_memory_bytes=cost.get("host_memory_bytes"),
        device_memory_bytes=cost.get("device_memory_bytes"),
        train_rows=fidelity.get("train_rows"),
        started_at=started_at,
        finished_at=finished_at,
        via=record["provenance"]["via"],
        licence=record["provenance"].get("licence") or "",
        record=record if type(record) is dict else dict(record),
        numbers=numbers_of(record),
        received_at=timezone.now(),
        **extra,
    )


def _seconds(value: float | None) -> float | None:
    """The column; the record keeps the number. None for more than any run takes."""
    return None if value is None or value > MOST_SECONDS else value


def _times(record: Record) -> tuple[datetime | None, datetime | None]:
    """Start and end. An end before the start, which only who vouches for a record can say, is none."""
    started_at, finished_at = _time(record.get("started_at")), _time(record.get("finished_at"))
    if started_at is not None and finished_at is not None and finished_at < started_at:
        return started_at, None
    return started_at, finished_at


def _time(text: str | None) -> datetime | None:
    """The column; the record keeps the text. None where an offset leads out of the calendar."""
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
        return moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None
