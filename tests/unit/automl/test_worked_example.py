"""The reference's published worked example, to six digits: utilities, learning rates, replay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from automl.priors import (
    Defects,
    Gaussian,
    Model,
    PriorOptions,
    Rate,
    Shares,
    Truth,
    Weights,
    build_prior,
    decay,
    negative_rates,
    positive_rates,
    prior_options,
    replay,
    utilities,
)
from automl.space import Integer, Method, Space
from automl.values import Evidence, Pipeline, TaskView

GROUPS = ["A", "A", "B"]
SCORES = [0.80, 0.60, 0.40]
SECONDS: list[float | None] = [600.0, 200.0, 900.0]
NEAR = [0.10, 0.10, 0.50]
FAR = [0.10, 0.50]


def digits(values: list[float]) -> list[float]:
    return [round(value, 6) for value in values]


@pytest.mark.parametrize(
    ("kind", "across", "expected"),
    [
        ("weighted_sum_v1", False, [0.5, 0.875, 1.0]),
        ("weighted_sum_v2", False, [0.5, 0.5, 0.5]),
        ("linear_front", True, [1.0, 1.0, 0.5]),
        ("logarithmic_front", True, [1.0, 1.0, 0.630930]),
    ],
)
def test_utilities(kind: str, across: bool, expected: list[float]) -> None:
    groups = [""] * 3 if across else GROUPS
    assert digits(utilities(kind, groups, SCORES, SECONDS)) == expected


def test_fronts_within_tasks_by_default() -> None:
    assert utilities("linear_front", GROUPS, SCORES, SECONDS) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("scale", "beta"), [(0.0, 0.0), (0.5, 1.096589), (1.0, 2.193179)])
def test_decay(scale: float, beta: float) -> None:
    assert round(decay(NEAR + FAR, scale), 6) == beta


@pytest.mark.parametrize(
    ("kind", "limits", "scale", "positives", "negatives"),
    [
        ("fixed", (0.05, 0.02), 0.0, [0.025, 0.04375, 0.05], [-0.02, -0.02]),
        ("fixed", (0.05, 0.02), 0.5, [0.022403, 0.039206, 0.028897], [-0.017923, -0.011559]),
        ("adaptive", (1.0, 1.0), 0.0, [0.166667, 0.291667, 0.333333], [-0.5, -0.5]),
        ("adaptive", (1.0, 1.0), 0.5, [0.149357, 0.261374, 0.192645], [-0.448070, -0.288967]),
    ],
)
def test_learning_rates(
    kind: str, limits: tuple[float, float], scale: float, positives: list[float], negatives: list[float]
) -> None:
    useful = utilities("weighted_sum_v1", GROUPS, SCORES, SECONDS)
    beta = decay(NEAR + FAR, scale)
    assert digits(positive_rates(useful, NEAR, Rate(kind, limits[0]), beta)) == positives  # type: ignore[arg-type]
    assert digits(negative_rates(FAR, Rate(kind, limits[1]), beta)) == negatives  # type: ignore[arg-type]


# (method, category, epochs, flag) of each run; methods are Full, Partial, LoRA.
RUNS = {
    "A1": (2, 0, 5, 1),
    "A2": (0, 1, 2, 0),
    "B1": (2, 2, 8, 1),
    "N1": (0, 3, 10, 1),
    "N2": (2, 0, 1, 0),
}
ALPHAS = {"A1": 0.022403, "A2": 0.039206, "B1": 0.028897, "N1": -0.017923, "N2": -0.011559}
REPLAY = {
    "A2": ([1.039206, 1, 1], [0.240568, 0.278295, 0.240568, 0.240568], 5.362779, 8.647145, 0.480397),
    "B1": ([1.039206, 1, 1.028897], [0.233812, 0.270479, 0.261897, 0.233812], 5.438986, 8.397271, 0.495412),
    "A1": ([1.039206, 1, 1.051300], [0.250601, 0.264552, 0.256158, 0.228688], 5.429151, 8.209143, 0.506716),
    "N2": ([1.039206, 1, 1.039742], [0.239042, 0.268405, 0.260011, 0.232541], 5.480346, 8.304030, 0.512573),
    "N1": ([1.021283, 1, 1.039742], [0.245017, 0.274380, 0.265985, 0.214619], 5.399341, 8.452861, 0.503837),
}


def coordinates(run: str) -> dict[str, float]:
    return dict(zip(("method", "category", "epochs", "flag"), map(float, RUNS[run]), strict=True))


def reference_model() -> Model:
    """A fresh model with the defects on: raw weights, natural scale, clamping, no floors."""
    assert PriorOptions.reference().defects == Defects.reference()
    return Model(
        {
            "method": Weights([1.0, 1.0, 1.0]),
            "category": Shares([0.25] * 4),
            "epochs": Gaussian(5.5, 9.0, low=1, high=10, clamped=True),
            "flag": Truth(),
        }
    )


def exact_alphas() -> dict[str, float]:
    useful = utilities("weighted_sum_v1", GROUPS, SCORES, SECONDS)
    beta = decay(NEAR + FAR, 0.5)
    good = positive_rates(useful, NEAR, Rate("fixed", 0.05), beta)
    bad = negative_rates(FAR, Rate("fixed", 0.02), beta)
    return dict(zip(("A1", "A2", "B1", "N1", "N2"), good + bad, strict=True))


@pytest.mark.parametrize("count", range(1, 6))
def test_replay_in_descending_alpha(count: int) -> None:
    alphas = exact_alphas()
    assert {run: round(alpha, 6) for run, alpha in alphas.items()} == ALPHAS
    order = sorted(alphas, key=lambda run: -alphas[run])
    assert order == list(REPLAY)
    model = reference_model()
    replay(model, [(coordinates(run), alphas[run]) for run in reversed(order[:count])])
    weights, shares, mean, deviation, truth = REPLAY[order[count - 1]]
    found = model.distributions
    assert digits(found["method"].w) == weights  # type: ignore[union-attr]
    assert digits(found["category"].p) == shares  # type: ignore[union-attr]
    assert round(found["epochs"].mean, 6) == mean  # type: ignore[union-attr]
    assert round(found["epochs"].deviation, 6) == deviation  # type: ignore[union-attr]
    assert round(found["flag"].q, 6) == truth  # type: ignore[union-attr]


def test_replay_gives_the_published_method_probabilities() -> None:
    model = reference_model()
    replay(model, [(coordinates(run), alpha) for run, alpha in exact_alphas().items()])
    methods = model["method"]
    assert isinstance(methods, Weights)
    assert digits(methods.probabilities()) == [0.333641, 0.326688, 0.339671]


def evidence(run: str, task: str, place: float, score: float | None, seconds: float | None) -> Evidence:
    """A run of the example: its category is the language model, which all methods share."""
    method, category, epochs, _ = RUNS[run]
    name = ("full", "partial", "lora")[method]
    pipeline = Pipeline(name, {"epochs": epochs}, MODELS[category])
    status = "diverged" if score is None else "ok"
    return Evidence(run, task, {"place": place}, pipeline, status, score=score, seconds=seconds)


MODELS = ("m:0", "m:1", "m:2", "m:3")


def test_the_same_through_the_whole_library() -> None:
    methods = tuple(Method(name, {"epochs": Integer(1, 10)}) for name in ("full", "partial", "lora"))
    store = [
        evidence("A1", "A", 0.1, 0.80, 600.0),
        evidence("A2", "A", 0.1, 0.60, 200.0),
        evidence("B1", "B", 0.5, 0.40, 900.0),
        evidence("N1", "A", 0.1, None, None),
        evidence("N2", "B", 0.5, None, None),
    ]
    # Distances as they are given, not as features would make them.
    options = replace(prior_options("f-pos f-neg k=0.5", Defects.reference()), scales=(), with_system=False)
    prior = build_prior(Space("example", methods, MODELS), store, TaskView("new", {"place": 0.0}), options)
    assert round(prior.beta, 6) == 1.096589
    assert {run: round(alpha, 6) for run, alpha in prior.weights} == ALPHAS
    weights, shares, *_ = REPLAY["N1"]
    assert digits(prior.model["method"].w) == weights  # type: ignore[union-attr]
    assert digits(prior.model["language_model"].p) == shares  # type: ignore[union-attr]
