"""The way to a new search, form by form, as a browser without JavaScript goes it."""

from __future__ import annotations

import gzip
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset, Search

pytestmark = pytest.mark.django_db
ROWS = b"id,review,stars\n" + b"".join(
    b"%d,this film was number %d of the year,%d\n" % (n, n, n % 2) for n in range(40)
)


def upload(person, name="films.csv", content=ROWS):
    return person.pages.post("/searches/new/", {"file": SimpleUploadedFile(name, content)})


@pytest.fixture
def dataset(owner):
    columns = upload(owner)
    answer = owner.pages.post(
        "/searches/new/columns/",
        {"upload": columns.url.partition("upload=")[2], "text_columns": ["review"], "label_column": "stars"},
    )
    assert answer.status_code == 302, answer.context["page"].errors
    return Dataset.objects.get()


def test_from_a_file_to_a_search(owner, dataset):
    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.state, dataset.name, len(dataset.classes)) == ("ready", "films.csv", 2)
    page = owner.pages.get(f"/searches/new/{dataset.pk}/")
    assert page.context["page"].estimate is None
    assert "eight runs" in page.content.decode()
    form = {
        "title": "films", "trials": "5", "wall_s": "30", "memory_gib": "1.5", "slots": "2", "train_rows": "30",
        "seed": "7", "methods": ["linear", "probe"], "objectives": ["score"], "warm_start": "on",
    }  # fmt: skip
    answer = owner.pages.post(f"/searches/new/{dataset.pk}/", form)
    search = Search.objects.get()
    assert answer.url == f"/searches/{search.pk}/"
    assert (search.budget_trials, search.wall_s, search.host_memory_bytes) == (5, 30, int(1.5 * 2**30))
    assert (search.methods, search.objectives, search.seed, search.slots) == (
        ["linear", "probe"],
        ["score"],
        7,
        2,
    )


def test_columns_are_guessed_and_shown(owner):
    page = owner.pages.get(upload(owner).url).context["page"]
    assert (page.text_columns, page.label_column) == (["review"], "stars")
    assert page.preview.rows[0] == {"id": "0", "review": "this film was number 0 of the year", "stars": "0"}


def test_a_large_packed_file_is_previewed_by_its_head(owner, monkeypatch):
    from knowledgebase.searches.bridge import preview

    monkeypatch.setattr(preview, "WHOLE_BYTES", 10)
    monkeypatch.setattr(preview, "HEAD_BYTES", 200)
    lines = "".join(json.dumps({"text": f"line {n}", "label": n % 3}) + "\n" for n in range(500))
    page = owner.pages.get(upload(owner, "big.jsonl.gz", gzip.compress(lines.encode())).url).context["page"]
    assert list(page.preview.columns) == ["text", "label"]
    assert 3 <= len(page.preview.rows) < 10


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"text_columns": [], "label_column": "stars"}, "Choose one or more of id, review, stars"),
        ({"text_columns": ["review"], "label_column": "nothing"}, "Choose one of id, review, stars"),
        ({"text_columns": ["review", "stars"], "label_column": "stars"}, "stars is chosen as text too"),
    ],
)
def test_columns_that_cannot_be(owner, form, said):
    token = upload(owner).url.partition("upload=")[2]
    answer = owner.pages.post("/searches/new/columns/", {"upload": token, **form})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Dataset.objects.exists()


def test_an_upload_is_nobody_elses(owner, stranger):
    address = upload(owner).url
    assert stranger.pages.get(address).status_code == 404
    assert stranger.pages.get("/searches/new/columns/?upload=forged").status_code == 404
    assert owner.pages.get("/searches/new/columns/").status_code == 404


def test_a_file_of_no_known_kind(owner):
    answer = upload(owner, "films.xlsx", b"PK")
    assert answer.status_code == 422
    assert "known endings" in answer.content.decode()
    broken = upload(owner, "films.csv", b"\x00\x01")
    assert owner.pages.get(broken.url).url == "/searches/new/"
    assert owner.pages.post("/searches/new/").status_code == 422


def test_a_builtin_dataset(owner):
    answer = owner.pages.post("/searches/new/", {"builtin": "parameter-type"})
    assert answer.url == f"/searches/new/{Dataset.objects.get().pk}/"
    assert owner.pages.post("/searches/new/", {"builtin": "nothing"}).status_code == 422


def test_every_wrong_field_is_named_and_what_was_written_stays(owner, dataset):
    form = {
        "trials": "0",
        "wall_s": "soon",
        "memory_gib": "4",
        "slots": "1",
        "objectives": ["score"],
        "title": "mine",
    }
    answer = owner.pages.post(f"/searches/new/{dataset.pk}/", form)
    assert answer.status_code == 422
    assert "no number" in answer.context["page"].errors["limits.wall_s"]
    again = owner.pages.post(f"/searches/new/{dataset.pk}/", {**form, "wall_s": "30"})
    assert again.context["page"].errors["budget.trials"] == "is 0; give a number from 1 to 1000"
    assert again.context["page"].values["title"] == "mine"
    assert not Search.objects.exists()


def test_an_estimate_from_the_nearest_tasks(owner, dataset, record):
    from knowledgebase.experiences.services import record_experiences

    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    task = {
        "kind": "text-classification", "name": "books",
        "dataset": {"source": "file", "name": "b", "label_column": "l"}, "metafeatures": dataset.metafeatures,
    }  # fmt: skip
    batch = [
        record(task=task, cost={"evaluation_s": 10.0 * n, "host_memory_bytes": n * 10**8})
        for n in range(1, 11)
    ]
    record_experiences(batch, owner=owner.user, team=owner.team)
    asked = {"trials": "6", "wall_s": "60", "slots": "2", "methods": ["full"], "memory_gib": "4"}
    found = owner.pages.get(f"/searches/new/{dataset.pk}/", asked).context["page"].estimate
    assert (found.runs, found.tasks, found.failed, found.memory_bytes) == (10, ["books"], 0, 10**9)
    assert found.mean_s == pytest.approx((10 + 20 + 30 + 40 + 50 + 60 * 5) / 10)
    assert (found.total_s, found.most_s) == (pytest.approx(found.mean_s * 3), 180)
    none = owner.pages.get(f"/searches/new/{dataset.pk}/", {**asked, "methods": ["lora"]}).context["page"]
    assert none.estimate is None


def test_strangers_find_no_dataset(stranger, client, dataset):
    assert stranger.pages.get(f"/searches/new/{dataset.pk}/").status_code == 404
    assert stranger.pages.post(f"/searches/new/{dataset.pk}/", {"trials": "5"}).status_code == 404
    assert "films" not in stranger.pages.get("/searches/new/").content.decode()
    assert client.get("/searches/new/").status_code == 302
