"""Scores of answers against published examples: AllenNLP's of DROP, the metric cards' and scripts' of SQuAD."""

from __future__ import annotations

import pytest

from automl.runners.answering.rules import (
    answer_scores,
    drop_scores,
    drop_text,
    exact_match,
    squad_words,
    token_f1,
)


@pytest.mark.parametrize("other", ["12.0  ", "12.000", "12", "  1.2e1  "])
def test_drop_reads_numbers_as_numbers(other: str) -> None:
    assert drop_text("12.0") == drop_text(other)


def test_drop_strips_punctuation() -> None:
    assert drop_text("12.0 persons") == "12.0 persons"
    assert drop_text("S.K. Singh") == "sk singh"
    assert drop_text("$1,000") == drop_text("1000")


DROP = [
    (["78"], ["78.0"], (1.0, 1.0)),
    (["td"], ["td", "td"], (0.0, 0.5)),
    ("td", ["td", "td"], (0.0, 0.5)),
    (["td", "td"], ["td"], (0.0, 0.5)),
    (["td", "td"], "td", (0.0, 0.5)),
    (["the", "fat", "cat", "the fat", "fat cat", "the fat cat"], ["cat"], (0.0, 0.17)),
    (["cat"], ["the", "fat", "cat", "the fat", "fat cat", "the fat cat"], (0.0, 0.17)),
    (["the", "fat", "cat", "the fat", "fat cat", "the fat cat"], ["cat", "cat dog"], (0.0, 0.25)),
    (["td"], ["the td"], (1.0, 1.0)),
    (["the a NOT an ARTICLE the an a"], ["NOT ARTICLE"], (1.0, 1.0)),
    (["John Elton"], ["Elton John"], (0.0, 1.0)),
    (["50 yard"], ["yard 50"], (0.0, 1.0)),
    (["order word right"], ["right word order"], (0.0, 1.0)),
    (["Per.i.o.d...."], [".P....e.r,,i;;;o...d,,"], (1.0, 1.0)),
    (["Spa     c  e   s     "], ["    Spa c     e s"], (1.0, 1.0)),
    (["78-yard"], ["78 yard"], (1.0, 1.0)),
    (["78 yard"], ["78-yard"], (1.0, 1.0)),
    (["78"], ["78-yard"], (0.0, 0.67)),
    (["78-yard"], ["78"], (0.0, 0.67)),
    (["This was a triumph"], ["tHIS Was A TRIUMPH"], (1.0, 1.0)),
    (["Green bay", "packers"], ["Green bay", "packers"], (1.0, 1.0)),
    (["Green", "bay", "packers"], ["Green", "bay", "packers"], (1.0, 1.0)),
    ([""], ["army"], (0.0, 0.0)),
    (["packers"], ["Green bay packers"], (0.0, 0.5)),
    (["packers"], ["Green bay"], (0.0, 0.0)),
    (["yard"], ["36 yard td"], (0.0, 0.0)),
    (["23 yards"], ["43 yards"], (0.0, 0.0)),
    (["56 yards"], ["56 yd"], (0.0, 0.5)),
    (["26"], ["26 yard td"], (0.0, 0.5)),
    (
        ["78-yard", "56", "28", "40", "44", "touchdown"],
        ["78-yard", "56 yard", "1 yard touchdown"],
        (0.0, 0.28),
    ),
    (["23", "23 yard"], ["23-yard", "56 yards"], (0.0, 0.5)),
    (["John Karman", "Joe Hardy"], ["Joe Karman", "John Hardy"], (0.0, 0.5)),
    (["ottoman", "Kantakouzenous"], ["ottoman", "army of Kantakouzenous"], (0.0, 0.75)),
    (["a"], ["a", "b"], (0.0, 0.5)),
    (["b"], ["a", "b"], (0.0, 0.5)),
    (["b"], ["b", "a"], (0.0, 0.5)),
]


@pytest.mark.parametrize(("given", "right", "expected"), DROP)
def test_drop_as_published(
    given: list[str] | str, right: list[str] | str, expected: tuple[float, float]
) -> None:
    assert drop_scores(given, right) == expected


def test_drop_counts_the_best_of_the_accepted_answers() -> None:
    assert answer_scores(["1"], [["1", "0"]])["drop_exact_match"] == 1.0
    assert answer_scores(["2"], [["0", "1", "2"]])["drop_f1"] == 1.0
    assert answer_scores(["17 August"], [["17 August", "August", "17"]])["drop_exact_match"] == 1.0
    both = answer_scores(["answer", "answer2"], [["answer1"], ["answer2"]])
    assert (both["drop_exact_match"], both["drop_f1"]) == (0.5, 0.5)


def test_squad_as_published() -> None:
    """The metric card of SQuAD: two of three right, and a part of an answer."""
    right = [["1976"], ["Beyoncé and Bruno Mars"], ["climate change"]]
    two = answer_scores(["1976", "Beyonce", "climate change"], right)
    assert (two["exact_match"], two["token_f1"]) == pytest.approx((2 / 3, 2 / 3))
    part = answer_scores(["1976", "Beyoncé and", "climate change"], [["1905"], *right[1:]])
    assert (part["exact_match"], part["token_f1"]) == pytest.approx((1 / 3, 5 / 9))


def test_squad_normalises_as_its_script_does() -> None:
    assert squad_words("  The  Rock'n'Roll, a!") == ["rocknroll"]
    assert squad_words("Theatre an-other") == ["theatre", "another"]
    assert exact_match("the Denver Broncos.", ["Denver Broncos"]) == 1.0
    # Punctuation goes before articles, and a repeated word counts as often as it stands on both sides.
    assert token_f1("to be or not to be", ["to be"]) == pytest.approx(2 * 2 / (6 + 2))
    assert token_f1("rock", ["rock n roll"]) == pytest.approx(0.5)
    assert token_f1("gold", ["silver", "the gold medal"]) == pytest.approx(2 / 3)


def test_no_answer_is_right_only_where_there_is_none() -> None:
    assert token_f1("", []) == exact_match("", []) == 1.0
    assert token_f1("Paris", []) == exact_match("Paris", []) == 0.0
    assert token_f1("", ["Paris"]) == exact_match("", ["Paris"]) == 0.0
    # An accepted answer of articles alone is none, as SQuAD 2.0 has it.
    assert exact_match("", ["the"]) == 1.0


def test_scores_are_of_as_many_answers_as_questions() -> None:
    with pytest.raises(ValueError, match="1 answers to 2 questions"):
        answer_scores(["a"], [["a"], ["b"]])
    with pytest.raises(ValueError, match="0 answers to 0 questions"):
        answer_scores([], [])
