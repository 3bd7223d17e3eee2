"""Deleting searches and datasets for good. What they taught stays in the store, unless its owner asks for that too.

It knows nothing of pages; what a deletion would take along is counted by the selectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import audit, require_writer
from knowledgebase.core.errors import Problem, not_found
from knowledgebase.experiences.services import delete_experiences
from knowledgebase.searches.models import Dataset, Search, Trial
from knowledgebase.searches.selectors import dataset_detail, search_detail
from knowledgebase.searches.services.datasets import discard_files

NAMED = 3
REASON = "deleted with its search"


def delete_search(search_id: UUID, *, actor: User, with_experiences: bool = False) -> int:
    """Remove a search that has ended, with its trials and the prior it kept; how many experiences went with it.

    Experiences stay unless asked for. Problem 404 for what the actor may not see, 403 for a viewer of its team, and
    for experiences of somebody else; 409 while it has not ended. Nothing is changed then.
    """
    with transaction.atomic():
        search = _seen_search(actor, search_id)
        if search.owner_id != actor.pk:
            require_writer(actor, search.team_id, "delete its searches")
        _require_ended(search)
        trials = list(search.trials.values_list("pk", flat=True))
        gone = delete_experiences(trials, actor=actor, reason=REASON) if with_experiences else 0
        search.delete()
        _forget_remains(search.dataset_id)
        audit(actor, "search.delete", search_id, concerns=search.team, trials=len(trials), experiences=gone)
    return gone


def delete_dataset(dataset_id: UUID, *, actor: User) -> None:
    """Remove a dataset, an upload's files at once. Searches on it that have ended stay readable.

    For them the row keeps its name, columns, fingerprint and statistics (state `deleted`), and goes with the last of
    them. Problem 404 for what the actor may not see, 403 for a viewer of its team, 409 while a search needs it.
    """
    with transaction.atomic():
        dataset = _seen_dataset(actor, dataset_id)
        if dataset.owner_id != actor.pk:
            require_writer(actor, dataset.team_id, "delete its datasets")
        searches = list(dataset.searches.all())
        _require_unneeded(actor, dataset, [one for one in searches if not one.is_finished])
        if searches:
            _keep_remains(dataset)
        else:
            Dataset.objects.filter(pk=dataset.pk).delete()
        facts = {"name": dataset.name, "source": dataset.source, "searches": len(searches)}
        audit(actor, "dataset.delete", dataset_id, concerns=dataset.team, **facts)
        # A file cannot be brought back, so it goes when nothing can be undone any more.
        transaction.on_commit(lambda: discard_files(dataset))


def _seen_search(actor: User, search_id: UUID) -> Search:
    # Locked first: nobody advances it while it is looked at.
    locked = Search.objects.select_for_update(of=("self",)).filter(pk=search_id).exists()
    search = search_detail(actor, search_id) if locked else None
    if search is None:
        raise not_found("search", search_id)
    return search


def _seen_dataset(actor: User, dataset_id: UUID) -> Dataset:
    # Locked first: nobody launches a search on it while it is looked at.
    locked = Dataset.objects.select_for_update(of=("self",)).filter(pk=dataset_id).exists()
    dataset = dataset_detail(actor, dataset_id) if locked else None
    if dataset is None or dataset.state == Dataset.State.DELETED:
        raise not_found("dataset", dataset_id)
    return dataset


def _require_ended(search: Search) -> None:
    if search.state == Search.State.CANCELLING or search.trials.filter(state=Trial.State.RUNNING).exists():
        detail = f"trials of search {search.pk} are still being stopped; ask again in a few seconds"
    elif not search.is_finished:
        detail = f"search {search.pk} is {search.state}; cancel it first, then delete it"
    else:
        return
    raise Problem(409, "search_not_ended", "The search has not ended", detail)


def _require_unneeded(actor: User, dataset: Dataset, searches: Sequence[Search]) -> None:
    if not searches:
        return
    seen = Search.objects.visible_to(actor).filter(pk__in=[one.pk for one in searches])
    named = [f"'{one}' ({one.pk})" for one in seen.order_by("created_at")]
    shown, more = named[:NAMED], len(searches) - len(named[:NAMED])
    others = [f"{more} more" if shown else f"{more} of another team"] if more else []
    users = f"{len(searches)} unfinished search{'es' if len(searches) > 1 else ''}: {', '.join([*shown, *others])}"
    detail = f"dataset {dataset.pk} is needed by {users}. Cancel what needs it first, or wait for its end"
    raise Problem(409, "dataset_in_use", "The dataset is in use", detail)


def _keep_remains(dataset: Dataset) -> None:
    """What pages of its searches name it by; no label name, and no warning, which may quote one."""
    detail = f"its rows were deleted on {timezone.now():%Y-%m-%d}; add the dataset again to search on it"
    Dataset.objects.filter(pk=dataset.pk).update(
        state=Dataset.State.DELETED,
        problem={"code": "deleted", "detail": detail},
        files={},
        classes={},
        warnings=[],
        expires_at=None,
        lease_until=None,
    )


def _forget_remains(dataset_id: UUID) -> None:
    """What was left of a deleted dataset for its searches' sake goes with the last of them."""
    left = Dataset.objects.select_for_update(of=("self",)).filter(pk=dataset_id, state=Dataset.State.DELETED)
    if left.exists() and not Search.objects.filter(dataset=dataset_id).exists():
        Dataset.objects.filter(pk=dataset_id).delete()
