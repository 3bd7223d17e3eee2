"""The way to a new search, form by form, as a browser without JavaScript goes it."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from automl.sources import samples
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences
from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset, Search

pytestmark = pytest.mark.django_db
ROWS = b"id,review,stars\n" + b"".join(
    b"%d,this film was number %d of the year,%d\n" % (n, n, n % 2) for n in range(40)
)


def upload(person, name="films.csv", content=ROWS):
    return person.pages.post("/searches/new/", {"file": SimpleUploadedFile(name, content)})


def token_of(answer):
    return parse_qs(urlsplit(answer.url).query)["upload"][0]


@pytest.fixture
def dataset(owner):
    columns = upload(owner)
    answer = owner.pages.post(
        "/searches/new/columns/",
        {"upload": token_of(columns), "text_columns": ["review"], "label_column": "stars"},
    )
    assert answer.status_code == 302, answer.context["page"].errors
    return Dataset.objects.get()


def test_from_a_file_to_a_search(owner, dataset):
    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.state, dataset.name, len(dataset.classes)) == ("ready", "films.csv", 2)
    page = owner.pages.get(f"/searches/new/{dataset.pk}/")
    assert page.context["page"].side.estimate.runs == 0
    assert "Too little is known: 0 runs" in page.content.decode()
    form = {
        "title": "films", "trials": "5", "wall_s": "30", "memory_gib": "1.5", "slots": "2", "train_rows": "30",
        "seed": "7", "key": "k1", "minutes": "9",
        "methods": ["linear", "probe"], "objectives": ["score"], "warm_start": "on",
    }  # fmt: skip
    answer = owner.pages.post(f"/searches/new/{dataset.pk}/", form)
    search = Search.objects.get()
    assert answer.url == f"/searches/{search.pk}/"
    again = owner.pages.post(f"/searches/new/{dataset.pk}/", form)
    assert again.url == answer.url, "a doubled click is one search"
    assert search.budget_seconds == 540
    assert (search.budget_trials, search.wall_s, search.host_memory_bytes) == (5, 30, int(1.5 * 2**30))
    assert (search.methods, search.objectives, search.seed, search.slots) == (
        ["linear", "probe"],
        ["score"],
        7,
        2,
    )


def test_columns_are_guessed_and_shown(owner):
    page = owner.pages.get(upload(owner).url).context["page"]
    assert (page.columns.kind, page.columns.texts, page.columns.label) == (
        "text-classification",
        ["review"],
        "stars",
    )
    assert page.preview.rows[0] == {"id": "0", "review": "this film was number 0 of the year", "stars": "0"}


def test_a_large_packed_file_is_previewed_by_its_head(owner, monkeypatch):
    monkeypatch.setattr(samples, "HEAD_BYTES", 200)
    lines = "".join(json.dumps({"text": f"line {n}", "label": n % 3}) + "\n" for n in range(500))
    page = owner.pages.get(upload(owner, "big.jsonl.gz", gzip.compress(lines.encode())).url).context["page"]
    assert list(page.preview.columns) == ["text", "label"]
    assert 3 <= len(page.preview.rows) < 10
    assert not page.preview.sample.is_whole


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"text_columns": [], "label_column": "stars"}, "Choose one or more of id, review, stars"),
        ({"text_columns": ["review"], "label_column": "nothing"}, "Choose one of id, review, stars"),
        ({"text_columns": ["review", "stars"], "label_column": "stars"}, "stars is chosen as text too"),
    ],
)
def test_columns_that_cannot_be(owner, form, said):
    token = token_of(upload(owner))
    answer = owner.pages.post("/searches/new/columns/", {"upload": token, **form})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Dataset.objects.exists()


def test_a_file_in_another_encoding_is_read_as_its_reader_says(owner):
    """Not UTF-8: shown in the usual other one and asked about; what is chosen is what a worker reads it in."""
    words = "id,review,stars\n" + "".join(f"{n},żółty film {n},{n % 2}\n" for n in range(40))
    token = token_of(upload(owner, "filmy.csv", words.encode("iso-8859-2")))
    address = "/searches/new/columns/"
    first = owner.pages.get(address, {"upload": token})
    assert (first.status_code, first.context["page"].reading.encoding) == (200, "windows-1252")
    assert "filmy.csv: byte" in first.context["page"].notes[0].words
    again = owner.pages.get(address, {"upload": token, "encoding": "iso-8859-2"}).context["page"]
    assert again.preview.rows[0]["review"] == "żółty film 0"
    assert again.notes == []
    form = {"upload": token, "text_columns": ["review"], "label_column": "stars"}
    wrong = owner.pages.post(address, {**form, "encoding": "utf-8"})
    assert wrong.status_code == 422
    assert "is not utf-8" in wrong.context["page"].errors["encoding"]
    assert not Dataset.objects.exists()
    assert owner.pages.post(address, {**form, "encoding": "iso-8859-2"}).status_code == 302
    dataset = Dataset.objects.get()
    assert services.resolve_dataset(dataset.pk) == "ready"
    dataset.refresh_from_db()
    assert (dataset.encoding, dataset.train_rows) == ("iso-8859-2", 40)


def test_an_encoding_is_asked_of_text_alone_and_is_utf8_until_told(owner):
    page = owner.pages.get(upload(owner).url)
    assert '<option value="utf-8" selected>UTF-8</option>' in page.content.decode()
    table = pyarrow.table({"review": ["one", "two", "three"], "stars": [1, 0, 1]})
    pyarrow.parquet.write_table(table, stored := io.BytesIO())
    page = owner.pages.get(upload(owner, "films.parquet", stored.getvalue()).url)
    assert page.status_code == 200
    assert 'name="encoding"' not in page.content.decode()


def test_an_upload_says_until_when_it_is_kept(owner, dataset):
    dataset.expires_at = datetime(2031, 5, 17, 12, tzinfo=UTC)
    dataset.save()
    page = owner.pages.get("/searches/new/").content.decode()
    assert "Kept until" in page
    assert ">2031-05-17</time>" in page


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
    assert answer.context["page"].errors["wall_s"] == "is 'soon'; write a number"
    again = owner.pages.post(f"/searches/new/{dataset.pk}/", {**form, "wall_s": "30"})
    assert again.context["page"].errors["trials"] == "is 0; give a number from 1 to 1000"
    assert again.context["page"].form.values["title"] == "mine"
    unknown = {**form, "wall_s": "30", "trials": "3", "more_models": "hub:../../etc"}
    named = owner.pages.post(f"/searches/new/{dataset.pk}/", unknown).context["page"]
    assert "unknown language model" in named.errors["language_models"]
    longer = {**form, "wall_s": "600", "trials": "3", "minutes": "5"}
    said = owner.pages.post(f"/searches/new/{dataset.pk}/", longer).context["page"].errors["wall_s"]
    assert said == "is 600 s, longer than the whole search (5 min)"
    assert not Search.objects.exists()


def test_an_estimate_from_the_nearest_tasks(owner, dataset, record):
    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    for name in ("books", "plays", "songs"):
        task = {
            "kind": "text-classification", "name": name,
            "dataset": {"source": "file", "name": name, "label_column": "l"},
            "metafeatures": dataset.metafeatures,
        }  # fmt: skip
        batch = [
            record(task=task, cost={"evaluation_s": 10.0, "host_memory_bytes": 3 * 2**30}) for _ in range(4)
        ]
        record_experiences(batch, owner=owner.user, team=owner.team)
    asked = {"trials": "6", "wall_s": "60", "slots": "2", "methods": ["full"], "memory_gib": "2",
             "train_rows": "40", "objectives": ["score"]}  # fmt: skip
    Experience.objects.update(train_rows=40)
    page = owner.pages.get(f"/searches/new/{dataset.pk}/", asked)
    found = page.context["page"].side.estimate
    assert (found.runs, sorted(found.tasks), found.failed_share) == (12, ["books", "plays", "songs"], 0)
    assert (found.low_s, found.middle_s, found.high_s) == (30, 30, 30), "six trials of 10 s, two at once"
    assert (found.memory_bytes, found.over_memory, found.trials) == (3 * 2**30, 12, 6)
    assert "12 of these runs needed more memory than your limit" in page.content.decode()
    cut = {**asked, "wall_s": "5"}
    part = owner.pages.get(f"/searches/new/{dataset.pk}/estimate/", cut).context["side"].estimate
    assert (part.middle_s, part.failed_share) == (15, 1), "none ends within 5 s"
    none = owner.pages.get(f"/searches/new/{dataset.pk}/estimate/", {**asked, "methods": ["lora"]})
    assert "Too little is known" in none.context["side"].estimate.reason
    wrong = owner.pages.get(f"/searches/new/{dataset.pk}/estimate/", {**asked, "slots": "0"})
    assert wrong.context["side"].estimate.reason == "The estimate follows when these fields are right: slots."


def test_an_estimate_is_moved_to_the_rows_of_the_search(owner, dataset, record):
    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    for name in ("books", "plays", "songs"):
        task = {
            "kind": "text-classification", "name": name,
            "dataset": {"source": "file", "name": name, "label_column": "l"},
            "metafeatures": dataset.metafeatures,
        }  # fmt: skip
        cost = {"evaluation_s": 100.0, "host_memory_bytes": 2**30}
        record_experiences(
            [record(task=task, cost=cost) for _ in range(4)], owner=owner.user, team=owner.team
        )
    asked = {"trials": "1", "wall_s": "600", "slots": "1", "methods": ["full"], "memory_gib": "4",
             "objectives": ["score"]}  # fmt: skip

    def middle_s(rows):
        Experience.objects.update(train_rows=rows)
        page = owner.pages.get(f"/searches/new/{dataset.pk}/", {**asked, "train_rows": "40"})
        found = page.context["page"].side.estimate
        assert found.memory_bytes == 2**30, "memory follows the batch, not the rows"
        return found.middle_s

    assert middle_s(40) == 100
    assert 100 < middle_s(20) < 200, "twice the rows take longer, but start and loading stay"
    assert 50 < middle_s(80) < 100


def test_the_estimate_is_an_address(owner, dataset):
    form = {
        "trials": "3",
        "wall_s": "30",
        "memory_gib": "1",
        "slots": "1",
        "methods": ["linear"],
        "estimate": "1",
    }
    address = owner.pages.post(f"/searches/new/{dataset.pk}/", form).url
    assert not Search.objects.exists()
    page = owner.pages.get(address).context["page"]
    assert (page.form.values["trials"], page.form.methods, page.form.warm_start) == ("3", ("linear",), False)


def test_what_stands_out_is_said_before_anything_is_kept(owner):
    same = b"review,stars\n" + b"one and the same,1\n" * 30
    token = token_of(upload(owner, "same.csv", same))
    form = {"upload": token, "text_columns": ["review"], "label_column": "stars"}
    answer = owner.pages.post("/searches/new/columns/", form)
    assert answer.status_code == 422
    assert "only one class" in answer.content.decode()
    assert not Dataset.objects.exists()


def test_a_dataset_of_the_hf_hub_is_named_not_fetched(owner):
    form = {"hub": "someone/films", "revision": "v1", "config": "short", "hub_text": "title, review"}
    answer = owner.pages.post("/searches/new/", form)
    made = Dataset.objects.get()
    assert answer.url == f"/searches/new/{made.pk}/"
    assert (made.source, made.name, made.revision, made.config) == ("hub", "someone/films", "v1", "short")
    assert (made.text_columns, made.label_column, made.state) == (["title", "review"], "label", "resolving")
    wrong = owner.pages.post("/searches/new/", {**form, "hub": "../../etc"})
    assert wrong.status_code == 422
    assert "is no name of the HF Hub" in wrong.content.decode()
    assert wrong.context["page"].hub["revision"] == "v1"


def test_strangers_find_no_dataset(stranger, client, dataset):
    assert stranger.pages.get(f"/searches/new/{dataset.pk}/").status_code == 404
    assert stranger.pages.post(f"/searches/new/{dataset.pk}/", {"trials": "5"}).status_code == 404
    assert "films" not in stranger.pages.get("/searches/new/").content.decode()
    assert client.get("/searches/new/").status_code == 302
