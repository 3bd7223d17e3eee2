"""Datasets: written down by a request, read by a control job.

It knows nothing of formats: an upload is stored under a name made from its hash, and the bridge reads it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import audit, require_writer
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.searches import bridge
from knowledgebase.searches.bridge import names
from knowledgebase.searches.models import Dataset, Search
from knowledgebase.searches.services.hints import hint_advance, hint_resolve

logger = logging.getLogger(__name__)

# What a dataset whose columns nobody named is read by: kind -> text columns, label column.
COLUMNS: Mapping[str, tuple[tuple[str, ...], str]] = {
    Dataset.Kind.CLASSES: (("text",), "label"),
    Dataset.Kind.ANSWERS: (("context", "question"), "answers"),
}
# Longer than an upload waits for its columns, so that none vanishes under the one who is choosing them.
ORPHAN_AGE = timedelta(hours=48)
MAX_UPLOAD_BYTES = 256 * 2**20
PLAIN_FORMATS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
FORMATS = tuple(one + packed for one in PLAIN_FORMATS for packed in ("", ".gz"))


@dataclass(frozen=True)
class StoredFile:
    """An upload on disk: its name below the uploads folder, made from its hash, and its size in bytes."""

    name: str
    size_bytes: int


def create_dataset(
    user: User,
    *,
    source: str,
    name: str,
    team: Team,
    kind: str = Dataset.Kind.CLASSES,
    files: Mapping[str, str] | None = None,
    text_columns: Sequence[str] = (),
    label_column: str = "",
    revision: str = "",
    config: str = "",
    encoding: str = "",
    languages: Sequence[str] = (),
    domain: str = "",
) -> Dataset:
    """Write a dataset down as `resolving` and ask a control worker to read it.

    Problem for unknown names, and for who may only read in the team.
    """
    require_writer(user, team.pk, "add datasets")
    builtin = [choice.key for choice in names.builtin_choices()]
    if source == Dataset.Source.BUILTIN and name not in builtin:
        message = f"{name[:100]!r} is unknown; known: {', '.join(builtin)}"
        raise Problem(422, "unknown_dataset", "Unknown dataset", message, [FieldError("name", message)])
    if source == Dataset.Source.BUILTIN and kind != Dataset.Kind.CLASSES:
        message = f"built-in datasets are of kind {Dataset.Kind.CLASSES.value}, not {kind[:60]}"
        raise Problem(422, "unknown_kind", "Unknown kind", message, [FieldError("kind", message)])
    if source == Dataset.Source.HUB:
        _check_hub_names(name, revision)
    days = timedelta(days=settings.UPLOAD_DAYS)
    with transaction.atomic():
        dataset = Dataset.objects.create(
            owner=user,
            team=team,
            source=source,
            kind=kind,
            name=name,
            files=dict(files or {}),
            text_columns=list(text_columns),
            label_column=label_column,
            revision=revision,
            config=config,
            encoding=encoding,
            expires_at=timezone.now() + days if source == Dataset.Source.UPLOAD else None,
            languages=list(languages),
            domain=domain,
        )
        audit(user, "dataset.create", dataset.pk, concerns=team, name=name, source=source)
        hint_resolve(dataset.pk)
    return dataset


def _check_hub_names(name: str, revision: str) -> None:
    try:
        names.check_hub_dataset(name, revision)
    except bridge.Refused as refusal:
        wrong = [FieldError(refusal.field, refusal.detail)]
        raise Problem(422, refusal.code, "Unknown dataset", refusal.detail, wrong) from refusal


def store_upload(chunks: Iterable[bytes], filename: str) -> StoredFile:
    """Keep an upload below the uploads folder; its name is its SHA-256, only the known ending is the user's.

    Problem for an unknown format, too many bytes or a full disk; nothing is left behind then.
    """
    ending = next(
        (one for one in sorted(FORMATS, key=len, reverse=True) if filename.lower().endswith(one)), ""
    )
    if not ending:
        message = f"{filename[-60:]!r} has none of the known endings {', '.join(FORMATS)}"
        raise Problem(422, "unknown_format", "Unknown format", message, [FieldError("file", message)])
    folder = Path(settings.UPLOADS_FOLDER)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=folder, suffix=".part")
    except OSError as error:
        raise _no_space(error) from error
    try:
        digest, size = _copy(chunks, handle)
        final = f"{digest}{ending}"
        os.replace(draft, folder / final)
    except OSError as error:
        raise _no_space(error) from error
    finally:
        Path(draft).unlink(missing_ok=True)
    return StoredFile(final, size)


def resolve_dataset(dataset_id: UUID) -> str:
    """Read a dataset once and write down what was found or why it is refused; its state after that.

    Idempotent; the searches that wait for it are pushed either way.
    """
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    if dataset is None:
        return "gone"
    if dataset.state == Dataset.State.RESOLVING:
        return settle_dataset(dataset, _findings(dataset))
    return dataset.state


def settle_dataset(dataset: Dataset, changes: Mapping[str, Any]) -> str:
    """End the reading of a dataset and push the searches that wait for it; its state then. The first one is right."""
    now = timezone.now()
    with transaction.atomic():
        reading = Dataset.objects.filter(pk=dataset.pk, state=Dataset.State.RESOLVING)
        if not reading.update(**changes, resolved_at=now, lease_until=None):
            return Dataset.objects.filter(pk=dataset.pk).values_list("state", flat=True).first() or "gone"
        waiting = Search.objects.filter(dataset=dataset.pk, state=Search.State.QUEUED)
        for search_id in waiting.values_list("pk", flat=True):
            hint_advance(search_id, now)
    if changes["state"] == Dataset.State.REFUSED:
        discard_files(dataset)
    return str(changes["state"])


def discard_files(dataset: Dataset) -> None:
    """Remove the uploads of a dataset that nobody else uses: the same bytes are stored once for all.

    A file that was uploaded again since then may wait for its columns; if nobody chooses them, it goes as an orphan.
    """
    if dataset.source != Dataset.Source.UPLOAD:
        return
    others = Dataset.objects.filter(source=Dataset.Source.UPLOAD).exclude(pk=dataset.pk)
    kept = {
        name
        for files in others.exclude(state__in=Dataset.UNUSABLE).values_list("files", flat=True)
        for name in files.values()
    }
    for name in set(dataset.files.values()) - kept:
        file = Path(settings.UPLOADS_FOLDER) / name
        if file.is_file() and file.stat().st_mtime <= dataset.created_at.timestamp():
            file.unlink(missing_ok=True)


def expire_uploads(now: datetime) -> int:
    """Remove the files of uploads whose time is over, unless a search still runs on them; how many there were."""
    over = Dataset.objects.filter(source=Dataset.Source.UPLOAD, expires_at__lt=now).exclude(files={})
    count = 0
    for dataset in over.exclude(searches__state__in=Search.UNFINISHED):
        detail = f"its files were removed {settings.UPLOAD_DAYS} days after the upload; upload them again"
        problem = {"code": "expired", "detail": detail, "field": "file"}
        Dataset.objects.filter(pk=dataset.pk).update(state=Dataset.State.REFUSED, problem=problem, files={})
        discard_files(dataset)
        count += 1
    return count


def discard_orphans(now: datetime) -> int:
    """Remove uploads that became no dataset: nobody chose their columns while the link to do so was good."""
    folder = Path(settings.UPLOADS_FOLDER)
    if not folder.is_dir():
        return 0
    oldest = (now - ORPHAN_AGE).timestamp()
    old = {file.name for file in folder.iterdir() if file.is_file() and file.stat().st_mtime < oldest}
    if not old:
        return 0
    rows = Dataset.objects.filter(source=Dataset.Source.UPLOAD).exclude(state__in=Dataset.UNUSABLE)
    old -= {name for files in rows.values_list("files", flat=True) for name in files.values()}
    for name in old:
        (folder / name).unlink(missing_ok=True)
    return len(old)


def _findings(dataset: Dataset) -> dict[str, object]:
    try:
        facts = asdict(bridge.read_dataset(dataset))
        warnings = [_in_words(dataset, warning) for warning in facts.pop("warnings")]
        return {"state": Dataset.State.READY, "warnings": warnings, **facts}
    except bridge.Refused as refusal:
        logger.info("dataset %s is refused: %s", dataset.pk, refusal.detail)
        detail = _in_words(dataset, refusal.detail)
        problem = {"code": refusal.code, "detail": detail, "field": refusal.field}
        return {"state": Dataset.State.REFUSED, "problem": problem}


def _in_words(dataset: Dataset, text: str) -> str:
    """The names that people know instead of those of stored files."""
    for split, name in dataset.files.items():
        text = text.replace(name, f"{dataset.name} ({split})")
    return text


def _copy(chunks: Iterable[bytes], handle: int) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with os.fdopen(handle, "wb") as output:
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_UPLOAD_BYTES:
                message = (
                    f"is over {MAX_UPLOAD_BYTES // 2**20} MiB; cut it, or ask the operator to place the file"
                )
                raise Problem(413, "too_large", "Too large", message, [FieldError("file", message)])
            digest.update(chunk)
            output.write(chunk)
    return digest.hexdigest(), size


def _no_space(error: OSError) -> Problem:
    logger.error("an upload could not be stored: %s", error)
    return Problem(
        507,
        "storage",
        "No storage",
        "the hub cannot store the file: no space or no access; tell its operator",
    )
