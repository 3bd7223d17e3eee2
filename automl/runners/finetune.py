"""Fine-tuning of a language model to tell classes apart: `full`, `lora`, `partial`. Knows no questions."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl.runners.base import TrialSpec
from automl.runners.failures import Diverged
from automl.runners.scoring import scores
from automl.runners.settings import settings_of
from automl.runners.state import Report, State, Trained
from automl.sources.rows import Rows, Splits


def finetune(spec: TrialSpec, splits: Splits, state: State, report: Report) -> Trained:
    """Hyper-parameters: learning_rate, epochs, batch_size, max_length (tokens), warmup_share, weight_decay,
    class_weights; lora: lora_r, lora_alpha, lora_dropout; partial: frozen_share. `settings` has more of them, and
    other names. A max_length beyond the context of the language model means all of it."""
    from transformers import set_seed

    from automl.runners.adapting import prepare_model
    from automl.runners.training import train
    from automl.sources.architectures import architecture_of
    from automl.sources.checkpoints import tokens_read
    from automl.sources.encoders import load_classifier, load_tokenizer
    from automl.sources.language_models import resolve

    chosen = settings_of(spec.pipeline)
    set_seed(spec.seed)
    checkpoint = resolve(str(spec.pipeline.language_model), roots=spec.model_roots, cache=spec.cache)
    max_length = min(int(chosen["max_length"]), tokens_read(checkpoint))
    tokenizer = load_tokenizer(checkpoint)
    classifier = load_classifier(checkpoint, len(splits.labels), tokenizer.pad_token_id)
    model = prepare_model(classifier, spec, "SEQ_CLS", architecture_of(classifier.config.model_type).fresh)
    return train(
        spec,
        checkpoint,
        lambda folder: make_trainer(model, tokenizer, splits, spec, folder, max_length),
        lambda trainer: judged(trainer, splits.test, tokenizer, splits, max_length),
        state,
        report,
    )


def encode(rows: Rows, tokenizer: Any, splits: Splits, max_length: int, ends_with: int | None = None) -> Any:
    """A torch Dataset of unpadded token ids; the collator pads each batch to its own longest text.

    `ends_with` is the end-of-text token of an encoder-decoder, which reads its class there.
    """
    import torch

    number = {label: index for index, label in enumerate(splits.labels)}
    encoded = tokenizer(rows.texts, truncation=True, max_length=max_length)
    if ends_with is not None:
        encoded = {"input_ids": [ended(ids, ends_with, max_length) for ids in encoded["input_ids"]]}
        encoded["attention_mask"] = [[1] * len(ids) for ids in encoded["input_ids"]]
    # A class that the cut left without training rows still stands in the head; others cannot be learnt.
    labels = [number.get(label, 0) for label in rows.labels]

    class Encoded(torch.utils.data.Dataset[dict[str, Any]]):
        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {**{name: values[index] for name, values in encoded.items()}, "labels": labels[index]}

    return Encoded()


def ended(ids: list[int], end: int, max_length: int) -> list[int]:
    """Exactly one end-of-text token, at the end: some tokenizers add none, and a text may spell it out."""
    return [*[one for one in ids if one != end][: max_length - 1], end]


def end_token(model: Any) -> int | None:
    """The token by which an encoder-decoder classifies; None for all others."""
    if not model.config.is_encoder_decoder:
        return None
    end = model.config.eos_token_id
    return int(end[0] if isinstance(end, list) else end)


def logits_alone(logits: Any, labels: Any) -> Any:
    """Encoder-decoders answer with their hidden states too, which nobody needs and which fill the memory."""
    return logits[0] if isinstance(logits, tuple) else logits


def make_trainer(
    model: Any, tokenizer: Any, splits: Splits, spec: TrialSpec, folder: str, max_length: int
) -> Any:
    from transformers import DataCollatorWithPadding, PrinterCallback, Trainer

    from automl.runners.training import arguments, optimizer_of

    chosen = settings_of(spec.pipeline)
    end = end_token(model)
    trainer = Trainer(
        model=model,
        args=arguments(spec, len(splits.train), folder),
        train_dataset=encode(splits.train, tokenizer, splits, max_length, end),
        eval_dataset=encode(splits.validation, tokenizer, splits, max_length, end),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=lambda given: scores(
            np.asarray(given.label_ids), np.argmax(given.predictions, axis=-1), len(splits.labels)
        ),
        preprocess_logits_for_metrics=logits_alone,
        compute_loss_func=weighted_loss(splits) if chosen["class_weights"] else None,
        optimizer_cls_and_kwargs=optimizer_of(chosen),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def weighted_loss(splits: Splits) -> Any:
    """Cross-entropy with weights inverse to class frequency, mean 1 over the rows (as scikit-learn's "balanced")."""
    import torch

    counts = torch.tensor(
        [max(1, splits.train.labels.count(label)) for label in splits.labels], dtype=torch.float32
    )
    weights = len(splits.train) / (len(splits.labels) * counts)

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        logits = outputs["logits"] if isinstance(outputs, dict) else outputs.logits
        device_weights = weights.to(logits.device, logits.dtype)
        return torch.nn.functional.cross_entropy(logits, labels.view(-1), weight=device_weights)

    return loss


def judged(trainer: Any, rows: Rows, tokenizer: Any, splits: Splits, max_length: int) -> dict[str, float]:
    """Scores on rows, against the labels that come back with the predictions."""
    found = trainer.predict(encode(rows, tokenizer, splits, max_length, end_token(trainer.model)))
    if not np.isfinite(found.predictions).all():
        raise Diverged("the model's outputs are not finite")
    return scores(np.asarray(found.label_ids), np.argmax(found.predictions, axis=-1), len(splits.labels))
