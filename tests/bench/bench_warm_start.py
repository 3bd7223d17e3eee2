"""Does the warm start matter? Replays the starter experience, one task left out in turn.

Every sampler picks rows of the left-out task without replacement, each with a probability proportional to what its
current model gives to the row's pipeline; what a pick returns is the row's own score, seconds and outcome. Curves:
hypervolume (score against seconds, reference 0 at the table's time limit) after 2, 4, 6 and 8 picks, as a share of the
best there is in the whole table. `python tests/bench/bench_warm_start.py [--quick]`
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from automl.engine import Engine  # noqa: E402
from automl.fronts import hypervolume  # noqa: E402
from automl.priors import build_prior  # noqa: E402
from automl.spaces.tunelore import tunelore  # noqa: E402
from automl.values import Evidence, Limits, Outcome, Pipeline, TaskView  # noqa: E402

TABLE = ROOT / "knowledgebase" / "experiences" / "starter" / "experience.jsonl.gz"
PICKS = (2, 4, 6, 8)
# A generation of 2 learns three times within 8 picks; the library's own 4 would learn once.
POPULATION = 2
ARMS = ("random", "cold", "warm", "replay")


@dataclass(frozen=True)
class Row:
    """One run of the table as evidence, and as the outcome of a pick."""

    evidence: Evidence

    def outcome(self, number: int) -> Outcome:
        one = self.evidence
        return Outcome(number, one.pipeline, one.status, one.cause, one.score, one.seconds)


def read_table(path: Path) -> tuple[dict[str, list[Row]], dict[str, str], list[str]]:
    """Rows by task (repeats left out), names of tasks, language models."""
    tasks: dict[str, dict[str, Row]] = {}
    names: dict[str, str] = {}
    models: set[str] = set()
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            evidence = evidence_of(record)
            tasks.setdefault(evidence.task, {}).setdefault(evidence.pipeline.key(), Row(evidence))
            names[evidence.task] = record["task"]["name"]
            if evidence.pipeline.language_model:
                models.add(evidence.pipeline.language_model)
    return {task: list(rows.values()) for task, rows in tasks.items()}, names, sorted(models)


def evidence_of(record: Mapping[str, Any]) -> Evidence:
    model, limits, cost = record.get("language_model"), record.get("limits") or {}, record.get("cost") or {}
    key = None
    if model:
        key = f"{model['source']}:{model['name']}@{model['revision']}"
        key += f"#{model['variant']}" if model.get("variant") else ""
    return Evidence(
        id=record["id"],
        task=record["task"]["dataset"]["fingerprint"],
        metafeatures=record["task"]["metafeatures"]["values"],
        pipeline=Pipeline(record["pipeline"]["method"], record["pipeline"]["hyperparameters"], key),
        status=record["outcome"]["status"],
        cause=record["outcome"].get("cause"),
        score=(record.get("primary") or {}).get("value"),
        seconds=cost.get("evaluation_s"),
        memory_bytes=cost.get("host_memory_bytes"),
        limits=Limits(limits.get("wall_s"), limits.get("host_memory_bytes")),
        train_rows=(record.get("fidelity") or {}).get("train_rows"),
    )


def replay(
    arm: str, own: Sequence[Row], others: Sequence[Row], models: Sequence[str], seed: int
) -> list[float]:
    """Hypervolume after each pick, as a share of the best of the table."""
    space = tunelore(models)
    first = own[0].evidence
    target = TaskView(first.task, first.metafeatures, limits=first.limits)
    limit_s = first.limits.wall_s or 60.0
    prior = (
        build_prior(space, [row.evidence for row in others], target) if arm in ("warm", "replay") else None
    )
    name = "random" if arm in ("random", "replay") else "pge"
    options = {"population": POPULATION} if name == "pge" else {}
    engine = Engine(space, name, prior=prior, seed=seed, options=options)
    order = nearest_best(prior, others) if arm == "replay" and prior else []
    rng, left, curve = np.random.default_rng([seed, 7]), list(own), []
    whole = share(own, limit_s)
    for number in range(1, max(PICKS) + 1):
        row = left.pop(choose(engine, left, order, rng))
        engine.tell(row.outcome(number))
        curve.append(engine.hypervolume(limit_s) / whole if whole > 0 else 0.0)
    return curve


def choose(engine: Engine, left: Sequence[Row], order: Sequence[str], rng: np.random.Generator) -> int:
    """The index of the next row: the remembered order where there is one, else by the sampler's probabilities."""
    keys = [row.evidence.pipeline.key() for row in left]
    remembered = next((keys.index(key) for key in order if key in keys), None)
    if remembered is not None:
        return remembered
    logs = np.array(engine.log_weights([row.evidence.pipeline for row in left]))
    weights = np.exp(logs - logs.max())
    return int(rng.choice(len(left), p=weights / weights.sum()))


