"""Answers that an encoder points at: the first and the last token of a stretch of the context.

A context longer than a window is read in overlapping ones, and the best stretch of all of them counts. It knows no
Trainer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.runners.failures import Diverged, Unfit
from automl.sources.answered.questions import Questions

BATCH = 32
# Of a window: neighbours share a quarter, so that an answer at a seam is whole in one of them.
OVERLAP_SHARE = 0.25
QUESTION_SHARE = 0.5
SPECIAL_TOKENS = 4
NOWHERE = (0, 0)


@dataclass(frozen=True)
class Window:
    """Tokens of a question with a part of its context: `row` is the question's place, `spans` are the characters of
    the context that each token stands for, None for tokens that are not of the context."""

    row: int
    inputs: dict[str, list[int]]
    spans: tuple[tuple[int, int] | None, ...]


@dataclass
class Extractive:
    """Points at answers of at most `answer_length` tokens in windows of `max_length`.

    `may_be_silent`: the training rows have questions without an answer, so that no answer is one, too. Such a question
    points at the first token, which is of no context.
    """

    tokenizer: Any
    max_length: int
    answer_length: int
    may_be_silent: bool
    goal = "QUESTION_ANS"

    def examples(self, rows: Questions) -> list[dict[str, Any]]:
        """One example a window; Unfit where no answer stands in its context word for word."""
        found = []
        for window in self.windows(rows):
            one = rows.items[window.row]
            if one.answers and one.span is None:
                continue  # a right answer that cannot be pointed at teaches nothing
            start, end = token_span(window, one.span)
            found.append({**window.inputs, "start_positions": start, "end_positions": end})
        if not any(one["end_positions"] for one in found):
            raise Unfit(
                "no answer of the training rows stands in its context word for word; use one that writes"
            )
        return found

    def collate(self, batch: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """A padded batch with the places to learn."""
        import torch

        places = ("start_positions", "end_positions")
        padded = self._padded({k: v for k, v in one.items() if k not in places} for one in batch)
        return {**padded, **{name: torch.tensor([one[name] for one in batch]) for name in places}}

    def answers(self, model: Any, rows: Questions) -> list[str]:
        """The best stretch of each context, or '' where silence scores higher and was learnt."""
        best: list[tuple[float, tuple[int, int] | None]] = [(-np.inf, None)] * len(rows)
        silent = np.full(len(rows), np.inf)
        for window, starts, ends in self._logits(model, self.windows(rows)):
            score, span = best_span(starts, ends, window.spans, self.answer_length)
            if score > best[window.row][0]:
                best[window.row] = (score, span)
            silent[window.row] = min(silent[window.row], starts[0] + ends[0])
        found = []
        for one, (score, span), nothing in zip(rows.items, best, silent, strict=True):
            kept = None if self.may_be_silent and nothing > score else span
            found.append(one.context[kept[0] : kept[1]].strip() if kept else "")
        return found

    def windows(self, rows: Questions) -> list[Window]:
        """All windows of all rows, in their order."""
        room = max(1, int(self.max_length * QUESTION_SHARE))
        questions = [self._shortened(one.question.strip(), room) for one in rows.items]
        encoded = self.tokenizer(
            questions,
            [one.context for one in rows.items],
            truncation="only_second",
            max_length=self.max_length,
            stride=max(0, int(self.max_length * OVERLAP_SHARE) - SPECIAL_TOKENS),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        names = [name for name in self.tokenizer.model_input_names if name in encoded]
        found = []
        for at, row in enumerate(encoded["overflow_to_sample_mapping"]):
            parts = zip(encoded["offset_mapping"][at], encoded.sequence_ids(at), strict=True)
            spans = tuple((first, last) if part == 1 else None for (first, last), part in parts)
            found.append(Window(int(row), {name: list(encoded[name][at]) for name in names}, spans))
        return found

    def _shortened(self, question: str, tokens: int) -> str:
        offsets = self.tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        return question if len(offsets) <= tokens else question[: offsets[tokens - 1][1]]

    def _padded(self, inputs: Iterable[dict[str, list[int]]]) -> dict[str, Any]:
        return dict(self.tokenizer.pad(list(inputs), return_tensors="pt"))

    def _logits(
        self, model: Any, windows: list[Window]
    ) -> Iterable[tuple[Window, NDArray[np.float64], NDArray[np.float64]]]:
        """Each window with its scores of first and last tokens, padding cut off; similar lengths go together."""
        import torch

        model.eval()
        order = sorted(windows, key=lambda window: len(window.spans))
        with torch.inference_mode():
            for first in range(0, len(order), BATCH):
                batch = order[first : first + BATCH]
                inputs = self._padded(window.inputs for window in batch)
                found = model(**{name: values.to(model.device) for name, values in inputs.items()})
                pair = torch.stack((found.start_logits, found.end_logits)).double().cpu().numpy()
                for window, starts, ends in zip(batch, pair[0], pair[1], strict=True):
                    length = len(window.spans)
                    if not np.isfinite(starts[:length] + ends[:length]).all():
                        raise Diverged("the model's outputs are not finite")
                    yield window, starts[:length], ends[:length]


def token_span(window: Window, span: tuple[int, int] | None) -> tuple[int, int]:
    """First and last token of the characters `span`; NOWHERE when the window does not hold all of them."""
    tokens = [(at, one) for at, one in enumerate(window.spans) if one is not None and one[1] > one[0]]
    if span is None or not tokens or tokens[0][1][0] > span[0] or tokens[-1][1][1] < span[1]:
        return NOWHERE
    inside = [at for at, (first, last) in tokens if last > span[0] and first < span[1]]
    return (inside[0], inside[-1]) if inside else NOWHERE


def best_span(
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
    spans: Sequence[tuple[int, int] | None],
    longest: int,
) -> tuple[float, tuple[int, int] | None]:
    """(score, characters) of the stretch of the context with the highest sum of both scores; (-inf, None) for none.

    starts, ends (tokens,); a stretch has 1 to `longest` tokens.
    """
    inside = np.array([one is not None and one[1] > one[0] for one in spans])
    first, last = np.where(inside, starts, -np.inf), np.where(inside, ends, -np.inf)
    sums = np.full((longest, len(spans)), -np.inf)
    for more in range(min(longest, len(spans))):
        sums[more, : len(spans) - more] = first[: len(spans) - more] + last[more:]
    more, at = divmod(int(sums.argmax()), len(spans))
    left, right = spans[at], spans[min(at + more, len(spans) - 1)]
    if left is None or right is None or not np.isfinite(sums[more, at]):
        return -np.inf, None
    return float(sums[more, at]), (left[0], right[1])
