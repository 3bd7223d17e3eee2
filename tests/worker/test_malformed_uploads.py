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
# file -> what its refusal or its warning has to say: the line, the column, the count or the option.
WORDS: dict[str, tuple[str, ...]] = {
    "csv_missing_label_column.csv": ("no column 'label'", "'id', 'text'"),
    "csv_ragged_rows.csv": ("3 fields", "line 8 has 5", "line 21 has 1"),
    "csv_one_class_only.csv": ("only one class", "'ham'", "40 rows"),
    "csv_empty_texts.csv": ("30 of 60 rows", "no text", "left out"),
    "csv_labels_missing.csv": ("no label in any row", "'label'"),
    "csv_header_only.csv": ("no rows",),
    "empty_file.csv": ("empty file",),
    "csv_latin1.csv": ("byte 20", "line 2", "name its encoding"),
    "csv_unclosed_quote.csv": ("line 6", "quoted field"),
    "csv_duplicate_ids_conflict.csv": ("3 ids", "'sms-3157'", "'sms-2501'", "'sms-3667'"),
    "csv_duplicate_column_names.csv": ("duplicate column name", "'text'"),
    "tsv_named_csv.csv": ("only one column", "looks like a tab"),
    "csv_nul_bytes.csv": ("NUL byte", "line 5"),
    "csv_huge_cell.csv": ("fewer than 5 training rows", "'spam'"),
    "csv_label_variants.csv": ("differ only in case or blanks", "'SPAM'", "'Spam'"),
    "csv_single_row.csv": ("too few rows to split: 1", "at least 10"),
    "csv_label_equals_text.csv": ("60 classes in 60 rows", "'label'"),
    "jsonl_truncated_last_line.jsonl": ("line 60", "not complete JSON"),
    "jsonl_mixed_types.jsonl": ("line 4: text", "line 6: text", "line 8: text", "line 9: label"),
    "jsonl_is_one_array.jsonl": ("not JSON Lines", 'starts with "["'),
    "jsonl_duplicate_keys.jsonl": ("line 2", "duplicate key", "'text'"),
    "jsonl_lone_surrogate.jsonl": ("line 1", "not valid Unicode"),
    "jsonl_huge_numbers.jsonl": ("line 1", "out of range", "5,000 digits"),
    "plain_text_named.jsonl.gz": ("not a gzip file",),
    "gzip_truncated.jsonl.gz": ("ends early",),
    "gzip_bomb_64MB.jsonl.gz": ("expands beyond the limit of", "bytes"),
    "parquet_truncated.parquet": ("not a complete Parquet file",),
}
# file -> rows that are read of it, with no word.
READ = {"csv_utf16le_bom.csv": 60, "csv_utf8_bom.csv": 60, "csv_cr_only.csv": 60}


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


def missing(file: str, said: str) -> list[str]:
    """The words that a message lacks; a file that reads in silence has none to say."""
    assert (file in READ) is not (file in WORDS), f"say in WORDS what {file} has to be told"
    return [word for word in WORDS.get(file, ()) if word not in said]


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
        assert missing(entry["file"], found.detail) == []
        assert list(uploads.glob("*")) == []
        return
    stored = list(uploads.iterdir())
    if found.state == "refused":
        assert "refuse" in entry["expect"] or "refusal" in entry["message"]
        assert found.problem["code"]
        assert missing(entry["file"], found.problem["detail"]) == []
        assert found.files["train"] not in found.problem["detail"]
        assert stored == []
    else:
        assert entry["expect"] != "refuse"
        assert bool(found.warnings) or entry["expect"] != "accept_with_warning"
        assert missing(entry["file"], " ".join(found.warnings)) == []
        if entry["file"] in READ:
            parts = (found.train_rows, found.validation_rows, found.test_rows)
            assert sum(part or 0 for part in parts) == READ[entry["file"]]
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
