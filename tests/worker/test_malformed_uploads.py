"""Broken dataset files, uploaded and read by a control worker: each does what its list says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.errors import Problem
from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset

FOLDER = Path(os.environ.get("TUNELORE_SHARED", "../shared")) / "data" / "malformed"
MANIFEST = FOLDER / "MANIFEST.json"
FILES: list[dict[str, Any]] = (
    [one for one in json.loads(MANIFEST.read_text())["files"] if one["kind"] == "dataset"]
    if MANIFEST.exists()
    else []
)


@pytest.fixture
def uploads(settings: Settings, tmp_path: Path) -> Path:
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    settings.CACHE_FOLDER = tmp_path / "cache"
    return tmp_path / "uploads"


def read(person: User, path: Path, name: str) -> Dataset | Problem:
    """The dataset after a control worker has read it, or the refusal at the door."""
    try:
        stored = services.store_upload([path.read_bytes()], path.name)
    except Problem as problem:
        return problem
    dataset = services.create_dataset(
        person,
        source="upload",
        name=name,
        team=personal_team(person),
        files={"train": stored.name},
        text_columns=["text"],
        label_column="label",
    )
    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    return dataset


@pytest.mark.shared_data
@pytest.mark.skipif(
    not FILES, reason="shared data folder not found: set TUNELORE_SHARED (its data/malformed is read)"
)
@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["file"])
def test_a_broken_file_is_refused_in_words_and_leaves_nothing(
    entry: dict[str, Any], person: User, uploads: Path
) -> None:
    found = read(person, FOLDER / entry["file"], "mine")
    if isinstance(found, Problem):
        assert "refuse" in entry["expect"]
        assert list(uploads.glob("*")) == []
        return
    stored = list(uploads.iterdir())
    if found.state == "refused":
        assert "refuse" in entry["expect"] or "refusal" in entry["message"]
        assert found.problem["code"]
        assert len(found.problem["detail"]) > 10
        assert found.files["train"] not in found.problem["detail"]
        assert stored == []
    else:
        assert entry["expect"] != "refuse"
        assert bool(found.warnings) or entry["expect"] != "accept_with_warning"
        assert [one.name for one in stored] == [found.files["train"]]


def test_bytes_that_another_dataset_uses_are_kept(person: User, uploads: Path, tmp_path: Path) -> None:
    lines = [f"{word} {number},{word}" for number in range(30) for word in ("red", "blue")]
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "\n".join(lines) + "\n")
    good = read(person, path, "good")
    assert isinstance(good, Dataset)
    assert good.state == "ready"
    other = services.create_dataset(
        person,
        source="upload",
        name="wrong column",
        team=personal_team(person),
        files=good.files,
        text_columns=["text"],
        label_column="nothing",
    )
    assert services.resolve_dataset(other.pk) == "refused"
    assert (uploads / good.files["train"]).exists()
