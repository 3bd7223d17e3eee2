"""Cuts labelled rows into train, validation and test: stratified, seeded, identical texts on one side.

Knows nothing of where the rows come from.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from automl.errors import SourceError
from automl.sources.answered.questions import Questions
from automl.sources.answered.splitting import prepare_questions
from automl.sources.rows import TEST_SHARE, VALIDATION_SHARE, LabelledText, Rows, Splits

MIN_ROWS = 10


def prepare(
    labelled: LabelledText,
    train_rows: int | None,
    seed: int,
    *,
    validation_rows: int | None = None,
    test_rows: int | None = None,
) -> Splits:
    """Splits of at most the given sizes (None: all there is), each with the class shares of its source.

    Rows without text are left out. A validation or test split that the user did not give is split off the
    training rows (15 % each). A text that stands in a later split is taken out of the earlier ones, so the
    judged rows stay as the user gave them. Every class of the dataset keeps at least one training row where
    `train_rows` allows it. The same arguments give the same rows. Raises SourceError (code too_few_rows).
    Questions have no classes and are cut by `answered.splitting`.
    """
    if isinstance(labelled.train, Questions):
        return prepare_questions(
            labelled, train_rows, seed, validation_rows=validation_rows, test_rows=test_rows
        )
    train = _with_text(labelled.train)
    test = _with_text(labelled.test) if labelled.test else None
    validation = _with_text(labelled.validation) if labelled.validation else None
    if test is None:
        train, test = _split_off(train, TEST_SHARE, seed + 1)
    if validation is None:
        train, validation = _split_off(train, VALIDATION_SHARE, seed + 2)
    validation = _without(validation, test.texts)
    train = _without(train, [*validation.texts, *test.texts])
    splits = Splits(
        train=stratified(train, train_rows, seed),
        validation=stratified(validation, validation_rows, seed),
        test=stratified(test, test_rows, seed),
        labels=tuple(sorted({*train.labels, *validation.labels, *test.labels})),
    )
    _check(splits)
    return splits


def _check(splits: Splits) -> None:
    sizes = (len(splits.train), len(splits.validation), len(splits.test))
    if min(sizes) == 0 or sum(sizes) < MIN_ROWS:
        raise SourceError(
            message=f"too few rows to split: {sizes[0]} to train, {sizes[1]} to validate, {sizes[2]} to test; "
            f"at least {MIN_ROWS} rows with text, and one in each part, are needed",
            code="too_few_rows",
            field="dataset",
        )
    if len(set(splits.train.labels)) < 2:
        raise SourceError(
            message=f"the training part of {sizes[0]} rows has only one class; ask for more training rows",
            code="one_class",
            field="dataset",
        )


def _with_text(rows: Rows) -> Rows:
    return rows.take([index for index, text in enumerate(rows.texts) if text.strip()])


def _without(rows: Rows, texts: Iterable[str]) -> Rows:
    taken = set(texts)
    return rows.take([index for index, text in enumerate(rows.texts) if text not in taken])


def _split_off(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """(rest, part): `share` of the distinct texts of each class; all copies of a text go together."""
    copies: dict[str, list[int]] = {}
    for index, text in enumerate(rows.texts):
        copies.setdefault(text, []).append(index)
    first = [indices[0] for indices in copies.values()]
    chosen = _draw(rows.labels, first, round(share * len(first)), seed, keep_each=False)
    part = sorted(index for i in chosen for index in copies[rows.texts[i]])
    inside = set(part)
    rest = [index for index in range(len(rows)) if index not in inside]
    return rows.take(rest), rows.take(part)


def stratified(rows: Rows, size: int | None, seed: int) -> Rows:
    """At most `size` rows with the class shares of `rows` (largest remainders), in their original order."""
    if size is None or size >= len(rows):
        return rows
    return rows.take(sorted(_draw(rows.labels, list(range(len(rows))), size, seed, keep_each=True)))


def _draw(labels: list[str], candidates: list[int], size: int, seed: int, *, keep_each: bool) -> list[int]:
    groups: dict[str, list[int]] = {}
    for index in candidates:
        groups.setdefault(labels[index], []).append(index)
    source = random.Random(seed)  # noqa: S311 - a reproducible draw, no secret
    drawn: list[int] = []
    for label, count in _shares(
        {label: len(groups[label]) for label in sorted(groups)}, size, keep_each
    ).items():
        drawn += source.sample(groups[label], count)
    return drawn


def _shares(counts: dict[str, int], size: int, keep_each: bool) -> dict[str, int]:
    """Whole numbers that sum to `size` and follow `counts`, by largest remainders; one for each class first."""
    total = sum(counts.values())
    floor = 1 if keep_each and size >= len(counts) else 0
    exact = {label: size * count / total for label, count in counts.items()}
    shares = {label: max(floor, int(exact[label])) for label in counts}
    by_remainder = sorted(counts, key=lambda label: (int(exact[label]) - exact[label], label))
    while sum(shares.values()) < size:
        for label in by_remainder:
            if sum(shares.values()) < size and shares[label] < counts[label]:
                shares[label] += 1
    while sum(shares.values()) > size:
        shares[max(shares, key=lambda label: (shares[label] - exact[label], label))] -= 1
    return shares
