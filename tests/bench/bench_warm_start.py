"""Does the warm start matter? Replays the starter experience, one task left out in turn.

Every sampler picks rows of the left-out task without replacement, each with a probability proportional to how
many times as likely as a uniform draw its current model makes the row's pipeline; what a pick returns is the
row's own score, seconds and outcome. Curves after 2, 4, 6 and 8 picks, as shares of the best that the whole
table of the task holds: hypervolume (score against seconds, reference 0 at the time limit) and best score.

    random    uniform picks                       cold      evolution without a prior
    warm      evolution, prior from other tasks   shuffled  the same, outcomes dealt out anew elsewhere
    replay    best runs of the 3 nearest tasks    process   the default sampler, its best row each time
    process cold   the same without a store       process fast   the same, paying much more for seconds
    high-liar, knn-50, ...   evolution from a prior of the reference system, by its name, without a defect

`python tests/bench/bench_warm_start.py [--quick] [--sweep]`; --sweep changes one option of the prior at a
time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from automl.engine import Engine  # noqa: E402
from automl.fronts import hypervolume  # noqa: E402
from automl.priors import PRIORS, Prior, PriorOptions, Rate, build_prior, prior_options  # noqa: E402
from automl.samplers.process import ProcessSampler  # noqa: E402
from automl.spaces.tunelore import tunelore  # noqa: E402
from automl.values import Evidence, Limits, Outcome, Pipeline, TaskView  # noqa: E402
from tests.bench import results  # noqa: E402

TABLE = ROOT / "knowledgebase" / "experiences" / "starter" / "experience.jsonl.gz"
PICKS = (2, 4, 6, 8)
# A generation of 2 learns three times before the eighth pick; the library's own 4 would learn once.
POPULATION = 2
#: Of the reference system's priors those that are the same on every task, and its memory baselines.
NAMED = tuple(name for name in PRIORS if "/" not in name)
ARMS = ("random", "cold", *NAMED, "warm", "shuffled", "replay", "process cold", "process", "process fast")
PAIRS = (
    ("process", "warm"),
    ("process", "replay"),
    ("process", "process cold"),
    ("warm", "cold"),
    ("warm", "random"),
    ("warm", "shuffled"),
    ("shuffled", "random"),
    ("warm", "replay"),
    *(("process", name) for name in NAMED),
)
METRICS = ("hypervolume", "best score")


@dataclass(frozen=True)
class Table:
    """The runs of every task (repeats left out), the tasks' names and all language models."""

    tasks: Mapping[str, Sequence[Evidence]]
    names: Mapping[str, str]
    language_models: Sequence[str]


@dataclass(frozen=True)
class Curve:
    """One search: a value of each metric after each pick."""

    task: str
    arm: str
    values: Mapping[str, Sequence[float]]


def read_table(path: Path) -> Table:
    """Records v1, one a line; tasks with too few runs for a curve are left out."""
    tasks: dict[str, dict[str, Evidence]] = {}
    names: dict[str, str] = {}
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            evidence = evidence_of(record)
            tasks.setdefault(evidence.task, {}).setdefault(evidence.pipeline.key(), evidence)
            names[evidence.task] = record["task"]["name"]
    usable = {task: list(rows.values()) for task, rows in tasks.items() if len(rows) > max(PICKS)}
    models = {row.pipeline.language_model for rows in usable.values() for row in rows}
    return Table(usable, names, sorted(model for model in models if model))


def evidence_of(record: Mapping[str, Any]) -> Evidence:
    """A record as the library sees it."""
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


def shuffled(rows: Sequence[Evidence], seed: int) -> list[Evidence]:
    """The same runs with the pipelines of each task dealt out anew: true marginals, no knowledge."""
    rng, found = np.random.default_rng([seed, 11]), []
    for task in sorted({row.task for row in rows}):
        own = [row for row in rows if row.task == task]
        for row, place in zip(own, rng.permutation(len(own)), strict=True):
            found.append(replace(row, pipeline=own[place].pipeline))
    return found


