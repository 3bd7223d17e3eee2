"""What a run is asked and what it answers, as plain data that crosses a pipe as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from automl.runners.energy import POWERCAP
from automl.runners.stopping import Stopping
from automl.sources.references import DatasetRef
from automl.sources.rows import ANSWERS, CLASSES
from automl.values import Limits, Pipeline

#: The scores of each kind of task, in [0, 1], the one that compares runs first.
SCORES: Mapping[str, tuple[str, ...]] = {
    CLASSES: ("f1_macro", "accuracy"),
    ANSWERS: ("token_f1", "exact_match", "drop_f1", "drop_exact_match"),
}


@dataclass(frozen=True)
class TrialSpec:
    """Everything that decides a run. Same spec, same versions, one thread: the same scores.

    Rows are upper bounds (None: all there is). `device` is "cpu" or "cuda:<n>". `metric` is one of SCORES for the
    dataset's kind, its first when nothing is said. `cache` is a folder for built datasets; the roots are the folders
    that `path:` and `file:` may read, `powercap` the folder of the processors' energy counters. `stopping`
    may end a training whose curve is hopeless; then the score depends on the clock too. ValueError for a metric of
    another kind.
    """

    pipeline: Pipeline
    dataset: DatasetRef
    train_rows: int | None = None
    validation_rows: int | None = None
    test_rows: int | None = None
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    threads: int = 1
    device: str = "cpu"
    metric: str = ""
    cache: str = ""
    model_roots: tuple[str, ...] = ()
    data_roots: tuple[str, ...] = ()
    stopping: Stopping | None = None
    powercap: str = POWERCAP

    def __post_init__(self) -> None:
        known = SCORES.get(self.dataset.kind, SCORES[CLASSES])
        if self.metric and self.metric not in known:
            raise ValueError(
                f"{self.dataset.kind} has no metric {self.metric[:60]!r}; known: {', '.join(known)}"
            )
        object.__setattr__(self, "metric", self.metric or known[0])

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            **asdict(self),
            "pipeline": self.pipeline.to_dict(),
            "dataset": self.dataset.to_dict(),
            "model_roots": list(self.model_roots),
            "data_roots": list(self.data_roots),
            "stopping": None if self.stopping is None else self.stopping.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrialSpec:
        """The inverse of `to_dict`; KeyError or TypeError for data of another shape."""
        plain = dict(data)
        plain["pipeline"] = Pipeline.from_dict(data["pipeline"])
        plain["dataset"] = DatasetRef.from_dict(data["dataset"])
        plain["limits"] = Limits(**data.get("limits", {}))
        plain["model_roots"] = tuple(data.get("model_roots", ()))
        plain["data_roots"] = tuple(data.get("data_roots", ()))
        stopping = data.get("stopping")
        plain["stopping"] = None if stopping is None else Stopping.from_dict(stopping)
        return cls(**plain)


@dataclass(frozen=True)
class TrialProgress:
    """Where a run is: seconds since its start, bytes of host memory now, best validation score so far."""

    phase: str
    step: int | None = None
    epoch: float | None = None
    seconds: float = 0.0
    memory_bytes: int | None = None
    best: float | None = None


@dataclass(frozen=True)
class TrialResult:
    """How a run ended, in the shapes of the record: metrics by split, cost, curve, conditions, fidelity.

    `primary` is {"split", "metric", "value"}, there only with status ok; `pruning` says why a run was stopped by its
    curve, only with status pruned. Times are UTC, RFC 3339.
    """

    status: str
    started_at: str
    finished_at: str
    phase: str | None = None
    cause: str | None = None
    exception: str | None = None
    stack: str | None = None
    step: int | None = None
    metrics: dict[str, dict[str, float | None]] = field(default_factory=dict)
    primary: dict[str, Any] | None = None
    cost: dict[str, Any] = field(default_factory=dict)
    curve: list[dict[str, Any]] = field(default_factory=list)
    conditions: dict[str, Any] = field(default_factory=dict)
    fidelity: dict[str, Any] = field(default_factory=dict)
    language_model_features: dict[str, Any] = field(default_factory=dict)
    pruning: dict[str, Any] = field(default_factory=dict)
