"""A person, a small dataset and searches for the tests of the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from automl.sources.language_models import known_keys
from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.searches.models import Dataset, Search, Trial
from tests.searching import dataset, hints_go_nowhere, person

__all__ = ["dataset", "hints_go_nowhere", "person"]

LINEAR = {
    "ngrams": "word",
    "ngram_max": 1,
    "min_df": 1,
    "sublinear_tf": True,
    "c": 1.0,
    "class_weights": False,
}


@pytest.fixture
def make_search(person: User, dataset: Dataset) -> Callable[..., Search]:
    """A running search without trials, cold, on the linear method alone unless told otherwise."""

    def make(**changes: Any) -> Search:
        columns: dict[str, Any] = {
            "objectives": ["score", "seconds"],
            "budget_trials": 4,
            "methods": ["linear"],
            "sampler": "random",
            "warm_start": False,
            "wall_s": 60.0,
            "host_memory_bytes": 2 * 2**30,
            "state": "running",
            "started_at": timezone.now(),
            "seed": 7,
            "language_models": known_keys(),
            "dataset": dataset,
        }
        return Search.objects.create(owner=person, team=personal_team(person), **(columns | changes))

    return make


@pytest.fixture
def make_trial(make_search: Callable[..., Search]) -> Callable[..., Trial]:
    """A queued linear trial of a new search, or of `search`."""

    def make(search: Search | None = None, number: int = 1) -> Trial:
        return Trial.objects.create(
            search=search or make_search(),
            number=number,
            method="linear",
            hyperparameters=LINEAR,
            seed=number,
        )

    return make
