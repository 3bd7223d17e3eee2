"""A search by energy on a machine that counts joules, and a trial of one on a machine that does not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient
from tunelore import record as records

from knowledgebase.accounts.models import User
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset, Search
from tests.powercap import OTHER, PACKAGE, advancing, make_powercap
from tests.worker.test_fractions import client, folders, rows

__all__ = ["client", "folders", "rows"]

#: Trials of a second or so: a counter of a test stands still while its thread waits for a processor.
BODY = {
    "budget": {"trials": 2}, "objectives": ["score", "energy_j"], "methods": ["full"], "seed": 3,
    "language_models": ["package:tunelore/untrained-tiny@1"],
}  # fmt: skip


@pytest.mark.training
def test_what_was_counted_is_on_record_and_on_the_page(
    person: User, client: APIClient, rows: Dataset, settings: Settings, tmp_path: Path
) -> None:
    shown = make_powercap(tmp_path / "sys")
    settings.POWERCAP = str(shown)
    answer = client.post("/api/v1/searches/", {"dataset": str(rows.pk), **BODY}, format="json")
    assert answer.status_code == 201, answer.content
    search = Search.objects.get(pk=answer.json()["id"])
    began = time.monotonic()
    with advancing(shown, PACKAGE, 40.0), advancing(shown, OTHER, 10.0):
        ended = list(services.drain_searches([search.pk], "test"))
    assert [trial.status for trial in ended] == ["ok", "ok"]
    for trial in ended:
        assert trial.energy_j is not None
        assert 0 < trial.energy_j < 50 * (time.monotonic() - began)
        record = Experience.objects.get(pk=trial.pk).record
        assert records.check(record) == []
        assert record["cost"]["energy_j"] == trial.energy_j
        assert record["conditions"]["energy_of"] == "package+dram"
    told = client.get(f"/api/v1/searches/{search.pk}/").json()["report"]["front"]
    assert all(point["energy_j"] > 0 for point in told)
    pages = Client()
    pages.force_login(person)
    text = pages.get(f"/searches/{search.pk}/").content.decode()
    assert '<th scope="col" class="n">Energy</th>' in text
    assert "\u202fJ</td>" in text
    form: Any = pages.get(f"/searches/new/{rows.pk}/").context["page"]
    assert "energy_j" in [name for name, _, _ in form.objectives]


def test_a_worker_that_counts_nothing_trains_nothing(
    make_search: Callable[..., Search], rows: Dataset, settings: Settings, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    settings.POWERCAP = str(tmp_path)
    search = make_search(objectives=["energy_j"], budget_trials=1, dataset=rows)
    with caplog.at_level(logging.WARNING):
        [trial] = services.drain_searches([search.pk], "test")
    assert (trial.state, trial.status, trial.cause) == ("done", "error", "infrastructure")
    assert trial.energy_j is None
    assert "a run by energy_j could not begin on this machine" in caplog.text
    record = Experience.objects.get(pk=trial.pk).record
    assert record["outcome"]["exception"] == "NoMeter"
