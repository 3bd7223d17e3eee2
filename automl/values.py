"""The library's values: pipelines, evidence, limits, objectives, proposals and outcomes.

Knows no space, no sampler and no storage: plain frozen data that a caller fills from wherever it keeps it.
Start at `Pipeline`, `Evidence` and `Outcome`. Times are in seconds, sizes in bytes, scores in [0, 1] with
higher being better.
"""

from __future__ import annotations

import json
import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeGuard

from automl.errors import EvidenceError

Scalar = str | int | float | bool | None
Features = Mapping[str, float | None]

#: Outcomes that can speak against a pipeline; every other status never does.
FAILURES = frozenset({"oom", "timeout", "diverged", "error"})
#: The status of a proposal that the gate refused: it never ran.
SKIPPED = "skipped"
#: The status of a run that was stopped because its curve would not have reached the front.
PRUNED = "pruned"
#: The hyper-parameter of every method that says which share of the training rows a pipeline takes.
TRAIN_FRACTION = "train_fraction"
#: A smaller share says nothing of rows; so logarithms of rows stay defined, whatever a foreign run calls so.
LEAST_FRACTION = 1e-6
A_FRACTION = "a number above 0 (0.000001 at least) and at most 1"
#: Causes that make an error (or anything else) the fault of the surroundings, not of the pipeline.
SURROUNDINGS = frozenset(
    {"data", "disk", "download", "infrastructure", "lost", "network", "preempted", "user"}
)
#: Every way in which a run may end, in the words of a record; the last is no run's but the gate's.
STATUSES = ("ok", "oom", "timeout", "diverged", "error", "killed", PRUNED, "unknown", SKIPPED)
#: What rounding may add to a score of 0 or 1.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Pipeline:
    """A complete choice: method, language model (or none) and hyper-parameters.

    `language_model` is the key text "source:name@revision#variant". `space` only says where the pipeline came
    from: it is no part of its identity. The mapping is copied, sorted by name; do not change it.
    """

    method: str
    hyperparameters: Mapping[str, Scalar] = field(default_factory=dict)
    language_model: str | None = None
    space: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "hyperparameters", dict(sorted(self.hyperparameters.items())))
        except AttributeError:
            raise EvidenceError(
                f"the hyper-parameters of a pipeline are a mapping by name, got {self.hyperparameters!r}"
            ) from None

    def __hash__(self) -> int:
        return hash(self.key())

    def key(self) -> str:
        """Canonical text, equal for the same choice (1 and 1.0 are the same, 1 and true are not)."""
        values = {name: _plain(value) for name, value in self.hyperparameters.items()}
        choice = [self.method, self.language_model, values]
        return json.dumps(choice, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def train_fraction(self) -> float:
        """The share of the training rows that it takes, in (0, 1]; 1 where it says nothing that is such a share."""
        value = self.hyperparameters.get(TRAIN_FRACTION)
        return float(value) if is_fraction(value) else 1.0

    def rows_before(self, rows: int | None) -> int | None:
        """The training rows that its fraction was taken of, where `rows` were left; None for None."""
        return None if rows is None else round(rows / self.train_fraction)

    def to_dict(self) -> dict[str, object]:
        """As JSON data, with the record's field names."""
        return {
            "method": self.method,
            "language_model": self.language_model,
            "hyperparameters": dict(self.hyperparameters),
            "space": self.space,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Pipeline:
        """The inverse of `to_dict`; KeyError or TypeError for data of another shape."""
        values, language_model, space = data["hyperparameters"], data.get("language_model"), data.get("space")
        if not isinstance(values, Mapping):
            raise TypeError(f"hyperparameters must be an object, got {values!r}")
        return cls(
            method=str(data["method"]),
            hyperparameters=values,
            language_model=None if language_model is None else str(language_model),
            space=None if space is None else str(space),
        )


def is_fraction(value: Scalar) -> TypeGuard[float]:
    """Whether it is `A_FRACTION`; NaN and truths are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return LEAST_FRACTION <= value <= 1


def _plain(value: Scalar) -> Scalar:
    """A float without a fraction as the integer it is, so that one choice has one text."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Limits:
    """What a run may use; None is no limit known."""

    wall_s: float | None = None
    host_memory_bytes: int | None = None
    device_memory_bytes: int | None = None


@dataclass(frozen=True)
class TaskView:
    """A task as a search sees it: its meta-features (None is missing), its machine and the limits to come."""

    task: str
    metafeatures: Features = field(default_factory=dict)
    system: Features = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    train_rows: int | None = None
    """Training rows that a pipeline may take its `train_fraction` of."""


@dataclass(frozen=True)
class Evidence:
    """An experience as the library sees it: this pipeline on this task did this, under these limits.

    EvidenceError for a status that is none, a score outside of [0, 1], or texts where numbers belong.
    """

    id: str
    task: str
    metafeatures: Features
    pipeline: Pipeline
    status: str
    cause: str | None = None
    score: float | None = None
    seconds: float | None = None
    memory_bytes: int | None = None
    limits: Limits = field(default_factory=Limits)
    system: Features = field(default_factory=dict)
    train_rows: int | None = None
    """Training rows before the pipeline took its `train_fraction` of them, as in a `TaskView`."""
    series: str | None = None
    """The search or experiment that it belongs to, where that is known; only a defect reads it."""

    def __post_init__(self) -> None:
        costs = {"seconds": self.seconds, "memory_bytes": self.memory_bytes}
        _check_run(f"the evidence {self.id!r}", self.status, self.pipeline, self.score, costs)

    @property
    def is_positive(self) -> bool:
        """A run that went well and has a finite score."""
        return self.status == "ok" and is_finite(self.score)

    def is_negative(self, limits: Limits) -> bool:
        """Whether the run speaks against its pipeline under `limits`.

        A timeout or an out-of-memory counts only when the run had at least as much as `limits` give: one
        after 40 s says nothing about a search that allows 600 s. Divergence and a pipeline's own error with a
        known cause count always; killed, pruned, unknown and faults of the surroundings never.
        """
        if not is_own_failure(self.status, self.cause):
            return False
        if self.status == "timeout":
            return _reaches(self.limits.wall_s or self.seconds, limits.wall_s)
        if self.status == "oom":
            return self._out_of_memory_within(limits)
        return True

    def _out_of_memory_within(self, limits: Limits) -> bool:
        if self.cause == "device":
            return _reaches(self.limits.device_memory_bytes or self.memory_bytes, limits.device_memory_bytes)
        had = self.limits.host_memory_bytes or self.system.get("memory_bytes") or self.memory_bytes
        return _reaches(had, limits.host_memory_bytes)


def _reaches(had: float | None, allowed: float | None) -> bool:
    """Whether failing with `had` means failing with `allowed`; what is not known says nothing."""
    return had is not None and allowed is not None and had >= allowed


#: 30 thousand million years, an exabyte: who says more has said nothing, and squares of it would be no numbers.
LARGEST = 1e18
#: A clock's nanosecond: below it there is nothing that anybody measured.
LEAST = 1e-9


def is_finite(value: float | None) -> TypeGuard[float]:
    """Whether a number is there and may be one: not NaN, not infinite, not beyond what anything measured can be."""
    return value is not None and -LARGEST <= value <= LARGEST


def is_above_zero(value: float | None) -> TypeGuard[float]:
    """Whether a number is there of which the logarithm says something: of seconds, bytes, rows."""
    return value is not None and LEAST <= value <= LARGEST


def _check_run(
    who: str, status: str, pipeline: object, score: float | None, costs: Mapping[str, float | None]
) -> None:
    """What would teach nothing, or the wrong thing, without a word. Infinities and NaN are no numbers, and allowed."""
    if status not in STATUSES:
        raise EvidenceError(f"{who} has the status {status!r}; use one of {', '.join(STATUSES)}")
    if not isinstance(pipeline, Pipeline):
        raise EvidenceError(f"{who} needs a Pipeline (Pipeline.from_dict reads one), got {pipeline!r}")
    for name, value in {"score": score, **costs}.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
            raise EvidenceError(
                f"{who}: {name} must be a number, or None where it is not known, got {value!r}"
            )
    if is_finite(score) and not -ROUNDING <= score <= 1 + ROUNDING:
        raise EvidenceError(
            f"{who} has the score {score!r}; a score lies in [0, 1], higher is better (of a percentage a hundredth)"
        )


def is_own_failure(status: str, cause: str | None) -> bool:
    """Whether a run ended by what its pipeline did; an error without a known cause does not count."""
    if status not in FAILURES or cause in SURROUNDINGS:
        return False
    return status != "error" or cause not in (None, "unknown")


@dataclass(frozen=True)
class Objective:
    """One thing to optimise: the score upwards, or a cost downwards."""

    name: Literal["score", "seconds", "memory_bytes", "trainable_parameters", "energy_j"]
    direction: Literal["max", "min"]

    def __post_init__(self) -> None:
        if DIRECTIONS.get(self.name) != self.direction:
            known = ", ".join(f"{name} {direction}" for name, direction in DIRECTIONS.items())
            raise ValueError(f"objective {self.name!r} cannot be {self.direction!r}; use one of {known}")


DIRECTIONS: Mapping[str, str] = {
    "score": "max",
    "seconds": "min",
    "memory_bytes": "min",
    "trainable_parameters": "min",
    "energy_j": "min",
}
SCORE = Objective("score", "max")
SECONDS = Objective("seconds", "min")
MEMORY = Objective("memory_bytes", "min")
PARAMETERS = Objective("trainable_parameters", "min")
ENERGY = Objective("energy_j", "min")


@dataclass(frozen=True)
class Proposal:
    """What `ask` returns: trial `number` (from 1) should run `pipeline`.

    `origin` says where it came from ("model", "prior", "uniform", "listed", "audit"); `probability` in [0, 1]
    is the chance that its method and language model had, None where the sampler has no such thing. `why` is
    what the sampler says for it, as JSON data: no part of what makes two proposals the same.
    """

    number: int
    pipeline: Pipeline
    origin: str
    probability: float | None = None
    why: Mapping[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Outcome:
    """What `tell` takes: how trial `number` ended; costs that were not measured are None.

    Of a pruned run, `score` is what it had reached, a lower bound, `ceiling` what its curve was expected to reach at
    most, and `seconds` what it had cost by then. EvidenceError as for `Evidence`.
    """

    number: int
    pipeline: Pipeline
    status: str
    cause: str | None = None
    score: float | None = None
    seconds: float | None = None
    ceiling: float | None = None
    memory_bytes: float | None = None
    trainable_parameters: float | None = None
    energy_j: float | None = None

    def __post_init__(self) -> None:
        costs = {name: getattr(self, name) for name in DIRECTIONS if name != "score"}
        _check_run(f"trial {self.number!r}", self.status, self.pipeline, self.score, costs)

    def value(self, objective: str) -> float | None:
        """What an objective is judged by, by its name."""
        found: float | None = getattr(self, objective)
        return found

    @property
    def is_success(self) -> bool:
        """Ended well with a finite score."""
        return self.status == "ok" and is_finite(self.score)

    @property
    def is_failure(self) -> bool:
        """Ended by what the pipeline did: what a sampler should learn to avoid."""
        return is_own_failure(self.status, self.cause)

    @property
    def is_pruned(self) -> bool:
        """Stopped by its curve: alive, with a score that is known to be at least so much."""
        return self.status == PRUNED and is_finite(self.score)

    @property
    def says_something(self) -> bool:
        """Whether a sampler learns from it; killed, skipped and faults of the surroundings say nothing."""
        return self.is_success or self.is_failure or self.is_pruned
