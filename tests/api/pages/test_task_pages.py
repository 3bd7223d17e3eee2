"""Tasks and language models as pages: what is there, why it is near, and nothing of another team's."""

from __future__ import annotations

import pytest

from knowledgebase.experiences.models import Experience, LanguageModel
from knowledgebase.experiences.selectors import task_summaries
from knowledgebase.experiences.services import record_experiences

PRIMARY = {"split": "validation", "metric": "f1_macro"}
pytestmark = pytest.mark.django_db


def task(name, **values):
    known = {"instances": 400, "classes": 3, "class_entropy": 1.5, "mean_length": 40.0, **values}
    return {
        "kind": "text-classification",
        "name": name,
        "dataset": {"source": "file", "name": name, "label_column": "label"},
        "metafeatures": {
            "extractor": "tunelore.text-classification",
            "version": 1,
            "sampled": False,
            "values": known,
        },
    }


@pytest.fixture
def tasks(owner, record, failed_record):
    batch = [
        record(task=task("weather")),
        record(task=task("weather"), primary={**PRIMARY, "value": 0.9}, cost={"evaluation_s": 90}),
        failed_record("timeout", task=task("weather")),
        record(task=task("climate", instances=500)),
        record(task=task("poems", classes=40, mean_length=900.0)),
    ]
    assert {one.status for one in record_experiences(batch, owner=owner.user, team=owner.team)} == {201}
    return {one.name: one for one in task_summaries(owner.user)}


def test_the_list_of_tasks_counts_and_links(owner, tasks):
    page = owner.pages.get("/experiences/tasks/").content.decode()
    assert f"/experiences/tasks/{tasks['weather'].digest}/" in page
    assert page.index("poems") < page.index("weather")
    assert "0.9000" in page


def test_a_task_says_what_is_best_what_failed_and_what_is_near(owner, tasks):
    answer = owner.pages.get(f"/experiences/tasks/{tasks['weather'].digest}/")
    text = answer.content.decode()
    page = answer.context["page"]
    assert (page.total, page.failed, page.best.score, page.best_quick.score) == (3, 1, 0.9, 0.8)
    assert [row.score for row in page.front] == [0.8, 0.9]
    assert [(loss.status, loss.count, loss.instead.score) for loss in page.losses] == [("timeout", 1, 0.9)]
    assert [one.task.name for one in page.near] == ["climate", "poems"]
    assert page.heat.rows[0].label.endswith("weather")
    # The map and the list of the nearest measure alike.
    assert page.heat.rows[0].cells[1].label == f"{page.near[0].distance:.1f}"
    for row in page.features:
        assert len(row.others) == 2  # as many as there are
    assert sum(row.others[0][1] for row in page.features) == pytest.approx(1)
    assert "What should I not repeat?" in text


def test_the_four_nearest_tasks_are_explained_each_under_its_name(owner, tasks, record):
    batch = [record(task=task(f"near-{n}", instances=400 + n)) for n in range(1, 4)]
    record_experiences(batch, owner=owner.user, team=owner.team)
    answer = owner.pages.get(f"/experiences/tasks/{tasks['weather'].digest}/")
    page, text = answer.context["page"], answer.content.decode()
    assert len(page.near) == 5
    assert {len(row.others) for row in page.features} == {4}
    heads = [f'<th scope="col" class="n">{one.task}</th>' in text for one in page.near]
    assert heads == [True] * 4 + [False]


def test_the_leaderboard_leads_to_the_whole_list_by_score(owner, tasks):
    answer = owner.pages.get(f"/experiences/tasks/{tasks['weather'].digest}/")
    address = answer.context["page"].leaders_address
    assert address.replace("&", "&amp;") in answer.content.decode()
    rows = owner.pages.get(address).context["page"].rows
    scores = {str(row.pk): row.score for row in Experience.objects.all()}
    assert [scores[row.id] for row in rows] == [0.9, 0.8, None]


def test_the_map_marks_the_kind_that_it_shows(owner, record):
    kinds = ("question-answering", "regression")
    batch = [record(task={**task(f"{kind}-{n}"), "kind": kind}) for kind in kinds for n in range(2)]
    record_experiences(batch, owner=owner.user, team=owner.team)
    answer = owner.pages.get("/experiences/task-map/")
    assert answer.context["page"].kind == "question-answering"
    assert 'href="?kind=question-answering" aria-current="page"' in answer.content.decode()


def test_the_map_of_tasks(owner, tasks):
    page = owner.pages.get("/experiences/task-map/").context["page"]
    assert page.tasks == 3
    assert len(page.plane.places) == 3
    assert owner.pages.get("/experiences/task-map/?kind=nothing").status_code == 200


