"""A search on a dataset and a language model of the HF Hub: read, pinned, trained, and recorded by commit."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from django.utils import timezone
from pyarrow import parquet
from pytest_django import Settings

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import services
from knowledgebase.searches.bridge import trial_script
from knowledgebase.searches.models import Dataset, Search, Trial
from tests.hf_hub import Hub, serving
from tests.tiny import make_checkpoint

ROOT = Path(__file__).resolve().parents[2]
TRAINING = {
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch_size": 8,
    "max_length": 32,
    "warmup_share": 0.0,
    "weight_decay": 0.0,
    "class_weights": False,
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> Iterator[Hub]:
    settings.CACHE_FOLDER = tmp_path / "cache"
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    with serving() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running


def rows() -> bytes:
    numbers = range(60)
    columns = {
        "sentence": [f"{('stir the soup', 'hoist the sail')[n % 2]} at noon {n}" for n in numbers],
        "label": [n % 2 for n in numbers],
    }
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()


def tiny_files(folder: Path, family: str = "gpt2") -> dict[str, bytes]:
    made = make_checkpoint(folder, family)
    return {path.name: path.read_bytes() for path in made.iterdir()}


def make_dataset(person: User, **more: Any) -> Dataset:
    given = {"name": "lab/boats", "text_columns": ["sentence"], "label_column": "label", **more}
    return services.create_dataset(person, source="hub", team=personal_team(person), **given)


def resolved(dataset: Dataset) -> Dataset:
    services.resolve_dataset(dataset.pk)
    dataset.refresh_from_db()
    return dataset


def listed(key: str) -> dict[str, Any]:
    one = {"method": "full", "language_model": key, "hyperparameters": TRAINING, "space": "tunelore/1"}
    return {"listed": [one], "language_models": [key]}


def run(person: User, dataset: Dataset, **request: Any) -> tuple[Search, list[Trial]]:
    asked = services.SearchRequest(
        dataset=dataset, budget_trials=1, warm_start=False, seed=3, wall_s=120.0, **request
    )
    search = services.launch_search(person, asked)
    done = list(services.drain_searches([search.pk], "here"))
    search.refresh_from_db()
    return search, done


def test_a_dataset_is_read_at_its_commit(hub: Hub, person: User) -> None:
    commit = hub.dataset("lab/boats").commit({"data/train-00000-of-00001.parquet": rows()})
    dataset = resolved(make_dataset(person))
    assert (dataset.state, dataset.revision, dataset.train_rows) == ("ready", commit, 60)
    assert dataset.classes == {"0": 30, "1": 30}
    assert dataset.size_bytes == len(rows())
    twin = resolved(make_dataset(person, revision=commit))
    assert (twin.fingerprint, twin.task_digest) == (dataset.fingerprint, dataset.task_digest)


@pytest.mark.parametrize(
    ("name", "revision", "field"),
    [("../../etc", "", "name"), ("a/b/c", "", "name"), ("lab/boats", "../main", "revision")],
)
def test_names_are_checked_at_the_door(hub: Hub, person: User, name: str, revision: str, field: str) -> None:
    with pytest.raises(Problem) as refused:
        make_dataset(person, name=name, revision=revision)
    assert [error.pointer for error in refused.value.fields] == [field]
    assert (hub.seen, Dataset.objects.count()) == ([], 0)


def test_a_dataset_that_cannot_be_had_says_why(hub: Hub, person: User) -> None:
    hub.dataset("lab/boats", gated=True).commit({"train.parquet": rows()})
    dataset = resolved(make_dataset(person))
    assert (dataset.state, dataset.problem["code"]) == ("refused", "gated")
    assert "Accept its terms" in dataset.problem["detail"]


@pytest.mark.training
def test_a_search_trains_the_commit_that_the_branch_meant(hub: Hub, person: User, tmp_path: Path) -> None:
    files = tiny_files(tmp_path / "tiny")
    data = hub.dataset("lab/boats").commit({"train.parquet": rows()})
    first = hub.model("lab/tiny").commit(files)
    search, [trial] = run(
        person, resolved(make_dataset(person)), language_models=["hub:lab/tiny@main"], methods=["full"]
    )
    assert (search.state, search.language_models) == ("done", [f"hub:lab/tiny@{first}"])
    assert trial.status in ("ok", "diverged"), trial.cause
    record = Experience.objects.get(pk=trial.pk).record
    model = record["language_model"]
    assert (model["source"], model["name"], model["revision"]) == ("hub", "lab/tiny", first)
    assert model["features"]["architecture"] == "gpt2"
    assert record["task"]["dataset"]["revision"] == data
    assert record["task"]["dataset"]["name"] == "lab/boats"


@pytest.mark.training
def test_the_script_fetches_what_it_needs_and_finds_the_same_score(
    hub: Hub, person: User, tmp_path: Path, settings: Settings
) -> None:
    commit = hub.model("lab/tiny").commit(tiny_files(tmp_path / "tiny", "t5"))
    hub.dataset("lab/boats").commit({"train.parquet": rows()})
    _, [trial] = run(person, resolved(make_dataset(person)), **listed(f"hub:lab/tiny@{commit}"))
    assert trial.status == "ok"
    script = tmp_path / "best.py"
    text = trial_script(trial)
    script.write_text(text.replace(str(settings.CACHE_FOLDER), str(tmp_path / "another machine")))
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HF_ENDPOINT": hub.url}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    again = float(done.stdout.strip().splitlines()[-1].split()[-1])
    assert abs(again - (trial.score or 0.0)) <= 1e-6


def test_a_language_model_that_cannot_be_had_ends_the_search_with_the_reason(hub: Hub, person: User) -> None:
    hub.dataset("lab/boats").commit({"train.parquet": rows()})
    hub.model("lab/trap").commit({"config.json": b'{"model_type": "bert"}', "pytorch_model.bin": b"pickle"})
    search, done = run(
        person, resolved(make_dataset(person)), language_models=["hub:lab/trap"], methods=["full"]
    )
    assert (search.state, done) == ("failed", [])
    assert search.problem["code"] == "no_safetensors"
    assert "pytorch_model.bin" in search.problem["detail"]


def test_weights_that_do_not_arrive_are_no_failure_of_the_pipeline(
    hub: Hub, person: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl.sources.hub.store.HubStore.pause_s", 0.01)
    hub.dataset("lab/boats").commit({"train.parquet": rows()})
    files = tiny_files(tmp_path / "tiny")
    commit = hub.model("lab/tiny").commit(files)
    hub.lies = {"model.safetensors": files["model.safetensors"][::-1]}
    search, [trial] = run(person, resolved(make_dataset(person)), **listed(f"hub:lab/tiny@{commit}"))
    assert (search.state, trial.status, trial.cause) == ("done", "error", "download")
    experience = Experience.objects.get(pk=trial.pk)
    assert experience.record["outcome"]["phase"] == "load"
    assert "primary" not in experience.record
    assert not list((tmp_path / "cache").rglob("*.part"))


def test_the_files_of_an_upload_go_when_its_time_is_over(
    hub: Hub, person: User, tmp_path: Path, make_search: Callable[..., Search]
) -> None:
    lines = "text,label\n" + "".join(f"{word} {n},{word}\n" for n in range(20) for word in ("red", "blue"))
    stored = services.store_upload([lines.encode()], "rows.csv")

    def upload(name: str) -> Dataset:
        return resolved(
            services.create_dataset(
                person,
                source="upload",
                name=name,
                team=personal_team(person),
                files={"train": stored.name},
                text_columns=["text"],
                label_column="label",
            )
        )

    kept, used = upload("kept"), upload("used")
    assert kept.expires_at is not None
    assert kept.expires_at > timezone.now() + timedelta(days=80)
    search = make_search(dataset=used)
    Dataset.objects.filter(pk=used.pk).update(expires_at=timezone.now())
    assert services.sweep()["uploads"] == 0, "a search still runs on it"
    Search.objects.filter(pk=search.pk).update(state="done", ended_at=timezone.now())
    assert services.sweep()["uploads"] == 1
    used.refresh_from_db()
    assert (used.state, used.problem["code"], used.files) == ("refused", "expired", {})
    assert (tmp_path / "uploads" / stored.name).exists(), "another dataset has the same bytes"
    Dataset.objects.filter(pk=kept.pk).update(expires_at=timezone.now())
    assert services.sweep()["uploads"] == 1
    assert not (tmp_path / "uploads" / stored.name).exists()
