"""Every set of labelled texts of the shared data, uploaded and read by a control worker; none is trained on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset

DATA = Path(os.environ.get("TUNELORE_SHARED", "../shared")) / "data"
FOLDER = DATA / "classification"
SETS = sorted(one.name for one in FOLDER.iterdir() if one.is_dir()) if FOLDER.is_dir() else []
PLAIN = (("text",), "label")
# set -> text columns and label column, as data/README.md names them.
COLUMNS: dict[str, tuple[tuple[str, ...], str]] = {
    "ag_news": (("title", "description"), "label"),
    "banking77": PLAIN,
    "clinc150": PLAIN,
    "liar": (("statement",), "label"),
    "meld": (("utterance",), "emotion"),
    "movie_reviews": PLAIN,
    "newsgroups20": (("subject", "text"), "label"),
    "sms_spam": PLAIN,
    "sst2": PLAIN,
    "trec": (("question",), "coarse"),
    "tweeteval_emotion": PLAIN,
    "tweeteval_hate": PLAIN,
    "tweeteval_irony": PLAIN,
    "umsab_multilingual": PLAIN,
}
SPLITS = ("train", "validation", "test")


def index() -> dict[str, dict[str, Any]]:
    """What the folder's own index says of each set."""
    listed = json.loads((DATA / "index.json").read_text(encoding="utf-8"))["datasets"]
    return {one["name"]: one for one in listed}


def upload(person: User, name: str) -> Dataset:
    """The set as a person hands it in, before anybody has read it."""
    files = {}
    for split in SPLITS:
        [path] = (FOLDER / name).glob(f"{split}.*")
        files[split] = services.store_upload([path.read_bytes()], path.name).name
    texts, label = COLUMNS[name]
    return services.create_dataset(
        person,
        source="upload",
        name=name,
        team=personal_team(person),
        files=files,
        text_columns=texts,
        label_column=label,
    )


@pytest.mark.shared_data
@pytest.mark.skipif(
    not SETS, reason="shared data folder not found: set TUNELORE_SHARED (its data/classification is read)"
)
@pytest.mark.parametrize("name", SETS)
def test_every_set_loads(name: str, person: User, settings: Settings, tmp_path: Path) -> None:
    settings.UPLOADS_FOLDER, settings.CACHE_FOLDER = tmp_path / "uploads", tmp_path / "cache"
    dataset = upload(person, name)
    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.state, dataset.problem) == ("ready", {})
    splits = index()[name]["splits"]
    read = (dataset.train_rows, dataset.validation_rows, dataset.test_rows)
    assert read == tuple(splits[split]["rows"] for split in SPLITS)
    assert dataset.fingerprint.startswith("rows-sha256:")
    assert COLUMNS[name][1] == index()[name]["label_column"]
    assert dataset.classes == splits["train"]["label_counts"]
    empty = [
        splits[split]["empty_texts"] for split in ("train", "validation") if splits[split]["empty_texts"]
    ]
    said = " ".join(dataset.warnings)
    assert [count for count in empty if f"{count} of" not in said] == []
    assert ("have no text" in said) is bool(empty)
