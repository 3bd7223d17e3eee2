"""An evaluation of estimators as JSON data and as a table to read.

Knows folds, measures and comparisons; knows no file. Only what is ahead of every baseline with a lower bound
above 0 is marked as a result.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from automl.errors import EstimatorError
from automl.estimators.base import Predictions, relative_scores
from automl.estimators.evaluation.comparing import Mean, ahead, beats, mean_of
from automl.estimators.evaluation.feasible import Feasible, feasible
from automl.estimators.evaluation.folds import FOLDS, Asked, Progress, predicted
from automl.estimators.evaluation.importance import importance
from automl.estimators.evaluation.measures import MEASURES, calibration, covered, truth_of
from automl.estimators.features import Vector
from automl.estimators.pool import BASELINES, ESTIMATORS
from automl.estimators.reading import Experience

Json = dict[str, object]
#: Columns of the printed table.
SHOWN = ("spearman", "ndcg@10", "regret@1", "regret@5", "seconds", "bytes", "auroc", "brier")
CARRIED_BY = ("forest", "boosting", "linear")


def evaluate(
    experience: Experience,
    names: Sequence[str],
    progress: Progress,
    *,
    folds: Sequence[str] = FOLDS,
    seed: int = 0,
) -> Json:
    """All folds of all named estimators; baselines are always among them.

    EstimatorError for an unknown name or fold, or too little experience.
    """
    if unknown := [name for name in names if name not in ESTIMATORS]:
        raise EstimatorError(f"estimator {unknown[0]!r} is unknown; use some of {', '.join(ESTIMATORS)}")
    asked = Asked.of(experience)
    chosen = tuple(dict.fromkeys([*BASELINES, *names]))
    rows: list[Json] = []
    for fold in folds:
        found = {name: predicted(name, fold, asked, seed, progress) for name in chosen}
        rows += fold_rows(fold, found, asked)
    return {
        "runs": len(asked.runs),
        "sources": sorted(set(asked.sources)),
        "failed_share": float(np.mean([run.status != "ok" for run in asked.runs])),
        "rows": rows,
        "importance": _carried(asked, chosen, seed, progress),
    }


def _carried(asked: Asked, names: Sequence[str], seed: int, progress: Progress) -> Json:
    """By columns, of the first that learns from columns."""
    name = next((one for one in CARRIED_BY if one in names), None)
    if name is None:
        return {}
    return {"estimator": name, "columns": [asdict(one) for one in importance(name, asked, seed, progress)]}


def fold_rows(fold: str, found: Mapping[str, Predictions], asked: Asked) -> list[Json]:
    """One row for each estimator: measures with intervals, and what they beat."""
    values = {name: _by_source(one, asked) for name, one in found.items()}
    truth, relative = truth_of(asked.runs), relative_scores(asked.runs)
    rows: list[Json] = []
    for name, one in found.items():
        measured = {measure: asdict(mean_of(values[name][measure])) for measure in MEASURES}
        beaten = {measure: _beaten(name, measure, values) for measure in MEASURES}
        rows.append(
            {
                "fold": fold,
                "estimator": name,
                "is_baseline": name in BASELINES,
                "measures": measured,
                "beats": beaten,
                "results": [measure for measure, over in beaten.items() if _is_result(name, over, values)],
                "calibration": calibration(one, truth),
                "covered": covered(one, truth, relative),
            }
        )
    return rows


def _is_result(name: str, over: Mapping[str, Json], values: Mapping[str, object]) -> bool:
    rivals = [one for one in BASELINES if one in values and one != name]
    return name not in BASELINES and all(over[rival]["beaten"] for rival in rivals)


def _by_source(found: Predictions, asked: Asked) -> dict[str, Vector]:
    """(sources,) each measure on each data set."""
    sources = np.array(asked.sources)
    columns: dict[str, list[float]] = {measure: [] for measure in MEASURES}
    for source in dict.fromkeys(asked.sources):
        own = np.flatnonzero(sources == source)
        part = Predictions(**{name: getattr(found, name)[own] for name in Predictions.__annotations__})
        truth = truth_of([asked.runs[int(place)] for place in own])
        for measure, (judge, _) in MEASURES.items():
            columns[measure].append(judge(part, truth))
    return {measure: np.array(each) for measure, each in columns.items()}


def _beaten(name: str, measure: str, values: Mapping[str, Mapping[str, Vector]]) -> dict[str, Json]:
    higher = MEASURES[measure][1]
    found = {}
    for rival in BASELINES:
        if rival in values and rival != name:
            difference = ahead(values[name][measure], values[rival][measure], higher_is_better=higher)
            found[rival] = {**asdict(difference), "beaten": beats(difference)}
    return found


def feasibility(experience: Experience, left_out: Sequence[str], progress: Progress) -> list[Json]:
    """Shares of runs whose needs are foreseen within the factors, for each way to leave out."""
    asked, rows = Asked.of(experience), []
    for name in left_out:
        progress(f"feasibility without {name}")
        rows.append(_feasible_row(feasible(asked, name)))
    return rows


def _feasible_row(found: Feasible) -> Json:
    parts = {"seconds": found.seconds, "bytes": found.bytes, "late": found.late}
    return {"left_out": found.left_out, **{name: part.to_dict() for name, part in parts.items()}}


def lines_of(report: Json) -> list[str]:
    """The report as Markdown tables; a star marks what is ahead of every baseline."""
    lines = [
        f"{report['runs']} runs, {len(_list(report['sources']))} data sets, {_share(report['failed_share'])} failed"
    ]
    rows = _list(report["rows"])
    for fold in dict.fromkeys(row["fold"] for row in rows):
        lines += ["", f"Left out: {fold}", "", _line(["estimator", *SHOWN, "calibration"])]
        lines.append(_line(["---"] * (len(SHOWN) + 2)))
        for row in rows:
            if row["fold"] == fold:
                lines.append(_line([row["estimator"], *_cells(row), _number(row["calibration"])]))
    return lines + _important(report) + feasible_lines(_list(report.get("feasibility", [])))


def _list(value: object) -> list[Mapping[str, object]]:
    return list(value) if isinstance(value, list) else []


def _cells(row: Mapping[str, object]) -> list[str]:
    measures, results = row["measures"], row["results"]
    found = []
    for measure in SHOWN:
        mean = Mean(**measures[measure])  # type: ignore[index]
        star = "*" if isinstance(results, list) and measure in results else ""
        around = f" [{_number(mean.low)}, {_number(mean.high)}]" if mean.count else ""
        found.append(f"{_number(mean.value)}{star}{around}")
    return found


def _important(report: Json) -> list[str]:
    carried = report.get("importance")
    if not isinstance(carried, dict) or not carried:
        return []
    measures = ("spearman", "seconds", "bytes", "auroc")
    lines = ["", f"What carries {carried['estimator']}: lost without, on tasks left out", ""]
    lines += [_line(["column", *measures]), _line(["---"] * 5)]
    for one in carried["columns"]:
        lines.append(_line([one["columns"], *(_number(one["losses"].get(name)) for name in measures)]))
    return lines


def feasible_lines(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The table of feasibility."""
    if not rows:
        return []
    head = [
        "left out",
        "seconds within 2",
        "nine in ten within",
        "bytes within 1.3",
        "nine in ten within",
        "timeouts",
    ]
    lines = ["", "Feasibility", "", _line(head), _line(["---"] * len(head))]
    for row in rows:
        seconds, size, late = (row[name] for name in ("seconds", "bytes", "late"))
        cells = [row["left_out"]]
        for part in (seconds, size):
            cells += [f"{_share(part['share'])} of {part['runs']}", f"{_number(part['factor_of_90'])} x"]  # type: ignore[index]
        cells.append(f"{_share(late['share'])} of {late['runs']}" if late["runs"] else "none")  # type: ignore[index]
        lines.append(_line(cells))
    return lines


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) and math.isfinite(value) else "–"


def _share(value: object) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, float) and math.isfinite(value) else "–"
