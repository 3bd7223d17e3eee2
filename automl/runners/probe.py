"""A frozen encoder with logistic regression on its embeddings; charged for the embeddings each time."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.runners.base import TrialSpec
from automl.runners.linear import class_scores, fit_logistic
from automl.runners.state import Report, State, Trained
from automl.sources.rows import Rows, Splits


def probe(spec: TrialSpec, splits: Splits, state: State, report: Report) -> Trained:
    """Hyper-parameters: max_length (tokens), batch_size, pooling (mean | cls), c, class_weights.

    `cls` is the token that sums the text up: the first one of an encoder, the last one of all others.
    """
    import torch
    from sklearn.preprocessing import StandardScaler

    from automl.sources.architectures import architecture_of
    from automl.sources.encoders import load_encoder, load_tokenizer
    from automl.sources.language_models import resolve

    chosen: dict[str, Any] = dict(spec.pipeline.hyperparameters)
    torch.manual_seed(spec.seed)
    checkpoint = resolve(str(spec.pipeline.language_model), roots=spec.model_roots, cache=spec.cache)
    summary = architecture_of(checkpoint.features.get("architecture")).summary
    pooling = summary if chosen["pooling"] == "cls" else "mean"
    encoder: Any = load_encoder(checkpoint)
    encoder, tokenizer = encoder.to(spec.device), load_tokenizer(checkpoint)

    def embed(rows: Rows) -> NDArray[np.float32]:
        return embeddings(encoder, tokenizer, rows.texts, {**chosen, "pooling": pooling}, state, report)

    state.enter("train", report)
    scaler = StandardScaler()
    features = scaler.fit_transform(embed(splits.train))
    model = fit_logistic(features, splits.train.labels, chosen, spec.seed)
    train_s = time.monotonic() - state.began
    state.enter("validate", report)

    def judge(rows: Rows) -> dict[str, float]:
        return class_scores(model, scaler.transform(embed(rows)), rows, splits)

    validation = judge(splits.validation)
    weights = int(model.coef_.size + model.intercept_.size)
    cost = {
        "train_s": round(train_s, 3),
        "predict_s": round(time.monotonic() - state.began - train_s, 3),
        "parameters": checkpoint.parameters + weights,
        "trainable_parameters": weights,
        "batch_size_asked": int(chosen["batch_size"]),
        "batch_size_effective": int(chosen["batch_size"]),
    }
    return Trained(validation, lambda: judge(splits.test), cost, features=dict(checkpoint.features))


def embeddings(
    encoder: Any, tokenizer: Any, texts: list[str], chosen: dict[str, Any], state: State, report: Report
) -> NDArray[np.float32]:
    """(len(texts), hidden) float32, in the order of the texts. Batches are of similar lengths, to pad little."""
    import torch

    order = sorted(range(len(texts)), key=lambda index: (len(texts[index]), index))
    size, parts = int(chosen["batch_size"]), []
    with torch.inference_mode():
        for start in range(0, len(order), size):
            batch = [texts[index] for index in order[start : start + size]]
            encoded = tokenizer(
                batch,
                padding=True,
                truncation=True,
                max_length=int(chosen["max_length"]),
                return_tensors="pt",
            ).to(encoder.device)
            hidden = encoder(**encoded).last_hidden_state
            pooled = pool(hidden, encoded["attention_mask"], str(chosen["pooling"]))
            parts.append(pooled.float().cpu().numpy())
            state.step = (state.step or 0) + 1
            report(state)
    embedded = np.concatenate(parts)
    return np.asarray(embedded[np.argsort(order)], dtype=np.float32)


def pool(hidden: Any, mask: Any, how: str) -> Any:
    """One vector a text from (texts, tokens, hidden): the first token, the last that is no padding, or the mean."""
    import torch

    if how == "first":
        return hidden[:, 0]
    if how == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1).clamp(min=1) - 1]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    # A text may have no token at all (a tokenizer without special ones): it is a zero, not a division by zero.
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
