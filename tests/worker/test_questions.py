"""Searches on questions: read from the HF Hub, answered by a T5 and a Llama of one line each, recorded by kind."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet
from pytest_django import Settings
from tunelore import describe, record

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.core.errors import Problem
from knowledgebase.experiences.models import Experience
from knowledgebase.searches import services
from knowledgebase.searches.bridge.evidence import evidence_for
from knowledgebase.searches.models import Dataset
from tests.hf_hub import Hub, serving
from tests.tiny import make_reader

KIND = "question-answering"
NAMES = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Hedy", "Tim", "Radia", "Ken")
TRAINING = {
    "learning_rate": 1e-3,
    "epochs": 2,
    "batch_size": 8,
    "max_length": 128,
    "warmup_share": 0.0,
    "weight_decay": 0.0,
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> Iterator[Hub]:
    settings.CACHE_FOLDER = tmp_path / "cache"
    with serving() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield running


def rows() -> list[dict[str, Any]]:
    found = []
    for name in NAMES:
        for place in ("Lisbon", "Bergen", "Genoa", "Cadiz"):
            context = f"{name} sailed to {place} at noon."
            nested = {"text": [name], "answer_start": [0]}
            found.append({"context": context, "question": "Who sailed?", "answers": nested})
    return found


@pytest.fixture
def dataset(hub: Hub, person: User) -> Dataset:
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows()), buffer)
    hub.dataset("lab/sailors").commit({"train.parquet": buffer.getvalue()})
    made = services.create_dataset(
        person,
        source="hub",
        kind=KIND,
        name="lab/sailors",
        team=personal_team(person),
        text_columns=["context", "question"],
        label_column="answers",
    )
    services.resolve_dataset(made.pk)
    made.refresh_from_db()
    return made


def request(dataset: Dataset, **more: Any) -> services.SearchRequest:
    return services.SearchRequest(
        dataset=dataset, budget_trials=1, warm_start=False, seed=3, wall_s=240.0, **more
    )


def test_questions_are_read_as_a_task_of_their_kind(dataset: Dataset) -> None:
    assert (dataset.state, dataset.kind, dataset.train_rows, dataset.classes) == ("ready", KIND, 40, {})
    assert dataset.metafeatures["extractor"] == "tunelore.question-answering"
    assert dataset.metafeatures["values"]["vocabulary_novelty"] == 0.0
    pairs = [(f"{row['context']}\n{row['question']}", row["answers"]["text"][0]) for row in rows()]
    assert dataset.fingerprint == describe.rows_fingerprint(pairs)
    assert dataset.warnings == []


def test_what_cannot_answer_is_refused_by_name(dataset: Dataset, person: User) -> None:
    with pytest.raises(Problem) as refused:
        services.launch_search(person, request(dataset, methods=["probe", "full"]))
    [error] = refused.value.fields
    assert (error.pointer, error.message) == ("methods", "'probe' is unknown; known: full, lora, partial")
    with pytest.raises(Problem, match="built-in datasets are of kind text-classification"):
        services.create_dataset(
            person, source="builtin", kind=KIND, name="parameter-type", team=personal_team(person)
        )


@pytest.mark.training
@pytest.mark.parametrize("family", ["t5", "llama"])
def test_a_search_answers_with_a_language_model_of_the_hf_hub(
    hub: Hub, person: User, dataset: Dataset, tmp_path: Path, family: str
) -> None:
    texts = [row["context"] for row in rows()] + ["question: context: answer: Who sailed?"]
    made = make_reader(tmp_path / family, family, texts)
    commit = hub.model(f"lab/{family}").commit({path.name: path.read_bytes() for path in made.iterdir()})
    key = f"hub:lab/{family}@{commit}"
    listed = [{"method": "full", "language_model": key, "hyperparameters": TRAINING}]
    search = services.launch_search(person, request(dataset, listed=listed, language_models=[key]))
    done = list(services.drain_searches([search.pk], "here"))
    search.refresh_from_db()
    assert (search.state, search.problem) == ("done", {})
    [trial] = done
    assert (trial.status, trial.cause) == ("ok", "")
    assert search.space == "tunelore-answers/1"
    found = Experience.objects.get(pk=trial.pk)
    assert (found.task.kind, found.score) == (KIND, trial.score)
    record.validate(found.record)
    primary = found.record["primary"]
    assert (primary["split"], primary["metric"]) == ("validation", "token_f1")
    assert set(found.record["metrics"]["test"]) == {"token_f1", "exact_match", "drop_f1", "drop_exact_match"}
    assert found.record["language_model"]["features"]["architecture"] == family
    # What was learnt about answers never stands beside what was learnt about classes.
    assert [one.id for one in evidence_for(person, kind=KIND)] == [str(trial.pk)]
    assert list(evidence_for(person)) == []


def test_the_sampler_draws_from_the_space_of_answers(dataset: Dataset, person: User, checkpoint: str) -> None:
    asked = request(dataset, sampler="random", language_models=[checkpoint])
    search = services.launch_search(person, asked)
    services.advance_search(search.pk)
    [trial] = search.trials.all()
    assert trial.method in {"full", "lora", "partial"}
    assert "class_weights" not in trial.hyperparameters
    assert trial.language_model == checkpoint
