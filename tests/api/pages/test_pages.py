"""Pages through the real URLs: they open, show what is there, and leak nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from knowledgebase.accounts.services import create_login_link
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import note_run, record_experiences
from knowledgebase.searches.models import Dataset, Search, Trial

pytestmark = pytest.mark.django_db
HOSTILE = '<script>alert("x")</script>{{ 7*7 }}\u202egnp.exe'


@pytest.fixture
def search(owner):
    dataset = Dataset.objects.create(
        owner=owner.user,
        team=owner.team,
        source="builtin",
        name="weather",
        state="ready",
        fingerprint="rows-sha256:" + "0" * 64,
    )
    made = Search.objects.create(
        owner=owner.user, team=owner.team, dataset=dataset, title="weather, both", sampler="process",
        objectives=["score", "seconds"], budget_trials=4, state="running", started_at="2026-11-20T10:00:00Z",
        slots=2, wall_s=60,
        prior_summary={
            "neighbours": [{"task": "sha256:1", "distance": 0.5, "parts": {}}],
            "distributions": {"method": {"full": 0.7, "linear": 0.3}, "language_model": {"package:a/b@1": 1.0}},
            "uniform": {"method": {"full": 0.5, "linear": 0.5}, "language_model": {"package:a/b@1": 1.0}},
        },
    )  # fmt: skip
    done = {
        "state": "done",
        "status": "ok",
        "finished_at": "2026-11-20T10:01:00Z",
        "started_at": "2026-11-20T10:00:01Z",
    }
    Trial.objects.create(search=made, number=1, method="linear", score=0.5, seconds=1.5, **done)
    Trial.objects.create(
        search=made, number=2, method="full", language_model="package:a/b@1", score=0.7, seconds=20.0, **done
    )
    Trial.objects.create(
        search=made, number=3, method="full", **{**done, "status": "oom"}, phase="train", cause="host"
    )
    return made


def store(person, *batch):
    results = record_experiences(batch, owner=person.user, team=person.team)
    assert {result.status for result in results} == {201}


def test_an_empty_hub_says_the_next_step(owner):
    page = owner.pages.get("/")
    assert page.status_code == 200
    assert "load_starter" in page.content.decode()
    for address in ("/experiences/", "/searches/", "/accounts/"):
        assert owner.pages.get(address).status_code == 200


def test_the_overview_counts_what_may_be_seen(owner, stranger, record, failed_record):
    store(owner, record(), record(), failed_record("oom"))
    page = owner.pages.get("/").content.decode()
    assert "3 experiences" in page
    assert "1 task," in page
    assert '<a href="/experiences/?status=failed">1</a> <small>33\u202f% of all</small>' in page
    assert "3 experiences" not in stranger.pages.get("/").content.decode()


def test_the_overview_puts_what_still_runs_before_what_has_ended(owner, search):
    rest = {"owner": owner.user, "team": owner.team, "dataset": search.dataset, "sampler": "process"}
    rest |= {"state": "done", "ended_at": "2026-11-20T11:00:00Z", "budget_trials": 4, "slots": 1}
    ended = [Search.objects.create(title=f"ended {n}", **rest) for n in range(6)]
    shown = owner.pages.get("/").context["page"].searches
    assert [one.pk for one in shown] == [search.pk, *(one.pk for one in ended[:1:-1])]
    assert [one.pk for one in owner.pages.get("/searches/").context["page"].searches][-1] == search.pk


def test_the_question_above_the_growth_is_one_that_it_answers(owner, record, failed_record):
    first = record()
    store(owner, first, failed_record("oom"))
    Experience.objects.filter(pk=first["id"]).update(received_at=timezone.now() - timedelta(days=4))
    answer = owner.pages.get("/")
    assert "How fast does it grow, and how much of it fails?" in answer.content.decode()
    assert "2 experiences, 1 of them failed" in answer.context["page"].growth.finding


def test_the_frame_says_language_model_in_full(owner):
    page = owner.pages.get("/").content.decode()
    assert '<a href="/experiences/language-models/">Language models</a>' in page
    assert 'placeholder="Find task, language model or id"' in page


def test_a_running_run_is_shown(owner, record):
    told = {
        name: part for name, part in record().items() if name not in ("outcome", "metrics", "primary", "cost")
    }
    note_run(told, owner=owner.user, team=owner.team)
    assert told["id"][:8] in owner.pages.get("/").content.decode()


def test_the_list_filters_by_its_address(owner, record, failed_record):
    store(owner, record(), failed_record("oom"), failed_record("timeout"))
    page = owner.pages.get("/experiences/", {"status": "oom"}).content.decode()
    assert "1 run with these filters" in page
    assert 'aria-label="Drop the filter status"' in page
    assert "GET /api/v1/experiences/?status=oom" in page


def test_the_list_goes_on_by_cursor(owner, record):
    store(owner, *(record() for _ in range(55)))
    first = owner.pages.get("/experiences/").context["page"]
    rest = owner.pages.get(first.older).context["page"]
    assert (len(first.rows), len(rest.rows), rest.older) == (50, 5, "")
    assert len({row.id for row in (*first.rows, *rest.rows)}) == 55
    assert rest.newest == "/experiences/"


def test_a_wrong_filter_is_answered_on_the_page(owner):
    page = owner.pages.get("/experiences/?status=fine")
    assert page.status_code == 422
    assert "fine" in page.content.decode()


def test_one_experience_and_one_failure(owner, record, failed_record):
    good, bad = record(), failed_record("oom")
    store(owner, good, bad)
    assert "0.8000" in owner.pages.get(f"/experiences/{good['id']}/").content.decode()
    page = owner.pages.get(f"/experiences/{bad['id']}/").content.decode()
    assert "What happened" in page
    assert "What fitted instead" in page
    assert good["id"][-8:] in page


def test_another_teams_things_do_not_exist(owner, stranger, record, search):
    sent = record()
    store(owner, sent)
    for address in (f"/experiences/{sent['id']}/", f"/searches/{search.pk}/", f"/searches/{search.pk}/live/"):
        assert stranger.pages.get(address).status_code == 404, address
    assert stranger.pages.post(f"/searches/{search.pk}/cancel/").status_code == 404
    assert stranger.pages.get("/searches/").content.decode().count(str(search.pk)) == 0


def test_hostile_text_is_shown_as_text(owner, record):
    sent = record(pipeline={"method": "full", "hyperparameters": {HOSTILE[:90]: HOSTILE}})
    sent["task"]["name"] = HOSTILE
    sent["language_model"]["name"] = HOSTILE
    sent["metrics"]["validation"][HOSTILE] = 0.5
    store(owner, sent)
    for address in ("/", "/experiences/", f"/experiences/{sent['id']}/"):
        page = owner.pages.get(address).content.decode()
        assert "<script>alert" not in page, address
        assert "&lt;script&gt;alert" in page, address
        assert "{{ 7*7 }}" in page, address


def test_a_search_shows_its_front_its_failures_and_its_prior(owner, search):
    page = owner.pages.get(f"/searches/{search.pk}/").content.decode()
    for words in ("0.7000", "oom", "sha256:1", "Prior against uniform", "3<span"):
        assert words in page
    assert "data-live" in page


def test_the_table_of_a_front_lists_every_point_and_marks_the_front(owner, search):
    Trial.objects.create(
        search=search, number=4, method="lora", score=0.6, seconds=30.0, state="done", status="ok",
        started_at="2026-11-20T10:00:01Z", finished_at="2026-11-20T10:01:00Z",
    )  # fmt: skip
    answer = owner.pages.get(f"/searches/{search.pk}/")
    rows = answer.context["page"].front.rows
    assert [(row.place, row.point.number) for row in rows] == [(1, 1), (2, 2), (0, 4)]
    text = answer.content.decode()
    twin = text[text.index('id="fig-front-twin"') :]
    assert "As table, 3 rows" in twin
    assert "0.6000" in twin[: twin.index("</table>")]


def test_the_live_part_answers_204_until_something_changes(owner, search):
    part = owner.pages.get(f"/searches/{search.pk}/live/")
    version = part.context["page"].version
    assert owner.pages.get(f"/searches/{search.pk}/live/", {"version": version}).status_code == 204
    Trial.objects.create(search=search, number=4, method="linear")
    assert owner.pages.get(f"/searches/{search.pk}/live/", {"version": version}).status_code == 200


def test_cancelling_needs_a_post(owner, search):
    assert owner.pages.get(f"/searches/{search.pk}/cancel/").status_code == 405
    assert owner.pages.post(f"/searches/{search.pk}/cancel/").status_code == 302
    search.refresh_from_db()
    assert search.state in ("cancelling", "cancelled")


def test_signing_in_by_link_works_once(owner):
    path, client = create_login_link(owner.user), Client()
    assert client.get(path).status_code == 200
    assert client.post(path).headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert Client().post(path).status_code == 410


def test_signing_in_by_password_goes_back_only_to_this_hub(owner):
    owner.user.set_password("correct horse battery")
    owner.user.save()
    given = {"username": "olga", "password": "correct horse battery"}
    assert (
        Client().post("/accounts/sign-in/", {**given, "next": "/searches/"}).headers["Location"]
        == "/searches/"
    )
    assert (
        Client().post("/accounts/sign-in/", {**given, "next": "https://evil.example/"}).headers["Location"]
        == "/"
    )
    assert Client().post("/accounts/sign-in/", {**given, "password": "wrong"}).status_code == 422


def test_the_theme_is_remembered(owner):
    answer = owner.pages.post("/theme/", {"theme": "dark", "next": "/experiences/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/experiences/")
    assert 'data-theme="dark"' in owner.pages.get("/").content.decode()


def test_every_page_forbids_inline_code(owner):
    for address in ("/", "/experiences/", "/nothing/", "/static/live.js"):
        answer = owner.pages.get(address)
        policy = answer.headers["Content-Security-Policy"]
        list(answer)  # a file is read to its end, which closes it and leaves the test's database open
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    page = owner.pages.get("/").content.decode()
    assert " style=" not in page
    assert "<style" not in page


def test_errors_have_a_page(owner):
    assert owner.pages.get("/nothing/").status_code == 404
    assert "There is nothing here" in owner.pages.get("/nothing/").content.decode()
    refused = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert refused.status_code == 403
    said = refused.content.decode()
    assert "The form is too old" in said
    assert "Go back, load the page again" in said
    assert "team that you are not in" not in said, "what is said of what is absent"


def test_health():
    assert Client().get("/health/live").json() == {"status": "live"}
    assert Client().get("/health/ready").json() == {"status": "ready"}


def test_pages_take_few_queries(owner, record, search, django_assert_max_num_queries):
    store(owner, *[record() for _ in range(40)])
    for address, most in (("/", 16), ("/experiences/", 8), (f"/searches/{search.pk}/", 8), ("/searches/", 8)):
        with django_assert_max_num_queries(most):
            owner.pages.get(address)


def test_stats_of_the_whole_hub(owner, record, search, capsys):
    from django.core.management import call_command

    store(owner, record())
    call_command("stats", "--json")
    document = json.loads(capsys.readouterr().out)
    assert set(document) == {"experiences", "by_outcome", "by_method", "tasks", "language_models", "searches"}
    [one] = document["searches"]
    assert (one["id"], one["trials"], one["failed"], one["best"]) == (str(search.pk), 3, 1, 0.7)
    assert [point["trial"] for point in one["front"]] == [1, 2]
    call_command("stats")
    assert "experiences: 1" in capsys.readouterr().out
