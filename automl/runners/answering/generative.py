"""Answers that a language model writes: a decoder goes on after the prompt, an encoder-decoder answers it.

What is learnt is the answer alone, with the token that ends it; of a prompt that is too long the context loses its
end. It knows no Trainer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from automl.sources.answered.questions import Question, Questions

BATCH = 32
IGNORED = -100  # the label that no loss counts


@dataclass
class Generative:
    """Prompts of at most `max_length` tokens, answers of at most `answer_length`, the end token included.

    `is_decoder`: the prompt and the answer are one sequence. `end` is the token that ends an answer, `pad` fills up
    and may be the same one: what is padding is said by the mask and by IGNORED, never by the token.
    """

    tokenizer: Any
    max_length: int
    answer_length: int
    is_decoder: bool
    end: int
    pad: int

    @property
    def goal(self) -> str:
        """peft's name of the task."""
        return "CAUSAL_LM" if self.is_decoder else "SEQ_2_SEQ_LM"

    def examples(self, rows: Questions) -> list[dict[str, Any]]:
        """One example a question: the ids to read and, in the same length for decoders, the labels to learn."""
        found = []
        for one in rows.items:
            text, prompt = self.prompt(one)
            answer = self._answer(text, prompt, one.answer)
            if self.is_decoder:
                labels = [IGNORED] * len(prompt) + answer
                found.append({"input_ids": prompt + answer, "labels": labels})
            else:
                found.append({"input_ids": prompt, "labels": answer})
        return found

    def collate(self, batch: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Filled up on the right, where positions are not moved by it."""
        import torch

        ids, mask = self._filled([one["input_ids"] for one in batch], left=False)
        length = max(len(one["labels"]) for one in batch)
        labels = [one["labels"] + [IGNORED] * (length - len(one["labels"])) for one in batch]
        return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor(labels)}

    def answers(self, model: Any, rows: Questions) -> list[str]:
        """What the model writes, greedily, in the order of the rows; the prompt is no part of it."""
        import torch

        prompts = [self.prompt(one)[1] for one in rows.items]
        order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
        found = [""] * len(prompts)
        how = self._generation(model)
        model.eval()
        with torch.inference_mode():
            for first in range(0, len(order), BATCH):
                batch = order[first : first + BATCH]
                # A decoder writes behind the last column: there the prompts must end, not their padding.
                ids, mask = self._filled([prompts[row] for row in batch], left=self.is_decoder)
                written = model.generate(
                    input_ids=ids.to(model.device),
                    attention_mask=mask.to(model.device),
                    generation_config=how,
                )
                begin = ids.shape[1] if self.is_decoder else 0
                for row, tokens in zip(batch, written[:, begin:].tolist(), strict=True):
                    found[row] = self._text(tokens)
        return found

    def prompt(self, one: Question) -> tuple[str, list[int]]:
        """The text before the answer and its tokens, at most `max_length`; the context is cut until it fits."""
        offsets = self.tokenizer(one.context, add_special_tokens=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        kept = len(offsets)
        while True:
            context = (
                one.context if kept == len(offsets) else one.context[: offsets[kept - 1][1] if kept else 0]
            )
            text = self._prompt_text(one.question.strip(), context)
            ids = self._prompt_ids(text)
            excess = len(ids) - self.max_length
            if excess <= 0:
                return text, ids
            if kept == 0:
                # The question alone is too long: its end says more than its beginning.
                return text, ids[excess:]
            kept = max(0, kept - excess)

    def _prompt_text(self, question: str, context: str) -> str:
        asked = f"question: {question}" + (f" context: {context}" if context else "")
        return f"{asked} answer:" if self.is_decoder else asked

    def _prompt_ids(self, text: str) -> list[int]:
        ids = list(self.tokenizer(text)["input_ids"])
        if self.is_decoder and ids and ids[-1] == self.end:
            return ids[:-1]  # a tokenizer that ends every text: this one is not at its end
        return ids

    def _answer(self, text: str, prompt: list[int], answer: str) -> list[int]:
        """Tokens to learn: those of the answer where it stands behind the prompt, and the end."""
        if not self.is_decoder:
            ids = [one for one in self.tokenizer(text_target=answer)["input_ids"] if one != self.end]
            return [*ids[: self.answer_length - 1], self.end]
        whole = self._prompt_ids(f"{text} {answer}") if answer else prompt
        if whole[: len(prompt)] == prompt:
            ids = whole[len(prompt) :]
        else:  # the prompt lost its beginning, or its last token would melt into the answer
            ids = list(self.tokenizer(f" {answer}", add_special_tokens=False)["input_ids"])
        return [*ids[: self.answer_length - 1], self.end]

    def _filled(self, rows: Sequence[list[int]], *, left: bool) -> tuple[Any, Any]:
        """(ids, mask) of one length."""
        import torch

        length = max(1, *(len(one) for one in rows))
        ids, mask = [], []
        for one in rows:
            gap, ones = [self.pad] * (length - len(one)), [1] * len(one)
            ids.append(gap + one if left else one + gap)
            mask.append([0] * len(gap) + ones if left else ones + [0] * len(gap))
        return torch.tensor(ids), torch.tensor(mask)

    def _generation(self, model: Any) -> Any:
        """Greedy, whatever a checkpoint's configuration says: summarisers ask for four beams and 56 tokens."""
        import transformers

        make: Any = transformers.GenerationConfig  # untyped there
        config = model.config
        kept = {name: getattr(config, name, None) for name in ("bos_token_id", "decoder_start_token_id")}
        return make(
            max_new_tokens=self.answer_length, do_sample=False, num_beams=1,
            eos_token_id=self.end, pad_token_id=self.pad, **kept,
        )  # fmt: skip

    def _text(self, tokens: list[int]) -> str:
        if self.end in tokens[1:]:
            # An encoder-decoder may begin with this very token (BART does).
            tokens = tokens[: tokens.index(self.end, 1)]
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True)).strip()
