"""What the store would make of a task before anything runs there: a prior for looking at, kept nowhere.

It writes no row and knows no search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from automl.errors import AutomlError
from automl.priors.options import PriorOptions
from automl.priors.prior import build_prior
from automl.priors.utilities import UTILITIES
from automl.sources.rows import ANSWERS, CLASSES
from automl.values import Evidence, Limits, TaskView
from knowledgebase.accounts.models import User
from knowledgebase.experiences.selectors import task_names
from knowledgebase.searches.bridge.evidence import recent_evidence
from knowledgebase.searches.bridge.names import space_of
from knowledgebase.searches.bridge.refusal import Refused, refused

UTILITY_NAMES = tuple(UTILITIES)
# The kinds of task that a search can run on, and so those that a prior can be asked for.
SEARCHED_KINDS = (CLASSES, ANSWERS)
# A page has to answer at once; a search reads more, in a worker.
EXPLORED_ROWS = 1_200
# Of what is told in a refusal.
NAMES, NAME_LETTERS = 60, 60


@dataclass(frozen=True)
class Question:
    """A task, by digest or by meta-features alone, and how to ask. Seconds and bytes; None: no limit known."""

    metafeatures: Mapping[str, float | None]
    task: str = ""
    kind: str = CLASSES
    wall_s: float | None = None
    host_memory_bytes: int | None = None
    neighbours: int = 5
    score_weight: float = 0.7
    utility: str = "rank"
    beta_scale: float = 0.5
    leave_out: bool = True
    """Whether to forget what was run on the task itself, to see what the others say about it."""


@dataclass(frozen=True)
class Moved:
    """A prior beside uniform: shares by decision, the tasks it came from, and what each experience added."""

    neighbours: list[tuple[str, str, float]] = field(default_factory=list)
    distributions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    uniform: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    weights: list[tuple[str, float]] = field(default_factory=list)


def explore_prior(user: User, question: Question) -> Moved:
    """The prior of what this person may see of tasks of this kind; Refused for settings and kinds that cannot be."""
    if question.kind not in SEARCHED_KINDS:
        known_kinds = " and ".join(SEARCHED_KINDS)
        detail = f"no search runs on tasks of kind {question.kind[:64]!r}, so they have no prior; known: {known_kinds}"
        raise Refused("unknown_kind", detail, "kind")
    target = TaskView(
        question.task,
        question.metafeatures,
        limits=Limits(wall_s=question.wall_s, host_memory_bytes=question.host_memory_bytes),
    )
    try:
        options = replace(
            PriorOptions(),
            neighbours=question.neighbours,
            score_weight=question.score_weight,
            seconds_weight=1 - question.score_weight,
            utility=question.utility,
            beta_scale=question.beta_scale,
        )
        evidence = recent_evidence(user, EXPLORED_ROWS, kind=question.kind)
        known = (one for one in evidence if not question.leave_out or one.task != question.task)
        prior = build_prior(space_of(question.kind, None), known, target, options, remembered=0)
    except AutomlError as error:
        raise refused(error) from error
    if not question.task:
        require_common_features(question, evidence)
    names = task_names(user, [one.task for one in prior.neighbours])
    return Moved(
        neighbours=[(one.task, names.get(one.task) or one.task, one.distance) for one in prior.neighbours],
        distributions=prior.distributions(),
        uniform=prior.uniform(),
        weights=list(prior.weights),
    )


def require_common_features(question: Question, evidence: Sequence[Evidence]) -> None:
    """Refused for what has no feature in common with any task: it would get the prior of one in the middle of all."""
    tasks = {one.task: one.metafeatures for one in evidence}
    measured = {name for features in tasks.values() for name, value in features.items() if value is not None}
    given = [name for name, value in question.metafeatures.items() if value is not None]
    if measured and measured.isdisjoint(given):
        told = ", ".join(repr(name[:NAME_LETTERS]) for name in given[:5]) or "none"
        names = ", ".join(sorted(measured)[:NAMES])
        detail = f"metafeatures: given are {told}; the tasks of this kind that you may see have {names}"
        raise Refused("no_common_features", detail, "metafeatures")
