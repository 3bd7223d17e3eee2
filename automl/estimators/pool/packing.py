"""Models and columns as JSON data and arrays, and back; what does not fit is refused.

Knows the shape of small models; knows no file. Nothing here can run code: classes are looked up in a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.pool.columns import Columns, Heard
from automl.estimators.pool.regressors import Constant, Logistic, Neighbours, Regressor, Ridge
from automl.estimators.pool.trees import Trees

Arrays = dict[str, NDArray[np.generic]]
MODELS: Mapping[str, type[Any]] = {
    "constant": Constant,
    "ridge": Ridge,
    "logistic": Logistic,
    "neighbours": Neighbours,
    "trees": Trees,
}


def pack(model: Regressor) -> tuple[str, Arrays]:
    """The name of its class, and its fields as arrays."""
    kind = next(name for name, known in MODELS.items() if type(model) is known)
    fields = dataclasses.fields(cast(Any, model))
    return kind, {one.name: np.asarray(getattr(model, one.name)) for one in fields}


def unpack(kind: object, arrays: Mapping[str, NDArray[np.generic]], columns: int) -> Regressor:
    """The inverse of `pack`, for a table of so many columns.

    EstimatorError for an unknown class, a missing field, or arrays that do not fit together.
    """
    known = MODELS.get(str(kind))
    if known is None:
        raise EstimatorError(f"model {kind!r} is unknown; this version has {sorted(MODELS)}")
    values: dict[str, object] = {}
    for field in dataclasses.fields(known):
        if field.name not in arrays:
            raise EstimatorError(
                f"field {field.name!r} of a model of kind {kind!r} is missing: it is damaged"
            )
        array = arrays[field.name]
        values[field.name] = array.item() if array.ndim == 0 else array
    model = cast(Regressor, known(**values))
    _check(model, columns)
    return model


def _check(model: Regressor, columns: int) -> None:
    if isinstance(model, Trees):
        model.check(columns)
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    if isinstance(model, Ridge | Logistic):
        shapes = [(model.mean.shape, (columns + 1,)), (model.covariance.shape, (columns + 1, columns + 1))]
    elif isinstance(model, Neighbours):
        shapes = [(model.x.shape, (len(model.y), columns))]
    if wrong := [pair for pair in shapes if pair[0] != pair[1]]:
        kind = type(model).__name__
        raise EstimatorError(f"an array of {kind} has shape {wrong[0][0]}, not {wrong[0][1]}: it is damaged")


def pack_columns(columns: Columns) -> tuple[dict[str, object], Arrays]:
    """Columns as JSON data and their means and spreads."""
    data: dict[str, object] = {
        "facts": {key: dict(known) for key, known in columns.facts.items()},
        "heard": pack_heard(columns.heard),
        "names": list(columns.names),
        "words": [list(pair) for pair in columns.words],
        "numbers": list(columns.numbers),
        "features": list(columns.features),
    }
    return data, {"middle": columns.middle, "spread": columns.spread}


def unpack_columns(data: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> Columns:
    """The inverse of `pack_columns`; KeyError, TypeError or ValueError for data of another shape."""
    names, middle = tuple(data["names"]), np.asarray(arrays["middle"], dtype=float)
    spread = np.asarray(arrays["spread"], dtype=float)
    if middle.shape != (len(names),) or spread.shape != (len(names),):
        raise EstimatorError(f"{len(names)} columns have {middle.shape} means: it is damaged")
    words = tuple((str(name), str(said)) for name, said in data["words"])
    heard = unpack_heard(data["heard"])
    return Columns(
        data["facts"], heard, names, words, tuple(data["numbers"]), tuple(data["features"]), middle, spread
    )


def pack_heard(heard: Heard) -> dict[str, object]:
    """As JSON data."""
    sums = {name: {task: list(pair) for task, pair in own.items()} for name, own in heard.sums.items()}
    return {"tasks": {task: dict(features) for task, features in heard.tasks.items()}, "sums": sums}


def unpack_heard(data: Mapping[str, Any]) -> Heard:
    """The inverse of `pack_heard`."""
    sums = {
        str(name): {str(task): (float(whole), float(count)) for task, (whole, count) in own.items()}
        for name, own in data["sums"].items()
    }
    return Heard(data["tasks"], sums)
