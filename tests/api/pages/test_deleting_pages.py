"""Deleting a search or a dataset by hand: the pages say first what goes and what stays, and who may not gets none."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from knowledgebase.accounts.models import Membership
from knowledgebase.accounts.services import create_team
from knowledgebase.experiences.models import Experience, Tombstone
from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches.models import Dataset, Search, Trial

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(owner: Any) -> Dataset:
    return Dataset.objects.create(
        owner=owner.user, team=owner.team, source="upload", name="films.csv", state="ready", train_rows=30,
        fingerprint="rows-sha256:" + "1" * 64, files={"train": "a" * 64 + ".csv"}, classes={"good": 15, "bad": 15},
    )  # fmt: skip


@pytest.fixture
def search(owner: Any, dataset: Dataset, record: Any) -> Search:
    """One that ended after three trials, of which two ran and one left an experience that is still there."""
    made = Search.objects.create(
        owner=owner.user, team=owner.team, dataset=dataset, title="films at night", objectives=["score"],
        budget_trials=3, state="done", ended_at=timezone.now(), prior_ids=["1", "2"],
    )  # fmt: skip
    sent = record()
    record_experiences([sent], owner=owner.user, team=owner.team)
    Trial.objects.create(search=made, number=1, method="linear", state="done", status="ok", pk=sent["id"])
    Trial.objects.create(search=made, number=2, method="linear", state="done", status="ok")
    Trial.objects.create(search=made, number=3, method="full", state="skipped")
    return made


def text(person: Any, address: str, status: int = 200) -> str:
    answer = person.pages.get(address)
    assert answer.status_code == status
    return " ".join(answer.content.decode().split())


def test_the_page_of_a_search_leads_to_what_its_deletion_takes(owner, search):
    address = f"/searches/{search.pk}/delete/"
    assert address in text(owner, f"/searches/{search.pk}/")
    shown = text(owner, address)
    assert "3 trials (2 ran)" in shown
    assert "from 2 experiences at its start" in shown
    assert "1 experience that its trials made stays in the store" in shown
    assert 'name="experiences"' in shown
    assert Search.objects.exists()


def test_it_goes_only_with_the_tick_and_takes_experiences_only_with_theirs(owner, search):
    address = f"/searches/{search.pk}/delete/"
    refused = owner.pages.post(address, {"experiences": "delete"})
    assert refused.status_code == 422
    assert "Nothing was deleted" in refused.content.decode()
    assert Search.objects.exists()
    done = owner.pages.post(address, {"seen": "yes"}, follow=True)
    assert done.redirect_chain == [("/searches/", 302)]
    assert "Deleted search films at night for good." in done.content.decode()
    assert (Search.objects.count(), Experience.objects.count()) == (0, 1)


def test_with_both_ticks_the_experience_leaves_a_tombstone(owner, search):
    done = owner.pages.post(
        f"/searches/{search.pk}/delete/", {"seen": "yes", "experiences": "delete"}, follow=True
    )
    assert "films at night and 1 experience for good" in done.content.decode()
    assert (Experience.objects.count(), Tombstone.objects.get().deleted_by) == (0, owner.user)


def test_who_does_not_own_the_experiences_is_not_asked_about_them(owner, mate, stranger, search):
    shown = text(mate, f"/searches/{search.pk}/delete/")
    assert "not all of them are yours to delete" in shown
    assert 'name="experiences"' not in shown
    assert f"/searches/datasets/{search.dataset_id}/delete/" in shown
    Dataset.objects.update(team=create_team("elsewhere", owner=owner.user))
    assert "/searches/datasets/" not in text(mate, f"/searches/{search.pk}/delete/")
    text(stranger, f"/searches/{search.pk}/delete/", 404)
    Membership.objects.filter(user=mate.user, team=owner.team).update(role="viewer")
    text(mate, f"/searches/{search.pk}/delete/", 403)
    assert "/delete/" not in text(mate, f"/searches/{search.pk}/")


def test_a_search_that_runs_is_to_be_cancelled_first(owner, search):
    Search.objects.update(state="running", ended_at=None)
    address = f"/searches/{search.pk}/delete/"
    assert address not in text(owner, f"/searches/{search.pk}/")
    assert "Cancel it</a> first" in text(owner, address)
    assert owner.pages.post(address, {"seen": "yes"}).status_code == 409
    assert Search.objects.exists()


def test_datasets_are_deleted_from_where_they_are_listed(owner, mate, dataset):
    address = f"/searches/datasets/{dataset.pk}/delete/"
    for page in ("/searches/new/", f"/searches/new/{dataset.pk}/"):
        assert address in text(owner, page), page
    shown = text(owner, address)
    assert "1 file of rows goes from the hub's disk at once" in shown
    assert "label names, fingerprint and statistics go" in shown
    assert owner.pages.post(address).status_code == 422
    done = owner.pages.post(address, {"seen": "yes"}, follow=True)
    assert "Deleted dataset films.csv for good." in done.content.decode()
    assert not Dataset.objects.exists()
    text(owner, address, 404)


def test_a_viewer_finds_no_way_to_delete_a_dataset(owner, mate, dataset):
    Membership.objects.filter(user=mate.user, team=owner.team).update(role="viewer")
    for page in ("/searches/new/", f"/searches/new/{dataset.pk}/"):
        assert "/delete/" not in text(mate, page), page
    text(mate, f"/searches/datasets/{dataset.pk}/delete/", 403)


def test_what_is_left_of_a_dataset_is_said_and_shown_on_its_searches_alone(owner, dataset, search):
    address = f"/searches/datasets/{dataset.pk}/delete/"
    assert "1 search on it has ended and stays readable" in text(owner, address)
    owner.pages.post(address, {"seen": "yes"})
    assert "films.csv" in text(owner, f"/searches/{search.pk}/")
    assert "films.csv" not in text(owner, "/searches/new/")
    text(owner, address, 404)
    assert "The dataset was deleted: its rows were deleted on" in text(owner, f"/searches/new/{dataset.pk}/")
    assert "What was kept of the dataset for this search goes with it" in text(
        owner, f"/searches/{search.pk}/delete/"
    )


def test_what_needs_a_dataset_is_named_as_far_as_the_reader_sees_it(owner, mate, dataset, search):
    Search.objects.update(state="running", ended_at=None)
    address = f"/searches/datasets/{dataset.pk}/delete/"
    assert f'<a href="/searches/{search.pk}/">films at night</a>' in text(owner, address)
    assert owner.pages.post(address, {"seen": "yes"}).status_code == 409
    Search.objects.update(team=create_team("elsewhere", owner=owner.user))
    shown = text(mate, address)
    assert "1 of another team" in shown
    assert "films at night" not in shown
