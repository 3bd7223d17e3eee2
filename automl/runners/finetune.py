"""Fine-tuning of a language model with the Hugging Face Trainer: `full`, `lora`, `partial`.

The best epoch by validation score is kept in memory and judged; the test rows are touched once, at the end.
"""

from __future__ import annotations

import math
import tempfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from automl.runners.base import TrialSpec
from automl.runners.execute import Report, State, Trained
from automl.runners.failures import Diverged
from automl.runners.scoring import scores
from automl.sources.architectures import architecture_of
from automl.sources.rows import Rows, Splits

if TYPE_CHECKING:
    from transformers import PreTrainedModel

EVALUATION_BATCH = 32
LOGS_PER_EPOCH = 4


def finetune(spec: TrialSpec, splits: Splits, state: State, report: Report) -> Trained:
    """Hyper-parameters: learning_rate, epochs, batch_size, max_length (tokens), warmup_share, weight_decay,
    class_weights; lora: lora_r, lora_alpha, lora_dropout; partial: frozen_share."""
    import torch
    from transformers import set_seed

    from automl.runners.watcher import Watcher
    from automl.sources.encoders import load_classifier, load_tokenizer
    from automl.sources.language_models import resolve

    chosen: dict[str, Any] = dict(spec.pipeline.hyperparameters)
    set_seed(spec.seed)
    checkpoint = resolve(str(spec.pipeline.language_model), roots=spec.model_roots, cache=spec.cache)
    tokenizer = load_tokenizer(checkpoint)
    model = prepare_model(load_classifier(checkpoint, len(splits.labels), tokenizer.pad_token_id), spec)
    with tempfile.TemporaryDirectory(prefix="tunelore-") as folder:
        trainer = make_trainer(model, tokenizer, splits, spec, folder)
        watcher = Watcher(state, report, trainer, spec.metric)
        trainer.add_callback(watcher)
        state.enter("train", report)
        trainer.train()
    watcher.restore_best()
    cost = {
        "train_s": round(time.monotonic() - state.began - watcher.evaluation_s, 3),
        "predict_s": round(watcher.evaluation_s, 3),
        "steps": int(trainer.state.global_step),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "trainable_parameters": sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
        "batch_size_asked": int(chosen["batch_size"]),
        "batch_size_effective": int(chosen["batch_size"]),
    }
    if spec.device.startswith("cuda"):
        cost["device_memory_bytes"] = int(torch.cuda.max_memory_allocated(spec.device))

    def judge() -> dict[str, float]:
        return judged(trainer, splits.test, tokenizer, splits, chosen)

    epochs = float(trainer.state.epoch or 0.0)
    return Trained(watcher.validation, judge, cost, epochs, dict(checkpoint.features))


def prepare_model(model: PreTrainedModel, spec: TrialSpec) -> Any:
    """Freeze or adapt what the method says."""
    chosen: dict[str, Any] = dict(spec.pipeline.hyperparameters)
    if spec.pipeline.method == "partial":
        freeze(model, float(chosen["frozen_share"]))
    if spec.pipeline.method == "lora":
        return with_adapters(model, chosen)
    return model


def freeze(model: Any, share: float) -> None:
    """Freeze the embeddings and the first `share` of the layers; the head always trains."""
    family = architecture_of(model.config.model_type)
    counts = [int(getattr(model.config, name)) for name in family.count]
    frozen = math.floor(share * sum(counts) + 0.5)
    for name, weight in model.named_parameters():
        layer = family.layer_of(name, counts[0])
        if family.is_embedding(name) or (layer is not None and layer < frozen):
            weight.requires_grad = False


def with_adapters(model: Any, chosen: dict[str, Any]) -> Any:
    from peft import LoraConfig, get_peft_model

    family = architecture_of(model.config.model_type)
    config = LoraConfig(
        task_type="SEQ_CLS",
        r=int(chosen["lora_r"]),
        lora_alpha=int(chosen["lora_alpha"]),
        lora_dropout=float(chosen["lora_dropout"]),
        target_modules=list(family.lora),
        # peft trains `classifier` and `score` by itself, and no head of another name.
        modules_to_save=list(family.fresh) or None,
        fan_in_fan_out=family.conv1d,
    )
    return get_peft_model(model, config)


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


def make_trainer(model: Any, tokenizer: Any, splits: Splits, spec: TrialSpec, folder: str) -> Any:
    import torch
    from transformers import DataCollatorWithPadding, PrinterCallback, Trainer, TrainingArguments

    chosen: dict[str, Any] = dict(spec.pipeline.hyperparameters)
    batch, max_length, end = int(chosen["batch_size"]), int(chosen["max_length"]), end_token(model)
    steps = math.ceil(len(splits.train) / batch)
    on_gpu = spec.device.startswith("cuda")
    half = on_gpu and torch.cuda.is_bf16_supported()
    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=float(chosen["epochs"]),
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=EVALUATION_BATCH,
        learning_rate=float(chosen["learning_rate"]),
        weight_decay=float(chosen["weight_decay"]),
        # A share of all steps below 1; 0 would be no warm-up.
        warmup_steps=float(chosen["warmup_share"]),
        eval_strategy="epoch",
        save_strategy="no",
        logging_steps=max(1, steps // LOGS_PER_EPOCH),
        # A loss that is not finite must be seen, not replaced by the last finite one.
        logging_nan_inf_filter=False,
        use_cpu=not on_gpu,
        bf16=half,
        fp16=on_gpu and not half,
        dataloader_pin_memory=on_gpu,
        disable_tqdm=True,
        report_to=[],
        seed=spec.seed,
        data_seed=spec.seed,
        remove_unused_columns=False,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=encode(splits.train, tokenizer, splits, max_length, end),
        eval_dataset=encode(splits.validation, tokenizer, splits, max_length, end),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=lambda given: scores(
            np.asarray(given.label_ids), np.argmax(given.predictions, axis=-1), len(splits.labels)
        ),
        preprocess_logits_for_metrics=logits_alone,
        compute_loss_func=weighted_loss(splits) if chosen["class_weights"] else None,
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


def judged(
    trainer: Any, rows: Rows, tokenizer: Any, splits: Splits, chosen: dict[str, Any]
) -> dict[str, float]:
    """Scores on rows, against the labels that come back with the predictions."""
    found = trainer.predict(
        encode(rows, tokenizer, splits, int(chosen["max_length"]), end_token(trainer.model))
    )
    if not np.isfinite(found.predictions).all():
        raise Diverged("the model's outputs are not finite")
    return scores(np.asarray(found.label_ids), np.argmax(found.predictions, axis=-1), len(splits.labels))
