"""Deleting searches and datasets over the API: who may, what goes, what stays, and what stands against it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from knowledgebase.accounts.models import AuditEntry, Membership, User
from knowledgebase.accounts.services import create_team, create_user, personal_team
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience, Pipeline, Task, Tombstone
from knowledgebase.searches import bridge, services
from knowledgebase.searches.models import Dataset, Search, Trial
from tests.api.searches.conftest import client_of

ROWS = b"text,label\n" + b"".join(b"film %d,%s\n" % (n, b"ab"[n % 2 : n % 2 + 1]) for n in range(30))
EVERYTHING = ("experiences:read", "experiences:write", "searches:write")


def address(row: Search | Dataset, query: str = "") -> str:
    return f"/api/v1/{'searches' if isinstance(row, Search) else 'datasets'}/{row.pk}/{query}"


@pytest.fixture
def ended(make_search: Any) -> Search:
    """A search whose two trials ran to their end the way workers take them, and left an experience each."""
    search = make_search()
    for number in (1, 2):
        trial = Trial.objects.create(
            search=search, number=number, method="linear", hyperparameters={"c": float(number)}, seed=number
        )
        claim = services.claim_trial(trial.pk, "test")
        assert claim is not None
        assert services.finish_trial(claim, bridge.lost_ending(trial.pk))
    Search.objects.filter(pk=search.pk).update(state="done", ended_at=timezone.now())
    search.refresh_from_db()
    return search


@pytest.fixture
def upload(person: User) -> Dataset:
    """A dataset as uploading and reading leave it, with its file on disk."""
    file = services.store_upload([ROWS], "films.csv")
    dataset = services.create_dataset(
        person, team=personal_team(person), source="upload", name="films", files={"train": file.name},
        text_columns=["text"], label_column="label",
    )  # fmt: skip
    assert services.resolve_dataset(dataset.pk) == "ready"
    dataset.refresh_from_db()
    assert set(dataset.classes) == {"a", "b"}
    return dataset


def stored(dataset: Dataset) -> list[Path]:
    files = [Path(settings.UPLOADS_FOLDER) / name for name in dataset.files.values()]
    return [file for file in files if file.exists()]


# --- Searches ----------------------------------------------------------------------------------------------


def test_a_search_goes_with_its_trials_and_leaves_what_they_taught(alice, ended, dataset):
    assert alice.delete(address(ended)).status_code == 204
    assert (Search.objects.count(), Trial.objects.count()) == (0, 0)
    assert (Experience.objects.count(), Tombstone.objects.count()) == (2, 0)
    assert Dataset.objects.filter(pk=dataset.pk, state="ready").exists()
    assert alice.get(address(ended)).status_code == 404
    assert alice.delete(address(ended)).status_code == 404
    [entry] = AuditEntry.objects.filter(action="search.delete")
    assert (entry.target, entry.team, entry.facts) == (
        str(ended.pk), ended.team, {"trials": 2, "experiences": 0},
    )  # fmt: skip


def test_its_experiences_go_when_that_is_asked_for_and_leave_tombstones(person, ended, make_search):
    other = make_search()
    trial = Trial.objects.create(search=other, number=1, method="linear")
    claim = services.claim_trial(trial.pk, "test")
    assert claim is not None
    assert services.finish_trial(claim, bridge.lost_ending(trial.pk))
    gone = set(Experience.objects.exclude(pk=trial.pk).values_list("pk", flat=True))
    client = client_of(person, *EVERYTHING)
    assert client.delete(address(ended, "?experiences=delete")).status_code == 204
    assert list(Experience.objects.values_list("pk", flat=True)) == [trial.pk]
    assert set(Tombstone.objects.values_list("pk", flat=True)) == gone
    assert len(set(Tombstone.objects.values_list("change_seq", flat=True))) == 2
    assert (Pipeline.objects.count(), Task.objects.count()) == (1, 1), "only what nobody speaks of any more"
    assert AuditEntry.objects.filter(action="experience.delete").count() == 2
    assert AuditEntry.objects.get(action="search.delete").facts["experiences"] == 2


def test_a_token_that_may_not_delete_experiences_deletes_none_by_their_search(alice, ended):
    answer = alice.delete(address(ended, "?experiences=delete"))
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert "experiences:write" in answer.json()["detail"]
    assert alice.delete(address(ended, "?experiences=yes")).status_code == 422
    assert (Search.objects.count(), Experience.objects.count()) == (1, 2)


def test_a_mate_deletes_the_search_and_not_the_experiences_of_another(person, ended):
    mate = create_user("bob")
    Membership.objects.create(team=ended.team, user=mate)
    client = client_of(mate, *EVERYTHING)
    answer = client.delete(address(ended, "?experiences=delete"))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_yours")
    assert (Search.objects.count(), Experience.objects.count(), Tombstone.objects.count()) == (1, 2, 0)
    # What its owner keeps to herself is not even counted for him.
    Experience.objects.update(visibility="private")
    assert client.delete(address(ended, "?experiences=delete")).status_code == 204
    assert (Search.objects.count(), Experience.objects.count()) == (0, 2)


def test_who_may_not_delete_a_search(alice, reader, charlie, ended):
    viewer = create_user("vera")
    Membership.objects.create(team=ended.team, user=viewer, role="viewer")
    assert charlie.delete(address(ended)).status_code == 404
    assert reader.delete(address(ended)).status_code == 403
    assert client_of(viewer, *EVERYTHING).delete(address(ended)).status_code == 403
    assert Search.objects.count() == 1


@pytest.mark.parametrize("state", ["queued", "running", "cancelling"])
def test_what_has_not_ended_is_refused(alice, make_search, state):
    search = make_search(state=state)
    answer = alice.delete(address(search))
    assert (answer.status_code, answer.json()["code"]) == (409, "search_not_ended")
    assert ("cancel it first" in answer.json()["detail"]) is (state != "cancelling")
    assert Search.objects.count() == 1


@pytest.mark.parametrize("state", ["cancelled", "failed"])
def test_what_ended_otherwise_goes_once_its_last_trial_has_stopped(alice, make_search, state):
    search = make_search(state=state, ended_at=timezone.now())
    trial = Trial.objects.create(
        search=search, number=1, method="linear", state="running", attempt=1, lease_until=timezone.now()
    )
    answer = alice.delete(address(search))
    assert (answer.status_code, "in a few seconds" in answer.json()["detail"]) == (409, True)
    Trial.objects.filter(pk=trial.pk).update(state="queued", lease_until=None)
    assert alice.delete(address(search)).status_code == 204


# --- Datasets ----------------------------------------------------------------------------------------------


def test_an_upload_goes_with_its_file(alice, upload, django_capture_on_commit_callbacks):
    assert len(stored(upload)) == 1
    with django_capture_on_commit_callbacks(execute=True):
        assert alice.delete(address(upload)).status_code == 204
    assert stored(upload) == []
    assert not Dataset.objects.exists()
    assert alice.get(address(upload)).status_code == 404
    [entry] = AuditEntry.objects.filter(action="dataset.delete")
    assert (entry.target, entry.facts["name"]) == (str(upload.pk), "films")


def test_a_search_that_has_not_ended_keeps_it(alice, person, upload, make_search):
    search = make_search(dataset=upload, title="nightly")
    answer = alice.delete(address(upload))
    assert (answer.status_code, answer.json()["code"]) == (409, "dataset_in_use")
    assert f"'nightly' ({search.pk})" in answer.json()["detail"]
    # A search of a team that the caller is not in has no name here.
    mate = create_user("bob")
    Membership.objects.create(team=upload.team, user=mate)
    Search.objects.update(team=create_team("elsewhere", owner=person))
    detail = client_of(mate).delete(address(upload)).json()["detail"]
    assert "1 of another team" in detail
    assert "nightly" not in detail
    assert stored(upload) != []


def test_ended_searches_on_it_stay_readable_without_its_label_names(
    alice, upload, make_search, django_capture_on_commit_callbacks
):
    Dataset.objects.filter(pk=upload.pk).update(warnings=["1 of 2 classes have fewer than 5 rows: 'a'"])
    search = make_search(dataset=upload, state="done", ended_at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        assert alice.delete(address(upload)).status_code == 204
    assert stored(upload) == []
    left = alice.get(address(upload)).json()
    assert (left["state"], left["name"], left["fingerprint"]) == ("deleted", "films", upload.fingerprint)
    assert (left["classes"], left["warnings"], left["expires_at"]) == ({}, [], None)
    assert left["metafeatures"]["values"]["classes"] == 2
    assert alice.get(address(search)).status_code == 200
    assert "films" not in [one["name"] for one in alice.get("/api/v1/datasets/").json()["results"]]
    assert alice.delete(address(upload)).status_code == 404
    again = {"dataset": str(upload.pk), "budget": {"trials": 1}}
    refused = alice.post("/api/v1/searches/", again, format="json")
    assert (refused.status_code, "was deleted" in refused.json()["detail"]) == (422, True)
    # What is left goes with the last search that names it.
    assert alice.delete(address(search)).status_code == 204
    assert not Dataset.objects.filter(pk=upload.pk).exists()


def test_the_same_file_stays_for_those_who_use_it_too(
    alice, person, upload, django_capture_on_commit_callbacks
):
    twin = services.create_dataset(
        person, team=personal_team(person), source="upload", name="again", files=upload.files,
        text_columns=["text"], label_column="label",
    )  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        alice.delete(address(upload))
    assert len(stored(twin)) == 1
    with django_capture_on_commit_callbacks(execute=True):
        alice.delete(address(twin))
    assert stored(twin) == []


def test_a_file_that_waits_for_its_columns_is_not_taken_away(
    alice, upload, django_capture_on_commit_callbacks
):
    Dataset.objects.filter(pk=upload.pk).update(created_at=timezone.now() - timedelta(hours=1))
    assert services.store_upload([ROWS], "films.csv").name == upload.files["train"]
    with django_capture_on_commit_callbacks(execute=True):
        alice.delete(address(upload))
    assert len(stored(upload)) == 1
    assert services.discard_orphans(timezone.now() + timedelta(hours=49)) >= 1
    assert stored(upload) == []


def test_who_may_not_delete_a_dataset(alice, reader, charlie, bob, upload):
    viewer = create_user("vera")
    Membership.objects.create(team=upload.team, user=viewer, role="viewer")
    assert charlie.delete(address(upload)).status_code == 404
    assert reader.delete(address(upload)).status_code == 403
    assert client_of(viewer).delete(address(upload)).status_code == 403
    assert bob.delete(address(upload)).status_code == 204


def test_a_dataset_that_is_deleted_while_it_is_read_stays_deleted(alice, person, make_search):
    """What its reader found goes nowhere; for a search that ended meanwhile what is left stays as it is."""
    file = services.store_upload([ROWS], "films.csv")
    dataset = services.create_dataset(
        person, team=personal_team(person), source="upload", name="films", files={"train": file.name},
        text_columns=["text"], label_column="label",
    )  # fmt: skip
    make_search(dataset=dataset, state="cancelled", ended_at=timezone.now())
    assert alice.delete(address(dataset)).status_code == 204
    assert services.resolve_dataset(dataset.pk) == "deleted"
    assert Dataset.objects.get(pk=dataset.pk).classes == {}


def test_launching_on_a_dataset_that_goes_in_between_is_refused_in_words(person, dataset):
    """The request was read before the deletion and written after it."""
    request = services.SearchRequest(dataset=dataset, budget_trials=1)
    Dataset.objects.filter(pk=dataset.pk).delete()
    with pytest.raises(Problem, match="any more"):
        services.launch_search(person, request)
    assert not Search.objects.exists()
