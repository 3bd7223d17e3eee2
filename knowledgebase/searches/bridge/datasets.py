"""Dataset rows to what the library reads, and what it found back to plain facts.

It knows no database writes; the describers of tunelore measure, the sources of automl read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from tunelore import describe, record

from automl.errors import AutomlError
from automl.sources.datasets import DatasetRef, load
from automl.sources.fetching import arriving, fetch_dataset, fetched_bytes
from automl.sources.quality import findings
from automl.sources.rows import ANSWERS, CLASSES, LabelledText
from automl.sources.splitting import prepare
from knowledgebase.searches.bridge.refusal import Refused, refused
from knowledgebase.searches.bridge.store import hub_store
from knowledgebase.searches.models import Dataset

KIND = CLASSES
MAX_CLASSES = 1000


@dataclass(frozen=True)
class DatasetFacts:
    """What a control worker found out about a dataset; counts of rows as the user gave them."""

    fingerprint: str
    task_digest: str
    classes: dict[str, int]
    train_rows: int
    validation_rows: int | None
    test_rows: int | None
    size_bytes: int | None
    metafeatures: dict[str, object]
    languages: list[str]
    domain: str
    revision: str
    config: str
    warnings: list[str]


def dataset_ref(dataset: Dataset) -> DatasetRef:
    """The library's name of a dataset; paths are relative to the roots of its source."""
    if dataset.source == Dataset.Source.BUILTIN:
        return DatasetRef(source="builtin", name=dataset.name)
    if dataset.source == Dataset.Source.HUB:
        return DatasetRef(
            source="hub",
            name=dataset.name,
            text_columns=tuple(dataset.text_columns),
            label_column=dataset.label_column,
            revision=dataset.revision or None,
            config=dataset.config,
            kind=dataset.kind,
        )
    return DatasetRef(
        source="file",
        name=dataset.name,
        path=dataset.files.get("train"),
        validation_path=dataset.files.get("validation"),
        test_path=dataset.files.get("test"),
        text_columns=tuple(dataset.text_columns),
        label_column=dataset.label_column,
        encoding=dataset.encoding or "utf-8",
        kind=dataset.kind,
    )


def data_roots(dataset: Dataset) -> list[str]:
    """Folders that the dataset's files may lie below: the uploads, or what the operator allows."""
    if dataset.source == Dataset.Source.UPLOAD:
        return [str(settings.UPLOADS_FOLDER)]
    return [str(root) for root in settings.DATA_ROOTS]


def read_dataset(dataset: Dataset) -> DatasetFacts:
    """Read all of it once: fetch, check, fingerprint, count, measure. Raises Refused with the field at fault."""
    try:
        ref = fetch_dataset(dataset_ref(dataset), hub_store())
        labelled = load(ref, roots=data_roots(dataset), cache=str(settings.CACHE_FOLDER))
        prepare(labelled, None, 0)  # refuses what cannot be split
    except AutomlError as error:
        raise refused(error) from error
    classes = _classes(dataset, labelled)
    fingerprint = describe.rows_fingerprint(labelled.train)
    return DatasetFacts(
        fingerprint=fingerprint,
        task_digest=_task_digest(dataset, fingerprint),
        classes=dict(sorted(classes.items())),
        train_rows=len(labelled.train),
        validation_rows=len(labelled.validation) if labelled.validation else None,
        test_rows=len(labelled.test) if labelled.test else None,
        size_bytes=fetched_bytes(ref, hub_store()) if ref.source == "hub" else _size(dataset),
        metafeatures=_metafeatures(dataset, labelled),
        languages=dataset.languages or list(labelled.languages),
        domain=dataset.domain or labelled.domain or "",
        revision=ref.revision or "",
        config=ref.config,
        warnings=_warnings(labelled, classes),
    )


def arriving_bytes(dataset: Dataset) -> int:
    """How much of a dataset of the HF Hub has arrived on this machine and is not complete yet; 0 of any other."""
    return arriving(dataset_ref(dataset), hub_store())


def _classes(dataset: Dataset, labelled: LabelledText) -> Counter[str]:
    """Training rows by class; of questions there are none to count."""
    if dataset.kind == ANSWERS:
        return Counter()
    classes = Counter(labelled.train.labels)
    if len(classes) > MAX_CLASSES:
        raise Refused(
            "too_many_classes",
            f"{dataset.label_column or 'the label column'} has {len(classes)} different labels, at most "
            f"{MAX_CLASSES} are allowed; is it the right column?",
            "label_column",
        )
    return classes


def _metafeatures(dataset: Dataset, labelled: LabelledText) -> dict[str, object]:
    texts, labels = labelled.train.texts, labelled.train.labels
    if dataset.kind == ANSWERS:
        return describe.question_answering_metafeatures(texts, labels)
    return describe.classification_metafeatures(texts, labels)


def task_description(dataset: Dataset, fingerprint: str | None = None) -> dict[str, object]:
    """The `task` part of a record about this dataset."""
    task: dict[str, object] = {
        "kind": dataset.kind,
        "name": dataset.name,
        "dataset": {
            "source": dataset.source,
            "name": dataset.name,
            **{part: value for part, value in _where(dataset).items() if value},
            "fingerprint": fingerprint or dataset.fingerprint,
            "label_column": dataset.label_column or "label",
        },
    }
    if dataset.languages:
        task["languages"] = list(dataset.languages)
    if dataset.domain:
        task["domain"] = dataset.domain
    if dataset.metafeatures:
        task["metafeatures"] = dataset.metafeatures
    return task


def _where(dataset: Dataset) -> dict[str, str]:
    """Part and commit of a repository of the HF Hub."""
    is_hub = dataset.source == Dataset.Source.HUB
    return {"config": dataset.config, "revision": dataset.revision} if is_hub else {}


def _task_digest(dataset: Dataset, fingerprint: str) -> str:
    return record.task_identity({"task": task_description(dataset, fingerprint)}).digest


def _size(dataset: Dataset) -> int | None:
    sizes = [_file_size(root, name) for name in dataset.files.values() for root in data_roots(dataset)]
    return sum(sizes) if dataset.files else None


def _file_size(root: str, name: str) -> int:
    path = Path(root) / name
    return path.stat().st_size if path.is_file() else 0


def _warnings(labelled: LabelledText, classes: Counter[str]) -> list[str]:
    if not classes:
        return list(labelled.warnings)
    found = [
        *labelled.warnings,
        *(words.capitalize()[0] + words[1:] + "." for words in findings(labelled.train)),
    ]
    rare = sorted(label for label, count in classes.items() if count < 5)
    if rare:
        shown = ", ".join(repr(label[:40]) for label in rare[:5])
        found.append(f"{len(rare)} of {len(classes)} classes have fewer than 5 training rows: {shown}")
    return found
