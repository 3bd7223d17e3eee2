"""Shortcuts that must not change an answer: nouns asked first, SQL that is made once, records nested to the bound."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from knowledgebase.experiences.expressions import condition, conditions
from knowledgebase.experiences.models import Experience, Run
from knowledgebase.experiences.services import recording, references

pytestmark = pytest.mark.django_db
EXPRESSIONS = (
    "task = one", "task != one", "not task = one", "task ~ T", "task in (one, two)", "meta.classes > 2",
    "not meta.classes > 2", "meta.classes in 2..3", "language_model ~ encoder", "not language_model ~ encoder",
    "parameters > 1", "not parameters > 1", "owner = nobody", "not owner = nobody", "team = x or task = two",
    "system.cpu_cores_logical >= 1", "not system.cpu_cores_logical >= 1",
)  # fmt: skip


@pytest.fixture
def three(owner: Any, record: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """Two tasks with meta-features and one without; the last without language model and system."""

    def task(name: str, classes: int | None) -> dict[str, Any]:
        found = {"extractor": "x", "version": 1, "values": {"classes": classes}}
        return {"kind": "k", "name": name, "dataset": {"source": "file", "name": name}, "metafeatures": found}

    made = [record(task=task("one", 2)), record(task=task("two", 3))]
    made.append(record(task=task("three", None), language_model=None, system=None))
    results = recording.record_experiences(made, owner=owner.user, team=owner.team)
    assert [result.status for result in results] == [201] * 3
    return made


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_few_or_many_nouns_are_one_answer(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> list[str]:
        return sorted(
            Experience.objects.filter(condition(text)).values_list("task_description__name", flat=True)
        )

    few = found()
    monkeypatch.setattr(conditions, "FEW_KEYS", -1)
    assert found() == few


def test_a_query_made_once_answers_like_the_query(three: list[dict[str, Any]], owner: Any) -> None:
    rows = list(Experience.objects.select_related("task", "language_model", "system", "pipeline"))
    Run.objects.create(
        pk="019aa0c1-7c00-7b2e-9f3a-0123456789ff", owner=owner.user, team=owner.team, partial={},
        started_at=rows[0].received_at, last_seen_at=rows[0].received_at,
    )  # fmt: skip
    ids = [row.pk for row in rows] + [Run.objects.get().pk]
    for _ in range(2):  # the first time it is made
        asked = sorted(map(repr, recording.UNDER_IDS.rows(ids=ids)))
        assert asked == sorted(map(repr, recording._under_ids(ids)))
        assert len(asked) == 4
        names = {
            "Task": [row.task.digest for row in rows],
            "LanguageModel": [row.language_model.key for row in rows if row.language_model],
            "System": [row.system.digest for row in rows if row.system],
            "Pipeline": [rows[0].pipeline.digest],
            "TaskDescription": [row.task_description.digest for row in rows],
            "LanguageModelDescription": [
                row.language_model_description.digest for row in rows if row.language_model_description
            ],
        }
        asked = sorted(map(repr, references.KNOWN_NOUNS.rows(**names)))
        assert asked == sorted(map(repr, references._known_nouns(**names)))
        assert list(recording.UNDER_IDS.rows(ids=[])) == []


def test_a_record_nested_to_the_bound_is_stored_and_read(owner: Any, record: Callable[..., Any]) -> None:
    inner: Any = 1
    for _ in range(480):
        inner = {"a": inner}
    made = record(of_tomorrow=inner)
    answer = owner.api.post("/api/v1/experiences/", json.dumps(made), content_type="application/json")
    assert answer.status_code == 201, answer.content[:300]
    again = owner.api.get(f"/api/v1/experiences/{made['id']}/")
    assert again.json()["record"]["of_tomorrow"] == inner
