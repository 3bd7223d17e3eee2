"""A fitted estimator as one file, and back: JSON and arrays in an .npz, no pickle.

Knows the pool's estimators and their state; knows no search. The header says the format and its version, the
estimator, what it was fitted on, and a digest of everything else, so that damage is found before anything is
predicted. Start at `save` and `load`.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl.errors import EstimatorError
from automl.estimators.base import KINDS, Estimator, FittedOn
from automl.estimators.pool.assembled import Assembled, Target
from automl.estimators.pool.baselines import VALUES, Elsewhere
from automl.estimators.pool.packing import unpack, unpack_columns, unpack_heard
from automl.estimators.pool.process import fit_process
from automl.estimators.pool.rules import Expert, read_rules
from automl.values import Evidence, Limits, Pipeline

FORMAT, VERSION = "tunelore.estimator", 1
HEADER = "header"
#: A snapshot of 100,000 runs is a tenth of this; more is refused before it is unpacked.
MOST_BYTES = 1 << 30
Arrays = Mapping[str, NDArray[np.generic]]


def to_bytes(estimator: Estimator) -> bytes:
    """The file's content; the same estimator gives the same bytes."""
    data, arrays = estimator.state()
    body = json.dumps(data, separators=(",", ":"))  # in its own order: sums of floats depend on it
    header = {
        "format": FORMAT,
        "version": VERSION,
        "estimator": estimator.name,
        "fitted_on": estimator.fitted_on.to_dict(),
        "digest": _digest(body, arrays),
        "data": body,
    }
    packed = np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8)
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **{HEADER: packed}, **_named(arrays))
    return stream.getvalue()


def save(estimator: Estimator, path: Path | str) -> None:
    """Write the snapshot; what was there before stays until all is written."""
    path = Path(path)
    fresh = path.with_name(path.name + ".part")
    fresh.write_bytes(to_bytes(estimator))
    fresh.replace(path)


def load(path: Path | str) -> Estimator:
    """Read a snapshot. EstimatorError says what is wrong with it: damaged, foreign, or newer than this version."""
    try:
        return from_bytes(Path(path).read_bytes())
    except EstimatorError as error:
        raise EstimatorError(f"{path}: {error}") from error
    except OSError as error:
        raise EstimatorError(f"{path} cannot be read: {error.strerror or error}") from error


def from_bytes(content: bytes) -> Estimator:
    """The inverse of `to_bytes`; EstimatorError as in `load`."""
    header, arrays = _opened(content)
    if header.get("format") != FORMAT:
        raise EstimatorError(f"not a snapshot of an estimator: its format is {header.get('format')!r}")
    if header.get("version") != VERSION:
        raise EstimatorError(
            f"the snapshot has version {header.get('version')!r}, this one reads version {VERSION}; "
            "fit the estimator again, or use the version that wrote it"
        )
    body = str(header.get("data"))
    if header.get("digest") != _digest(body, arrays):
        raise EstimatorError("the snapshot is damaged: its content is not what its digest says")
    try:
        return _made(header, json.loads(body), arrays)
    except EstimatorError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
        raise EstimatorError(f"the snapshot does not hold what its estimator needs: {error!r}") from error


def _opened(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[np.generic]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > MOST_BYTES:
            raise EstimatorError(f"the snapshot would unpack to {size:,} bytes, more than {MOST_BYTES:,}")
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            arrays = {_unnamed(name): found[name] for name in found.files}
        header = json.loads(arrays.pop(HEADER).tobytes())
    except EstimatorError:
        raise
    except Exception as error:  # a damaged archive raises whatever its first wrong byte leads to
        raise EstimatorError(f"not a snapshot of an estimator, or a damaged one: {error!r}") from error
    if not isinstance(header, dict):
        raise EstimatorError(f"not a snapshot of an estimator: its header is a {type(header).__name__}")
    return header, arrays


def _named(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Names in a zip file are paths; ours have slashes and blanks."""
    return {name.replace("/", "|"): array for name, array in arrays.items()}


def _unnamed(name: str) -> str:
    return name.replace("|", "/")


def _digest(body: str, arrays: Arrays) -> str:
    found = hashlib.sha256(body.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def _made(header: Mapping[str, Any], data: Mapping[str, Any], arrays: Arrays) -> Estimator:
    name, fitted_on = str(header["estimator"]), FittedOn.from_dict(header["fitted_on"])
    if "models" in data:
        return _assembled(name, fitted_on, data, arrays)
    if "heard" in data:
        heard = {value: unpack_heard(data["heard"][value]) for value in VALUES}
        return Elsewhere(
            name, fitted_on, str(data["how"]), int(data["seed"]), heard, data["middles"], data["deviations"]
        )
    if "table" in data:
        read_rules(data["table"], "the snapshot's table")
        return Expert(name, fitted_on, data["table"], data["facts"])
    if "runs" in data:
        sources = dict(zip(fitted_on.tasks, fitted_on.tasks, strict=True))
        again = fit_process([_run(one) for one in data["runs"]], data["facts"], sources, 0)
        object.__setattr__(again, "fitted_on", fitted_on)
        return again
    raise EstimatorError(f"estimator {name!r} is of a kind that this version does not know")


def _assembled(name: str, fitted_on: FittedOn, data: Mapping[str, Any], arrays: Arrays) -> Assembled:
    columns = unpack_columns(data["columns"], arrays)
    chosen = arrays["chosen"].astype(np.int64)
    if chosen.ndim != 1 or not len(chosen) or not 0 <= chosen.min() <= chosen.max() < len(columns.names):
        raise EstimatorError(f"it chose columns {chosen.tolist()} of {len(columns.names)}: it is damaged")

    def model(part: str) -> Any:
        own = {key.split("/", 1)[1]: array for key, array in arrays.items() if key.startswith(f"{part}/")}
        return unpack(data["models"][part], own, len(chosen))

    noises = {part: float(noise) for part, noise in data["noises"].items()}
    targets = {part: Target(model(f"target {part}"), noises[part]) for part in ("score", "seconds", "bytes")}
    kinds = [model(f"kind {kind}") for kind in KINDS]
    return Assembled(name, fitted_on, columns, chosen, targets, kinds, bool(data["counts"]))


def _run(data: Mapping[str, Any]) -> Evidence:
    pipeline, limits = Pipeline.from_dict(data["pipeline"]), Limits(*data["limits"])
    return Evidence(**{**data, "pipeline": pipeline, "limits": limits})
