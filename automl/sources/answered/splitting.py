"""Cuts questions into train, validation and test: seeded, all questions about one context on one side."""

from __future__ import annotations

import random

from automl.errors import SourceError
from automl.sources.answered.questions import Questions, questions_of
from automl.sources.rows import TEST_SHARE, VALIDATION_SHARE, LabelledText, Splits


def prepare_questions(
    labelled: LabelledText,
    train_rows: int | None,
    seed: int,
    *,
    validation_rows: int | None = None,
    test_rows: int | None = None,
) -> Splits:
    """Splits of at most the given numbers of questions (None: all there are), drawn at random, in their order.

    A validation or test split that the user did not give is split off the training rows (15 % each), contexts whole.
    A question with its context that stands in a later split is taken out of the earlier ones. The same arguments give
    the same rows. Raises SourceError (code too_few_rows).
    """
    train = questions_of(labelled.train)
    test = questions_of(labelled.test) if labelled.test else None
    validation = questions_of(labelled.validation) if labelled.validation else None
    if test is None:
        train, test = _split_off(train, TEST_SHARE, seed + 1)
    if validation is None:
        train, validation = _split_off(train, VALIDATION_SHARE, seed + 2)
    validation = _without(validation, test)
    train = _without(_without(train, validation), test)
    splits = Splits(
        train=_drawn(train, train_rows, seed),
        validation=_drawn(validation, validation_rows, seed),
        test=_drawn(test, test_rows, seed),
        labels=(),
    )
    _check(splits)
    return splits


def _check(splits: Splits) -> None:
    sizes = (len(splits.train), len(splits.validation), len(splits.test))
    if min(sizes) == 0:
        raise SourceError(
            message=f"too few questions to split: {sizes[0]} to train, {sizes[1]} to validate, {sizes[2]} to test; "
            "questions about one context stay together, so several contexts are needed",
            code="too_few_rows",
            field="dataset",
        )


def _without(rows: Questions, others: Questions) -> Questions:
    taken = set(others.texts)
    return rows.take([index for index, text in enumerate(rows.texts) if text not in taken])


def _split_off(rows: Questions, share: float, seed: int) -> tuple[Questions, Questions]:
    """(rest, part): contexts drawn at random until the part has `share` of the questions."""
    about: dict[str, list[int]] = {}
    for index, one in enumerate(rows.items):
        about.setdefault(one.context or one.question, []).append(index)
    contexts = list(about)
    random.Random(seed).shuffle(contexts)  # noqa: S311 - a reproducible draw, no secret
    wanted, inside = round(share * len(rows)), set[int]()
    for context in contexts:
        if len(inside) >= wanted:
            break
        inside.update(about[context])
    rest = [index for index in range(len(rows)) if index not in inside]
    return rows.take(rest), rows.take(sorted(inside))


def _drawn(rows: Questions, size: int | None, seed: int) -> Questions:
    if size is None or size >= len(rows):
        return rows
    return rows.take(sorted(random.Random(seed).sample(range(len(rows)), size)))  # noqa: S311 - as above
