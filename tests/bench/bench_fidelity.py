"""Do fractions of the training rows help a search? Real runs of the same pipelines on a ninth, a third and all rows.

(a) Makes a table of real runs through `automl.runners`: pipelines drawn at random (linear, probe, partial, full over
the packaged checkpoint and its first layers) on every fraction, judged on the same validation rows. Cost is processor
seconds of one thread, loading included, so that a busy machine makes no difference. What is in
build/bench/fidelity-runs.json is not run again; `--minutes` bounds what is added. Needs the shared data folder.

(b) Replays searches over that table: the sampler `process` by its own rules, its candidates the rows of the table,
with the fractions and without them (all rows only), until the same seconds are spent; `random` beside it. Without a
store (`cold`) and with the starter experience (`warm`). Hypervolume of score against seconds (reference 0 and
the limit), and the best score, both as a share of what the whole table has; differences are paired by task and seed.

`python tests/bench/bench_fidelity.py [--minutes 35] [--seeds 20] [--replay-only]`
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one thread: the figures are of one core
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from automl.estimators.reading import STARTER, read_records  # noqa: E402
from automl.fronts import hypervolume  # noqa: E402
from automl.priors import Prior, build_prior  # noqa: E402
from automl.runners.base import TrialSpec  # noqa: E402
from automl.runners.execute import execute, read, warm_up  # noqa: E402
from automl.samplers.base import Setting  # noqa: E402
from automl.samplers.process import ProcessSampler  # noqa: E402
from automl.samplers.process_pool import placed  # noqa: E402
from automl.sources.datasets import DatasetRef  # noqa: E402
from automl.sources.language_models import MINILM  # noqa: E402
from automl.space import Choice, Integer, Parameter, Real, Space  # noqa: E402
from automl.spaces.tunelore import tunelore  # noqa: E402
from automl.values import TRAIN_FRACTION, Limits, Outcome, Pipeline, TaskView  # noqa: E402

SHARED = Path(os.environ.get("TUNELORE_SHARED", ROOT.parent / "shared")) / "data" / "classification"
FRACTIONS = (1 / 9, 1 / 3, 1)
#: Rows to train on, of 4,909 and 6,000 that there are; rows to judge.
TRAIN_ROWS, JUDGED_ROWS = 1800, 400
#: Seconds at which nothing counts any more, and those after which searches are looked at.
LIMIT_S, SPENT_S = 120.0, (30, 60, 120, 240, 480)
MODELS = tuple(MINILM + variant for variant in ("#layers=1", "#layers=2", "#layers=4", ""))
SMALLER = MODELS[:2]
ARMS = ("random", "random, fractions", "process", "process, fractions")
PAIRS = (("process, fractions", "process"), ("random, fractions", "random"), ("process", "random"))


@dataclass(frozen=True)
class Row:
    """A real run of the table."""

    pipeline: Pipeline
    score: float | None
    seconds: float

    def outcome(self, number: int) -> Outcome:
        """Under the limit: what took longer was stopped there."""
        if self.score is None or self.seconds >= LIMIT_S:
            status = "timeout" if self.seconds >= LIMIT_S else "error"
            return Outcome(number, self.pipeline, status, "wall", seconds=min(self.seconds, LIMIT_S))
        return Outcome(number, self.pipeline, "ok", score=self.score, seconds=self.seconds)


def datasets() -> dict[str, DatasetRef]:
    """Short texts with many rows; SystemExit where the shared data is not there."""
    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED} is not there; TUNELORE_SHARED names the shared data folder")
    columns = {"trec": ("tsv", "question", "coarse"), "banking77": ("parquet", "text", "label")}
    return {
        name: DatasetRef(
            "file",
            name,
            path=f"{name}/train.{ending}",
            validation_path=f"{name}/validation.{ending}",
            test_path=f"{name}/test.{ending}",
            text_columns=(text,),
            label_column=label,
        )
        for name, (ending, text, label) in columns.items()
    }


def spec_of(dataset: DatasetRef, pipeline: Pipeline) -> TrialSpec:
    return TrialSpec(
        pipeline,
        dataset,
        train_rows=TRAIN_ROWS,
        validation_rows=JUDGED_ROWS,
        test_rows=20,
        seed=1,
        cache=str(ROOT / "build" / "cache"),
        data_roots=(str(SHARED),),
    )


def drawn() -> list[Pipeline]:
    """34 pipelines without a fraction, so ordered that every beginning has all methods in their shares.

    What trains has one or two layers and few epochs, or the table would take hours; and the upper part of the learning
    rates, because below it so few steps leave constant predictors, whatever the fraction.
    """
    rng, space = np.random.default_rng(20261121), tunelore(MODELS)
    own: dict[str, dict[str, Parameter]] = {
        name: {
            "learning_rate": Real(2e-4, 1e-3, log=True),
            "epochs": Integer(2, 5, log=True),
            "batch_size": Choice((16,)),
        }
        for name in ("partial", "full")
    }
    found: list[tuple[float, Pipeline]] = []
    for method, models, count in (
        ("linear", MODELS, 10),
        ("probe", MODELS, 12),
        ("partial", SMALLER, 5),
        ("full", SMALLER, 7),
    ):
        narrow = {**own.get(method, {}), **({} if method == "linear" else {"max_length": Choice((32, 48))})}
        parameters = {f"{method}.{name}": one for name, one in narrow.items()}
        part = space.restrict(methods=[method], language_models=models, parameters=parameters)
        named = [replace(one, space=space.name) for one in part.sample(rng, count)]
        found += [((place + 0.5) / count, one) for place, one in enumerate(named)]
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def make_table(kept: Path, minutes: float) -> None:
    """Runs what is missing until all is there or the minutes are over."""
    import torch

    torch.set_num_threads(1)
    warm_up("full")
    known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    end = time.monotonic() + 60 * minutes
    for one in drawn():
        for name, dataset in datasets().items():
            for fraction in FRACTIONS:
                key = key_of(name, one, fraction)
                if key in known or time.monotonic() > end:
                    continue
                known[key] = run_one(dataset, one, fraction)
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text(json.dumps(known), encoding="utf-8")
                print(f"{len(known):4} {name} {one.method} {fraction:.3f}: {known[key]}", flush=True)


def key_of(name: str, pipeline: Pipeline, fraction: float) -> str:
    return f"{name} {TRAIN_ROWS} {fraction:.6f} {pipeline.key()}"


def run_one(dataset: DatasetRef, pipeline: Pipeline, fraction: float) -> dict[str, Any]:
    """One real run in this process: the libraries are loaded, and no limit ends it."""
    values = {**pipeline.hyperparameters, TRAIN_FRACTION: fraction}
    result = execute(spec_of(dataset, replace(pipeline, hyperparameters=values)))
    return {
        "status": result.status,
        "score": result.primary["value"] if result.primary else None,
        "seconds": result.cost.get("cpu_s"),
        "rows": result.fidelity.get("train_rows"),
    }


def rows_of(known: Mapping[str, Any], name: str, space: Space) -> list[Row]:
    """The table of a task: pipelines that ran on every fraction, as the space has them."""
    found = []
    for one in drawn():
        runs = [known.get(key_of(name, one, fraction)) for fraction in FRACTIONS]
        if all(run is not None for run in runs):
            for fraction, run in zip(FRACTIONS, runs, strict=True):
                values = {**one.hyperparameters, TRAIN_FRACTION: float(f"{fraction:.6g}")}
                found.append(Row(replace(one, hyperparameters=values), run["score"], run["seconds"]))
    if wrong := [reason for row in found for reason in space.reasons(row.pipeline)]:
        raise SystemExit(f"the table has pipelines outside of its space: {wrong[0]}")
    return found


def whole(rows: Sequence[Row]) -> list[Row]:
    """The runs on all rows, as pipelines of a space without fractions."""
    return [
        replace(row, pipeline=replace(row.pipeline, hyperparameters=_without(row.pipeline)))
        for row in rows
        if row.pipeline.train_fraction == 1
    ]


def _without(pipeline: Pipeline) -> dict[str, Any]:
    return {name: value for name, value in pipeline.hyperparameters.items() if name != TRAIN_FRACTION}


class TableProcess(ProcessSampler):
    """The sampler by its own rules, with the rows of a table as its only candidates."""

    def __init__(self, setting: Setting, rows: Sequence[Row]) -> None:
        super().__init__(setting)
        self.pool = placed(self.base, [row.pipeline for row in rows])
        self.drawn = len(self.pool)
        self.search = self._start()


def search(rows: Sequence[Row], sampler: ProcessSampler | None, seed: int, most_s: float) -> list[Outcome]:
    """Outcomes in their order until the seconds are spent; without a sampler in a random order."""
    by_key = {row.pipeline.key(): row for row in rows}
    order = np.random.default_rng([seed, 5]).permutation(len(rows))
    history: list[Outcome] = []
    spent = 0.0
    while spent < most_s and len(history) < len(rows):
        number = len(history) + 1
        if sampler is None:
            row = rows[order[number - 1]]
        else:
            sampler.learn(history)
            proposal = sampler.propose(number, {item.pipeline.key() for item in history})
            if proposal is None or proposal.pipeline.key() not in by_key:
                break
            row = by_key[proposal.pipeline.key()]
        history.append(row.outcome(number))
        spent += history[-1].seconds or 0.0
    return history


def at_seconds(history: Sequence[Outcome], most_s: float) -> tuple[float, float]:
    """Hypervolume and best score of what had ended by then."""
    ended, spent = [], 0.0
    for item in history:
        spent += item.seconds or 0.0
        if spent > most_s:
            break
        if item.is_success:
            ended.append((item.score or 0.0, item.seconds or 0.0))
    scores, seconds = [one[0] for one in ended], [one[1] for one in ended]
    return hypervolume(scores, seconds, limit_s=LIMIT_S), max(scores, default=0.0)


def prior_of(space: Space, view: TaskView, *, warm: bool) -> Prior:
    """The starter experience without the task's own source, or no runs at all; facts of the checkpoints either way."""
    starter = read_records([STARTER])
    runs = [run for run in starter.runs if starter.source_of(run) != view.task] if warm else []
    return build_prior(space, runs, view, facts=starter.facts)


