"""The shipped experience: valid, without text, and not about what the demo searches."""

from __future__ import annotations

import gzip
import importlib
import json
from collections import Counter
from pathlib import Path

import pytest
from tunelore import describe, record

from automl.sources.datasets import DatasetRef, load

ROOT = Path(__file__).resolve().parents[3]
STARTER = ROOT / "knowledgebase" / "experiences" / "starter" / "experience.jsonl.gz"


@pytest.fixture(scope="module")
def shipped() -> list[dict]:
    with gzip.open(STARTER, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_every_record_is_valid_and_comes_once(shipped):
    assert [problem for one in shipped for problem in record.check(one)] == []
    assert len({one["id"] for one in shipped}) == len(shipped)


def test_it_teaches_about_methods_language_models_tasks_and_failures(shipped):
    methods = Counter(one["pipeline"]["method"] for one in shipped)
    assert set(methods) == {"full", "lora", "partial", "probe", "linear"}
    plan = json.loads(STARTER.with_name("plan.json").read_text())
    assert len({one["task"]["dataset"]["fingerprint"] for one in shipped}) == len(plan["tasks"])
    assert (
        len(
            {record.language_model_key(one["language_model"]) for one in shipped if one.get("language_model")}
        )
        >= 4
    )
    assert 0 < sum(one["outcome"]["status"] != "ok" for one in shipped) < len(shipped) / 2


def test_limits_and_conditions_are_said(shipped):
    assert all(one["limits"]["wall_s"] and one["limits"]["host_memory_bytes"] for one in shipped)
    assert all(one["conditions"]["threads"] == 1 and one["conditions"]["device_speed"] > 0 for one in shipped)
    assert all(one["fidelity"]["train_rows"] <= 1000 for one in shipped if one.get("fidelity"))


def test_the_demo_searches_what_the_starter_knows_nothing_about(shipped, tmp_path_factory, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "examples")
    demo = importlib.import_module("demo")
    cache = str(tmp_path_factory.mktemp("cache"))
    searched = load(DatasetRef("builtin", demo.SEARCHED_DATASET), cache=cache)
    logged = load(DatasetRef("builtin", demo.LOGGED_DATASET), cache=cache)
    names = {one["task"]["name"] for one in shipped}
    fingerprints = {one["task"]["dataset"]["fingerprint"] for one in shipped}
    for name, labelled in ((demo.SEARCHED_DATASET, searched), (demo.LOGGED_DATASET, logged)):
        assert name not in names
        assert describe.rows_fingerprint(labelled.train) not in fingerprints
    assert describe.rows_fingerprint(searched.train) != describe.rows_fingerprint(logged.train)
