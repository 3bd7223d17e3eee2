"""`build_prior`: what a store of evidence says about a task before anything has run there.

Knows evidence, utilities, rates and the model they move; knows no search. A prior is data: it can be kept as
JSON with the search that it started (`Prior.to_dict`) and says where each of its opinions came from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

import numpy as np

from automl.errors import EvidenceError
from automl.neighbours import Neighbour
from automl.priors.decisions import Decisions
from automl.priors.defects import Defects
from automl.priors.knn import memory_rates
from automl.priors.memory import REMEMBERED_RUNS, Facts, Memory, remember
from automl.priors.model import Model
from automl.priors.options import PriorOptions
from automl.priors.rates import decay, negative_rates, positive_rates
from automl.priors.selection import Selection, select
from automl.priors.utilities import utilities
from automl.space import Space
from automl.values import Evidence, TaskView


@dataclass(frozen=True)
class Prior:
    """The model after the replay, and how it came about.

    `weights` are (evidence id, alpha) in the order of the replay, alpha < 0 for what speaks against;
    `neighbours` the tasks they came from, nearest first; `memory` the runs that some samplers read
    themselves. Do not change the model: samplers copy it.
    """

    space: Space
    model: Model
    neighbours: Sequence[Neighbour]
    weights: Sequence[tuple[str, float]]
    beta: float
    digest: str
    defects: Sequence[str] = ()
    memory: Memory | None = None

    def distributions(self) -> dict[str, dict[str, float]]:
        """The share of every value: "method", "language_model", "<method>.<parameter>", each summing to 1.

        Reals and wide integers are shown in parts, equal on their own scale; the same labels as `uniform`.
        """
        return self._decisions().shares(self.model)

    def uniform(self) -> dict[str, dict[str, float]]:
        """The same shares where nothing is known."""
        return self.space.distributions()

    def _decisions(self) -> Decisions:
        return Decisions(self.space, Defects.named(self.defects))

    def to_dict(self) -> dict[str, object]:
        """As JSON data without the space; bounded by the options' k_positive, k_negative and neighbours,
        and by what is remembered.
        """
        return {
            **({} if self.memory is None else {"memory": self.memory.to_dict()}),
            "model": self.model.to_dict(),
            "neighbours": [asdict(neighbour) for neighbour in self.neighbours],
            "weights": [list(pair) for pair in self.weights],
            "beta": self.beta,
            "digest": self.digest,
            "defects": list(self.defects),
        }

    @classmethod
    def from_dict(cls, space: Space, data: Mapping[str, object]) -> Prior:
        """The inverse, for the same space; EvidenceError when data or space do not fit."""
        try:
            prior = cls(
                space=space,
                model=Model.from_dict(data["model"]),  # type: ignore[arg-type]  # wrong shapes raise below
                neighbours=[Neighbour(**item) for item in data["neighbours"]],  # type: ignore[attr-defined]
                weights=[(str(key), float(alpha)) for key, alpha in data["weights"]],  # type: ignore[attr-defined]
                beta=float(data["beta"]),  # type: ignore[arg-type]
                digest=str(data["digest"]),
                defects=tuple(data.get("defects", ())),  # type: ignore[arg-type]
                memory=Memory.from_dict(data["memory"]) if "memory" in data else None,  # type: ignore[arg-type]
            )
            prior.distributions()
        except (AttributeError, KeyError, TypeError, ValueError) as wrong:
            raise EvidenceError(
                f"the stored prior does not fit the space {space.name!r}: {wrong!r}"
            ) from wrong
        return prior


def build_prior(
    space: Space,
    evidence: Iterable[Evidence],
    target: TaskView,
    options: PriorOptions | None = None,
    *,
    seed: int = 0,
    facts: Facts | None = None,
    remembered: int = REMEMBERED_RUNS,
) -> Prior:
    """What the evidence says about the target.

    Select, weigh successes within their tasks, fade by distance, and replay into a uniform model in
    descending order of the learning rate. Evidence with nothing that the space knows is left out. `seed` only
    matters for the defect that draws missing values. `remembered` runs are kept beside the model, 0 for none,
    with `facts` about the language models.
    """
    chosen = options or PriorOptions()
    decisions = Decisions(space, chosen.defects)
    known = [_completed(space, item) for item in evidence if decisions.read(item.pipeline)]
    rated, neighbours, beta = _weighed(known, target, chosen)
    model = decisions.initial_model()
    for item, alpha in rated:
        replay(model, [(_coordinates(decisions, model, chosen, item, seed), alpha)])
    weights = [(item.id, alpha) for item, alpha in rated]
    memory = None
    if remembered:
        memory = remember(known, target, facts, runs=remembered, scales=chosen.scales, metric=chosen.metric)
    digest = _digest(space, model, weights, neighbours, memory)
    names = tuple(chosen.defects.names())
    return Prior(space, model, neighbours, weights, beta, digest, names, memory)


def replay(model: Model, weighted: Sequence[tuple[Mapping[str, float], float]]) -> None:
    """Move the model by (coordinates, alpha) pairs in descending order of alpha: strongest failures
    come last.
    """
    for coordinates, alpha in sorted(weighted, key=lambda pair: -pair[1]):
        model.update({handle: [value] for handle, value in coordinates.items()}, alpha)
        model.revive()


def _completed(space: Space, item: Evidence) -> Evidence:
    """What a run of a space without fractions of the rows says in one with them: it took all rows."""
    pipeline = space.completed(item.pipeline)
    return item if pipeline is item.pipeline else replace(item, pipeline=pipeline)


def _weighed(
    known: Sequence[Evidence], target: TaskView, options: PriorOptions
) -> tuple[list[tuple[Evidence, float]], Sequence[Neighbour], float]:
    """Evidence with its learning rates in descending order, the tasks it comes from, and beta."""
    if options.memory_k is not None:
        return *memory_rates(known, target, options), 0.0
    selection = select(known, target, options)
    rated, beta = _rate(selection, options)
    return rated, selection.neighbours, beta


def _rate(selection: Selection, options: PriorOptions) -> tuple[list[tuple[Evidence, float]], float]:
    """Each piece of evidence with its learning rate, in descending order, and beta."""
    near = [distance for _, distance in selection.positives]
    far = [distance for _, distance in selection.negatives]
    beta = decay(near + far, options.beta_scale) if options.beta is None else options.beta
    values = _utilities([item for item, _ in selection.positives], options)
    successes = positive_rates([abs(value) for value in values], near, options.positive, beta)
    signed = [alpha if value >= 0 else -alpha for value, alpha in zip(values, successes, strict=True)]
    failures = negative_rates(far, options.negative, beta)
    rated = [(item, alpha) for (item, _), alpha in zip(selection.positives, signed, strict=True)]
    rated += [(item, alpha) for (item, _), alpha in zip(selection.negatives, failures, strict=True)]
    return sorted(rated, key=lambda pair: (-pair[1], pair[0].id)), beta


def _utilities(positives: Sequence[Evidence], options: PriorOptions) -> list[float]:
    """Utilities in [0, 1]; in [-1, 1] around their task's median where centred."""
    groups = [_group(item, options) for item in positives]
    found = utilities(
        options.utility,
        groups,
        [item.score or 0.0 for item in positives],
        [item.seconds for item in positives],
        score_weight=options.score_weight,
        seconds_weight=options.seconds_weight,
    )
    if not options.centred:
        return found
    middle = {g: median(u for u, own in zip(found, groups, strict=True) if own == g) for g in set(groups)}
    return [2 * (value - middle[group]) for value, group in zip(found, groups, strict=True)]


def _group(item: Evidence, options: PriorOptions) -> str:
    """What a success is compared within: its task, unless a defect has it otherwise."""
    if options.defects.fronts_across_tasks and options.utility.endswith("_front"):
        return ""
    return (options.defects.utilities_per_series and item.series) or item.task


def _coordinates(
    decisions: Decisions, model: Model, options: PriorOptions, item: Evidence, seed: int
) -> dict[str, float]:
    if not options.defects.draw_missing_values:
        return decisions.read(item.pipeline)
    own = int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:4], "big")
    return decisions.fill(model, item.pipeline, np.random.default_rng([seed, own]))


def _digest(
    space: Space,
    model: Model,
    weights: Sequence[tuple[str, float]],
    neighbours: Sequence[Neighbour],
    memory: Memory | None,
) -> str:
    content = [space.to_dict(), model.to_dict(), weights, [(n.task, n.distance) for n in neighbours]]
    content += [] if memory is None else [memory.digest()]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
