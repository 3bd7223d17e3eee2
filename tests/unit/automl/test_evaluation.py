"""How estimators are judged: measures by hand, folds that leave out what they say, results that are no luck."""

from __future__ import annotations

import gzip
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, ndcg_score, roc_auc_score

from automl.errors import EstimatorError
from automl.estimators.__main__ import main
from automl.estimators.base import KINDS, Predictions
from automl.estimators.evaluation.comparing import ahead, beats, mean_of
from automl.estimators.evaluation.folds import FOLDS, Asked, folds_of
from automl.estimators.evaluation.importance import importance
from automl.estimators.evaluation.measures import (
    MEASURES,
    calibration,
    covered,
    ndcg,
    rank_correlation,
    regret,
    truth_of,
)
from automl.estimators.evaluation.report import evaluate, fold_rows, lines_of
from automl.estimators.pool import BASELINES
from automl.estimators.reading import STARTER, Experience, read_records
from automl.values import Evidence, Pipeline

STORE = read_records([STARTER])
ASKED = Asked.of(STORE)
RNG = np.random.default_rng(7)


def quiet(text: str) -> None:
    """Progress that nobody reads."""


def predictions(runs: list[Evidence], score: Any, failure: Any) -> Predictions:
    count, none = len(runs), np.zeros(len(runs))
    kinds = np.zeros((count, len(KINDS)))
    kinds[:, 0] = failure
    one = np.ones(count)
    return Predictions(np.array(score, dtype=float), one, none + 3, one, none + 20, one, kinds, one)


