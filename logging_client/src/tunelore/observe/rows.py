"""The training rows on their way to a fingerprint and statistics; they are let go of at the end.

Works within a time limit and says so in the record. Knows neither trainer nor network.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tunelore import trouble
from tunelore.describe import (
    EXTRACTORS,
    classification_metafeatures,
    label_metafeatures,
    landmark_apart,
    landmark_sample,
    question_answering_metafeatures,
    rows_fingerprint,
)
from tunelore.observe.dataset import (
    MAX_ROWS,
    ROWS_A_LOOK,
    Tokens,
    named_dataset,
    read_rows,
    rows_in,
    tokens_of,
)
from tunelore.observe.dataset import Rows as Pairs
from tunelore.observe.facts import Facts, Told, classes_of, named_classes
from tunelore.runs.values import finite

SECONDS = 30.0  # for reading and statistics together, at most
READING_SHARE, PRINT_SHARE = 0.6, 0.8  # of it, until rows are read and until they have a fingerprint
LATE_ROWS = 100_000  # described within a second where the time is nearly over
CLASSES, ANSWERS = "text-classification", "question-answering"


class Rows:
    """`early` gives task and fidelity with what is cheap, `late` the task with what is worked out meanwhile.

    `folder` is where statistics are kept from one run to the next, under the fingerprint of their rows.
    """

    def __init__(self, told: Told, task: Facts, train_dataset: Any, folder: Path) -> None:
        self._told = told
        self._task = task
        self._folder = folder
        self._train_rows = rows_in(train_dataset)
        self._sample: tuple[list[str], list[str]] | None = None
        self._early: Facts | None = None
        self._late: Facts | None = {}
        self._raw = told.dataset is not None and named_dataset(told.dataset) is None
        self._classes: dict[str, str] = {}
        with trouble.quietly("labels"):
            for rows in (told.dataset, train_dataset):
                self._classes |= named_classes(rows, told.label_column, "label", "labels")
        self._tokens = Tokens()
        if told.dataset is None and train_dataset is not None:
            # By this thread: a tokeniser that reads rows lazily must not be used by two threads at once.
            with trouble.quietly("dataset"):
                self._tokens = tokens_of(train_dataset)

    def early(self, hide: Callable[[Mapping[str, str]], object] = bool) -> Facts:
        """Task and fidelity with fingerprint and cheap statistics; worked out once, also for several runs.

        `hide` is told the names of the labels, which no metric is to be named by, before the facts are there.
        """
        if self._early is None:
            fingerprint, labels = self._tokens.fingerprint(), self._tokens.labels
            self._tokens = Tokens()
            whole, metafeatures = self._train_rows, None
            if self._raw:
                with trouble.quietly("dataset"):
                    fingerprint, whole, metafeatures = self._read()
            elif labels and self._task["kind"] == CLASSES:
                metafeatures = label_metafeatures(labels)
                metafeatures["sampled"] = len(labels) < (whole or 0)
                metafeatures["values"]["instances"] = whole
            task = {**self._task, "dataset": {**self._task["dataset"], "fingerprint": fingerprint}}
            self._task = task if metafeatures is None else {**task, "metafeatures": metafeatures}
            self._early = {"task": self._task, "fidelity": self._fidelity(whole)}
            with trouble.quietly("landmark"):
                self._start_landmark()
        hide(self._classes)
        return self._early

    def late(self) -> Facts | None:
        """The task with its landmark, which takes seconds beside the training; None while it is still worked out."""
        return self._late

    def _start_landmark(self) -> None:
        """Begun once the task is complete, since the answer comes by a thread of its own."""
        sample, self._sample = self._sample, None
        if sample is None:
            return
        task, sees = self._task, len(sample[0])

        def came(accuracy: float | None) -> None:
            known = task["metafeatures"]
            sampled = known["sampled"] or (accuracy is not None and known["values"]["instances"] > sees)
            found = {**known, "sampled": sampled, "values": {**known["values"], "landmark": accuracy}}
            if accuracy is not None:
                remember(self._folder, CLASSES, task["dataset"]["fingerprint"], found)
            self._late = {"task": {**task, "metafeatures": found}}

        self._late = None
        try:
            landmark_apart(*sample, came)
        except BaseException:
            self._late = {}
            raise

    def _read(self) -> tuple[str | None, int, Facts | None]:
        told, kind, began = self._told, self._task["kind"], time.monotonic()
        pairs, complete = read_rows(
            told.dataset,
            told.text_column,
            told.label_column,
            answers=kind == ANSWERS,
            until=began + SECONDS * READING_SHARE,
        )
        if kind != ANSWERS:
            self._classes = {**classes_of(label for _, label in pairs), **self._classes}
        if not complete:
            trouble.note(
                "dataset",
                f"the rows take over {SECONDS * READING_SHARE:.0f} s to read, are over {MAX_ROWS:,} or very long; the "
                f"first {len(pairs):,} describe the task, which stays without a fingerprint: give it a name, "
                'dataset="hub:owner/name"',
            )
        whole = len(pairs) if complete else max(len(pairs), rows_in(told.dataset) or 0)
        fingerprint = _fingerprint(pairs, began + SECONDS * PRINT_SHARE) if complete else None
        known = recall(self._folder, kind, fingerprint)
        if known is not None or not pairs:
            return fingerprint, whole, known
        late = time.monotonic() > began + SECONDS * PRINT_SHARE and kind == CLASSES
        described = pairs[:: len(pairs) // LATE_ROWS + 1] if late else pairs
        found = self._described(described, kind, began + SECONDS)
        if found is not None and (late or not complete):
            found["sampled"] = True
            found["values"]["instances"] = whole
        elif found is not None and kind == ANSWERS:
            remember(self._folder, kind, fingerprint, found)
        return fingerprint, whole, found

    def _described(self, pairs: Pairs, kind: str, until: float) -> Facts | None:
        texts, labels = [text for text, _ in pairs], [label for _, label in pairs]
        if kind == ANSWERS:
            return question_answering_metafeatures(texts, labels, seconds=until - time.monotonic())
        if kind != CLASSES:
            return None
        self._sample = landmark_sample(texts, labels)
        return classification_metafeatures(texts, labels, landmark=False)

    def _fidelity(self, whole: int | None) -> Facts:
        rows = self._train_rows
        share = rows / whole if rows and whole and rows <= whole else None
        return {"train_rows": rows, "train_fraction": share}


def _fingerprint(pairs: Pairs, until: float) -> str | None:
    """None where it takes too long."""

    def in_time() -> Iterator[tuple[str, str]]:
        for number, pair in enumerate(pairs):
            if number % ROWS_A_LOOK == 0 and time.monotonic() > until:
                raise TimeoutError
            yield pair

    try:
        return rows_fingerprint(in_time())
    except TimeoutError:
        trouble.note(
            "dataset", 'a fingerprint of the rows takes too long: give a name, dataset="hub:owner/name"'
        )
        return None


FOLDER = "statistics"
MAX_BYTES = 20_000
_FINGERPRINT = re.compile(r"rows-sha256:([0-9a-f]{64})")


def recall(spool: Path, kind: str, fingerprint: str | None) -> dict[str, Any] | None:
    """What was kept, None where nothing sensible was, or by another version of the extractor."""
    path = _path(spool, kind, fingerprint)
    if path is None:
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(kept, dict) or (kept.get("extractor"), kept.get("version")) != EXTRACTORS[kind]:
        return None
    values = kept.get("values")
    if not isinstance(values, dict) or not isinstance(kept.get("sampled"), bool):
        return None
    if any(value is not None and finite(value) is None for value in values.values()):
        return None
    return kept


def remember(spool: Path, kind: str, fingerprint: str | None, metafeatures: dict[str, Any]) -> None:
    """Keep them; a disk that takes nothing costs a second of the next run."""
    path = _path(spool, kind, fingerprint)
    if path is None:
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.part")
        temporary.write_text(json.dumps(metafeatures, allow_nan=False), encoding="utf-8")
        os.replace(temporary, path)
    except (OSError, ValueError):
        trouble.counts["statistics"] += 1


def _path(spool: Path, kind: str, fingerprint: str | None) -> Path | None:
    match = _FINGERPRINT.fullmatch(fingerprint or "")
    if match is None or kind not in EXTRACTORS:
        return None
    return spool / FOLDER / f"{kind}-{match[1]}.json"
