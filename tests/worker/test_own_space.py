"""A search over a space of one's own, pushed from its rows: every trial lies in the space, in whichever process."""

from __future__ import annotations

from typing import Any

import pytest

from automl.space import Space
from knowledgebase.accounts.models import User
from knowledgebase.searches import services
from knowledgebase.searches.bridge import engine
from knowledgebase.searches.bridge.engine import pipeline_of
from knowledgebase.searches.bridge.running import trial_spec
from knowledgebase.searches.models import Dataset

TRIALS = 5


@pytest.mark.parametrize("sampler", ["process", "random", "pge"])
@pytest.mark.parametrize(("low", "first"), [(0.5, "baseline"), (5.0, "not the baseline")])
def test_every_trial_lies_in_it(
    person: User, dataset: Dataset, sampler: str, low: float, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {
        "base": "tunelore",
        "name": "words/1",
        "methods": ["linear"],
        "parameters": {"c": {"low": low, "high": 10}, "ngram_max": [2]},
    }
    request = services.SearchRequest(
        dataset=dataset, budget_trials=TRIALS, sampler=sampler, own_space=given, seed=3, warm_start=False
    )
    search = services.launch_search(person, request)
    space = Space.from_dict(search.own_space)
    for _ in range(TRIALS):
        # Another process knows nothing but the rows.
        monkeypatch.setattr(engine, "_contexts", type(engine._contexts)())
        assert services.advance_search(search.pk) == 1
        trial = search.trials.select_related("search__dataset").get(state="queued")
        assert space.reasons(pipeline_of(trial)) == []
        assert trial_spec(trial).pipeline.space == search.space == space.name
        search.trials.filter(pk=trial.pk).update(state="done", status="ok", score=0.5, seconds=1.0)
    search.refresh_from_db()
    assert search.language_models == []
    origins = list(search.trials.order_by("number").values_list("origin", flat=True))
    assert (origins[0] == "baseline") == (first == "baseline")
    assert "baseline" not in origins[1:]
