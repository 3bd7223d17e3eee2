"""Records of experience, version 1, from JSON Lines files: runs as evidence, and facts of language models.

Knows the few fields of a record that estimators use; knows no store and no database. Start at `read_records`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from automl.errors import EstimatorError
from automl.values import Evidence, Limits, Pipeline, Scalar

SCHEMA = "tunelore.experience/1"
#: The experience that ships with a checkout of TuneLore.
STARTER = (
    Path(__file__).resolve().parents[2] / "knowledgebase" / "experiences" / "starter" / "experience.jsonl.gz"
)
MOST_LINE = 4_000_000
Object = Mapping[str, object]


@dataclass(frozen=True)
class Experience:
    """Runs, facts of the language models by key, and the source dataset of each task."""

    runs: Sequence[Evidence]
    facts: Mapping[str, Mapping[str, float]]
    sources: Mapping[str, str]

    def source_of(self, run: Evidence) -> str:
        """What the rows of a run came from; the task itself where nothing else is known."""
        return self.sources.get(run.task, run.task)


def read_records(paths: Sequence[Path]) -> Experience:
    """All records of the files, plain or gzip.

    EstimatorError names the file and line that cannot be read.
    """
    runs: list[Evidence] = []
    facts: dict[str, Mapping[str, float]] = {}
    sources: dict[str, str] = {}
    for path in paths:
        for number, record in _records(path):
            try:
                run, known = _run(record)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise EstimatorError(
                    f"{path}, line {number}: not a record of {SCHEMA}: {_why(error)}"
                ) from error
            runs.append(run)
            sources[run.task] = _source(record)
            if known and run.pipeline.language_model is not None:
                facts[run.pipeline.language_model] = known
    return Experience(tuple(runs), facts, sources)


def _why(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def _records(path: Path) -> Iterator[tuple[int, Object]]:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(MOST_LINE), ""), start=1):
                if line.strip():
                    yield number, _object(line, f"{path}, line {number}")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise EstimatorError(f"{path} cannot be read as JSON Lines of records: {error}") from error


def _object(line: str, where: str) -> Object:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EstimatorError(f"{where}: not JSON ({error}): {line[:60]!r}") from error
    if not isinstance(value, Mapping):
        raise EstimatorError(f"{where}: expected an object, got {type(value).__name__}")
    return value


def _part(record: Object, name: str) -> Object:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _numbers(values: Object) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _run(record: Object) -> tuple[Evidence, dict[str, float]]:
    if record.get("schema") != SCHEMA:
        raise ValueError(f"schema is {record.get('schema')!r}")
    task, pipeline, outcome = _part(record, "task"), _part(record, "pipeline"), _part(record, "outcome")
    cost, limits = _numbers(_part(record, "cost")), _numbers(_part(record, "limits"))
    model, fidelity = _part(record, "language_model"), _numbers(_part(record, "fidelity"))
    system: dict[str, float | None] = dict(_numbers(_part(_part(record, "system"), "features")))
    system["device_speed"] = _numbers(_part(record, "conditions")).get("device_speed")
    rows, memory = fidelity.get("train_rows"), cost.get("device_memory_bytes", cost.get("host_memory_bytes"))
    cause = outcome.get("cause")
    chosen = Pipeline(
        str(pipeline["method"]),
        cast(Mapping[str, Scalar], _part(pipeline, "hyperparameters")),
        _key(model) if model else None,
    )
    return (
        Evidence(
            id=str(record["id"]),
            task=_task(task),
            metafeatures=_numbers(_part(_part(task, "metafeatures"), "values")),
            pipeline=chosen,
            status=str(outcome["status"]),
            cause=None if cause is None else str(cause),
            score=_numbers(_part(record, "primary")).get("value"),
            seconds=cost.get("evaluation_s"),
            memory_bytes=None if memory is None else int(memory),
            limits=Limits(
                limits.get("wall_s"),
                _whole(limits.get("host_memory_bytes")),
                _whole(limits.get("device_memory_bytes")),
            ),
            system=system,
            train_rows=chosen.rows_before(_whole(rows)),
        ),
        _numbers(_part(model, "features")),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _task(task: Object) -> str:
    dataset = _part(task, "dataset")
    names = (dataset.get("fingerprint"), dataset.get("name"), task.get("name"))
    found = next((str(name) for name in names if name), None)
    if found is None:
        raise ValueError("the task has neither fingerprint nor name")
    return f"{task.get('kind')}/{dataset.get('label_column')}/{found}"


def _source(record: Object) -> str:
    dataset = _part(_part(record, "task"), "dataset")
    return str(dataset.get("name") or _part(record, "task").get("name") or dataset.get("fingerprint"))


def _key(model: Object) -> str:
    variant = f"#{model['variant']}" if model.get("variant") else ""
    return f"{model['source']}:{model['name']}@{model.get('revision')}{variant}"
