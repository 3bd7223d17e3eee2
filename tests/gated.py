"""What the gate is tried on: a world, its store, and pipelines of which it is known how they end.

Knows no gate; the tests of the gate share it.
"""

from __future__ import annotations

from collections.abc import Sequence

from automl.priors import Prior, build_prior
from automl.testing.worlds import GOOD, NOISE, World
from automl.values import Evidence, Outcome, Pipeline, Proposal

WORLD = World()
STORE = WORLD.evidence([1, 2, 3, 4], 60)
TRAINING = {
    "learning_rate": 10**-3.5, "epochs": 4, "batch_size": 16, "max_length": 64, "warmup_share": 0.1,
    "weight_decay": 0.0, "class_weights": False,
}  # fmt: skip
BEST = Pipeline("full", TRAINING, GOOD)
DEADLY = Pipeline("full", {**TRAINING, "batch_size": 32}, GOOD)
POOR = Pipeline("full", {**TRAINING, "epochs": 10, "learning_rate": 1e-5}, NOISE)
QUICK = [Pipeline("full", {**TRAINING, "epochs": 2, "max_length": size}, GOOD) for size in (32, 48, 64)]


def prior_of(store: Sequence[Evidence] = STORE) -> Prior:
    """What a store says of the task that is searched on."""
    return build_prior(WORLD.space, store, WORLD.target(0))


def outcomes(pipelines: Sequence[Pipeline]) -> list[Outcome]:
    """How they end as trials 1, 2, ..."""
    return [WORLD.outcome(Proposal(at, one, "test")) for at, one in enumerate(pipelines, start=1)]
