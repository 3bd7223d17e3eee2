"""What makes two tasks, systems, pipelines and imports the same."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from tunelore import record


def task(dataset: dict[str, Any], **more: Any) -> record.TaskIdentity:
    whole = {"kind": "text-classification", "dataset": {"label_column": "label", **dataset}, **more}
    return record.task_identity({"id": "019aa0c1-7c00-7b2e-9f3a-000000000001", "task": whole})


ROWS = "rows-sha256:" + "1" * 64
TOKENS = "tokens-sha256:" + "2" * 64


def test_rows_decide_before_names() -> None:
    named = task({"fingerprint": ROWS, "source": "hub", "name": "a/b"})
    assert named == task({"fingerprint": ROWS, "source": "file", "name": "c.csv"})
    assert named.comparable


def test_names_decide_before_tokens() -> None:
    named = task({"source": "hub", "name": "a/b", "config": "c", "revision": "d", "fingerprint": TOKENS})
    assert named == task({"source": "hub", "name": "a/b", "config": "c", "revision": "d"})
    for part in ("source", "name", "config", "revision"):
        other = {"source": "hub", "name": "a/b", "config": "c", "revision": "d", part: "other"}
        assert task(other) != named


def test_tokens_decide_where_nobody_named_the_dataset() -> None:
    identity = task({"fingerprint": TOKENS, "source": "unknown", "name": "whatever"})
    assert identity == task({"fingerprint": TOKENS})
    assert identity.comparable


def test_a_task_without_any_dataset_is_its_runs_own() -> None:
    first = task({"source": "unknown"})
    other = record.task_identity(
        {
            "id": "019aa0c1-7c00-7b2e-9f3a-000000000002",
            "task": {"kind": "text-classification", "dataset": {"label_column": "label"}},
        }
    )
    assert not first.comparable
    assert first.digest != other.digest


def test_kind_and_label_column_are_part_of_the_identity() -> None:
    identity = task({"fingerprint": ROWS})
    assert task({"fingerprint": ROWS}, kind="text-generation") != identity
    assert task({"fingerprint": ROWS, "label_column": "sentiment"}) != identity


def test_metafeatures_and_names_are_not() -> None:
    values = {"extractor": "x", "version": 1, "values": {"instances": 3}}
    assert task({"fingerprint": ROWS}) == task({"fingerprint": ROWS}, metafeatures=values, name="a name")


@pytest.mark.parametrize(
    ("language_model", "key"),
    [
        (None, None),
        ({"source": "unknown", "name": None}, "unknown"),
        ({"source": "hub", "name": "a/b"}, "hub:a/b"),
        (
            {"source": "package", "name": "a/b", "revision": "1", "variant": "layers=3"},
            "package:a/b@1#layers=3",
        ),
        ({"source": "path", "name": "b", "revision": None, "variant": "v"}, "path:b#v"),
    ],
)
def test_language_model_key(language_model: dict[str, Any] | None, key: str | None) -> None:
    assert record.language_model_key(language_model) == key


def test_a_missing_feature_and_a_null_one_are_one_system() -> None:
    assert record.system_digest({"features": {"cpu_ghz": None, "devices": []}}) == record.system_digest(
        {"features": {"devices": []}, "software": {}}
    )


def test_pipeline_is_the_complete_choice(ok_record: dict[str, Any]) -> None:
    before = record.pipeline_digest(ok_record)
    ok_record["pipeline"]["space"] = None
    assert record.pipeline_digest(ok_record) == before
    ok_record["language_model"]["variant"] = None
    assert record.pipeline_digest(ok_record) != before


def test_nameless_language_models_are_told_apart_by_their_features(ok_record: dict[str, Any]) -> None:
    ok_record["language_model"] = {"source": "unknown", "features": {"layers": 2}}
    small = record.pipeline_digest(ok_record)
    ok_record["language_model"] = {"source": "unknown", "features": {"layers": 12}}
    assert record.pipeline_digest(ok_record) != small


def test_ids_sort_by_time_and_are_never_the_same_in_four_threads() -> None:
    made: list[list[str]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda out=out: out.extend(record.uuid7() for _ in range(2_000)))
        for out in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ids == sorted(ids) for ids in made)
    assert len({one for ids in made for one in ids}) == 8_000
    first = uuid.UUID(made[0][0])
    assert (first.version, first.variant) == (7, uuid.RFC_4122)


def test_import_ids_are_fixed_for_ever() -> None:
    assert record.import_id("optuna", "study\n1") == "d6d4f88a-45aa-543b-a097-77acab1415f6"
    assert record.import_id("mlflow", "study\n1") != record.import_id("optuna", "study\n1")
