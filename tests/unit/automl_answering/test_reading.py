"""Windows, stretches and prompts: what is learnt and what is read, token by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl.runners.answering.extractive import NOWHERE, Extractive, best_span, token_span
from automl.runners.answering.generative import IGNORED, Generative
from automl.runners.failures import Unfit
from automl.sources.answered.questions import Question, Questions
from automl.sources.encoders import load_generator, load_tokenizer
from automl.sources.language_models import resolve
from tests.tiny import make_reader

pytestmark = pytest.mark.usefixtures("one_thread")
CONTEXT = "At noon the crew hoisted the sail. " * 6 + "Then Ada dropped the anchor near Port Royal at 5.30."
ADA = Question("Who dropped the anchor?", CONTEXT, ("Ada",), (CONTEXT.index("Ada"),))
PORT = Question("Near which port?", CONTEXT, ("Port Royal",), (CONTEXT.index("Port Royal"),))
SHORT = Question("When?", "At noon.", ("noon", "at noon"), (3, -1))
SILENT = Question("Why?", "Nobody knows.", (), ())
ROWS = Questions.of([ADA, PORT, SHORT])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readers")
    for family in ("bert", "gpt2", "llama", "t5", "bart"):
        make_reader(folder / family, family, [CONTEXT, "question: context: answer:", *ROWS.texts])
    return folder


def pointing(root: Path, *, length: int = 48, silent: bool = False) -> Extractive:
    tokenizer = load_tokenizer(resolve("path:bert", roots=[str(root)]))
    return Extractive(tokenizer, length, 32, silent)


def writing(root: Path, family: str, *, length: int = 64) -> Generative:
    checkpoint = resolve(f"path:{family}", roots=[str(root)])
    tokenizer: Any = load_tokenizer(checkpoint)
    decoder = family in ("gpt2", "llama")
    return Generative(tokenizer, length, 8, decoder, tokenizer.eos_token_id, tokenizer.pad_token_id)


def test_windows_cover_the_context_and_overlap(root: Path) -> None:
    windows = pointing(root, length=32).windows(Questions.of([ADA]))
    assert len(windows) > 2
    covered: set[int] = set()
    for window in windows:
        assert len(window.inputs["input_ids"]) == len(window.spans) <= 32
        inside = {at for span in window.spans if span for at in range(*span)}
        assert not covered or covered & inside, "a window shares tokens with those before"
        covered |= inside
    assert covered == set(range(len(CONTEXT)))


def test_the_places_to_learn_are_those_of_the_answer(root: Path) -> None:
    how = pointing(root)
    for one in (ADA, PORT):
        held = 0
        for window in how.windows(Questions.of([one])):
            start, end = token_span(window, one.span)
            if (start, end) == NOWHERE:
                continue
            held += 1
            left, right = window.spans[start], window.spans[end]
            assert left is not None
            assert right is not None
            assert CONTEXT[left[0] : right[1]].strip() == one.answer
        assert held
    [example] = how.examples(Questions.of([SHORT]))
    assert 0 < example["start_positions"] <= example["end_positions"] < len(example["input_ids"])
    [silent] = how.examples(Questions.of([SILENT, SHORT]))[:1]
    assert (silent["start_positions"], silent["end_positions"]) == NOWHERE


def test_a_question_of_any_length_leaves_room_for_the_context(root: Path) -> None:
    long = Question("why and " * 100, CONTEXT, ("Ada",), (CONTEXT.index("Ada"),))
    windows = pointing(root).windows(Questions.of([long]))
    assert all(sum(span is not None for span in window.spans) >= 1 for window in windows)
    assert all(len(window.spans) <= 48 for window in windows)


def test_answers_that_cannot_be_pointed_at_are_the_pipelines_fault(root: Path) -> None:
    with pytest.raises(Unfit, match="no answer of the training rows stands in its context"):
        pointing(root).examples(Questions.of([Question("How many?", CONTEXT, ("17",), (-1,))]))


def test_the_best_stretch_is_in_order_in_the_context_and_short_enough() -> None:
    spans = [None, (0, 2), (2, 4), (4, 4), (4, 6), (6, 8)]
    starts, ends = np.full(6, -5.0), np.full(6, -5.0)
    starts[0] = ends[0] = 90.0  # of no context
    starts[3] = 80.0  # a token of no characters
    starts[5], ends[1] = 9.5, 7.0  # the wrong way round
    starts[1], ends[4] = 8.0, 8.0
    assert best_span(starts, ends, spans, 4) == (16.0, (0, 6))
    # Too long now: the best single pair of what is left.
    assert best_span(starts, ends, spans, 2) == (15.0, (0, 2))
    assert best_span(starts, ends, [None] * 6, 4) == (-np.inf, None)


def test_the_best_stretch_is_the_best_of_all(root: Path) -> None:
    """Against the plain double loop, on random scores."""
    draw = np.random.default_rng(3)
    for _ in range(50):
        size, longest = int(draw.integers(1, 12)), int(draw.integers(1, 6))
        starts, ends = draw.normal(size=size), draw.normal(size=size)
        spans = [(at, at + 1) if draw.random() < 0.7 else None for at in range(size)]
        plain = [
            (starts[i] + ends[j], (i, j + 1))
            for i in range(size)
            for j in range(i, min(size, i + longest))
            if spans[i] and spans[j]
        ]
        score, span = best_span(starts, ends, spans, longest)
        assert (score, span) == (max(plain) if plain else (-np.inf, None))


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5", "bart"])
def test_the_loss_counts_the_answer_and_its_end_alone(root: Path, family: str) -> None:
    how = writing(root, family)
    batch = how.collate(how.examples(ROWS))
    for row, one in enumerate(ROWS.items):
        labels = [int(each) for each in batch["labels"][row] if each != IGNORED]
        assert labels[-1] == how.end
        assert how.end not in labels[:-1]
        assert how.tokenizer.decode(labels, skip_special_tokens=True).strip() == one.answer
    if how.is_decoder:
        for ids, mask, labels in zip(
            batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True
        ):
            learnt = labels != IGNORED
            assert bool((ids[learnt] == labels[learnt]).all()), "labels stand where their tokens do"
            assert not bool(learnt[mask == 0].any()), "padding is not learnt"
            assert bool(learnt.any())
            assert not bool(learnt[0])


def test_padding_does_not_change_the_loss(root: Path) -> None:
    """GPT-2's padding is its end token: masked by place, not by token."""
    import torch

    how = writing(root, "gpt2")
    assert how.pad == how.end
    model: Any = load_generator(resolve("path:gpt2", roots=[str(root)]), how.pad)
    model.eval()
    examples = how.examples(ROWS)
    with torch.inference_mode():
        together = model(**how.collate(examples)).loss
        counts = [sum(each != IGNORED for each in one["labels"]) for one in examples]
        alone = [float(model(**how.collate([one])).loss) for one in examples]
    assert float(together) == pytest.approx(np.average(alone, weights=counts), rel=1e-4)


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5", "bart"])
def test_a_batch_writes_what_each_prompt_writes_alone(root: Path, family: str) -> None:
    how = writing(root, family)
    model: Any = load_generator(resolve(f"path:{family}", roots=[str(root)]), how.pad)
    alone = [how.answers(model, ROWS.take([row]))[0] for row in range(len(ROWS))]
    assert how.answers(model, ROWS) == alone
    assert how.answers(model, ROWS.take([2, 0, 1])) == [alone[2], alone[0], alone[1]]
    for one, written in zip(ROWS.items, alone, strict=True):
        assert how.prompt(one)[0] not in written


@pytest.mark.parametrize("family", ["gpt2", "t5"])
def test_a_prompt_that_is_too_long_loses_the_end_of_its_context(root: Path, family: str) -> None:
    how = writing(root, family, length=40)
    text, ids = how.prompt(ADA)
    assert 30 < len(ids) <= 40
    assert text.startswith("question: Who dropped the anchor? context: At noon the crew")
    assert text.endswith("answer:") == how.is_decoder
    assert "Port Royal" not in text
    long = Question("why and " * 50 + "when?", CONTEXT, ("Ada",), (-1,))
    shortest, ids = writing(root, family, length=20).prompt(long)
    assert len(ids) == 20
    assert "context" not in shortest
    [example] = writing(root, family, length=20).examples(Questions.of([long]))
    assert len(example["input_ids"]) <= 20 + 8


def test_a_long_answer_is_cut_and_still_ends(root: Path) -> None:
    how = writing(root, "gpt2")
    [example] = how.examples(Questions.of([Question("What?", "Much.", (CONTEXT,), (-1,))]))
    labels = [each for each in example["labels"] if each != IGNORED]
    assert len(labels) == how.answer_length
    assert labels[-1] == how.end
