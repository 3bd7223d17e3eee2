"""MLflow's two storages and Optuna's two: the same run, the same record; what has not ended, what was never said."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from tunelore.record import canonical, check, import_id

from knowledgebase.experiences.importers import Found, plan, read
from tests.import_samples import (
    CHOICE,
    RUN_ID,
    MlflowRun,
    journal_lines,
    write_journal,
    write_mlflow_db,
    write_mlruns,
    write_optuna_db,
)

TRAINER = {
    "per_device_train_batch_size": "16",
    "num_train_epochs": "3",
    "learning_rate": "2e-05",
    "lr_scheduler_type": "linear",
    "_name_or_path": "google-bert/bert-base-uncased",
    "model_type": "bert",
    "num_hidden_layers": "12",
    "output_dir": "/home/somebody/out",
    **{f"argument_{place}": "None" for place in range(400)},
}


def items_of(path):
    return [item for source in plan([path]) for item in read(source)]


def one(path):
    [item] = items_of(path)
    assert isinstance(item, Found), item
    assert check(item.record) == []
    return item.record


@pytest.fixture(params=["files", "database"])
def stored(request, tmp_path):
    """Write runs into a storage of MLflow; gives its path."""

    def write(run):
        if request.param == "files":
            return write_mlruns(tmp_path, run)
        return write_mlflow_db(tmp_path / "mlflow.db", run)

    return write


def test_a_run_of_mlflow(stored):
    record = one(stored(MlflowRun()))
    assert record["id"] == import_id("mlflow", RUN_ID)
    assert (record["started_at"], record["finished_at"]) == (
        "2026-11-20T23:52:05.971Z",
        "2026-11-20T23:52:14.219Z",
    )
    assert record["outcome"] == {"status": "ok"}
    assert record["metrics"] == {
        "validation": {"f1_macro": 0.7, "log_loss": None},
        "unknown": {"n_features": 30161.0},
    }
    assert record["primary"] == {"split": "validation", "metric": "f1_macro", "value": 0.7}
    assert record["pipeline"] == {
        "method": "unknown",
        "space": None,
        "hyperparameters": {"C": 30.0, "alpha": 1e-5, "fit": True},
    }
    assert record["provenance"]["seed"] == 3
    assert record["provenance"]["code"] == "0a1b2c"
    assert record["task"]["dataset"] == {
        "source": "hub",
        "name": "fancyzhxy/news",
        "config": "plain",
        "revision": "main",
    }
    assert record["fidelity"] == {"train_rows": 400}
    assert "language_model" not in record
    assert [point["step"] for point in record["curve"]] == [0, 1, 2]
    assert record["curve"][2]["seconds"] == 1.029
    assert record["extra"]["mlflow"]["experiment"] == "first tries"
    assert record["extra"]["mlflow"]["tags"] == {"mlflow.source.name": "train.py", "team": "red"}
    assert "somebody" not in json.dumps(record)


def test_both_storages_give_the_same_record(tmp_path):
    run = MlflowRun(
        params=TRAINER, metrics={**MlflowRun().metrics, "eval/loss": [(0, 1_795_218_726_000, math.inf)]}
    )
    of_files = one(write_mlruns(tmp_path, run))
    # MLflow itself writes the largest double into a database for what is infinite.
    largest = {**run.metrics, "eval/loss": [(0, 1_795_218_726_000, 1.7976931348623157e308)]}
    of_database = one(write_mlflow_db(tmp_path / "mlflow.db", replace(run, metrics=largest)))
    assert canonical(of_files) == canonical(of_database)
    assert of_files["metrics"]["validation"]["loss"] is None


@pytest.mark.parametrize(
    ("status", "metrics", "outcome"),
    [
        ("FAILED", None, "error"),
        ("KILLED", None, "killed"),
        ("FINISHED", {}, "unknown"),
        ("FINISHED", None, "ok"),
    ],
)
def test_how_a_run_of_mlflow_ended(stored, status, metrics, outcome):
    run = MlflowRun(status=status) if metrics is None else MlflowRun(status=status, metrics=metrics)
    record = one(stored(run))
    assert record["outcome"]["status"] == outcome
    assert outcome == "ok" or record["primary"] is None


def test_a_run_that_has_not_ended_says_so(stored):
    [item] = items_of(stored(MlflowRun(status="RUNNING", ended=None)))
    assert item.unfinished == "is still RUNNING in MLflow"
    assert item.record["outcome"]["status"] == "unknown"


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (MlflowRun(stage="deleted"), "was deleted in MLflow"),
        (MlflowRun(status="77"), "unknown status 77"),
        (MlflowRun(ended=5), "end_time 5 is before start_time"),
        (MlflowRun(started=-5), "start_time must be milliseconds"),
    ],
)
def test_a_run_of_mlflow_that_is_refused(stored, run, words):
    [item] = items_of(stored(run))
    assert words in item.reason


def test_a_run_of_the_trainer_in_mlflow(stored):
    record = one(stored(MlflowRun(params=TRAINER)))
    assert record["pipeline"]["hyperparameters"] == {"batch_size": 16, "epochs": 3, "learning_rate": 2e-05}
    assert record["language_model"] == {
        "source": "hub",
        "name": "google-bert/bert-base-uncased",
        "features": {"layers": 12, "architecture": "bert"},
    }
    assert len(record["extra"]["mlflow"]["not_named"]) > 400


def test_yaml_is_never_run(tmp_path):
    folder = write_mlruns(tmp_path, MlflowRun()) / "7" / RUN_ID
    (folder / "meta.yaml").write_text("run_id: !!python/object/apply:os.getcwd []\nstatus: 3\n")
    [item] = items_of(tmp_path)
    assert "unsafe or unknown YAML tag" in item.reason


def test_links_in_a_file_store_are_not_followed(tmp_path):
    top = write_mlruns(tmp_path, MlflowRun())
    (tmp_path / "secret").write_text("hidden")
    (top / "7" / RUN_ID / "params" / "leak").symlink_to(tmp_path / "secret")
    [record] = [item.record for item in items_of(top) if isinstance(item, Found)]
    assert "hidden" not in json.dumps(record)


def test_a_trial_of_optuna(tmp_path):
    record = one(write_optuna_db(tmp_path / "optuna.db"))
    assert (record["started_at"], record["finished_at"]) == (
        "2026-11-20T23:58:50.210Z",
        "2026-11-20T23:58:52.009Z",
    )
    assert record["pipeline"]["hyperparameters"] == {"alpha": 1e-5, "loss": "hinge", "ngram_max": 2}
    assert record["metrics"] == {"validation": {"f1_macro": 0.7}, "unknown": {"n_features": 30161.0}}
    assert record["primary"]["value"] == 0.7
    assert record["task"]["name"] == "news"
    assert record["provenance"] == {
        "client": "tunelore-import/1",
        "via": "import:optuna",
        "search": "sizes",
        "trial": 0,
    }
    assert [point["values"] for point in record["curve"]] == [{"objective": 0.5}, {"objective": None}]
    assert record["extra"]["optuna"]["user_attributes"] == {"fit_seconds": 0.58}


def test_times_of_an_older_optuna_have_no_zone(tmp_path):
    record = one(write_optuna_db(tmp_path / "optuna.db", version="4.5.0"))
    assert (record["started_at"], record["finished_at"]) == (None, None)
    assert record["extra"]["optuna"]["datetime_start"] == "2026-11-20 23:58:50.210396"


@pytest.mark.parametrize(
    ("options", "status"),
    [({"state": "FAIL"}, "error"), ({"state": "PRUNED"}, "pruned"), ({"value": math.inf}, "diverged")],
)
def test_how_a_trial_ended(tmp_path, options, status):
    record = one(write_optuna_db(tmp_path / "optuna.db", **options))
    assert (record["outcome"]["status"], record["primary"]) == (status, None)


def test_a_trial_that_has_not_ended_says_so(tmp_path):
    [item] = items_of(write_optuna_db(tmp_path / "optuna.db", state="RUNNING"))
    assert item.unfinished == "is still RUNNING in Optuna"


def test_a_journal_of_optuna(tmp_path):
    first, second = items_of(write_journal(tmp_path / "optuna.journal", journal_lines()))
    assert check(first.record) == []
    assert first.record["pipeline"]["hyperparameters"] == {"alpha": 1e-5, "loss": None}
    assert first.record["metrics"] == {"unknown": {"objective": 0.7}}
    assert first.record["started_at"] == "2026-11-21T00:00:44.443Z"
    assert second.unfinished


def test_a_study_that_was_deleted_is_gone(tmp_path):
    lines = [*journal_lines(), {"op_code": 1, "study_id": 0}]
    assert items_of(write_journal(tmp_path / "optuna.journal", lines)) == []


def test_a_journal_cut_while_it_was_written(tmp_path):
    path = write_journal(tmp_path / "optuna.journal", journal_lines())
    path.write_text(path.read_text()[:-10])
    assert len(items_of(path)) == 1


@pytest.mark.parametrize(
    "line",
    ["{", "[]", '{"op_code": 99}', '{"op_code": 5, "trial_id": 9}', '{"op_code": 4}', '{"op_code": []}'],
)
def test_a_broken_line_makes_a_journal_unreadable(tmp_path, line):
    path = write_journal(tmp_path / "optuna.journal", journal_lines())
    path.write_text(path.read_text().replace("\n", f"\n{line}\n", 1))
    [item] = items_of(path)
    assert "line 2" in item.reason


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE trial_params SET param_value = 7 WHERE param_name = 'loss'", "choice 7"),
        ("UPDATE trial_params SET distribution_json = 'x'", "not complete JSON"),
        ("UPDATE trials SET datetime_complete = '2020-01-01 00:00:00'", "is before datetime_start"),
        ("UPDATE trials SET state = 'ASLEEP'", "unknown state ASLEEP"),
        ("UPDATE trials SET study_id = 9", "study 9, which is not there"),
        ("UPDATE trial_values SET value = 'high'", "must be a number, not 'high'"),
        ("UPDATE trials SET number = -1", "number must be a trial's number"),
    ],
)
def test_values_of_a_database_that_cannot_be(tmp_path, statement, words):
    path = write_optuna_db(tmp_path / "optuna.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()
    [item] = items_of(path)
    assert words in item.reason


def test_a_made_up_database_runs_nothing(tmp_path):
    path = tmp_path / "optuna.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE studies (x); CREATE VIEW trials AS SELECT 1; CREATE TABLE a (b);")
    assert "is a database of neither" in items_of(path)[0].reason
    path = write_optuna_db(tmp_path / "views.db")
    with closing(sqlite3.connect(path)) as db:
        db.executescript("DROP TABLE trial_values; CREATE VIEW trial_values AS SELECT 1;")
    assert "has no table 'trial_values'" in items_of(path)[0].reason


def test_a_database_is_left_as_it_was(tmp_path):
    path = write_mlflow_db(tmp_path / "mlflow.db", MlflowRun())
    before = path.read_bytes()
    one(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["mlflow.db"]


def test_a_damaged_database_is_refused(tmp_path):
    path = write_mlflow_db(tmp_path / "mlflow.db", MlflowRun())
    data = path.read_bytes()
    path.write_bytes(data[:3000] + b"\xff" * 9000 + data[12_000:])
    assert all("database" in item.reason for item in items_of(path))
    path.write_text("this is not a database")
    assert items_of(path)[0].reason == "not an SQLite database"


def test_choices_are_what_the_objective_saw():
    from knowledgebase.experiences.importers.optuna.trials import external

    assert [external(place, json.loads(CHOICE)) for place in (0, 1.0, 2)] == ["hinge", None, 5]


@pytest.mark.shared_data
def test_the_collected_storages_of_mlflow(shared_data):
    found = {}
    for name in ("mlflow.db", "mlruns"):
        items = items_of(shared_data / "foreign" / "mlflow" / name)
        assert len(items) == 15
        ended = [item for item in items if isinstance(item, Found) and not item.unfinished]
        assert [check(item.record) for item in ended] == [[]] * 13
        found[name] = sorted(canonical(item.record) for item in items if isinstance(item, Found))
    assert found["mlflow.db"] == found["mlruns"]


@pytest.mark.shared_data
@pytest.mark.parametrize(("name", "trials", "running"), [("optuna.db", 105, 1), ("optuna.journal", 80, 0)])
def test_the_collected_storages_of_optuna(shared_data, name, trials, running):
    items = items_of(shared_data / "foreign" / "optuna" / name)
    assert len(items) == trials
    assert sum(bool(item.unfinished) for item in items) == running
    assert [check(item.record) for item in items] == [[]] * trials
    assert all(item.record["started_at"] for item in items)
