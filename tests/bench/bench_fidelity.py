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
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one thread: the figures are of one core
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from fidelity.table import (  # noqa: E402
    FRACTIONS,
    LIMIT_S,
    MODELS,
    Row,
    datasets,
    drawn,
    make_table,
    rows_of,
    spec_of,
    whole,
)

from automl.estimators.reading import STARTER, read_records  # noqa: E402
from automl.fronts import hypervolume  # noqa: E402
from automl.priors import Prior, build_prior  # noqa: E402
from automl.runners.execute import read  # noqa: E402
from automl.samplers.base import Setting  # noqa: E402
from automl.samplers.process import ProcessSampler  # noqa: E402
from automl.samplers.process_pool import placed  # noqa: E402
from automl.sources.datasets import DatasetRef  # noqa: E402
from automl.space import Space  # noqa: E402
from automl.spaces.tunelore import tunelore  # noqa: E402
from automl.values import Limits, Outcome, TaskView  # noqa: E402
from tests.bench import results  # noqa: E402

#: The seconds after which searches are looked at.
SPENT_S = (10, 20, 40, 80, 160)
ARMS = ("random", "random, fractions", "process", "process, fractions")
PAIRS = (("process, fractions", "process"), ("random, fractions", "random"), ("process", "random"))


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


def foretold(name: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """How a fraction ranks the pipelines that all rows rank, and the share of their seconds that it takes."""
    found = []
    ends = [row for row in rows if row.pipeline.train_fraction == 1]
    for fraction in sorted({row.pipeline.train_fraction for row in rows} - {1.0}):
        own = [row for row in rows if row.pipeline.train_fraction == fraction]
        ranks = [np.argsort(np.argsort([row.score or 0.0 for row in some])) for some in (own, ends)]
        shares = [a.seconds / b.seconds for a, b in zip(own, ends, strict=True)]
        rank = float(np.corrcoef(np.array(ranks))[0, 1])
        found.append(
            {
                "task": name,
                "fraction": fraction,
                "pipelines": len(own),
                "rank": rank,
                "seconds": median(shares),
            }
        )
    return found


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
                    line: dict[str, Any] = {
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
    known = json.loads(options.kept.read_text(encoding="utf-8"))
    space = tunelore(MODELS).with_fractions(FRACTIONS)
    ranked = [line for name in datasets() for line in foretold(name, rows_of(known, name, space))]
    for line in ranked:
        print(
            "{task:12}{fraction:9.3f}{pipelines:4} pipelines, ranks {rank:6.3f}, seconds {seconds:6.3f}".format(
                **line
            )
        )
    lines = measured(known, options.seeds)
    pairs = [*differences(lines, "hypervolume"), *differences(lines, "best_score")]
    show(lines, pairs)
    result = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "seeds": options.seeds,
        "rows": lines,
        "foretold": ranked,
        "differences": pairs,
        "bars": {},
    }
    results.write(result, options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
