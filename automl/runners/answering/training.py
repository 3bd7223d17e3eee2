"""Fine-tuning of a language model to answer questions: `full`, `lora`, `partial`. Knows no classes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from automl.runners.adapting import prepare_model
from automl.runners.answering.extractive import Extractive
from automl.runners.answering.generative import Generative
from automl.runners.answering.rules import answer_scores
from automl.runners.base import TrialSpec
from automl.runners.settings import settings_of
from automl.runners.state import Report, State, Trained
from automl.sources.answered.questions import Questions, questions_of
from automl.sources.architectures import architecture_of
from automl.sources.checkpoints import Checkpoint, tokens_read
from automl.sources.rows import Rows, Splits

ANSWER_LENGTH = 32


class Answerer(Protocol):
    """A way to answer: what is learnt from rows, and what is answered to rows."""

    @property
    def goal(self) -> str: ...
    def examples(self, rows: Questions) -> list[dict[str, Any]]: ...
    def collate(self, batch: Sequence[dict[str, Any]]) -> dict[str, Any]: ...
    def answers(self, model: Any, rows: Questions) -> list[str]: ...


def answer(spec: TrialSpec, splits: Splits, state: State, report: Report) -> Trained:
    """Hyper-parameters: learning_rate, epochs, batch_size, max_length (tokens of question and context: of a window
    for encoders, of the prompt for others), warmup_share, weight_decay, answer_length (tokens, at most; 32); lora:
    lora_r, lora_alpha, lora_dropout; partial: frozen_share. `settings` has more of them, and other names.

    Encoders point at the answer, decoders and encoder-decoders write it. A max_length beyond the context of the
    language model means all of it.
    """
    from transformers import set_seed

    from automl.runners.training import train
    from automl.sources.language_models import resolve

    set_seed(spec.seed)
    checkpoint = resolve(str(spec.pipeline.language_model), roots=spec.model_roots, cache=spec.cache)
    model, how = loaded(checkpoint, spec, questions_of(splits.train))
    heads = architecture_of(model.config.model_type).pointer if isinstance(how, Extractive) else ()
    model = prepare_model(model, spec, how.goal, heads)
    examples = how.examples(questions_of(splits.train))

    def answers(rows: Rows) -> list[str]:
        return how.answers(model, questions_of(rows))

    trained = train(
        spec,
        checkpoint,
        lambda folder: make_trainer(model, how, examples, splits.validation, spec, folder),
        lambda _trainer: scored(answers(splits.test), splits.test),
        state,
        report,
    )
    return replace(trained, answers=answers)


def loaded(checkpoint: Checkpoint, spec: TrialSpec, train: Questions) -> tuple[Any, Answerer]:
    """The network with the head for its way to answer, and that way."""
    from automl.sources.encoders import load_generator, load_pointer, load_tokenizer

    family = architecture_of(checkpoint.features.get("architecture"))
    tokenizer: Any = load_tokenizer(checkpoint)
    chosen = settings_of(spec.pipeline)
    answer_length = int(chosen.get("answer_length", ANSWER_LENGTH))
    room = tokens_read(checkpoint)
    if family.kind == "encoder":
        length = min(int(chosen["max_length"]), room)
        silent = not all(one.answers for one in train.items)
        return load_pointer(checkpoint), Extractive(tokenizer, length, answer_length, silent)
    if family.kind == "decoder":
        room -= answer_length
    length = max(1, min(int(chosen["max_length"]), room))
    model = load_generator(checkpoint, tokenizer.pad_token_id)
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.pad_token_id
    return model, Generative(
        tokenizer, length, answer_length, family.kind == "decoder", int(end), int(tokenizer.pad_token_id)
    )


def make_trainer(
    model: Any, how: Answerer, examples: list[dict[str, Any]], validation: Rows, spec: TrialSpec, folder: str
) -> Any:
    """A Trainer that learns the examples and, after each epoch, answers the validation rows."""
    from transformers import PrinterCallback, Trainer

    from automl.runners.training import arguments, optimizer_of

    class Answering(Trainer):
        def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
            began = time.monotonic()
            found = scored(how.answers(self.model, questions_of(validation)), validation)
            metrics = {f"eval_{name}": value for name, value in found.items()}
            metrics["eval_runtime"] = time.monotonic() - began
            self.log(metrics)
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
            return metrics

    trainer = Answering(
        model=model,
        args=arguments(spec, len(examples), folder),
        train_dataset=examples,
        eval_dataset=examples[:1],  # must be there, and is not looked at: `evaluate` has its own rows
        data_collator=how.collate,
        optimizer_cls_and_kwargs=optimizer_of(settings_of(spec.pipeline)),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def scored(given: list[str], rows: Rows) -> dict[str, float]:
    """All scores of answers to rows."""
    return answer_scores(given, [one.answers for one in questions_of(rows).items])
