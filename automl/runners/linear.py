"""TF-IDF and logistic regression: the honest baseline that every search contains. Needs no language model."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np

from automl.runners.base import TrialSpec
from automl.runners.scoring import scores
from automl.runners.state import Report, State, Trained
from automl.sources.rows import Rows, Splits

MAX_ITERATIONS = 300


def linear(spec: TrialSpec, splits: Splits, state: State, report: Report) -> Trained:
    """Hyper-parameters: ngrams (word | char), ngram_max, min_df, sublinear_tf, c, class_weights."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    chosen: dict[str, Any] = dict(spec.pipeline.hyperparameters)
    state.enter("train", report)
    vectorizer = TfidfVectorizer(
        analyzer="word" if chosen["ngrams"] == "word" else "char_wb",
        ngram_range=(1, int(chosen["ngram_max"])),
        min_df=int(chosen["min_df"]),
        sublinear_tf=bool(chosen["sublinear_tf"]),
    )
    features = vectorizer.fit_transform(splits.train.texts)
    model = fit_logistic(features, splits.train.labels, chosen, spec.seed)
    train_s = time.monotonic() - state.began
    state.enter("validate", report)

    def judge(rows: Rows) -> dict[str, float]:
        return class_scores(model, vectorizer.transform(rows.texts), rows, splits)

    validation = judge(splits.validation)
    weights = int(model.coef_.size + model.intercept_.size)
    cost = {
        "train_s": round(train_s, 3),
        "predict_s": round(time.monotonic() - state.began - train_s, 3),
        "parameters": weights,
        "trainable_parameters": weights,
    }
    return Trained(validation, lambda: judge(splits.test), cost)


def fit_logistic(features: Any, labels: list[str], chosen: dict[str, Any], seed: int) -> Any:
    """Multinomial logistic regression with strength `c`; stopping at the iteration limit is no failure."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        C=float(chosen["c"]),
        max_iter=MAX_ITERATIONS,
        class_weight="balanced" if chosen["class_weights"] else None,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)


def class_scores(model: Any, features: Any, rows: Rows, splits: Splits) -> dict[str, float]:
    """Scores over all classes of the dataset, those the cut left without training rows included."""
    number = {label: index for index, label in enumerate(splits.labels)}
    unknown = len(number)
    truth = np.array([number.get(label, unknown) for label in rows.labels], dtype=np.int64)
    predicted = np.array([number[label] for label in model.predict(features)], dtype=np.int64)
    return scores(truth, predicted, len(number))
