"""Rows to an engine and proposals to rows: a search is what its rows say each time it is pushed.

It knows no database writes. Same prior snapshot, same history in trial order, same pending trials and same seed
give the same proposals, in whichever process this runs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID

from automl.engine import Engine
from automl.errors import AutomlError
from automl.gate import GateOptions
from automl.priors.options import PriorOptions
from automl.priors.prior import Prior, build_prior
from automl.space import Space
from automl.values import (
    ENERGY,
    MEMORY,
    PARAMETERS,
    PRUNED,
    SCORE,
    SECONDS,
    SKIPPED,
    Limits,
    Objective,
    Outcome,
    Pipeline,
    Proposal,
    TaskView,
)
from knowledgebase.searches.bridge.engines import engine_told, keep
from knowledgebase.searches.bridge.evidence import evidence_for
from knowledgebase.searches.bridge.names import (
    installed_keys,
    language_model_facts,
    method_names,
    names_its_models,
    needs_language_model,
    pin_language_model,
    space_of,
)
from knowledgebase.searches.bridge.reasons import kept_reasons
from knowledgebase.searches.bridge.refusal import refused
from knowledgebase.searches.models import Search, Trial

OBJECTIVES: Mapping[str, Objective] = {one.name: one for one in (SCORE, SECONDS, MEMORY, PARAMETERS, ENERGY)}
MAX_CACHED = 32
# The baseline every search contains: what a text classifier costs without any language model.
BASELINE: Mapping[str, str | int | float | bool] = {
    "ngrams": "word",
    "ngram_max": 2,
    "min_df": 1,
    "sublinear_tf": True,
    "c": 1.0,
    "class_weights": False,
}


@dataclass(frozen=True)
class Start:
    """What a search is given when it starts; ids bounded, summary plain JSON."""

    language_models: tuple[str, ...]
    prior: Mapping[str, object] = field(default_factory=dict)
    prior_ids: tuple[str, ...] = ()
    prior_digest: str = ""
    prior_summary: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchContext:
    """What does not change while a search runs."""

    space: Space
    prior: Prior | None
    prior_digest: str


_contexts: OrderedDict[UUID, SearchContext] = OrderedDict()
_lock = Lock()


def prepare_start(search: Search) -> Start:
    """Freeze the language models and the prior as they are now; Refused when the space is empty."""
    language_models = _frozen_language_models(search)
    if not search.warm_start:
        return Start(language_models)
    space = _space(search, language_models)
    objectives = [OBJECTIVES[name] for name in search.objectives]
    options = PriorOptions().for_objectives(objectives)
    facts = language_model_facts(language_models)
    evidence = evidence_for(search.owner, kind=search.dataset.kind)
    prior = build_prior(space, evidence, _target(search), options, facts=facts)
    if not prior.weights:
        return Start(language_models)
    return Start(
        language_models=language_models,
        prior=prior.to_dict(),
        prior_ids=tuple(evidence_id for evidence_id, _ in prior.weights),
        prior_digest=prior.digest,
        prior_summary=_summary(search, prior),
    )


def _frozen_language_models(search: Search) -> tuple[str, ...]:
    """Full keys of what was asked for, else of all there is; () where no method needs one."""
    asked = search.language_models
    if search.own_space:
        own = _space(search, ())
        if not any(method.needs_language_model for method in own.methods):
            return ()
        return tuple(dict.fromkeys(map(pin_language_model, asked or own.language_models)))
    if not any(map(needs_language_model, search.methods or method_names(search.dataset.kind, search.space))):
        return ()
    if not asked and names_its_models(search.space):
        asked = space_of(search.dataset.kind, None, search.space).language_models
    return tuple(dict.fromkeys(map(pin_language_model, asked))) or installed_keys()


def load_context(search_id: UUID) -> SearchContext | None:
    """Space and prior of a running search, from its snapshot; None while it has not started, or when it is gone."""
    search = Search.objects.select_related("dataset", "owner").filter(pk=search_id).first()
    if search is None or search.state != Search.State.RUNNING:
        return None
    with _lock:
        known = _contexts.get(search_id)
    if known is not None and known.prior_digest == search.prior_digest:
        return known
    space = _space(search, search.language_models)
    prior = Prior.from_dict(space, search.prior) if search.prior else _blank(search, space)
    context = SearchContext(space, prior, search.prior_digest)
    with _lock:
        _contexts[search_id] = context
        while len(_contexts) > MAX_CACHED:
            _contexts.popitem(last=False)
    return context


def _blank(search: Search, space: Space) -> Prior | None:
    """For what estimates costs: the task, its limits and the models' sizes, and no experience."""
    if search.sampler != "process" and not search.gate:
        return None
    return build_prior(space, (), _target(search), facts=language_model_facts(search.language_models))


