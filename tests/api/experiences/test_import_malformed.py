"""The collection of malformed files and mutated files of every format, through the importer into the store."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict

import pytest
from django.core.management import call_command

from knowledgebase.accounts.services import create_user
from knowledgebase.experiences.models import (
    Experience,
    LanguageModel,
    Pipeline,
    System,
    Task,
    TaskDescription,
)
from tests.bench.bench_imports import check_store, import_case

pytestmark = pytest.mark.django_db
CASES, SEED = 300, 20261121
# file -> (imported, merged, refused), words of the reasons
RECORDS = {
    "record_unknown_schema_version.json": ((0, 0, 1), ("9999", "tunelore.experience/1")),
    "record_nested_pipelines.json": ((0, 0, 1), ("/pipeline/hyperparameters/inner",)),
    "record_path_like_strings.jsonl": ((10, 0, 1), ("NUL",)),
    "record_html_sql_strings.jsonl": ((7, 0, 0), ()),
    "record_duplicate_ids_conflict.jsonl": ((1, 1, 1), ("other content", "which stays")),
    "record_unicode_tricks.jsonl": ((7, 0, 0), ()),
    "record_wrong_types.json": (
        (0, 0, 1),
        ("/pipeline/hyperparameters", "0,5", "finished", "yesterday", "1.7", "/curve"),
    ),
    "record_no_metrics_but_finished.json": ((0, 0, 1), ("a finished run needs a metric",)),
    "record_id_not_uuid.json": ((0, 0, 1), ("run-0001", "UUID")),
    "record_nan_infinity.json": ((0, 0, 1), ("not JSON: NaN", "not JSON: Infinity")),
}
OTHERS = {
    "trainer_state_truncated.json": ((0, 0, 1), ("not complete JSON",)),
    "trainer_state_nan_infinity.json": ((1, 0, 0), ()),
    "trainer_state_1e999.json": ((0, 0, 1), ("number out of range in epoch",)),
    "trainer_state_log_history_object.json": ((0, 0, 1), ("log_history must be a list",)),
    "trainer_state_deep_nesting.json": ((0, 0, 1), ("nested too deeply",)),
    "trainer_state_lfs_pointer.json": ((0, 0, 1), ("looks like a Git LFS pointer",)),
    "trainer_state_impossible_values.json": (
        (0, 0, 1),
        ("global_step -5", "eval_runtime -3.0", "eval_accuracy 1.7"),
    ),
    "peft_result_missing_metrics.json": ((0, 0, 1), ("train_info.metrics is missing",)),
    "peft_result_unknown_status.json": (
        (0, 0, 1),
        ("unknown status 'exploded'", "lr is not a number: 'fast'"),
    ),
    "yaml_python_object.yaml": ((0, 0, 1), ("unsafe or unknown YAML tag", "nothing is executed")),
    "mlflow_meta_unknown_status.yaml": ((0, 0, 1), ("unknown status 77", "end_time", "before start_time")),
    "training_args.bin.pickle": ((0, 0, 1), ("pickles are not read",)),
    "optuna_not_a_database.db": ((0, 0, 1), ("not an SQLite database",)),
    "parquet_truncated.parquet": ((0, 0, 1), ("not a complete Parquet file",)),
}


@pytest.fixture(autouse=True)
def admin(db):
    return create_user("admin", is_superuser=True)


def imported(path, capsys):
    call_command("import_experiences", str(path), "--json")
    told = json.loads(capsys.readouterr().out)
    return tuple(told[name] for name in ("imported", "merged", "refused")), told["reasons"]


@pytest.mark.shared_data
@pytest.mark.parametrize("name", [*RECORDS, *OTHERS])
def test_a_malformed_file_does_what_its_manifest_says(shared_data, capsys, name):
    counts, words = (RECORDS | OTHERS)[name]
    found, reasons = imported(shared_data / "malformed" / name, capsys)
    assert found == counts
    assert [word for word in words if word not in " ".join(reasons)] == []
    assert Experience.objects.count() == counts[0]
    if not counts[0]:
        assert [model.objects.count() for model in (Task, System, LanguageModel, Pipeline)] == [0] * 4


@pytest.mark.shared_data
def test_the_table_above_leaves_no_file_out(shared_data):
    """Data sets and archives are for uploads, which refuse them in tests of their own."""
    told = json.loads((shared_data / "malformed" / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    others = {one["file"] for one in told if one["kind"] not in ("dataset", "archive")}
    assert others | {"parquet_truncated.parquet"} == {*RECORDS, *OTHERS}


@pytest.mark.shared_data
def test_no_other_malformed_file_gets_anything_in(shared_data, capsys):
    told = json.loads((shared_data / "malformed" / "MANIFEST.json").read_text(encoding="utf-8"))["files"]
    for one in told:
        if one["kind"] in ("dataset", "archive"):
            counts, reasons = imported(shared_data / "malformed" / one["file"], capsys)
            assert counts[0] == 0
            assert reasons or one["bytes"] == 0, one["file"]
    assert Experience.objects.count() == 0


def test_ten_megabytes_of_hyperparameters_are_refused(tmp_path, record, capsys):
    huge = {f"p{place:07d}": 0.001 * place for place in range(450_000)}
    (tmp_path / "huge.json").write_text(
        json.dumps(record(pipeline={"method": "full", "hyperparameters": huge}))
    )
    counts, reasons = imported(tmp_path / "huge.json", capsys)
    assert counts == (0, 0, 1)
    assert len(next(iter(reasons))) <= 2_000


def test_hostile_strings_are_kept_as_text(tmp_path, record, capsys):
    hostile = ["<script>alert(1)</script>", "'; DROP TABLE experiences_task; --", "=1+1", "../../etc/passwd"]
    sent = [
        record(
            task={"kind": text, "name": text, "dataset": {"source": "file", "name": text}},
            pipeline={"method": text, "hyperparameters": {text: text}},
            extra={text: [text]},
        )
        for text in hostile
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(one) + "\n" for one in sent))
    assert imported(tmp_path / "a.jsonl", capsys)[0] == (4, 0, 0)
    assert sorted(TaskDescription.objects.values_list("name", flat=True)) == sorted(hostile)
    assert {row.record["task"]["name"] for row in Experience.objects.all()} == set(hostile)


def test_mutated_files_of_every_format(tmp_path):
    """No crash, no partial row, as many rows as the report says; `make bench-imports` does it 100,000 times."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for number in range(CASES):
        folder = tmp_path / "case"
        folder.mkdir()
        import_case(number, SEED, folder, counts)
        shutil.rmtree(folder)
    check_store(0)
    total = sum(counts.values(), Counter())
    assert total["cases"] == CASES
    assert total["parsed"] / CASES >= 0.3
    assert min(count["imported"] for count in counts.values()) > 0
