"""An invented family of related tasks with a known structure, to see whether what is taught is learnt.

Knows the space "tunelore/1" only. Nothing in it is measured: scores and seconds come from a formula, so that
a test knows which choices are good on every task of the family.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from automl.space import Space
from automl.spaces import tunelore
from automl.values import Evidence, Limits, Outcome, Pipeline, Proposal, TaskView

GOOD, FAIR, NOISE = "package:good@1", "package:fair@1", "package:noise@1"
#: What a language model adds to the score, and the seconds of one epoch with it.
LANGUAGE_MODELS = {GOOD: (0.35, 4.0), FAIR: (0.15, 2.0), NOISE: (0.0, 1.0)}
#: What a method adds to the score, and its share of a full epoch's seconds.
METHODS = {"full": (0.10, 1.0), "lora": (0.20, 0.6), "partial": (0.10, 0.7), "probe": (0.0, 0.3)}


@dataclass(frozen=True)
class World:
    """Tasks 0, 1, 2, ... that differ by an offset of the score; full training of the largest batch dies."""

    space: Space = field(default_factory=lambda: tunelore(tuple(LANGUAGE_MODELS)))
    limits: Limits = field(default_factory=lambda: Limits(wall_s=40.0, host_memory_bytes=2**31))

    def result(self, pipeline: Pipeline, task: int = 0) -> tuple[str, str | None, float | None, float]:
        """Status, cause, score and seconds of a pipeline on a task: always the same."""
        offset = 0.05 * math.sin(task)
        if pipeline.language_model is None:
            return "ok", None, 0.25 + offset, 1.0
        values = pipeline.hyperparameters
        quality, epoch_s = LANGUAGE_MODELS[pipeline.language_model]
        gain, share = METHODS[pipeline.method]
        seconds = epoch_s * share * float(values.get("epochs") or 1)
        if pipeline.method == "full" and values["batch_size"] == 32:
            return "oom", "host", None, 1.0
        wall = self.limits.wall_s or math.inf
        if seconds > wall:
            return "timeout", None, None, wall
        rate = float(values.get("learning_rate") or 10**-3.5)
        miss = min(abs(math.log10(rate) + 3.5), 1.5) / 1.5  # best at 3e-4
        return "ok", None, 0.25 + offset + (quality + gain) * (1 - miss), seconds

    def outcome(self, proposal: Proposal, task: int = 0) -> Outcome:
        """How a proposed trial ends on a task."""
        return Outcome(proposal.number, proposal.pipeline, *self.result(proposal.pipeline, task))

    def metafeatures(self, task: int) -> dict[str, float | None]:
        """Numbers that make tasks with near numbers near; one of them is missing on every third task."""
        length = None if task % 3 == 2 else 50.0 + task
        return {"instances": 300.0 + 40 * task, "classes": 4.0 + task % 2, "mean_length": length}

    def target(self, task: int = 0) -> TaskView:
        """A task as a search sees it."""
        return TaskView(f"task-{task}", self.metafeatures(task), limits=self.limits)

    def evidence(
        self, tasks: Sequence[int], each: int, seed: int = 0, *, shuffled: bool = False
    ) -> list[Evidence]:
        """`each` uniform runs of every task; `shuffled` deals each task's results out to its pipelines
        anew.
        """
        found: list[Evidence] = []
        for task in tasks:
            rng = np.random.default_rng([seed, task])
            pipelines = self.space.sample(rng, each)
            results = [self.result(pipeline, task) for pipeline in pipelines]
            if shuffled:
                results = [results[place] for place in rng.permutation(each)]
            for place, (pipeline, result) in enumerate(zip(pipelines, results, strict=True)):
                found.append(self._evidence(f"{task}-{place:04d}", task, pipeline, result))
        return found

    def _evidence(
        self,
        key: str,
        task: int,
        pipeline: Pipeline,
        result: tuple[str, str | None, float | None, float],
    ) -> Evidence:
        status, cause, score, seconds = result
        return Evidence(
            id=key,
            task=f"task-{task}",
            metafeatures=self.metafeatures(task),
            pipeline=pipeline,
            status=status,
            cause=cause,
            score=score,
            seconds=seconds,
            limits=self.limits,
        )
