"""What are estimators worth on real runs they have not seen, and how far off is feasibility?

The starter experience, and where the shared data is at hand TransferGraph, SetFit and PEFT. Of each, rows, tasks
(source data sets) and language models are left out in turn; every estimator is compared with four baselines,
data set by data set. `python tests/bench/bench_estimators.py [--quick] [--only NAME]`; --quick is the starter
and the feasibility of PEFT. What was measured is kept below build/bench/estimators while the code stays what it
was. Nothing here was used for choosing anything but the starter, as docs/estimators.md says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one thread: many small systems

import numpy as np  # noqa: E402
import sklearn  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from estimating import peft, setfit, transfergraph  # noqa: E402

from automl.estimators.evaluation.feasible import LEFT_OUT  # noqa: E402
from automl.estimators.evaluation.folds import FOLDS  # noqa: E402
from automl.estimators.evaluation.report import evaluate, feasibility, lines_of  # noqa: E402
from automl.estimators.pool import ESTIMATORS  # noqa: E402
from automl.estimators.reading import STARTER, Experience, read_records  # noqa: E402
from tests.bench import results  # noqa: E402

CODE = (ROOT / "automl" / "estimators", ROOT / "tests" / "bench" / "estimating")
Json = dict[str, Any]


def starter() -> Experience:
    return read_records([STARTER])


#: What is read, which folds mean something there, and what feasibility leaves out (nothing without seconds).
SOURCES: Mapping[str, tuple[Callable[[], Experience], Sequence[str], Sequence[str]]] = {
    "starter": (starter, FOLDS, tuple(LEFT_OUT)),
    "peft": (peft.experience, ("rows", "task"), ("method", "task", "everything")),
    "transfergraph": (transfergraph.experience, FOLDS, ("task", "everything")),
    "setfit": (setfit.experience, FOLDS, ()),
}


def there(name: str) -> bool:
    """Whether the records are at hand; says so when not."""
    module = {"peft": peft, "transfergraph": transfergraph, "setfit": setfit}.get(name)
    found = module is None or module.available()
    if not found:
        print(f"{name}: no records below TUNELORE_SHARED (default ../shared), left out", file=sys.stderr)
    return found


def measured(name: str, cache: Path, *, estimators: bool) -> Json:
    """The report of one source, from its file where the code is still the same."""
    read, folds, left_out = SOURCES[name]
    path = cache / f"{name}-{'all' if estimators else 'feasibility'}-{_code()}.json"
    if path.exists():
        return dict(json.loads(path.read_text()))
    began, experience = time.monotonic(), read()
    report: Json = {"runs": len(experience.runs), "sources": [], "failed_share": 0.0, "rows": []}
    if estimators:
        report = evaluate(experience, tuple(ESTIMATORS), _say, folds=folds)
    report["feasibility"] = feasibility(experience, left_out, _say)
    report["seconds"] = round(time.monotonic() - began, 1)
    cache.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report))
    return report


def _code() -> str:
    files = sorted(path for folder in CODE for path in folder.rglob("*") if path.suffix in (".py", ".json"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def bars(reports: Mapping[str, Json]) -> dict[str, float]:
    """Shares of held-out runs within factor 1.3 (bytes) and 2 (seconds): of the starter by task left out, of PEFT
    by kind of adapter left out.
    """
    found: dict[str, float] = {}
    for name, left_out in (("starter", "task"), ("peft", "method")):
        for row in reports.get(name, {}).get("feasibility", []):
            if row["left_out"] == left_out:
                found[f"{name}_seconds"] = row["seconds"]["share"]
                found[f"{name}_bytes"] = row["bytes"]["share"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=SOURCES, action="append")
    asked = parser.parse_args()
    build = ROOT / "build" / "bench"
    reports: dict[str, Json] = {}
    for name in asked.only or SOURCES:
        if (asked.quick and name not in ("starter", "peft")) or not there(name):
            continue
        estimators = not asked.quick or name == "starter"
        reports[name] = measured(name, build / "estimators", estimators=estimators)
        print(f"\n## {name} ({reports[name]['seconds']} s)\n\n" + "\n".join(lines_of(reports[name])))
    document = {
        "machine": platform.machine(),
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "sklearn": sklearn.__version__,
        },
        "seeds": [0],
        "rows": [{"source": name, **report} for name, report in reports.items()],
        "bars": bars(reports),
    }
    results.write(document, build / "estimators.json")
    print("\nbars:", json.dumps(document["bars"]))


if __name__ == "__main__":
    main()