def search(table: Table, task: str, arm: str, seed: int, options: PriorOptions | None = None) -> Curve:
    """One search on a left-out task."""
    own, space = table.tasks[task], tunelore(table.language_models)
    others = [row for other, rows in table.tasks.items() if other != task for row in rows]
    target = TaskView(task, own[0].metafeatures, limits=own[0].limits)
    prior = None
    if arm == "process cold":
        prior = build_prior(space, (), target, options)
    elif arm not in ("random", "cold"):
        store = shuffled(others, seed) if arm == "shuffled" else others
        prior = build_prior(space, store, target, prior_options(arm) if arm in NAMED else options)
    name = "random" if arm in ("random", "replay") else "process" if arm.startswith("process") else "pge"
    settings: dict[str, object] = {"population": POPULATION} if name == "pge" else {}
    if arm == "process fast":
        settings["fast"] = True
    engine = Engine(space, name, prior=prior, seed=seed, options=settings)
    order = nearest_best(prior, others) if arm == "replay" and prior else []
    rng, left, limit_s = np.random.default_rng([seed, 7]), list(own), own[0].limits.wall_s or 60.0
    whole = metrics([outcome(row, 1) for row in own], limit_s)
    values: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for number in range(1, max(PICKS) + 1):
        row = left.pop(choose(engine, left, order, rng))
        engine.tell(outcome(row, number))
        for metric, value in metrics(engine.history, limit_s).items():
            values[metric].append(value / whole[metric] if whole[metric] > 0 else 0.0)
    return Curve(task, arm, values)


def outcome(row: Evidence, number: int) -> Outcome:
    return Outcome(number, row.pipeline, row.status, row.cause, row.score, row.seconds)


def choose(engine: Engine, left: Sequence[Evidence], order: Sequence[str], rng: np.random.Generator) -> int:
    """The index of the next row: by the remembered order if there is one, else by the sampler's own odds."""
    keys = [row.pipeline.key() for row in left]
    remembered = next((keys.index(key) for key in order if key in keys), None)
    if remembered is not None:
        return remembered
    logs = np.array(engine.log_weights([row.pipeline for row in left]))
    if engine.sampler.__class__ is ProcessSampler:
        return int(np.argmax(logs))  # it proposes the best it sees, it does not draw
    weights = np.exp(logs - logs.max())
    return int(rng.choice(len(left), p=weights / weights.sum()))


def nearest_best(prior: Prior, others: Sequence[Evidence]) -> list[str]:
    """Pipelines of the three nearest tasks' best runs in turn, by score times the share of time saved."""
    ranked = []
    for near in prior.neighbours[:3]:
        rows = [row for row in others if row.task == near.task and row.is_positive]
        worth = {
            row.id: (row.score or 0.0) * (1 - (row.seconds or 0.0) / (row.limits.wall_s or 60.0))
            for row in rows
        }
        ranked.append([row.pipeline.key() for row in sorted(rows, key=lambda row: -worth[row.id])])
    longest = max(map(len, ranked), default=0)
    return [keys[place] for place in range(longest) for keys in ranked if place < len(keys)]


def metrics(outcomes: Sequence[Outcome], limit_s: float) -> dict[str, float]:
    """Hypervolume and best score of what went well."""
    done = [item for item in outcomes if item.is_success and item.seconds is not None]
    scores = [item.score or 0.0 for item in done]
    volume = hypervolume(scores, [item.seconds or 0.0 for item in done], limit_s=limit_s)
    return {"hypervolume": volume, "best score": max(scores, default=0.0)}


def all_curves(
    table: Table, arms: Sequence[str], seeds: int, options: PriorOptions | None = None
) -> list[Curve]:
    """Every task left out in turn, every seed."""
    return [
        search(table, task, arm, seed, options)
        for arm in arms
        for task in table.tasks
        for seed in range(seeds)
    ]


def mean_at(curves: Sequence[Curve], arm: str, metric: str, at: int, task: str | None = None) -> float:
    """The mean over searches after `at` picks."""
    return fmean(
        item.values[metric][at - 1] for item in curves if item.arm == arm and task in (None, item.task)
    )


def difference(curves: Sequence[Curve], pair: tuple[str, str], metric: str, at: int) -> tuple[float, float]:
    """Mean of the paired difference after `at` picks and its standard error, taken over tasks.

    Seeds of one task share the task, so each task's mean over seeds is one observation.
    """
    tasks = sorted({item.task for item in curves})
    gaps = [
        mean_at(curves, pair[0], metric, at, task) - mean_at(curves, pair[1], metric, at, task)
        for task in tasks
    ]
    return fmean(gaps), stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0


