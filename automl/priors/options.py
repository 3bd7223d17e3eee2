"""How a prior is built: which evidence, how useful, how strong, how fast it fades.

Knows no evidence. `PriorOptions()` is what TuneLore does; `PriorOptions.reference(...)` what the reference
did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from automl.errors import EvidenceError
from automl.neighbours import DEFAULT_SCALES
from automl.priors.defects import Defects
from automl.priors.rates import Rate
from automl.values import Objective

#: What a distance may be made of.
PARTS = ("meta", "system", "semantic")


@dataclass(frozen=True)
class PriorOptions:
    """Defaults looked at in tests/bench/bench_warm_start.py (--sweep); every count may be None for
    "all of it".
    """

    neighbours: int | None = 5
    """Only the nearest tasks that have usable evidence speak."""
    k_positive: int | None = 200
    """At most this many successes, nearest first: bounds the size of a prior."""
    k_negative: int | None = 200
    """At most this many failures, nearest first."""
    utility: str = "rank"
    """How successes are compared within their task; see `automl.priors.utilities`."""
    score_weight: float = 0.7
    seconds_weight: float = 0.3
    centred: bool = True
    """Successes below their task's middle utility push down instead of pulling weakly up."""
    positive: Rate = field(default_factory=lambda: Rate("adaptive", 5.0))
    negative: Rate = field(default_factory=lambda: Rate("adaptive", 0.5))
    beta: float | None = None
    """The decay itself; None derives it from the distances and `beta_scale`."""
    beta_scale: float = 0.5
    scales: tuple[str, ...] = DEFAULT_SCALES
    metric: str = "euclidean"
    with_system: bool = False
    """Whether the features of the machine take part in the distance."""
    parts: tuple[tuple[str, float], ...] = ()
    """Weights of "meta", "system" and "semantic" (features named so, with a dot), each part normalised and measured
    on its own; () is one distance over all. A part that the target lacks is left out.
    """
    least_score: float = 0.0
    """Successes with a lower score are neither for nor against their pipeline."""
    memory_k: int | None = None
    """Instead of all that: the k nearest and the k farthest runs at fixed rates (`automl.priors.knn`)."""
    defects: Defects = field(default_factory=Defects)

    def __post_init__(self) -> None:
        for name in ("neighbours", "k_positive", "k_negative"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise EvidenceError(f"{name} must be >= 0 or None for all, got {value!r}")
        if self.memory_k is not None and self.memory_k < 1:
            raise EvidenceError(f"memory_k must be >= 1 or None, got {self.memory_k!r}")
        for part, weight in self.parts:
            if part not in PARTS or not weight >= 0:
                raise EvidenceError(f"parts weigh {', '.join(PARTS)} with >= 0, got {part!r}: {weight!r}")
        if self.parts and not any(weight for _, weight in self.parts):
            raise EvidenceError(f"one of the parts must weigh more than 0, got {self.parts!r}")
        for name in ("beta", "beta_scale"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise EvidenceError(f"{name} must be >= 0, got {value!r}")

    def for_objectives(self, objectives: Sequence[Objective]) -> PriorOptions:
        """The same, looking only at what the search optimises; seconds stand for every cost."""
        names = {objective.name for objective in objectives}
        return replace(
            self,
            score_weight=self.score_weight if "score" in names else 0.0,
            seconds_weight=self.seconds_weight if names - {"score"} else 0.0,
        )

    @classmethod
    def reference(
        cls,
        *,
        positive: Rate | None = None,
        negative: Rate | None = None,
        beta_scale: float = 0.0,
        utility: str = "weighted_sum_v1",
        metric: str = "euclidean",
    ) -> PriorOptions:
        """XAutoLM's priors: all evidence, fixed rates 0.05 and -0.02 unless said otherwise, every
        defect on.
        """
        return cls(
            neighbours=None,
            k_positive=10_000,
            k_negative=10_000,
            utility=utility,
            score_weight=0.5,
            seconds_weight=0.5,
            centred=False,
            positive=positive or Rate("fixed", 0.05),
            negative=negative or Rate("fixed", 0.02),
            beta_scale=beta_scale,
            scales=("standard",),
            metric=metric,
            with_system=True,
            defects=Defects.reference(),
        )
