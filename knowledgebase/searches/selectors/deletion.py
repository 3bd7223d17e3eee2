"""What a deletion would take along, for the pages that ask first. It deletes nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from knowledgebase.accounts.models import User
from knowledgebase.accounts.selectors import may_write
from knowledgebase.experiences.models import Experience
from knowledgebase.searches.models import Dataset, Search, Trial


@dataclass(frozen=True)
class SearchContents:
    """What goes with a search: its trials, and how many of them ran; ids of experiences that it made, as far as the
    reader sees them; experiences that moved its prior; whether the remains of its dataset go, too."""

    trials: int
    ran: int
    experiences: tuple[UUID, ...]
    prior: int
    takes_dataset: bool


@dataclass(frozen=True)
class DatasetContents:
    """What a dataset's deletion meets: files on disk, classes, searches that still need it, and searches that ended.

    `unfinished` holds those that the reader sees, `hidden` is the number of the others.
    """

    files: int
    unfinished: tuple[Search, ...]
    hidden: int
    ended: int


def may_delete_dataset(user: User, dataset: Dataset) -> bool:
    """Whether the person added it or may write in its team."""
    return dataset.owner_id == user.pk or may_write(user, dataset.team_id)


def deletable_datasets(
    user: User, datasets: Collection[Dataset], writable: Collection[int]
) -> frozenset[UUID]:
    """The ids of those of these that the person may delete, who may write in the teams with these keys."""
    return frozenset(one.pk for one in datasets if one.owner_id == user.pk or one.team_id in writable)


def search_contents(reader: User, search: Search) -> SearchContents:
    """What goes with a search, as far as the reader may be told."""
    trials = list(search.trials.values_list("pk", "state"))
    made = Experience.objects.visible_to(reader).filter(pk__among=[pk for pk, _ in trials])
    alone = not Search.objects.filter(dataset=search.dataset_id).exclude(pk=search.pk).exists()
    return SearchContents(
        trials=len(trials),
        ran=sum(state == Trial.State.DONE for _, state in trials),
        experiences=tuple(made.order_by().values_list("pk", flat=True)),
        prior=len(search.prior_ids),
        takes_dataset=alone and search.dataset.state == Dataset.State.DELETED,
    )


def dataset_contents(reader: User, dataset: Dataset) -> DatasetContents:
    """What the deletion of a dataset meets, as far as the reader may be told."""
    unfinished = dataset.searches.filter(state__in=Search.UNFINISHED)
    seen = tuple(Search.objects.visible_to(reader).filter(pk__in=unfinished.values("pk")))
    return DatasetContents(
        files=len(set(dataset.files.values())),
        unfinished=seen,
        hidden=unfinished.count() - len(seen),
        ended=dataset.searches.exclude(state__in=Search.UNFINISHED).count(),
    )