def show(table: Table, curves: Sequence[Curve]) -> None:
    """The curves by task, over all tasks, and the paired differences."""
    head = "".join(f"{at:>8}" for at in PICKS)
    print(f"{'hypervolume':20}{'':12}{head}")
    for task in sorted(table.tasks, key=lambda key: table.names[key]):
        for arm in ARMS:
            row = "".join(f"{mean_at(curves, arm, 'hypervolume', at, task):8.3f}" for at in PICKS)
            print(f"{table.names[task][:17]:18}{arm:14}{row}")
    for metric in METRICS:
        print(f"\n{metric + ', all tasks':32}{head}")
        for arm in ARMS:
            row = "".join(f"{mean_at(curves, arm, metric, at):8.3f}" for at in PICKS)
            print(f"{'':18}{arm:14}{row}")
        for pair in PAIRS:
            gaps = [difference(curves, pair, metric, at) for at in PICKS]
            row = "".join(f"  {mean:+.3f} ± {error:.3f}" for mean, error in gaps)
            print(f"{' - '.join(pair):32}{row}")


def sweep(table: Table, seeds: int) -> list[dict[str, Any]]:
    """Warm hypervolume with one option of the prior changed at a time."""
    base = PriorOptions()
    changes: list[tuple[str, PriorOptions]] = [("default", base)]
    changes += [(f"neighbours {k}", replace(base, neighbours=k)) for k in (1, 3, None)]
    changes += [(f"beta_scale {b}", replace(base, beta_scale=b)) for b in (0.0, 1.0, 2.0)]
    changes += [(f"positive {v}", replace(base, positive=Rate("adaptive", v))) for v in (1.0, 3.0, 8.0)]
    changes += [(f"negative {v}", replace(base, negative=Rate("adaptive", v))) for v in (0.0, 1.0, 2.0)]
    changes += [("not centred", replace(base, centred=False))]
    kinds = ("weighted_sum_v1", "weighted_sum_v2", "linear_front", "logarithmic_front")
    changes += [(kind, replace(base, utility=kind)) for kind in kinds]
    rows = []
    print(f"\n{'warm hypervolume':30}" + "".join(f"{at:>8}" for at in PICKS))
    for label, options in changes:
        curves = all_curves(table, ["warm"], seeds, options)
        means = [mean_at(curves, "warm", "hypervolume", at) for at in PICKS]
        print(f"{label:30}" + "".join(f"{mean:8.3f}" for mean in means))
        rows.append({"arm": "warm", "options": label, "hypervolume": means})
    return rows


def document(table: Table, curves: Sequence[Curve], seeds: int) -> dict[str, Any]:
    """The result in the shape of all benches."""
    rows = [
        {
            "task": table.names[task],
            "arm": arm,
            **{metric: [mean_at(curves, arm, metric, at, task) for at in PICKS] for metric in METRICS},
        }
        for task in table.tasks
        for arm in ARMS
    ]
    bars = {}
    for ahead, behind in PAIRS:
        for at in PICKS:
            mean, error = difference(curves, (ahead, behind), "hypervolume", at)
            bars[f"{ahead}_minus_{behind}_hv_{at}"] = mean
            bars[f"{ahead}_minus_{behind}_hv_{at}_error"] = error
    return {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seeds": list(range(seeds)),
        "population": POPULATION,
        "rows": rows,
        "bars": bars,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=TABLE, help="records v1, gzipped JSON Lines")
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "warm-start.json")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--quick", action="store_true", help="2 seeds")
    parser.add_argument("--sweep", action="store_true", help="also change one option of the prior at a time")
    options = parser.parse_args(arguments)
    seeds = 2 if options.quick else options.seeds
    table = read_table(options.table)
    if len(table.tasks) < 3:
        print(
            f"{options.table} holds {len(table.tasks)} tasks with more than {max(PICKS)} runs; 3 are needed"
        )
        return 1
    print(f"{len(table.tasks)} tasks, {sum(map(len, table.tasks.values()))} rows, {seeds} seeds\n")
    curves = all_curves(table, ARMS, seeds)
    show(table, curves)
    result = document(table, curves, seeds)
    if options.sweep:
        result["rows"] += sweep(table, seeds)
    results.write(result, options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
