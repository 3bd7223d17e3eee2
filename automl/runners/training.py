"""One training with the Hugging Face Trainer, whatever it learns: settings, the best epoch, what it cost.

The best epoch by validation score is kept in memory and judged; the test rows are touched once, at the end.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from automl.runners.base import SCORES, TrialSpec
from automl.runners.settings import settings_of
from automl.runners.state import Report, State, Trained
from automl.sources.checkpoints import Checkpoint

EVALUATION_BATCH = 32
LOGS_PER_EPOCH = 4


def train(
    spec: TrialSpec,
    checkpoint: Checkpoint,
    make_trainer: Callable[[str], Any],
    judge: Callable[[Any], dict[str, float]],
    state: State,
    report: Report,
) -> Trained:
    """Train what `make_trainer` makes in a folder for its files; `judge` scores the trainer on the test rows."""
    from automl.runners.watcher import Watcher

    with tempfile.TemporaryDirectory(prefix="tunelore-") as folder:
        trainer = make_trainer(folder)
        scores = SCORES[spec.dataset.kind]
        watcher = Watcher(state, report, trainer, spec.metric, scores, spec.stopping)
        chosen = settings_of(spec.pipeline)
        watcher.patience = int(chosen["early_stopping_patience"])
        watcher.delta = float(chosen["early_stopping_delta"])
        trainer.add_callback(watcher)
        state.enter("train", report)
        trainer.train()
    watcher.restore_best()
    cost = spent_by(trainer, spec, time.monotonic() - state.began, watcher.evaluation_s)
    epochs = float(trainer.state.epoch or 0.0)
    return Trained(
        watcher.validation, lambda: judge(trainer), cost, epochs, features=dict(checkpoint.features)
    )


def spent_by(trainer: Any, spec: TrialSpec, seconds: float, evaluation_s: float) -> dict[str, Any]:
    """Seconds, steps and weights of a training that has ended."""
    import torch

    weights = list(trainer.model.parameters())
    batch = int(str(spec.pipeline.hyperparameters["batch_size"]))
    cost = {
        "train_s": round(seconds - evaluation_s, 3),
        "predict_s": round(evaluation_s, 3),
        "steps": int(trainer.state.global_step),
        "parameters": sum(weight.numel() for weight in weights),
        "trainable_parameters": sum(weight.numel() for weight in weights if weight.requires_grad),
        "batch_size_asked": batch,
        "batch_size_effective": batch,
    }
    if spec.device.startswith("cuda"):
        cost["device_memory_bytes"] = int(torch.cuda.max_memory_allocated(spec.device))
    return cost


def arguments(spec: TrialSpec, examples: int, folder: str) -> Any:
    """The Trainer's settings for so many training examples."""
    import torch
    from transformers import TrainingArguments

    chosen = settings_of(spec.pipeline)
    batch = int(chosen["batch_size"])
    gathered = int(chosen["gradient_accumulation_steps"])
    steps = math.ceil(examples / batch / gathered)
    on_gpu = spec.device.startswith("cuda")
    fast = (
        on_gpu and chosen["use_mixed_precision"] is not False
    )  # a processor gains nothing by half precision
    half = fast and torch.cuda.is_bf16_supported()
    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=float(chosen["epochs"]),
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=EVALUATION_BATCH,
        learning_rate=float(chosen["learning_rate"]),
        weight_decay=float(chosen["weight_decay"]),
        # A share of all steps below 1, steps from there on; 0 would be no warm-up.
        warmup_steps=float(chosen["warmup_share"]),
        gradient_accumulation_steps=gathered,
        lr_scheduler_type=str(chosen["lr_scheduler"]),
        max_grad_norm=float(chosen["gradient_clipping_max_norm"]),
        eval_strategy="epoch",
        save_strategy="no",
        logging_steps=max(1, steps // LOGS_PER_EPOCH),
        # A loss that is not finite must be seen, not replaced by the last finite one.
        logging_nan_inf_filter=False,
        use_cpu=not on_gpu,
        bf16=half,
        fp16=fast and not half,
        dataloader_pin_memory=on_gpu,
        disable_tqdm=True,
        report_to=[],
        seed=spec.seed,
        data_seed=spec.seed,
        remove_unused_columns=False,
    )


def optimizer_of(chosen: Mapping[str, Any]) -> tuple[Any, dict[str, Any]] | None:
    """The optimiser's class and its learning rate, None for the Trainer's own (AdamW)."""
    import torch

    own = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD, "adagrad": torch.optim.Adagrad}
    found = own.get(str(chosen["optimizer"]))
    return None if found is None else (found, {"lr": float(chosen["learning_rate"])})
