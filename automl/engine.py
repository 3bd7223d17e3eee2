"""`Engine`: ask for pipelines to try, tell how they ended.

Knows a space, a sampler and a history; knows no hub, no runner and no clock. Rebuild it from stored rows at
any time: what `ask` returns depends on prior, history, pending proposals and seed alone.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping, Sequence

from automl.errors import SamplerError
from automl.estimators.base import Estimator
from automl.fronts import costs_of, dominated, fronts
from automl.fronts import hypervolume as dominated_share
from automl.gate import Gate, GateOptions, Picked
from automl.priors import Prior
from automl.samplers import Setting, make_sampler
from automl.space import Space
from automl.values import SCORE, SECONDS, SKIPPED, Objective, Outcome, Pipeline, Proposal, is_finite


class Engine:
    """A search without its surroundings.

    `prior` None is a cold start; `objectives` are one or several of `automl.values`: score, seconds, memory,
    trainable parameters, energy; `options` are the sampler's, as JSON data; `gate`, where there is one, skips what
    will most likely not be worth its time, by the word of `gate_estimator` where one is given. SamplerError for an
    unknown sampler, its options, objectives that are empty or named twice, or a negative seed.
    """

    def __init__(
        self,
        space: Space,
        sampler: str = "process",
        *,
        prior: Prior | None = None,
        objectives: Sequence[Objective] = (SCORE, SECONDS),
        seed: int = 0,
        options: Mapping[str, object] | None = None,
        gate: GateOptions | None = None,
        gate_estimator: Estimator | None = None,
    ) -> None:
        _check_kinds(space, prior, gate, options)
        _check_objectives(objectives)
        if not _is_whole(seed) or seed < 0:
            raise SamplerError(f"the seed must be a whole number >= 0, got {seed!r}")
        self.space, self.seed, self.objectives = space, seed, tuple(objectives)
        setting = Setting(space, prior, self.objectives, seed, options or {})
        self.sampler = make_sampler(sampler, setting)
        self.gate = None if gate is None else Gate(setting, gate, gate_estimator)
        self.skipped: list[Proposal] = []
        """What the gate skipped in this engine's asks; each is in the history already."""
        self._history: dict[int, Outcome] = {}
        self._strange: set[int] = set()
        self._highest = 0
        self._behind = False  # whether something was told that the sampler has not learnt

    @property
    def history(self) -> list[Outcome]:
        """What was told, in trial order, whatever order it was told in; what the gate skipped is among it."""
        return [self._history[number] for number in sorted(self._history)]

    def _lessons(self) -> list[Outcome]:
        """What the sampler may learn from: it knows the space and nothing beside it."""
        return [item for item in self.history if item.number not in self._strange]

    def tell(self, outcome: Outcome) -> None:
        """How one trial ended; in any order, each trial once (SamplerError for a second time, or a number below 1).

        What ends in the order of the trials is learnt here, so that `ask` has little left to do; what ends late is
        learnt by the next `ask`, which starts again: told one by one, each late one would cost as much.
        A pipeline that the space does not know (of an older version, say) stays in the history and teaches nothing.
        """
        if not isinstance(outcome, Outcome):
            raise SamplerError(f"tell takes an Outcome, got {outcome!r}")
        if not _is_whole(outcome.number) or outcome.number < 1:
            raise SamplerError(f"trials are numbered from 1, as `ask` says them, got {outcome.number!r}")
        if outcome.number in self._history:
            raise SamplerError(f"trial {outcome.number} was told already; each trial ends once")
        self._history[outcome.number] = outcome
        if not self.space.contains(outcome.pipeline):
            self._strange.add(outcome.number)
        elif outcome.number < self._highest:
            self._behind = True
        elif not self._behind:
            self._observe(outcome)
        self._highest = max(self._highest, outcome.number)

    def _observe(self, outcome: Outcome) -> None:
        """Learn what follows all that is known."""
        self.sampler.observe(outcome)
        if self.gate is not None:
            self.gate.observe(outcome)

    def _learn(self) -> None:
        """Have the sampler know the whole history, whatever order it was told in."""
        self.sampler.learn(self._lessons())
        self._behind = False

    def ask(self, n: int = 1, pending: Iterable[Proposal] = ()) -> list[Proposal]:
        """Up to n proposals, numbered on from the highest number told or pending; the first trial is number
        1.

        `pending` are proposals that still run; neither they nor what was tried is proposed again. Fewer than
        n, down to none, when space or list are used up. Every trial has random numbers of its own, so asking
        for several at once changes nothing but what is known by then. What the gate skips uses up numbers too: it
        enters the history as "skipped" and stands in `skipped`; tell it to an engine that is rebuilt.
        """
        if not _is_whole(n) or n < 0:
            raise SamplerError(f"cannot ask for {n!r} proposals; ask for 0 or more")
        running = list(pending)
        self._learn()
        taken = {item.pipeline.key() for item in self.history} | {item.pipeline.key() for item in running}
        number = max([0, *self._history, *(proposal.number for proposal in running)])
        found: list[Proposal] = []
        while len(found) < n:
            picked = self._pick(number + 1, taken)
            self._skip(picked.skipped, taken)
            if picked.chosen is None:
                break
            taken.add(picked.chosen.pipeline.key())
            found.append(picked.chosen)
            number = max(number, *(one.number for one in (picked.chosen, *picked.skipped)))
        return found

    def _pick(self, number: int, taken: set[str]) -> Picked:
        if self.gate is None:
            return Picked(self.sampler.propose(number, taken))
        return self.gate.pick(self.sampler, number, taken, self._lessons())

    def _skip(self, skipped: Sequence[Proposal], taken: set[str]) -> None:
        """Enter what the gate refused into the history."""
        for one in skipped:
            self._history[one.number] = Outcome(one.number, one.pipeline, SKIPPED)
            self._highest = max(self._highest, one.number)
            taken.add(one.pipeline.key())
        self.skipped += skipped
        if self.gate is not None:  # it showed the sampler more skips than there are when the last one is run
            self._learn()

    def log_weights(self, pipelines: Sequence[Pipeline]) -> list[float]:
        """ln of how many times as likely each pipeline is to be proposed now as under a uniform draw."""
        self._learn()
        return [float(value) for value in self.sampler.log_weights(pipelines)]

    def front(self) -> list[Outcome]:
        """The successes that no other success beats in every objective, in trial order."""
        successes = [item for item in self.history if item.is_success]
        layers = fronts(costs_of(successes, self.objectives))
        return [successes[row] for row in layers[0]] if layers else []

    def hypervolume(self, limit_s: float) -> float:
        """The share in [0, 1] of (score 0 to 1) x (seconds 0 to `limit_s`) that the successes dominate."""
        points = [
            (item.score, item.seconds)
            for item in self.history
            if item.is_success and is_finite(item.score) and is_finite(item.seconds)
        ]
        return dominated_share(
            [score for score, _ in points], [spent for _, spent in points], limit_s=limit_s
        )

    def dominated(self, references: Mapping[str, float]) -> float:
        """The share in [0, 1] of the box of all objectives that the successes dominate: score 0 to 1, each cost 0 to
        its reference, by name. ValueError for a cost without a positive reference.
        """
        return dominated(self.history, self.objectives, references)


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _check_kinds(space: object, prior: object, gate: object, options: object) -> None:
    """SamplerError where something else was given, with what makes the right thing of it."""
    if not isinstance(space, Space):
        raise SamplerError(
            f"an engine searches a Space (automl.spaces.preset makes one by name), got {space!r}"
        )
    if prior is not None and not isinstance(prior, Prior):
        raise SamplerError(f"a prior comes from build_prior or Prior.from_dict(space, data), got {prior!r}")
    if gate is not None and not isinstance(gate, GateOptions):
        raise SamplerError(
            f"a gate needs GateOptions (GateOptions.read makes them of JSON data), got {gate!r}"
        )
    if options is not None and not isinstance(options, Mapping):
        raise SamplerError(f"a sampler's options are a mapping by name, got {options!r}")


def _check_objectives(objectives: object) -> None:
    given = objectives if isinstance(objectives, Sequence) else (None,)
    names = [one.name for one in given if isinstance(one, Objective)]
    if len(names) < len(given):
        raise SamplerError(
            "objectives are a list of SCORE, SECONDS, MEMORY, PARAMETERS and ENERGY of automl.values,"
            f" got {objectives!r}"
        )
    if not names or len(set(names)) < len(names):
        raise SamplerError(f"an engine needs objectives, each named once, got {names!r}")
