"""Launch and cancel searches. The request answers at once: a control worker does the rest.

It knows what may be asked for and not how it is done.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils import timezone

from knowledgebase.accounts.models import Team, User
from knowledgebase.accounts.services import audit, require_writer
from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.searches.bridge import STOPPING_RULES, OwnSpace, Refused, check_gate, names, own_space
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.selectors import USUAL_OBJECTIVES
from knowledgebase.searches.services.hints import hint_advance

MAX_TRIALS = 1000
MAX_SECONDS = 30 * 86_400.0
MAX_WALL_S = 7 * 86_400.0
MIN_WALL_S = 1.0
MIN_MEMORY_BYTES = 256 * 2**20
MAX_MEMORY_BYTES = 2**44
MAX_SLOTS = 64
MAX_SEED = 2**31 - 1 - MAX_TRIALS
MAX_ROWS = 10_000_000
DEFAULT_WALL_S = 600.0
DEFAULT_MEMORY_BYTES = 4 * 2**30


@dataclass(frozen=True)
class SearchRequest:
    """What somebody asks for. Times in seconds, sizes in bytes, rows counted; () means every one there is."""

    dataset: Dataset
    budget_trials: int
    title: str = ""
    budget_seconds: float | None = None
    wall_s: float | None = DEFAULT_WALL_S
    host_memory_bytes: int | None = DEFAULT_MEMORY_BYTES
    slots: int = 1
    train_rows: int | None = None
    evaluation_rows: int | None = None
    """Cut of the validation and of the test rows, each; as many as `train_rows` when absent."""
    sampler: str = names.SAMPLERS[0]
    gate: bool = False
    """Whether proposals that will most likely fail, or end below what is known, are skipped. Off: with the default
    sampler, which refuses on its own, it saves next to nothing (docs/search.md)."""
    gate_options: Mapping[str, object] = field(default_factory=dict)
    early_stopping: str = ""
    """The rule by which a training is stopped whose curve will not reach the front; "" is never."""
    warm_start: bool = True
    objectives: Sequence[str] = USUAL_OBJECTIVES
    space: str = ""
    """By name, with or without its version; the kind's own when empty."""
    own_space: Mapping[str, object] = field(default_factory=dict)
    """A space written for this search, as data in the format of docs/spaces.md; then `space` is empty."""
    methods: Sequence[str] = ()
    language_models: Sequence[str] = ()
    seed: int | None = None
    idempotency_key: str = ""
    listed: Sequence[Mapping[str, object]] = ()
    """A fixed list of pipelines to run in order; then no sampler chooses (collecting experience)."""


def launch_search(user: User, request: SearchRequest, *, team: Team | None = None) -> Search:
    """Write the search down and send a hint; Problem with every wrong field at once.

    Idempotent by (user, idempotency_key): the second call answers with the first one's search.
    """
    known = _by_key(user, request.idempotency_key)
    if known is not None:
        return known
    owning = team or request.dataset.team
    require_writer(user, owning.pk, "launch searches")
    if request.dataset.owner_id != user.pk:
        require_writer(user, request.dataset.team_id, "train on its datasets")
    errors, language_models = check_request(request)
    if errors:
        raise Problem(
            422, "invalid", "Invalid input", "; ".join(f"{e.pointer}: {e.message}" for e in errors), errors
        )
    try:
        with transaction.atomic():
            _hold(request.dataset)
            search = Search.objects.create(**_columns(request, language_models), owner=user, team=owning)
            audit(user, "search.launch", search.pk, concerns=owning, dataset=request.dataset.name)
            hint_advance(search.pk, timezone.now())
    except IntegrityError:
        # Two requests with one key at the same moment: the constraint let one through.
        twin = _by_key(user, request.idempotency_key)
        if twin is None:
            raise
        return twin
    return search


def _hold(dataset: Dataset) -> None:
    """Keep the dataset until the search stands in the tables; Problem 422 when it was deleted meanwhile."""
    usable = Dataset.objects.select_for_update(of=("self",)).exclude(state__in=Dataset.UNUSABLE)
    if not usable.filter(pk=dataset.pk).exists():
        message = f"there is no dataset '{dataset.pk}' any more"
        raise Problem(422, "unknown_dataset", "Unknown dataset", message, [FieldError("dataset", message)])


def cancel_search(user: User, search: Search) -> Search:
    """Stop a search: queued trials are dropped, running ones are told at their next heartbeat. Idempotent.

    Problem 403 for a viewer of its team, who did not start it.
    """
    if search.owner_id != user.pk:
        require_writer(user, search.team_id, "cancel its searches")
    now = timezone.now()
    with transaction.atomic():
        locked = Search.objects.select_for_update(of=("self",)).get(pk=search.pk)
        if locked.is_finished or locked.state == Search.State.CANCELLING:
            return locked
        locked.trials.filter(state=Trial.State.QUEUED).update(state=Trial.State.CANCELLED, finished_at=now)
        locked.state = Search.State.CANCELLING
        if not locked.trials.filter(state=Trial.State.RUNNING).exists():
            locked.state = Search.State.CANCELLED
            locked.end_reason = "user"
            locked.ended_at = now
        locked.save(update_fields=["state", "end_reason", "ended_at"])
        audit(user, "search.cancel", search.pk, concerns=search.team)
    return locked


