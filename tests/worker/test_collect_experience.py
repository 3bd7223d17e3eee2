"""manage.py collect_experience on a small plan, twice."""

from __future__ import annotations

import gzip
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from tunelore import record as records

from knowledgebase.experiences.models import Experience
from knowledgebase.searches.bridge import draw_lists
from knowledgebase.searches.management.commands.collect_experience import STARTER
from knowledgebase.searches.models import Search, Trial


@pytest.fixture
def plan(tmp_path: Path, settings: Settings, db: None) -> dict[str, object]:
    """One task of 120 rows, three linear pipelines, one of them repeated, and one of a later draw."""
    settings.DATA_ROOTS, settings.CACHE_FOLDER = [], tmp_path / "cache"
    (tmp_path / "data").mkdir()
    lines = [f"{word} {number % 5},{word}" for number in range(60) for word in ("red", "blue")]
    (tmp_path / "data" / "colours.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    task = {
        "source": "file",
        "name": "colours",
        "train_rows": 50,
        "files": {"train": "colours.csv"},
        "text_columns": ["text"],
        "label_column": "label",
    }
    content = {
        "tasks": [task],
        "limits": {"wall_s": 60, "host_memory_bytes": 2**31},
        "seed": 4,
        "draws": [
            {"seed": 1, "count": 3, "quotas": {"linear": 3}},
            {"seed": 2, "count": 1, "quotas": {"probe": 0, "linear": 2}},
        ],
        "evaluation_rows": 40,
        "repeats": {"colours": 1},
    }
    (tmp_path / "plan.json").write_text(json.dumps(content))
    (tmp_path / "pipelines.json").write_text(json.dumps(draw_lists(content["draws"])))
    return {
        "plan": tmp_path / "plan.json",
        "pipelines": tmp_path / "pipelines.json",
        "shared": tmp_path,
        "export": tmp_path / "out" / "experience.jsonl.gz",
    }


def collect(plan: dict[str, object]) -> str:
    output = StringIO()
    call_command("collect_experience", stdout=output, **plan)
    return output.getvalue()


def test_a_table_is_collected_once_and_exported_the_same_each_time(plan: dict[str, object]) -> None:
    text = collect(plan)
    assert "5 trials ended: 5 ok" in text
    assert "repeated: colours trial 4" in text
    export = Path(str(plan["export"]))
    first = export.read_bytes()
    found = [json.loads(line) for line in gzip.decompress(first).splitlines()]
    assert sorted(record["provenance"]["trial"] for record in found) == [1, 1, 2, 3, 4]
    assert all(records.check(record) == [] for record in found)
    assert b"red 3" not in gzip.decompress(first)

    export.unlink()
    assert "5 of them done before" in collect(plan)
    assert export.read_bytes() == first
    assert (Search.objects.count(), Experience.objects.count()) == (2, 5)


def test_a_repeat_has_a_seed_of_its_own(plan: dict[str, object]) -> None:
    collect(plan)
    first, again = Trial.objects.get(number=2), Trial.objects.get(number=4)
    assert first.hyperparameters == again.hyperparameters
    assert first.seed != again.seed


def test_files_need_the_folder_that_holds_them(plan: dict[str, object]) -> None:
    with pytest.raises(CommandError, match="--shared"):
        collect(plan | {"shared": None})


def test_a_broken_plan_is_named(plan: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(CommandError, match=r"plan\.json"):
        collect(plan)


def test_the_shipped_list_covers_methods_and_language_models() -> None:
    pipelines = json.loads((STARTER / "pipelines.json").read_text())
    methods = [one["method"] for one in pipelines]
    models = {one["language_model"] for one in pipelines if one["language_model"]}
    plan = json.loads((STARTER / "plan.json").read_text())
    assert len(pipelines) == sum(draw["count"] for draw in plan["draws"])
    assert all(methods.count(method) >= 2 for method in ("full", "lora", "partial", "probe", "linear"))
    assert len(models) >= 4
    assert any("untrained" in key for key in models)


def test_the_shipped_list_is_the_one_that_its_seed_draws() -> None:
    plan = json.loads((STARTER / "plan.json").read_text())
    assert draw_lists(plan["draws"]) == json.loads((STARTER / "pipelines.json").read_text())


def test_the_same_seed_draws_the_same_list() -> None:
    first, again, other = (
        draw_lists([{"seed": seed, "count": 9, "quotas": {"full": 5, "linear": 4}}]) for seed in (3, 3, 4)
    )
    assert first == again != other


def test_a_later_draw_is_mixed_and_its_beginning_stays() -> None:
    first = {"seed": 3, "count": 2, "quotas": {"linear": 2}}
    later = {"seed": 4, "count": 20, "quotas": {"full": 10, "linear": 10}}
    listed = draw_lists([first, later])
    assert listed[:2] == draw_lists([first])
    assert draw_lists([first, later | {"count": 5}]) == listed[:7]
    assert {one["method"] for one in listed[2:10]} == {"full", "linear"}
