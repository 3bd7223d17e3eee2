"""The reference's warm start on its worked example, to six digits, with its defects switched on.

Positives A1 (task A, F1 .80, 600 s, d .10), A2 (A, .60, 200 s, .10), B1 (B, .40, 900 s, .50); negatives N1 at .10 and
N2 at .50. Every number below was computed independently of this code.
"""

from __future__ import annotations

import pytest

from automl.priors import (
    Gaussian,
    Model,
    Rate,
    Shares,
    Truth,
    Weights,
    decay,
    negative_rates,
    positive_rates,
    replay,
    utilities,
)

GROUPS, SCORES, SECONDS = ["A", "A", "B"], [0.80, 0.60, 0.40], [600.0, 200.0, 900.0]
NEAR, FAR = [0.10, 0.10, 0.50], [0.10, 0.50]


@pytest.mark.parametrize(("scale", "beta"), [(0.5, 1.096589), (1.0, 2.193179), (0.0, 0.0)])
def test_decay(scale, beta):
    assert decay(NEAR + FAR, scale) == pytest.approx(beta, abs=5e-7)


@pytest.mark.parametrize(
    ("name", "across", "expected"),
    [
        ("weighted_sum_v1", False, [0.5, 0.875, 1.0]),
        ("weighted_sum_v2", False, [0.5, 0.5, 0.5]),
        ("linear_front", True, [1.0, 1.0, 0.5]),
        ("logarithmic_front", True, [1.0, 1.0, 0.630930]),
    ],
)
def test_utilities(name, across, expected):
    groups = [""] * 3 if across else GROUPS
    found = utilities(name, groups, SCORES, SECONDS, score_weight=0.5, seconds_weight=0.5)
    assert found == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(
    ("positive", "negative", "beta", "expected"),
    [
        (Rate("fixed", 0.05), Rate("fixed", 0.02), 0.0, [0.025, 0.04375, 0.05, -0.02, -0.02]),
        (
            Rate("fixed", 0.05),
            Rate("fixed", 0.02),
            1.0965894,
            [0.022403, 0.039206, 0.028897, -0.017923, -0.011559],
        ),
        (Rate("adaptive", 1.0), Rate("adaptive", 1.0), 0.0, [0.166667, 0.291667, 0.333333, -0.5, -0.5]),
        (
            Rate("adaptive", 1.0),
            Rate("adaptive", 1.0),
            1.0965894,
            [0.149357, 0.261374, 0.192645, -0.448070, -0.288967],
        ),
    ],
)
def test_learning_rates(positive, negative, beta, expected):
    gained = positive_rates([0.5, 0.875, 1.0], NEAR, positive, beta)
    lost = negative_rates(FAR, negative, beta)
    assert [*gained, *lost] == pytest.approx(expected, abs=1.5e-6)


def test_replay():
    """Methods Full, Partial, LoRA; one categorical of four, epochs in 1..10, one boolean, shared by all."""
    full, lora = 0.0, 2.0
    beta = decay(NEAR + FAR, 0.5)
    a1, a2, b1 = positive_rates([0.5, 0.875, 1.0], NEAR, Rate("fixed", 0.05), beta)
    n1, n2 = negative_rates(FAR, Rate("fixed", 0.02), beta)
    steps = {
        "A2": ({"method": full, "model": 1, "epochs": 2, "flag": 0}, a2),
        "B1": ({"method": lora, "model": 2, "epochs": 8, "flag": 1}, b1),
        "A1": ({"method": lora, "model": 0, "epochs": 5, "flag": 1}, a1),
        "N2": ({"method": lora, "model": 0, "epochs": 1, "flag": 0}, n2),
        "N1": ({"method": full, "model": 3, "epochs": 10, "flag": 1}, n1),
    }
    expected = {
        "A2": (1.039206, 1, 1, [0.240568, 0.278295, 0.240568, 0.240568], 5.362779, 8.647145, 0.480397),
        "B1": (1.039206, 1, 1.028897, [0.233812, 0.270479, 0.261897, 0.233812], 5.438986, 8.397271, 0.495412),
        "A1": (1.039206, 1, 1.051300, [0.250601, 0.264552, 0.256158, 0.228688], 5.429151, 8.209143, 0.506716),
        "N2": (1.039206, 1, 1.039742, [0.239042, 0.268405, 0.260011, 0.232541], 5.480346, 8.304030, 0.512573),
        "N1": (1.021283, 1, 1.039742, [0.245017, 0.274380, 0.265985, 0.214619], 5.399341, 8.452861, 0.503837),
    }
    model = Model(
        {
            "method": Weights([1.0, 1.0, 1.0]),
            "model": Shares([0.25] * 4),
            "epochs": Gaussian(5.5, 9.0, 1, 10, clamped=True),
            "flag": Truth(),
        }
    )
    for name, step in steps.items():
        replay(model, [step])
        full_w, partial_w, lora_w, shares, mean, deviation, chance = expected[name]
        assert model["method"].w == pytest.approx([full_w, partial_w, lora_w], abs=1e-6), name
        assert model["model"].p == pytest.approx(shares, abs=1e-6), name
        assert (model["epochs"].mean, model["epochs"].deviation) == pytest.approx(
            (mean, deviation), abs=1e-6
        ), name
        assert model["flag"].q == pytest.approx(chance, abs=1e-6), name
    assert model["method"].probabilities() == pytest.approx([0.333641, 0.326688, 0.339671], abs=1e-6)


def test_the_order_of_the_replay_is_by_learning_rate():
    first = Model({"flag": Truth()})
    second = Model({"flag": Truth()})
    pairs = [({"flag": 1.0}, 0.3), ({"flag": 0.0}, 0.1), ({"flag": 1.0}, -0.2)]
    replay(first, pairs)
    replay(second, pairs[::-1])
    assert first["flag"].q == second["flag"].q