def view_of(name: str, dataset: DatasetRef) -> TaskView:
    from tunelore import describe

    splits = read(spec_of(dataset, drawn()[0]))
    features = describe.classification_metafeatures(splits.train.texts, splits.train.labels)
    return TaskView(name, features["values"], limits=Limits(wall_s=LIMIT_S), train_rows=len(splits.train))


def replay(rows: Sequence[Row], view: TaskView, seeds: int, *, warm: bool) -> dict[str, list[list[Outcome]]]:
    """Every arm's searches of one task, one for each seed."""
    plain = tunelore(MODELS)
    found: dict[str, list[list[Outcome]]] = {}
    for label, space, own in (
        ("", plain, whole(rows)),
        (", fractions", plain.with_fractions(FRACTIONS), list(rows)),
    ):
        prior = prior_of(space, view, warm=warm)
        for seed in range(seeds):
            setting = Setting(space, prior, seed=seed, options={"pool": 20, "near_best": 0})
            sampler = TableProcess(setting, own)
            found.setdefault(f"process{label}", []).append(search(own, sampler, seed, max(SPENT_S)))
            found.setdefault(f"random{label}", []).append(search(own, None, seed, max(SPENT_S)))
    return found


def measured(known: Mapping[str, Any], seeds: int) -> list[dict[str, Any]]:
    """A line for each kind of store, task, arm and number of seconds."""
    lines = []
    space = tunelore(MODELS).with_fractions(FRACTIONS)
    for name, dataset in datasets().items():
        rows, view = rows_of(known, name, space), view_of(name, dataset)
        everything = at_seconds([row.outcome(1) for row in rows], float("inf"))
        for store in ("cold", "warm"):
            for arm, searches in replay(rows, view, seeds, warm=store == "warm").items():
                for most in SPENT_S:
                    values = [at_seconds(history, most) for history in searches]
                    line = {
                        "store": store,
                        "task": name,
                        "arm": arm,
                        "spent_s": most,
                        "pipelines": len(rows) // 3,
                    }
                    line["hypervolume"] = [value[0] / everything[0] for value in values]
                    line["best_score"] = [value[1] / everything[1] for value in values]
                    line["runs"] = fmean(_ended(history, most) for history in searches)
                    lines.append(line)
    return lines


