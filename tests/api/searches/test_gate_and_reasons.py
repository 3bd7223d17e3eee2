"""The gate, early stopping and the reasons of trials over the API and on pages: asked for, shown, and to whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from knowledgebase.accounts.models import Membership, User
from knowledgebase.accounts.services import create_user, personal_team
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches.bridge.reasons import MAX_BYTES, kept_reasons
from knowledgebase.searches.models import Dataset, Search, Trial

SAID = {
    "decision": "skip", "rule": "score_below_best", "best": 0.7, "margin": 0.02, "reach": 0.04,
    "chance_of_failing": 0.1, "estimator": "process", "score": [0.3, 0.4, 0.5], "seconds": [9.0, 11.0, 14.0],
    "failing": {"timeout": 0.1, "memory": 0.0, "error": 0.0}, "own_runs": 4, "store_weight": 0.6,
    "proposed_by": "uniform",
}  # fmt: skip


def add(search: Search, number: int, **columns: Any) -> Trial:
    given = {"state": "done", "status": "ok", "method": "linear", "hyperparameters": {}, **columns}
    if given["state"] == "skipped":
        given["status"] = ""
    else:
        given["finished_at"] = timezone.now()
    return Trial.objects.create(search=search, number=number, **given)


@pytest.fixture
def hidden(record: Callable[..., Any], db: None) -> dict[str, Any]:
    """An experience of a team that Alice is in and Bob is not."""
    alice, head = User.objects.get(username="alice"), create_user("lab")
    lab = personal_team(head)
    Membership.objects.create(team=lab, user=alice)
    sent = record()
    sent["task"]["name"] = "quagga census"
    sent["task"]["dataset"]["fingerprint"] = "rows-sha256:" + "77" * 32
    [result] = record_experiences([sent], owner=head, team=lab)
    assert result.status == 201
    return sent


@pytest.fixture
def search(alice: APIClient, hidden: dict[str, Any], make_search: Callable[..., Search]) -> Search:
    """A gated search with a reasoned trial, a skip, and two audits of which one contradicts the gate."""
    made = make_search(gate=True, sampler="process", state="running", early_stopping="ceiling")
    task = Experience.objects.get(pk=hidden["id"]).task
    why = {
        "score": [0.5, 0.6, 0.7], "seconds": [1.0, 2.0, 4.0], "gain": 0.02, "refused": False,
        "failing": {"timeout": 0.2, "memory": 0.0, "error": 0.01}, "store_weight": 0.8, "store_agreement": 0.7,
        "seconds_from_store": True, "memory_from_store": False, "own_runs": 2,
        "tasks": [[task.digest, 0.4]], "experiences": [[hidden["id"], task.digest, 0.31]],
        "nearest": "quagga census", "spoken": {"of": ["quagga census"], hidden["id"]: 1.0},
    }  # fmt: skip
    add(made, 1, score=0.7, seconds=3.0, why=why)
    add(made, 2, state="skipped", method="full", why={"gate": SAID})
    add(made, 3, origin="audit", score=0.75, seconds=3.0, why={"gate": {**SAID, "decision": "audit"}})
    add(
        made,
        4,
        origin="audit",
        status="oom",
        why={"gate": {**SAID, "decision": "audit", "rule": "likely_failure"}},
    )
    pruning = {"rule": "ceiling", "share": 0.5, "reached": 0.2, "seconds": 6.0, "peers": 4, "ceiling": 0.4,
               "front_score": 0.7, "front_seconds": 3.0}  # fmt: skip
    add(made, 5, status="pruned", cause="ceiling", seconds=6.1, pruning=pruning, method="full")
    return made


def trials(client: APIClient, search: Search) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/searches/{search.pk}/trials/").json()["results"]
    return found


def test_a_search_asks_for_the_gate_and_for_early_stopping(alice: APIClient, dataset: Dataset) -> None:
    body = {
        "dataset": str(dataset.pk), "budget": {"trials": 3}, "gate": True, "gate_options": {"audit": 0.2},
        "early_stopping": "median", "sampler": "pge",
    }  # fmt: skip
    made = alice.post("/api/v1/searches/", body, format="json")
    assert made.status_code == 201, made.json()
    told = made.json()
    assert (told["gate"], told["gate_options"], told["early_stopping"]) == (True, {"audit": 0.2}, "median")
    plain = alice.post(
        "/api/v1/searches/", {"dataset": str(dataset.pk), "budget": {"trials": 3}}, format="json"
    )
    told = plain.json()
    assert (told["gate"], told["gate_options"], told["early_stopping"]) == (False, {}, "")


@pytest.mark.parametrize(
    ("wrong", "pointer", "said"),
    [
        ({"gate_options": {"audit": 2}}, "gate_options", "must lie in [0, 1]"),
        ({"gate_options": {"hunch": 1}}, "gate_options", "no option 'hunch'"),
        ({"gate_options": {"rules": [7]}}, "gate_options", "no rule 7"),
        ({"early_stopping": "hunch"}, "early_stopping", "known: ceiling, median"),
    ],
)
def test_wrong_settings_are_named(
    alice: APIClient, dataset: Dataset, wrong: dict[str, Any], pointer: str, said: str
) -> None:
    body = {"dataset": str(dataset.pk), "budget": {"trials": 3}, **wrong}
    answer = alice.post("/api/v1/searches/", body, format="json")
    assert answer.status_code == 422
    assert pointer in json.dumps(answer.json()["errors"])
    assert said in answer.json()["detail"]


def test_what_was_skipped_costs_nothing_and_pruned_is_no_failure(alice: APIClient, search: Search) -> None:
    told = alice.get(f"/api/v1/searches/{search.pk}/").json()
    assert told["report"]["by_state"] == {"done": 4, "skipped": 1}
    assert (told["trials_done"], told["trials_failed"]) == (4, 1)
    assert told["gate_report"] == {
        "skips": 1, "by_rule": {"score_below_best": 1}, "audits": 2, "ended_audits": 2, "contradicted": 1,
    }  # fmt: skip
    [row] = alice.get("/api/v1/searches/").json()["results"]
    assert (row["trials_done"], row["trials_failed"]) == (4, 1)
    assert not Experience.objects.filter(pk__in=search.trials.values("pk")).exists()


def test_every_trial_says_why_and_a_stopped_one_by_what(alice: APIClient, search: Search) -> None:
    first, skipped, _, _, pruned = trials(alice, search)
    assert first["why"]["score"] == [0.5, 0.6, 0.7]
    assert skipped["state"] == "skipped"
    assert skipped["why"]["gate"] == SAID
    assert (pruned["status"], pruned["score"], pruned["pruning"]["reached"]) == ("pruned", None, 0.2)


def test_a_reader_is_told_of_no_task_and_no_experience_that_they_do_not_see(
    alice: APIClient, bob: APIClient, search: Search, hidden: dict[str, Any]
) -> None:
    """Bob is on the search's team, but not on the team whose experience moved it."""
    own, others = trials(alice, search)[0]["why"], trials(bob, search)[0]["why"]
    assert len(own["tasks"]) == len(own["experiences"]) == 1
    assert (others["tasks"], others["experiences"]) == ([], [])
    digest = own["tasks"][0][0]
    for client in (alice, bob):
        assert "quagga" not in json.dumps(trials(client, search))
    assert hidden["id"] not in json.dumps(trials(bob, search))
    assert digest not in json.dumps(trials(bob, search))