def propose(context: SearchContext, search: Search, trials: Sequence[Trial], n: int) -> list[Trial]:
    """Up to n unsaved trials to run, numbered on from the last, among those that the gate skipped on the way to them;
    none to run when the sampler has nothing more to offer.

    Refused when the sampler cannot work with what the search asks for.
    """
    number = max((trial.number for trial in trials), default=0)
    added: list[Trial] = []
    if needs_baseline(context.space, search, trials):
        added.append(_trial(search, Proposal(number + 1, _baseline(context.space), "baseline")))
    if len(added) < n:
        pending = [proposal_of(trial) for trial in [*trials, *added] if trial.state in ("queued", "running")]
        try:
            engine = build_engine(context, search, trials)
            before = len(engine.skipped)
            proposals = engine.ask(n - len(added), pending)
        except AutomlError as error:
            raise refused(error) from error
        added += [_trial(search, one) for one in proposals]
        added += [_trial(search, one, Trial.State.SKIPPED) for one in engine.skipped[before:]]
        keep((search.pk, context.prior_digest), engine)
        added.sort(key=lambda trial: trial.number)
    for offset, trial in enumerate(added, start=1):
        trial.number = number + offset
        trial.seed = search.seed + trial.number
    return added


def build_engine(context: SearchContext, search: Search, trials: Sequence[Trial]) -> Engine:
    """The engine as the finished trials make it, told in the order of their numbers."""
    ended = [trial for trial in trials if trial.state in (Trial.State.DONE, Trial.State.SKIPPED)]
    outcomes = [outcome_of(trial) for trial in sorted(ended, key=lambda one: one.number)]
    return engine_told((search.pk, context.prior_digest), outcomes, lambda: _new_engine(context, search))


def _new_engine(context: SearchContext, search: Search) -> Engine:
    return Engine(
        context.space,
        search.sampler,
        prior=context.prior,
        objectives=tuple(OBJECTIVES[name] for name in search.objectives),
        seed=search.seed,
        options=search.sampler_options,
        gate=GateOptions.read(search.gate_options) if search.gate else None,
    )


def needs_baseline(space: Space, search: Search, trials: Sequence[Trial]) -> bool:
    """Whether the honest baseline still has to be added: always first, unless the space was made without it."""
    if search.sampler == "listed" or not space.contains(_baseline(space)):
        return False
    return not any(trial.method == "linear" for trial in trials)


def pipeline_of(trial: Trial) -> Pipeline:
    """A trial's choice as the library's value."""
    return Pipeline(
        method=trial.method,
        hyperparameters=trial.hyperparameters,
        language_model=trial.language_model or None,
        space=trial.search.space,
    )


def proposal_of(trial: Trial) -> Proposal:
    """A trial that has not ended yet, as a pending proposal."""
    return Proposal(trial.number, pipeline_of(trial), trial.origin, trial.probability)


def outcome_of(trial: Trial) -> Outcome:
    """How a trial ended, or that it was skipped, as the library's value."""
    if trial.state == Trial.State.SKIPPED:
        return Outcome(trial.number, pipeline_of(trial), SKIPPED)
    if trial.status == PRUNED:
        return _pruned(trial)
    return Outcome(
        number=trial.number,
        pipeline=pipeline_of(trial),
        status=trial.status,
        cause=trial.cause or None,
        score=trial.score,
        seconds=trial.seconds,
        memory_bytes=trial.memory_bytes,
        trainable_parameters=trial.trainable_parameters,
        energy_j=trial.energy_j,
    )


def _pruned(trial: Trial) -> Outcome:
    """What was stopped early is told with the score that it had reached."""
    said = trial.pruning
    return Outcome(
        number=trial.number,
        pipeline=pipeline_of(trial),
        status=PRUNED,
        cause=trial.cause or None,
        score=said.get("reached"),
        seconds=trial.seconds,
        ceiling=said.get("ceiling"),
        memory_bytes=trial.memory_bytes,
        trainable_parameters=trial.trainable_parameters,
        energy_j=trial.energy_j,
    )


def _trial(search: Search, proposal: Proposal, state: str = Trial.State.QUEUED) -> Trial:
    return Trial(
        search=search,
        number=proposal.number,
        method=proposal.pipeline.method,
        language_model=proposal.pipeline.language_model or "",
        hyperparameters=dict(proposal.pipeline.hyperparameters),
        origin=proposal.origin,
        probability=proposal.probability,
        why=kept_reasons(proposal.why),
        state=state,
    )


def _baseline(space: Space) -> Pipeline:
    return space.completed(Pipeline("linear", dict(BASELINE), None, space.name))


def _space(search: Search, language_models: Sequence[str]) -> Space:
    kind, methods, name = search.dataset.kind, search.methods, search.space
    try:
        if search.own_space:
            own = space_of(kind, language_models or None, name, search.own_space)
            return own.restrict(methods=list(methods) or None)
        if not language_models:
            return space_of(kind, None, name).restrict(methods=methods, language_models=())
        return space_of(kind, language_models, name).restrict(methods=list(methods) or None)
    except AutomlError as error:
        raise refused(error) from error


def _target(search: Search) -> TaskView:
    values = search.dataset.metafeatures.get("values", {})
    return TaskView(
        task=search.dataset.task_digest,
        metafeatures=values,
        limits=Limits(wall_s=search.wall_s, host_memory_bytes=search.host_memory_bytes),
        train_rows=search.train_rows or search.dataset.train_rows,
    )


def _summary(search: Search, prior: Prior) -> dict[str, object]:
    # No names: each reader is told their own, as long as there are any.
    return {
        "neighbours": [
            {"task": one.task, "distance": one.distance, "parts": dict(one.parts)} for one in prior.neighbours
        ],
        "distributions": prior.distributions(),
        "uniform": prior.uniform(),
        "weights": [[evidence_id, alpha] for evidence_id, alpha in prior.weights],
    }