def _ended(history: Sequence[Outcome], most_s: float) -> int:
    return int((np.cumsum([item.seconds or 0.0 for item in history]) <= most_s).sum())


def differences(lines: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, Any]]:
    """One arm minus the other, paired by task and seed; the error is that of the mean over the pairs."""
    found = []
    for store in ("cold", "warm"):
        for one, other in PAIRS:
            line: dict[str, Any] = {"store": store, "pair": f"{one} - {other}", "metric": metric}
            for most in SPENT_S:
                gaps = _gaps(lines, store, most, (one, other), metric)
                line[str(most)] = [fmean(gaps), stdev(gaps) / len(gaps) ** 0.5]
            found.append(line)
    return found


def _gaps(
    lines: Sequence[Mapping[str, Any]], store: str, most: int, pair: tuple[str, str], metric: str
) -> list[float]:
    own = [line for line in lines if (line["store"], line["spent_s"]) == (store, most)]
    values = {(line["task"], line["arm"]): line[metric] for line in own}
    tasks = sorted({line["task"] for line in own})
    return [
        a - b for task in tasks for a, b in zip(values[task, pair[0]], values[task, pair[1]], strict=True)
    ]


def show(lines: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> None:
    head = "".join(f"{most:>9} s" for most in SPENT_S)
    for metric in ("hypervolume", "best_score"):
        print(f"\n{metric}, share of the table's{head:>60}")
        for store in ("cold", "warm"):
            for task in sorted({line["task"] for line in lines}):
                for arm in ARMS:
                    own = [x for x in lines if (x["store"], x["task"], x["arm"]) == (store, task, arm)]
                    cells = "".join(f"{fmean(x[metric]):11.3f}" for x in own)
                    print(f"{store:6}{task:12}{arm:22}{cells}")
        for pair in (one for one in pairs if one["metric"] == metric):
            cells = "".join(f"{pair[str(most)][0]:+7.3f}±{pair[str(most)][1]:.3f}" for most in SPENT_S)
            print(f"{pair['store']:6}{pair['pair']:38}{cells}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", type=Path, default=ROOT / "build" / "bench" / "fidelity.json")
    parser.add_argument("--kept", type=Path, default=ROOT / "build" / "bench" / "fidelity-runs.json")
    parser.add_argument(
        "--minutes", type=float, default=35.0, help="at most so long for runs that are missing"
    )
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--replay-only", action="store_true", help="with the runs that there are")
    options = parser.parse_args(arguments)
    if not options.replay_only:
        make_table(options.kept, options.minutes)
    lines = measured(json.loads(options.kept.read_text(encoding="utf-8")), options.seeds)
    pairs = [*differences(lines, "hypervolume"), *differences(lines, "best_score")]
    show(lines, pairs)
    result = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seeds": options.seeds,
        "rows": lines,
        "differences": pairs,
        "bars": {},
    }
    options.target.parent.mkdir(parents=True, exist_ok=True)
    options.target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {options.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
