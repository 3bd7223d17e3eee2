"""What does stopping hopeless trainings save, and does it cost the front? Real curves, replayed in many orders.

Trains pipelines drawn at random on two built-in sample sets, each to its end in a child process, and keeps curve and
seconds (build/bench/stopping-runs.json; what is there is not trained again). A curve says when it was where, so a
search in any order can be replayed exactly: each training is compared, after each evaluation, with what had ended
before it in that order. The starter experience (nine tasks) is replayed as well; the rules were chosen on it, not on
the trainings. A timeout pays its whole limit unless its curve stops it first.

`python tests/bench/bench_stopping.py [--quick] [--pipelines 10]`; --quick replays the starter experience alone.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one thread: the figures are of one core

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from automl.fronts import hypervolume  # noqa: E402
from automl.runners.base import SCORES, TrialResult, TrialSpec  # noqa: E402
from automl.runners.process import run  # noqa: E402
from automl.runners.stopping import RULES, Peer, Stopping, best_so_far  # noqa: E402
from automl.sources.datasets import DatasetRef, load  # noqa: E402
from automl.sources.language_models import MINILM  # noqa: E402
from automl.space import Choice, Real  # noqa: E402
from automl.spaces.tunelore import tunelore  # noqa: E402
from automl.values import Limits, Pipeline  # noqa: E402
from tests.bench import results  # noqa: E402

TABLE = ROOT / "knowledgebase" / "experiences" / "starter" / "experience.jsonl.gz"
SETS, ROWS = ("parameter-type", "exception-class"), 200
TRUNCATIONS = tuple(f"{MINILM}#layers={layers}" for layers in (2, 4))
#: So few rows need the upper half of the learning rates, and short texts no long windows.
QUICK: Mapping[str, Any] = {
    **{f"{name}.learning_rate": Real(1e-4, 1e-3, log=True) for name in ("full", "partial")},
    "lora.learning_rate": Real(1e-3, 1e-2, log=True),
    **{f"{name}.max_length": Choice((32, 48)) for name in ("full", "lora", "partial")},
}
METRIC = SCORES["text-classification"][0]
#: Trainings are recorded for so long, and searched under this limit.
RECORDED_S, LIMIT_S, STARTER_LIMIT_S = 120.0, 60.0, 60.0
ORDERS = 200
CACHE = str(ROOT / "build" / "cache")


@dataclass(frozen=True)
class Curve:
    """One run: its evaluations as (share, best score so far, seconds), and how it ended under the limit."""

    points: tuple[tuple[float, float, float], ...]
    score: float | None
    seconds: float

    def peer(self) -> Peer | None:
        if self.score is None or not self.points:
            return None
        return Peer(tuple(one[0] for one in self.points), tuple(one[1] for one in self.points), self.score)


def curve_of(record: Mapping[str, Any], limit_s: float) -> Curve:
    """A record, or a result of the runner, under a limit."""
    epochs = float(record["epochs"] or 0)
    heights = best_so_far(record["curve"], METRIC, epochs) if epochs else []
    times = [one["seconds"] for one in record["curve"] if f"eval_{METRIC}" in one.get("values", {})]
    points = tuple(
        (share, best, spent) for (share, best), spent in zip(heights, times, strict=True) if spent < limit_s
    )
    score, seconds = record["score"], record["seconds"]
    late = seconds >= limit_s
    return Curve(points, None if late else score, min(seconds, limit_s))


def starter() -> dict[str, list[Curve]]:
    """The curves of the starter experience by task."""
    found: dict[str, list[Curve]] = {}
    with gzip.open(TABLE, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            row = {
                "epochs": record["pipeline"]["hyperparameters"].get("epochs"),
                "curve": record.get("curve") or [],
                "score": (record.get("primary") or {}).get("value"),
                "seconds": record["cost"]["evaluation_s"],
            }
            found.setdefault(record["task"]["name"], []).append(curve_of(row, STARTER_LIMIT_S))
    return found


def drawn(count: int) -> list[Pipeline]:
    """Pipelines of all methods, a linear model first, as a search has it."""
    space = tunelore(TRUNCATIONS)
    rng = np.random.default_rng(20261121)
    trained = space.restrict(methods=["full", "lora", "partial"], parameters=QUICK).sample(rng, count - 3)
    others = space.restrict(methods=["probe"]).sample(rng, 2) + space.restrict(methods=["linear"]).sample(
        rng, 1
    )
    return others + trained


def trainings(sets: Sequence[str], count: int, kept: Path) -> dict[str, list[Curve]]:
    """Every pipeline on every set, from the file where it was trained before."""
    known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    found: dict[str, list[Curve]] = {}
    for name in sets:
        load(DatasetRef("builtin", name), cache=CACHE)  # built once, or the first run would pay for it
        for pipeline in drawn(count):
            key = f"{name} {ROWS} {pipeline.key()}"
            if key not in known:
                known[key] = trained(name, pipeline)
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(known), encoding="utf-8")
                print(
                    f"{name}: {known[key]['status']} after {known[key]['seconds']} s",
                    file=sys.stderr,
                    flush=True,
                )
            found.setdefault(name, []).append(curve_of(known[key], LIMIT_S))
    return found


def trained(name: str, pipeline: Pipeline) -> dict[str, Any]:
    """One real training."""
    spec = TrialSpec(
        pipeline,
        DatasetRef("builtin", name),
        train_rows=ROWS,
        validation_rows=ROWS,
        test_rows=20,
        seed=1,
        limits=Limits(wall_s=RECORDED_S),
        cache=CACHE,
    )
    result: TrialResult = run(spec, lambda progress: True)
    return {
        "status": result.status,
        "score": result.primary["value"] if result.primary else None,
        "seconds": result.cost.get("evaluation_s", RECORDED_S),
        "epochs": pipeline.hyperparameters.get("epochs"),
        "curve": result.curve,
    }


@dataclass
class Tally:
    """Over all orders of all tasks."""

    runs: int = 0
    stops: int = 0
    paid: float = 0.0
    saved: float = 0.0
    false_stops: int = 0
    kept: list[float] = field(default_factory=list)


def replay(
    curves: Sequence[Curve], rule: str, limit_s: float, rng: np.random.Generator, tally: Tally
) -> None:
    """One search in a random order under a rule."""
    peers: list[Peer] = []
    front: list[tuple[float, float]] = []
    on_front = {place for place in range(len(curves)) if _undominated(place, curves)}
    for place in rng.permutation(len(curves)):
        one = curves[place]
        end = stopped_at(one, Stopping(rule, tuple(peers), tuple(front)))
        tally.runs += 1
        tally.paid += one.seconds
        if end is not None and end < one.seconds:
            tally.stops += 1
            tally.saved += one.seconds - end
            tally.false_stops += int(place) in on_front
            continue
        peer = one.peer()
        peers += [] if peer is None else [peer]
        front += [] if one.score is None else [(one.score, one.seconds)]
    whole = [(one.score, one.seconds) for one in curves if one.score is not None]
    tally.kept.append(_volume(front, limit_s) / _volume(whole, limit_s))


def stopped_at(one: Curve, stopping: Stopping) -> float | None:
    """The seconds at which the rule ends a run; None where it lets it go on."""
    for at in range(len(one.points)):
        seen = [(share, best) for share, best, _ in one.points[: at + 1]]
        if stopping.verdict(seen, one.points[at][2]) is not None:
            return one.points[at][2]
    return None


def _undominated(place: int, curves: Sequence[Curve]) -> bool:
    one = curves[place]
    if one.score is None:
        return False
    return not any(
        rival.score is not None and rival.score >= one.score and rival.seconds <= one.seconds
        for at, rival in enumerate(curves)
        if at != place
    )


def _volume(points: Sequence[tuple[float, float]], limit_s: float) -> float:
    return hypervolume([one[0] for one in points], [one[1] for one in points], limit_s=limit_s)


def row(label: str, tasks: Mapping[str, Sequence[Curve]], rule: str, limit_s: float) -> dict[str, Any]:
    """A rule over all tasks and orders."""
    tally = Tally()
    for task in sorted(tasks):
        rng = np.random.default_rng(7)
        for _ in range(ORDERS):
            replay(tasks[task], rule, limit_s, rng, tally)
    return {
        "curves": label,
        "rule": rule,
        "tasks": len(tasks),
        "runs": sum(map(len, tasks.values())),
        "saved": tally.saved / tally.paid,
        "stopped": tally.stops / tally.runs,
        "false_stops": tally.false_stops / max(tally.stops, 1),
        "hv_kept": fmean(tally.kept),
        "hv_kept_worst": min(tally.kept),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "stopping.json")
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "bench" / "stopping-runs.json")
    parser.add_argument("--pipelines", type=int, default=10, help="runs on each of the sample sets, from 4")
    parser.add_argument("--sets", default=",".join(SETS), help="built-in sample sets, with commas")
    parser.add_argument("--quick", action="store_true", help="the starter experience alone")
    options = parser.parse_args(arguments)
    sources = [("starter experience", starter(), STARTER_LIMIT_S)]
    if not options.quick:
        sources.append(
            (
                "trainings",
                trainings(options.sets.split(","), max(options.pipelines, 4), options.kept),
                LIMIT_S,
            )
        )
    rows = [row(label, tasks, rule, limit) for label, tasks, limit in sources for rule in RULES]
    print(
        f"{'curves':20}{'rule':10}{'runs':>6}{'seconds saved':>15}{'stopped':>9}{'false':>8}{'HV kept':>9}{'worst':>8}"
    )
    for found in rows:
        print(
            f"{found['curves']:20}{found['rule']:10}{found['runs']:6}{found['saved']:15.3f}{found['stopped']:9.3f}"
            f"{found['false_stops']:8.3f}{found['hv_kept']:9.4f}{found['hv_kept_worst']:8.3f}"
        )
    result = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "orders": ORDERS,
        "rows": rows,
        "bars": {},
    }
    results.write(result, options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