def test_language_models_by_task_and_memory(owner, tasks):
    model = LanguageModel.objects.get()
    assert model.title in owner.pages.get("/experiences/language-models/").content.decode()
    page = owner.pages.get(f"/experiences/language-models/{model.pk}/").context["page"]
    first = page.on_tasks[0]
    assert (first.task.name, first.runs, first.failed) == ("weather", 3, 1)
    assert page.by_memory == [(2_000_000_000, 5, 0)]


def named(name):
    return {"source": "hub", "name": f"lab/{name}", "revision": "1"}


def test_language_models_are_compared_within_tasks_and_counted_across_them(
    owner, stranger, record, failed_record
):
    """A score is only ever held against another of its task, its metric and its split."""

    def run(where, model, score, seconds, metric="f1_macro"):
        primary = {"split": "validation", "metric": metric, "value": score}
        return record(
            task=task(where), language_model=model and named(model), primary=primary,
            metrics={"validation": {metric: score}}, cost={"evaluation_s": seconds},
        )  # fmt: skip

    batch = [
        run("easy", "small", 0.97, 10),
        run("easy", "large", 0.98, 100),
        run("easy", None, 0.99, 1),  # no language model leads nothing here
        run("hard", "small", 0.40, 30),
        run("hard", "large", 0.40, 300),
        run("odd", "small", 0.60, 20),
        run("odd", "small", 0.61, 40),
        run("odd", "large", 0.99, 900, "accuracy"),  # against nobody: the task's metric is another
        run("third", "large", 0.99, 500),
        run("third", "tiny", 0.50, 7),
        run("alone", "tiny", 0.99, 9),  # a contest with nobody
        run("third", "tiny", 0.40, 1),
        failed_record("oom", task=task("easy"), language_model=named("broken")),
    ]
    assert {one.status for one in record_experiences(batch, owner=owner.user, team=owner.team)} == {201}
    answer = owner.pages.get("/experiences/language-models/")
    found = {model.name: reach for model, reach in answer.context["page"]["rows"]}
    told = {name: (reach.leads, reach.contested, reach.median_s) for name, reach in found.items()}
    assert told == {
        "lab/small": (1, 2, 25), "lab/large": (3, 3, 400), "lab/tiny": (0, 1, 7), "lab/broken": (0, 0, None),
    }  # fmt: skip
    assert '<td class="n">1 of 2</td><td class="n">25\u202fs</td>' in answer.content.decode()
    assert stranger.pages.get("/experiences/language-models/").context["page"]["rows"] == []


def test_a_memory_limit_says_the_share_that_it_was_too_small_for(owner, record, failed_record):
    batch = [record(), record(), record(), failed_record("oom")]
    record_experiences(batch, owner=owner.user, team=owner.team)
    page = owner.pages.get(f"/experiences/language-models/{LanguageModel.objects.get().pk}/").content.decode()
    assert '<td class="n">25\u202f% <small>1</small></td>' in page


def test_an_empty_hub_has_these_pages_too(owner):
    for address in ("tasks", "task-map", "language-models"):
        assert owner.pages.get(f"/experiences/{address}/").status_code == 200


def test_strangers_see_none_of_it(stranger, client, tasks):
    model = LanguageModel.objects.get()
    weather = tasks["weather"]
    for address in (f"tasks/{weather.digest}/", f"language-models/{model.pk}/"):
        assert stranger.pages.get(f"/experiences/{address}").status_code == 404
        assert client.get(f"/experiences/{address}").status_code == 302
    for address in ("tasks/", "task-map/", "language-models/"):
        page = stranger.pages.get(f"/experiences/{address}").content.decode()
        assert "weather" not in page
        assert model.title not in page


def test_the_number_of_queries_does_not_grow_with_the_rows(
    owner, tasks, record, django_assert_max_num_queries
):
    record_experiences([record(task=task(f"t{n}")) for n in range(30)], owner=owner.user, team=owner.team)
    model = LanguageModel.objects.get()
    for address, most in (
        ("tasks/", 7),  # session, person, state of the store, tasks, their words, teams, sums
        ("tasks/", 3),  # and while that state lasts, no more sums
        (f"tasks/{tasks['weather'].digest}/", 9),
        ("task-map/", 7),
        (
            "language-models/",
            9,
        ),  # session, person, language models, state, teams, sums, words, who leads, times
        ("language-models/", 5),  # and while that state lasts, neither sums nor who leads nor times
        (f"language-models/{model.pk}/", 11),
    ):
        with django_assert_max_num_queries(most):
            owner.pages.get(f"/experiences/{address}")
