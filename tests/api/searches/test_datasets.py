"""POST and GET /api/v1/datasets/."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings
from rest_framework.test import APIClient

from knowledgebase.searches.models import Dataset

URL = "/api/v1/datasets/"


@pytest.fixture(autouse=True)
def uploads(settings: Settings, tmp_path: Path) -> Path:
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    return tmp_path / "uploads"


def upload(client: APIClient, filename: str, content: bytes, **fields: object):  # type: ignore[no-untyped-def]
    form = {"file": SimpleUploadedFile(filename, content), "text_columns": ["text"], "label_column": "label"}
    return client.post(URL, form | fields, format="multipart")


def test_a_builtin_dataset_is_taken_by_name(alice: APIClient) -> None:
    answer = alice.post(URL, {"source": "builtin", "name": "parameter-type"}, format="json")
    assert answer.status_code == 201
    assert answer.json()["state"] == "resolving"


def test_questions_are_a_kind_of_their_own(alice: APIClient) -> None:
    rows = b'{"context": "Ada sailed.", "question": "Who?", "answers": ["Ada"]}\n'
    columns = {"text_columns": ["context", "question"], "label_column": "answers"}
    answer = upload(alice, "rows.jsonl", rows, kind="question-answering", **columns)
    assert (answer.status_code, answer.json()["kind"]) == (201, "question-answering")
    named = {"source": "hub", "name": "lab/sailors", "kind": "question-answering"}
    answer = alice.post(URL, named, format="json")
    assert (answer.status_code, answer.json()["text_columns"]) == (201, ["context", "question"])
    assert answer.json()["label_column"] == "answers"
    plain = alice.post(URL, {"source": "hub", "name": "lab/boats"}, format="json").json()
    assert (plain["kind"], plain["text_columns"]) == ("text-classification", ["text"])
    builtin = {"source": "builtin", "name": "parameter-type", "kind": "question-answering"}
    answer = alice.post(URL, builtin, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_kind")
    assert alice.post(URL, named | {"kind": "summarisation"}, format="json").status_code == 400


def test_an_unknown_builtin_dataset_names_the_known_ones(alice: APIClient) -> None:
    answer = alice.post(URL, {"source": "builtin", "name": "nonsense"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_dataset")
    assert "parameter-type" in answer.json()["detail"]


def test_files_of_the_operator_cannot_be_named_over_the_api(alice: APIClient) -> None:
    answer = alice.post(URL, {"source": "file", "name": "../../etc/passwd"}, format="json")
    assert answer.status_code == 400


def test_an_upload_is_stored_under_its_hash(alice: APIClient, uploads: Path) -> None:
    answer = upload(alice, "../../Mine.csv", b"text,label\nhello,a\nworld,b\n", name="mine")
    assert answer.status_code == 201, answer.content
    dataset = Dataset.objects.get(pk=answer.json()["id"])
    [stored] = uploads.iterdir()
    assert dataset.files == {"train": stored.name}
    assert stored.suffix == ".csv"
    assert len(stored.stem) == 64
    assert (dataset.name, dataset.source, dataset.state) == ("mine", "upload", "resolving")
    assert "files" not in answer.json()


def test_an_unknown_format_is_refused_and_leaves_nothing(alice: APIClient, uploads: Path) -> None:
    answer = upload(alice, "rows.pickle", b"\x80\x04")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_format")
    assert not uploads.exists() or not list(uploads.iterdir())


def test_an_upload_over_the_limit_leaves_nothing(
    alice: APIClient, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledgebase.searches.services.datasets.MAX_UPLOAD_BYTES", 10)
    answer = upload(alice, "rows.csv", b"text,label\nhello,a\n")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert list(uploads.iterdir()) == []


def test_a_dataset_is_seen_by_its_team(
    alice: APIClient, bob: APIClient, charlie: APIClient, dataset: Dataset
) -> None:
    url = f"{URL}{dataset.pk}/"
    assert alice.get(url).json()["classes"] == {"ca": 30, "cs": 30}
    assert bob.get(url).status_code == 200
    assert charlie.get(url).status_code == 404
    assert charlie.get(URL).json()["results"] == []
    assert APIClient().get(url).status_code == 401


def test_reading_is_not_writing(reader: APIClient) -> None:
    answer = reader.post(URL, {"source": "builtin", "name": "parameter-type"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