def check_request(request: SearchRequest) -> tuple[list[FieldError], list[str]]:
    """Everything wrong with a request, and its language models by their full keys."""
    errors = [error for error in map(_check_range(request), _RANGES) if error is not None]
    wrong, language_models = _check_own_space(request) if request.own_space else _check_space(request)
    errors += wrong
    errors += [FieldError("objectives", said) for said in names.objectives_problems(request.objectives)]
    if not request.listed:
        errors += _check_names("sampler", [request.sampler], names.SAMPLERS)
    if request.early_stopping:
        errors += _check_stopping(request)
    try:
        check_gate(request.gate_options)
    except Refused as refusal:
        errors.append(FieldError("gate_options", refusal.detail))
    if request.dataset.is_unusable:
        detail = request.dataset.problem.get("detail", "")
        errors.append(FieldError("dataset", f"{request.dataset.pk} was {request.dataset.state}: {detail}"))
    return errors, language_models


def _check_space(request: SearchRequest) -> tuple[list[FieldError], list[str]]:
    """What is wrong with a space by name, its methods and its language models; and these by their full keys."""
    kind, space, errors = request.dataset.kind, request.space, list[FieldError]()
    if problem := names.space_problem(kind, space):
        errors.append(FieldError("space", problem))
        space = ""
    errors += _check_names("methods", request.methods, names.method_names(kind, space))
    language_models: list[str] = []
    for key in dict.fromkeys(request.language_models):
        try:
            language_models.append(names.check_language_model(key, space))
        except Refused as refusal:
            errors.append(FieldError("language_models", refusal.detail))
    return errors, language_models


def _check_own_space(request: SearchRequest) -> tuple[list[FieldError], list[str]]:
    """The same of a space that was written for the search."""
    errors = []
    if request.space:
        errors.append(FieldError("space", "is named although own_space is given; leave one of them out"))
    try:
        own = _own_space(request)
    except Refused as refusal:
        return [*errors, FieldError(refusal.field or "language_models", refusal.detail)], []
    return errors + _check_names("methods", request.methods, own.methods), list(own.language_models)


def _own_space(request: SearchRequest) -> OwnSpace:
    return own_space(request.own_space, request.dataset.kind, request.language_models)


def searched_methods(request: SearchRequest) -> Sequence[str]:
    """The methods of a request that has nothing wrong, by name."""
    if request.methods:
        return request.methods
    if request.own_space:
        return _own_space(request).methods
    return names.method_names(request.dataset.kind, request.space)


_Range = tuple[str, Callable[[SearchRequest], float | None], float, float]
_RANGES: tuple[_Range, ...] = (
    ("budget.trials", lambda r: r.budget_trials, 1, MAX_TRIALS),
    ("budget.seconds", lambda r: r.budget_seconds, 1, MAX_SECONDS),
    ("limits.wall_s", lambda r: r.wall_s, MIN_WALL_S, MAX_WALL_S),
    ("limits.host_memory_bytes", lambda r: r.host_memory_bytes, MIN_MEMORY_BYTES, MAX_MEMORY_BYTES),
    ("slots", lambda r: r.slots, 1, MAX_SLOTS),
    ("train_rows", lambda r: r.train_rows, 10, MAX_ROWS),
    ("evaluation_rows", lambda r: r.evaluation_rows, 10, MAX_ROWS),
    ("seed", lambda r: r.seed, 0, MAX_SEED),
)


def _check_range(request: SearchRequest) -> Callable[[_Range], FieldError | None]:
    def check(bound: _Range) -> FieldError | None:
        pointer, read, low, high = bound
        value = read(request)
        if value is None or low <= value <= high:
            return None
        return FieldError(pointer, f"is {value:g}; give a number from {low:g} to {high:g}")

    return check


def _check_names(pointer: str, given: Sequence[str], known: Sequence[str]) -> list[FieldError]:
    unknown = [name for name in given if name not in known]
    return [FieldError(pointer, f"{name[:100]!r} is unknown; known: {', '.join(known)}") for name in unknown]


def _check_stopping(request: SearchRequest) -> list[FieldError]:
    """A known rule, and nothing to optimise that a curve does not show: what is stopped leaves the front."""
    errors = _check_names("early_stopping", [request.early_stopping], STOPPING_RULES)
    unseen = [name for name in request.objectives if name not in USUAL_OBJECTIVES]
    if unseen:
        words = (
            f"compares score and seconds alone; leave it away, or {', '.join(unseen)} out of the objectives"
        )
        errors.append(FieldError("early_stopping", words))
    return errors


def _by_key(user: User, key: str) -> Search | None:
    return Search.objects.filter(owner=user, idempotency_key=key).first() if key else None


def _columns(request: SearchRequest, language_models: Sequence[str]) -> dict[str, object]:
    own = _own_space(request) if request.own_space else None
    return {
        "dataset": request.dataset,
        "title": request.title,
        "idempotency_key": request.idempotency_key,
        "space": own.name if own else names.space_name(request.dataset.kind, request.space),
        "own_space": own.definition if own else {},
        "methods": list(dict.fromkeys(request.methods)),
        "language_models": list(language_models),
        "objectives": list(request.objectives),
        "budget_trials": request.budget_trials,
        "budget_seconds": request.budget_seconds,
        "wall_s": request.wall_s,
        "host_memory_bytes": request.host_memory_bytes,
        "slots": request.slots,
        "train_rows": request.train_rows,
        # Judging on far more rows than are trained on would take most of the time of a small search.
        "evaluation_rows": request.evaluation_rows or request.train_rows,
        "sampler": "listed" if request.listed else request.sampler,
        "sampler_options": {"pipelines": [dict(one) for one in request.listed]} if request.listed else {},
        "gate": request.gate,
        "gate_options": dict(request.gate_options) if request.gate else {},
        "early_stopping": request.early_stopping,
        "warm_start": request.warm_start,
        # Drawn here and kept, so that the search can be repeated.
        "seed": secrets.randbelow(MAX_SEED) if request.seed is None else request.seed,
    }
