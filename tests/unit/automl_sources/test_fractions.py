"""A fraction of training rows: nested, the same each time, every class in its share."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from automl.sources.answered.questions import Question, Questions
from automl.sources.fractions import fraction_of
from automl.sources.rows import Rows

COUNTS = {"usual": 600, "half as usual": 290, "rare": 9, "once": 1}
ROWS = Rows(
    [f"{label} {number}" for label, count in COUNTS.items() for number in range(count)],
    [label for label, count in COUNTS.items() for _ in range(count)],
)
FRACTIONS = (0.001, 0.02, 1 / 9, 0.111111, 0.25, 1 / 3, 0.5, 0.9, 0.999, 1.0)


@pytest.mark.parametrize("seed", range(5))
def test_a_smaller_fraction_lies_in_a_larger_one(seed: int) -> None:
    found = [fraction_of(ROWS, fraction, seed).texts for fraction in FRACTIONS]
    for smaller, larger in pairwise(found):
        assert set(smaller) <= set(larger)
        assert len(smaller) <= len(larger)
    assert found[-1] == ROWS.texts


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_every_class_has_its_share_and_one_row_at_least(fraction: float) -> None:
    found = fraction_of(ROWS, fraction, 1)
    assert len(found) == max(round(fraction * len(ROWS)), len(COUNTS))
    counts = Counter(found.labels)
    for label, count in COUNTS.items():
        assert counts[label] == 1 or abs(counts[label] - fraction * count) <= 2
        assert counts[label] >= 1


def test_many_even_classes_share_evenly_and_no_row_is_lost_to_rounding() -> None:
    rows = Rows([str(number) for number in range(6000)], [str(number % 150) for number in range(6000)])
    found = fraction_of(rows, 1 / 9, 1)
    assert len(found) == 667
    assert set(Counter(found.labels).values()) <= {4, 5}


def test_the_order_of_the_source_stays_and_the_draw_is_the_same_each_time() -> None:
    found = fraction_of(ROWS, 0.3, 7)
    places = [ROWS.texts.index(text) for text in found.texts]
    assert places == sorted(places)
    assert [ROWS.labels[place] for place in places] == found.labels
    assert found == fraction_of(ROWS, 0.3, 7)
    assert found != fraction_of(ROWS, 0.3, 8)


def test_questions_have_no_classes_to_keep() -> None:
    questions = Questions.of(Question(f"what is {number}?", "", (f"it is {number}",)) for number in range(90))
    third = fraction_of(questions, 1 / 3, 1)
    ninth = fraction_of(questions, 1 / 9, 1)
    assert isinstance(third, Questions)
    assert (len(third), len(ninth)) == (30, 10)
    assert set(ninth.texts) < set(third.texts)
    assert [one.text for one in third.items] == third.texts


def test_nothing_of_nothing_is_nothing() -> None:
    assert len(fraction_of(Rows([], []), 0.5, 1)) == 0
    assert len(fraction_of(Questions.of([Question("why?")]), 0.001, 1)) == 1
