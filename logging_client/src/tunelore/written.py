"""A run that somebody wrote down as JSON, as a record. Knows no file and no spool.

Start with `records_in`. A run is either a whole record (it has a member `schema`) or the short form, whose names are
those of `tunelore.run` and of the record.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from tunelore import __version__
from tunelore.observe.choice import from_key, scalar
from tunelore.observe.dataset import named_dataset
from tunelore.plain import named_metrics
from tunelore.record import SCHEMA_ID, STATUSES, canonical, check, import_id
from tunelore.runs import measures
from tunelore.runs.values import clean, is_number

FORMAT = "json"
# Members of the short form that are parts of the record as they stand.
PARTS = ("started_at", "finished_at", "system", "fidelity", "cost", "curve", "conditions", "limits", "extra")
OUTCOME = ("phase", "cause", "step", "exception")
PROVENANCE = ("seed", "resumes", "licence", "search", "trial")
OWN = ("id", "task", "kind", "languages", "domain", "dataset", "label_column", "model", "method")
MORE = ("hyperparameters", "metrics", "chosen_metric", "status", "seconds")
# What of the short form is looked into before the record is checked as a whole.
SHAPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "metrics": ((dict,), 'an object, {"f1_macro": 0.8} or by split, {"test": {"f1_macro": 0.8}}'),
    "hyperparameters": ((dict,), 'an object, {"learning_rate": 2e-5}'),
    "dataset": ((str, dict), 'a name, "hub:owner/name", or an object with source and name'),
    "chosen_metric": ((str,), "the name of a metric"),
    "cost": ((dict,), 'an object, {"evaluation_s": 60}'),
}
KNOWN = (*OWN, *MORE, *OUTCOME, *PROVENANCE, *PARTS)


class NotARun(ValueError):
    """What was written down is no run; the message says what to change."""


def records_in(text: str) -> list[dict[str, Any]]:
    """The records of a JSON text: one run, a list of runs, or one a line. NotARun where it is none of these.

    Every record is valid. One without an id gets one from what it says, so that the same text is the same run.
    """
    found = _parsed(text)
    runs = found if isinstance(found, list) else [found]
    if not runs:
        raise NotARun("holds no run")
    return [_named(_record(run), number, len(runs)) for number, run in enumerate(runs)]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise NotARun("is nested too deeply to be a run") from None
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            if len(lines) > 1:
                return [json.loads(line) for line in lines]
        except (ValueError, RecursionError):
            pass
        raise NotARun(f"is not JSON: {error}") from None


def _named(record: dict[str, Any], number: int, total: int) -> dict[str, Any]:
    problems = check(record)
    if problems:
        where = f"run {number + 1} of {total}: " if total > 1 else ""
        raise NotARun(where + "; ".join(str(problem) for problem in problems[:5]))
    return record


def _record(run: Any) -> dict[str, Any]:
    if not isinstance(run, dict):
        raise NotARun(f"a run is a JSON object, not {json.dumps(run)[:60]}")
    if "schema" in run:
        return run
    unknown = [name for name in run if name not in KNOWN]
    if unknown:
        meant = [near for name in unknown for near in get_close_matches(name, KNOWN, 1)]
        hint = f"did you mean {', '.join(meant[:5])}? " if meant else ""
        raise NotARun(f"{', '.join(unknown[:5])}: not known; {hint}known are {', '.join(KNOWN)}")
    for name, (kinds, expected) in SHAPES.items():
        if run.get(name) is not None and not isinstance(run[name], kinds):
            raise NotARun(f"{name}: give {expected}, not {json.dumps(run[name])[:60]}")
    wrong = list(_no_numbers(run.get("metrics") or {}))
    if wrong:
        raise NotARun(f"metrics: give numbers; {', '.join(wrong[:5])}")
    metrics = measures.by_split(named_metrics(run.get("metrics") or {}))
    status = run.get("status") or _status_of(run, metrics)
    if status not in STATUSES:
        raise NotARun(f"status {json.dumps(status)[:60]} is none; known are {', '.join(STATUSES)}")
    outcome = {"status": status, **{name: run[name] for name in OUTCOME if name in run}}
    ok = status == "ok"
    best = {"partial": metrics["validation"]} if "validation" in metrics else {}
    record = {
        "schema": SCHEMA_ID,
        "started_at": None,
        **{name: run[name] for name in PARTS if run.get(name) is not None},
        "task": _task(run),
        "language_model": _language_model(run),
        "pipeline": _pipeline(run),
        "outcome": outcome,
        "metrics": metrics if ok else best,
        "primary": measures.primary(metrics, run.get("chosen_metric")) if ok else None,
        "provenance": _provenance(run),
    }
    if ok:
        record.setdefault("finished_at", None)
    if "seconds" in run:
        record["cost"] = {**(record.get("cost") or {}), "evaluation_s": run["seconds"]}
    return {**record, "id": run.get("id") or _id_of(record)}


def _no_numbers(metrics: Mapping[str, Any], split: str = "") -> Iterator[str]:
    for name, value in metrics.items():
        if isinstance(value, dict):
            yield from _no_numbers(value, f"{split}{name}/")
        elif value is not None and not is_number(value):
            yield f"{split}{name} is {json.dumps(value)[:40]}"


def _status_of(run: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """What the numbers say where nobody said it: one that is not finite means divergence."""
    if any(_not_finite(value) for value in named_metrics(run.get("metrics") or {}).values()):
        return "diverged"
    return "ok" if metrics else "unknown"


def _not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _task(run: Mapping[str, Any]) -> dict[str, Any]:
    task = run.get("task")
    if isinstance(task, dict):
        return task
    dataset = run.get("dataset")
    if isinstance(dataset, str):
        dataset = named_dataset(dataset) or {"source": "unknown"}
    described = {**(dataset or {"source": "unknown"}), "label_column": run.get("label_column", "label")}
    return {
        "kind": run.get("kind") or "unknown",
        "name": None if task is None else clean(task, 200),
        "languages": run.get("languages") or [],
        "domain": run.get("domain"),
        "dataset": described,
    }


def _language_model(run: Mapping[str, Any]) -> Any:
    named = run.get("model")
    if isinstance(named, str):
        return from_key(named)
    if named is None:
        return None if run.get("method") == "linear" else {"source": "unknown", "name": None}
    return named


def _pipeline(run: Mapping[str, Any]) -> dict[str, Any]:
    given = run.get("hyperparameters") or {}
    told = {clean(name, 100): scalar(value) for name, value in given.items()}
    return {"method": run.get("method") or "unknown", "space": None, "hyperparameters": told}


def _provenance(run: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: run[name] for name in PROVENANCE if name in run}
    return {"client": f"tunelore/{__version__}", "via": f"import:{FORMAT}", **said}


def _id_of(record: Mapping[str, Any]) -> str:
    """One and the same for the same content, so that logging a file twice changes nothing."""
    said = {name: value for name, value in record["provenance"].items() if name in PROVENANCE}
    content = {**record, "provenance": said}
    try:
        return str(import_id(FORMAT, canonical(content).decode("utf-8")))
    except ValueError as error:  # what canonical JSON cannot say is no run either
        raise NotARun(str(error)) from None