def test_what_an_owner_cannot_see_any_more_is_not_named_either(alice: APIClient, search: Search) -> None:
    Membership.objects.filter(user__username="alice").exclude(team=search.team).delete()
    why = trials(alice, search)[0]["why"]
    assert (why["tasks"], why["experiences"]) == ([], [])


def test_the_list_of_trials_asks_no_more_for_more_reasons(
    alice: APIClient, search: Search, django_assert_max_num_queries: Any
) -> None:
    first = search.trials.get(number=1)
    for number in range(6, 30):
        add(search, number, why=first.why)
    with django_assert_max_num_queries(8):
        assert len(trials(alice, search)) == 29


def test_pages_show_reasons_skips_and_stopped_trainings(
    alice: APIClient, search: Search, client: Any
) -> None:
    client.force_login(User.objects.get(username="alice"))
    page = client.get(f"/searches/{search.pk}/").content.decode()
    assert "1 proposal skipped." in page
    assert "score below best" in page
    assert "1 of the 2 that ended shows the gate wrong" in page
    assert "0.4000" in page
    reasons = client.get(f"/searches/{search.pk}/trials/1/").content.decode()
    for words in ("0.6000 (80 % between 0.5000 and 0.7000)", "quagga census", "Push", "the store counts"):
        assert words in reasons, words
    skipped = client.get(f"/searches/{search.pk}/trials/2/").content.decode()
    assert "it will most likely end below what is known already" in skipped
    assert "skipped by the gate: it never ran" in skipped
    stopped = client.get(f"/searches/{search.pk}/trials/5/").content.decode()
    assert "it would have reached 0.4000 at most" in stopped


def test_a_team_mates_pages_name_nothing_hidden(
    bob: APIClient, search: Search, hidden: dict[str, Any], client: Any
) -> None:
    client.force_login(User.objects.get(username="bob"))
    digest = Experience.objects.get(pk=hidden["id"]).task.digest
    for tail in ("", "trials/1/"):
        page = client.get(f"/searches/{search.pk}/{tail}").content.decode()
        assert "0.6000" in page or not tail
        for name in ("quagga", hidden["id"], hidden["id"][-8:], digest):
            assert name not in page, (tail, name)


def test_the_form_switches_both_on(alice: APIClient, dataset: Dataset, client: Any) -> None:
    client.force_login(User.objects.get(username="alice"))
    address = f"/searches/new/{dataset.pk}/"
    page = client.get(address).content.decode()
    assert 'name="gate">' in page.replace(" checked", "!")
    given = {
        "trials": "3", "wall_s": "60", "memory_gib": "2", "slots": "1", "objectives": ["score", "seconds"],
        "methods": ["linear"], "gate": "on", "early_stopping": "on", "key": "k",
    }  # fmt: skip
    assert client.post(address, given).status_code == 302
    made = Search.objects.get(idempotency_key="k")
    assert (made.gate, made.early_stopping) == (True, "ceiling")


@pytest.mark.parametrize(
    ("why", "kept"),
    [
        ({"gain": float("nan"), "a": 1}, {"gain": None, "a": 1}),
        ({"tasks": [["t" * 999, 0.1]]}, {"tasks": [["t" * 300, 0.1]]}),
        ({"x": {"y": {"z": {"w": {"v": 1}}}}}, None),
        (
            {"tasks": [["t" * 290, 0.1]] * 30, "gate": {"rule": "r"}},
            {"gate": {"rule": "r"}, "left_out": ["tasks"]},
        ),
        ({f"n{n}": "x" * 300 for n in range(32)}, None),
    ],
)
def test_reasons_are_kept_within_bounds(why: dict[str, Any], kept: dict[str, Any] | None) -> None:
    found = kept_reasons(why)
    assert len(json.dumps(found, allow_nan=False).encode()) <= MAX_BYTES
    assert kept is None or found == kept
