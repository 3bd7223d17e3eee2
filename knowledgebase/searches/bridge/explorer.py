"""What the store would make of a task before anything runs there: a prior for looking at, kept nowhere.

It writes no row and knows no search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from automl.errors import AutomlError
from automl.priors.options import PriorOptions
from automl.priors.prior import build_prior
from automl.priors.utilities import UTILITIES
from automl.sources.language_models import known_keys
from automl.spaces.tunelore import tunelore
from automl.values import Limits, TaskView
from knowledgebase.accounts.models import User
from knowledgebase.searches.bridge.evidence import recent_evidence, task_names
from knowledgebase.searches.bridge.refusal import refused

UTILITY_NAMES = tuple(UTILITIES)
# A page has to answer at once; a search reads more, in a worker.
EXPLORED_ROWS = 2_000


@dataclass(frozen=True)
class Question:
    """A task, by digest or by meta-features alone, and how to ask. Seconds and bytes; None: no limit known."""

    metafeatures: Mapping[str, float | None]
    task: str = ""
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
    """The prior of what this person may see; Refused for settings that cannot be."""
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
        known = (
            one
            for one in recent_evidence(user, EXPLORED_ROWS)
            if not question.leave_out or one.task != question.task
        )
        prior = build_prior(tunelore(known_keys()), known, target, options, remembered=0)
    except AutomlError as error:
        raise refused(error) from error
    names = task_names(user, [one.task for one in prior.neighbours])
    return Moved(
        neighbours=[(one.task, names.get(one.task) or one.task, one.distance) for one in prior.neighbours],
        distributions=prior.distributions(),
        uniform=prior.uniform(),
        weights=list(prior.weights),
    )