def test_measures_are_those_of_the_books() -> None:
    a, b = RNG.normal(size=40), np.round(RNG.normal(size=40), 1)
    assert rank_correlation(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    gains = (b - b.min()) / np.ptp(b)
    assert ndcg(a, b, 10) == pytest.approx(ndcg_score([gains], [a], k=10))
    tied = np.round(a)
    assert ndcg(tied, b, 10) == pytest.approx(ndcg_score([gains], [tied], k=10))
    assert rank_correlation(np.ones(40), b) == 0


def test_regret_is_what_is_missed() -> None:
    scores = np.array([0.9, 0.5, 0.7, 0.1])
    assert regret(np.array([0, 3, 2, 1]), scores, 1) == pytest.approx(0.4)
    assert regret(np.array([0, 3, 2, 1]), scores, 2) == pytest.approx(0.2)
    assert regret(np.array([0, 3, 2, 1]), scores, 10) == 0
    assert regret(np.zeros(4), scores, 1) == pytest.approx(0.8), "saying nothing gets the worst"


def test_failures_are_judged_by_rank_and_by_chance() -> None:
    runs = [run for run in ASKED.runs if run.task == ASKED.runs[0].task]
    truth = truth_of(runs)
    chance = RNG.uniform(0.05, 0.95, len(runs))
    found = predictions(runs, np.zeros(len(runs)), chance)
    assert MEASURES["auroc"][0](found, truth) == pytest.approx(roc_auc_score(truth.failed, chance))
    assert MEASURES["brier"][0](found, truth) == pytest.approx(brier_score_loss(truth.failed, chance))
    sure = predictions(runs, np.zeros(len(runs)), truth.failed.astype(float))
    assert calibration(sure, truth) == 0
    wrong = predictions(runs, np.zeros(len(runs)), 1.0 - truth.failed)
    assert calibration(wrong, truth) == pytest.approx(1.0)


def test_seconds_are_judged_of_runs_that_ended() -> None:
    runs = [replace(ASKED.runs[0], status="ok", seconds=math.e**4), replace(ASKED.runs[0], status="timeout")]
    found = predictions(runs, [0, 0], [0.1, 0.1])
    assert MEASURES["seconds"][0](found, truth_of(runs)) == pytest.approx(1.0)


def test_a_measure_that_means_nothing_is_not_a_number() -> None:
    runs = [replace(run, status="ok", score=0.5, cause=None, seconds=0.0) for run in ASKED.runs[:8]]
    found = predictions(runs, np.arange(8.0), np.full(8, 0.5))
    truth = truth_of(runs)
    assert all(
        math.isnan(MEASURES[name][0](found, truth)) for name in ("spearman", "regret@1", "seconds", "auroc")
    )


def test_intervals_hold_what_they_promise() -> None:
    runs = [replace(ASKED.runs[0], status="ok", seconds=1.0)] * 4000
    found = replace(
        predictions(runs, RNG.normal(size=4000), np.full(4000, 0.1)), log_seconds=RNG.normal(size=4000)
    )
    shares = covered(found, truth_of(runs), np.zeros(4000))
    assert shares["score"] == pytest.approx(0.8, abs=0.03)
    assert shares["seconds"] == pytest.approx(0.8, abs=0.03)


def test_ahead_is_paired_and_by_more_than_luck() -> None:
    # Numbers of its own: what other tests have drawn before decides nothing here.
    rng = np.random.default_rng(7)
    hard = rng.normal(size=9) * 10
    better = ahead(hard + 1, hard, higher_is_better=True)
    assert (better.value, better.low) == (pytest.approx(1.0), pytest.approx(1.0))
    assert beats(better)
    assert not beats(ahead(hard + 1, hard, higher_is_better=False))
    assert not beats(ahead(hard + rng.normal(size=9) * 3, hard, higher_is_better=True))
    assert not beats(ahead(np.array([1.0, 2.0]), np.zeros(2), higher_is_better=True)), "two are none"
    assert mean_of(np.array([math.nan])).count == 0


@pytest.mark.parametrize("kind", FOLDS)
def test_what_is_left_out_is_not_learnt_from(kind: str) -> None:
    seen = np.zeros(len(ASKED.runs), dtype=int)
    for fold in folds_of(kind, ASKED):
        assert not set(fold.known) & set(fold.asked)
        seen[fold.asked] += 1
        if kind == "task":
            assert not {ASKED.sources[at] for at in fold.known} & {ASKED.sources[at] for at in fold.asked}
        if kind == "model":
            known, asked = (
                {ASKED.runs[at].pipeline.language_model for at in part} for part in (fold.known, fold.asked)
            )
            assert not known & asked
    wanted = [kind != "model" or run.pipeline.language_model is not None for run in ASKED.runs]
    np.testing.assert_array_equal(seen, wanted)


def test_a_source_is_left_out_with_all_its_tasks() -> None:
    """Two tasks of one data set never stand on both sides."""
    alike = {task: source.replace("clinc150", "banking77") for task, source in STORE.sources.items()}
    folds = list(folds_of("task", Asked.of(replace(STORE, sources=alike))))
    assert len(folds) == len(set(STORE.sources.values())) - 1


def test_an_unknown_fold_and_too_little_experience_are_named() -> None:
    with pytest.raises(EstimatorError, match="fold 'moon' is unknown; use one of rows, task, model"):
        list(folds_of("moon", ASKED))
    for runs in (STORE.runs[:5], [run for run in STORE.runs if run.task == STORE.runs[0].task] * 9):
        with pytest.raises(EstimatorError, match="an evaluation needs 20 of 3"):
            Asked.of(replace(STORE, runs=runs))


def test_what_knows_the_truth_is_a_result_and_chance_is_none() -> None:
    truth = truth_of(ASKED.runs)
    knowing = predictions(list(ASKED.runs), np.nan_to_num(truth.score), 0.1 + 0.8 * truth.failed)
    chance = predictions(
        list(ASKED.runs), RNG.random(len(ASKED.runs)), RNG.uniform(0.1, 0.3, len(ASKED.runs))
    )
    found = {**dict.fromkeys(BASELINES, chance), "knowing": knowing, "linear": chance}
    rows = {str(row["estimator"]): row for row in fold_rows("task", found, ASKED)}
    assert {"spearman", "ndcg@10", "regret@1", "auroc", "brier"} <= set(rows["knowing"]["results"])  # type: ignore[call-overload]
    assert rows["linear"]["results"] == []
    assert all(rows[name]["results"] == [] for name in BASELINES)


def test_a_whole_evaluation() -> None:
    said: list[str] = []
    report = evaluate(STORE, ["linear"], said.append, folds=["task"])
    rows: Any = report["rows"]
    assert [row["estimator"] for row in rows] == [*BASELINES, "linear"]
    linear = rows[-1]["measures"]
    assert linear["spearman"]["low"] > 0.5
    assert linear["auroc"]["value"] > 0.9
    assert "seconds" not in rows[0]["results"]
    tasks = len(set(STORE.sources.values()))
    assert any(text.startswith(f"task 3/{tasks}: linear without ") for text in said)
    carried: Any = report["importance"]
    losses = {one["columns"]: one["losses"] for one in carried["columns"]}
    assert losses["counted seconds"]["seconds"] == max(one["seconds"] for one in losses.values())
    assert any("| linear |" in line and "*" in line for line in lines_of(report))
    json.dumps(report)


def test_importance_needs_columns() -> None:
    with pytest.raises(EstimatorError, match="'rules' does not learn from columns"):
        importance("rules", ASKED, 0, quiet)


def test_the_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--estimator", "rules", "--left-out", "rows", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert {row["estimator"] for row in report["rows"]} == {*BASELINES, "rules"}
    assert {row["left_out"] for row in report["feasibility"]} >= {"task", "model", "everything"}
    assert "rows 1/5: random" in err


def test_the_command_fits_a_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mean.npz"
    assert main(["fit", "--estimator", "mean", "--to", str(path)]) == 0
    assert path.exists()
    runs, tasks = len(STORE.runs), len(set(STORE.sources.values()))
    assert f"mean, fitted on {runs} runs of {tasks} tasks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{}\n", "line 1: not a record of tunelore.experience/1"),
        (b'{"schema": "tunelore.experience/9"}\n', "tunelore.experience/9"),
        (b"[1]\n", "expected an object"),
        (b"{\n", "line 1: not JSON"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_named(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(content)
    assert main(["feasibility", "--experience", str(path)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "records.jsonl" in said


def test_half_a_gzip_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "half.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}" * 1000)[:20])
    assert main(["evaluate", "--experience", str(path), str(tmp_path / "none")]) == 2
    assert "half.jsonl.gz cannot be read" in capsys.readouterr().err
    assert main(["evaluate", "--estimator", "magic"]) == 2
    assert "'magic' is unknown" in capsys.readouterr().err


def test_records_become_runs() -> None:
    """As many as the plan says: each pipeline on each task, and the repeats."""
    plan = json.loads(STARTER.with_name("plan.json").read_text())
    assert len(set(STORE.sources.values())) == len(plan["tasks"])
    pipelines = sum(draw["count"] for draw in plan["draws"])
    assert len(STORE.runs) == pipelines * len(plan["tasks"]) + len(plan["repeats"])
    run = STORE.runs[0]
    assert 1e11 < run.system["device_speed"] < 2e11
    assert STORE.facts[run.pipeline.language_model or ""]["layers"] == 1
    assert isinstance(run.pipeline, Pipeline)
    assert isinstance(STORE, Experience)