def nearest_best(prior: Any, others: Sequence[Row]) -> list[str]:
    """The plain rival: pipelines of the three nearest tasks' best runs in turn, by score times time saved."""
    ranked = []
    for near in prior.neighbours[:3]:
        rows = [row.evidence for row in others if row.evidence.task == near.task and row.evidence.is_positive]
        rows.sort(
            key=lambda one: -(one.score or 0.0) * (1 - (one.seconds or 0.0) / (one.limits.wall_s or 60.0))
        )
        ranked.append([one.pipeline.key() for one in rows])
    return [
        keys[place]
        for place in range(max(map(len, ranked), default=0))
        for keys in ranked
        if place < len(keys)
    ]


def share(rows: Sequence[Row], limit_s: float) -> float:
    done = [row.evidence for row in rows if row.evidence.is_positive and row.evidence.seconds is not None]
    return hypervolume(
        [one.score or 0.0 for one in done], [one.seconds or 0.0 for one in done], limit_s=limit_s
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    options = parser.parse_args()
    seeds = 2 if options.quick else options.seeds
    tasks, names, models = read_table(options.table)
    usable = {task: rows for task, rows in tasks.items() if len(rows) > max(PICKS)}
    print(f"{len(usable)} tasks, {sum(map(len, usable.values()))} rows, {seeds} seeds")
    curves: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
    rows_out = []
    for task, own in sorted(usable.items(), key=lambda item: names[item[0]]):
        others = [row for other, rows in usable.items() if other != task for row in rows]
        for arm in ARMS:
            found = [replay(arm, own, others, models, seed) for seed in range(seeds)]
            curves[arm] += found
            rows_out.append(
                {"task": names[task], "arm": arm, "hv": [fmean(run[at - 1] for run in found) for at in PICKS]}
            )
    show(rows_out, curves)
    write(rows_out, curves, seeds)
    return 0


def difference(curves: Mapping[str, list[list[float]]], arm: str, base: str, at: int) -> tuple[float, float]:
    """Mean and standard error of the paired difference after `at` picks."""
    gaps = [a[at - 1] - b[at - 1] for a, b in zip(curves[arm], curves[base], strict=True)]
    return fmean(gaps), stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0


def show(rows: Sequence[Mapping[str, Any]], curves: Mapping[str, list[list[float]]]) -> None:
    print(f"\n{'task':20}{'arm':8}" + "".join(f"{f'HV {at}':>8}" for at in PICKS))
    for row in rows:
        print(f"{row['task']:20}{row['arm']:8}" + "".join(f"{value:8.3f}" for value in row["hv"]))
    print(f"\n{'all tasks':20}{'':8}" + "".join(f"{f'HV {at}':>8}" for at in PICKS))
    for arm in ARMS:
        print(
            f"{'':20}{arm:8}" + "".join(f"{fmean(run[at - 1] for run in curves[arm]):8.3f}" for at in PICKS)
        )
    for arm, base in (("warm", "cold"), ("warm", "random"), ("warm", "replay")):
        gaps = [difference(curves, arm, base, at) for at in PICKS]
        print(f"{arm} - {base:12}" + "".join(f"  {mean:+.3f} ± {error:.3f}" for mean, error in gaps))


def write(rows: Sequence[Mapping[str, Any]], curves: Mapping[str, list[list[float]]], seeds: int) -> None:
    bars = {f"warm_minus_cold_hv_{at}": difference(curves, "warm", "cold", at)[0] for at in PICKS}
    document = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seeds": list(range(seeds)),
        "rows": list(rows),
        "bars": bars,
    }
    target = ROOT / "build" / "bench" / "warm-start.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
