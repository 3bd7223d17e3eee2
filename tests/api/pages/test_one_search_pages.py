"""A search's page beside its cold twin, the log of one trial, and uploads that nobody came back for."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset, Search, Trial

pytestmark = pytest.mark.django_db
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def make_search(owner):
    def make(title, results, **changes):
        dataset = Dataset.objects.create(
            owner=owner.user, team=owner.team, source="builtin", name="open", state="ready",
            fingerprint="rows-sha256:" + "2" * 64, task_digest="sha256:" + "3" * 64,
        )  # fmt: skip
        given = {
            "objectives": ["score"], "budget_trials": len(results), "slots": 1, "wall_s": 60.0, "state": "done",
            "sampler": "pge", "warm_start": True, "started_at": START, "ended_at": START + timedelta(minutes=9),
        }  # fmt: skip
        search = Search.objects.create(
            owner=owner.user, team=owner.team, dataset=dataset, title=title, **given | changes
        )
        for number, (score, seconds) in enumerate(results, start=1):
            moment = START + timedelta(minutes=number)
            Trial.objects.create(
                search=search, number=number, method="linear", state="done", score=score, seconds=seconds,
                status="ok" if score is not None else "oom", phase="" if score is not None else "train",
                cause="" if score is not None else "host", origin="prior", probability=0.25, sends=1,
                attempt=1, started_at=moment, finished_at=moment + timedelta(seconds=seconds or 1),
            )  # fmt: skip
        return search

    return make


def cold_of(person, search):
    return person.pages.get(f"/searches/{search.pk}/").context["page"].cold


def test_trials_beyond_the_front_of_a_cold_search(owner, make_search):
    both = {"objectives": ["score", "seconds"]}
    warm = make_search("warm", [(0.8, 5.0), (0.6, 1.0), (0.5, 9.0), (None, 3.0)], **both)
    assert cold_of(owner, warm) is None
    # Its fifth trial, better than all, came after as many tries as the warm one had.
    cold = make_search(
        "cold", [(0.7, 4.0), (0.5, 2.0), (0.4, 1.5), (0.3, 9.0), (0.9, 0.5)], warm_start=False, **both
    )
    found = cold_of(owner, warm)
    assert (found.search, found.beyond, found.compared) == (cold, 2, 3)
    page = owner.pages.get(f"/searches/{warm.pk}/").content.decode()
    assert "Beyond the cold front" in page
    assert 'class="ln ref"' in page


@pytest.mark.parametrize(
    "changes", [{"wall_s": 30.0}, {"train_rows": 50}, {"state": "cancelled"}, {"warm_start": True}]
)
def test_only_a_cold_search_under_the_same_limits_is_a_twin(owner, make_search, changes):
    warm = make_search("warm", [(0.8, 5.0)])
    make_search("other", [(0.7, 4.0)], **{"warm_start": False, **changes})
    assert cold_of(owner, warm) is None


def test_a_twin_of_another_team_is_not_spoken_of(owner, stranger, make_search):
    warm = make_search("warm", [(0.8, 5.0)])
    cold = make_search("cold", [(0.7, 4.0)], warm_start=False)
    Search.objects.filter(pk=cold.pk).update(owner=stranger.user, team=stranger.team)
    assert cold_of(owner, warm) is None


def test_questions_are_not_said_to_be_judged_by_macro_f1(owner, make_search):
    search = make_search("questions", [(0.5, 1.0), (0.4, 2.0)])
    Dataset.objects.filter(pk=search.dataset_id).update(kind="question-answering")
    for address in (
        f"/searches/{search.pk}/",
        f"/searches/{search.pk}/trials/1/",
        f"/searches/new/{search.dataset_id}/",
    ):
        page = owner.pages.get(address).content.decode()
        assert "token-F1" in page, address
        assert "macro-F1" not in page, address


def test_the_best_score_grows_in_steps(owner, make_search):
    search = make_search("steps", [(0.5, 1.0), (0.4, 1.0), (0.7, 1.0)])
    growth = owner.pages.get(f"/searches/{search.pk}/").context["page"].growth
    assert growth is not None
    assert "0.7" in growth.finding


def test_the_log_of_a_trial(owner, make_search):
    search = make_search("one", [(0.5, 1.0), (None, 3.0)])
    words = [
        event.words for event in owner.pages.get(f"/searches/{search.pk}/trials/1/").context["page"].events
    ]
    assert words[0] == "proposed by prior, probability 0.25; seed 0"
    assert words[-1].startswith("ended: ok, score 0.5")
    failed = owner.pages.get(f"/searches/{search.pk}/trials/2/")
    assert "ended: oom, in train, cause host" in failed.content.decode()
    assert (failed.context["page"].before, failed.context["page"].after) == (1, None)
    assert owner.pages.get(f"/searches/{search.pk}/trials/3/").status_code == 404


def test_a_running_trial_says_where_it_is(owner, make_search):
    search = make_search("live", [(0.5, 1.0)], state="running", ended_at=None)
    progress = {"phase": "train", "step": 1200, "epoch": 1.5, "memory_bytes": 2**30, "best": 0.61}
    Trial.objects.create(
        search=search, number=2, method="full", state="running", started_at=START,
        attempt=2, losses=1, progress=progress, lease_until=timezone.now(),
    )  # fmt: skip
    page = owner.pages.get(f"/searches/{search.pk}/trials/2/").content.decode().replace("\u202f", " ")
    assert "now in train, step 1,200, epoch 1.50, 1.0 GiB of memory, best so far 0.61" in page
    assert "came back 1 time: the worker that had it fell silent" in page


def test_uploads_that_became_no_dataset_go(owner, settings, tmp_path):
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    used, young, old = (
        services.store_upload([f"text,label\n{word},1\n".encode()], "rows.csv").name
        for word in ("a", "b", "c")
    )
    Dataset.objects.create(
        owner=owner.user,
        team=owner.team,
        source="upload",
        name="rows.csv",
        state="resolving",
        files={"train": used},
    )
    folder = Path(settings.UPLOADS_FOLDER)
    before = timezone.now().timestamp() - 50 * 3600
    for name in (used, old):
        os.utime(folder / name, (before, before))
    assert services.discard_orphans(timezone.now()) == 1
    assert sorted(path.name for path in folder.iterdir()) == sorted([used, young])
