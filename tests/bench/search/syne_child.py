"""Transfer schedulers of Syne Tune, run by an interpreter of their own: one JSON object a line in, one out.

Knows Syne Tune and flat configurations; imports nothing of the project, whose packages need not be there.

    {"start": name, "space": [[parameter, kind, arguments], ...], "store": {task: [[values], [metrics]]}, "seed": n}
    {"ask": true} -> {parameter: value}        {"tell": metric}        the metric is to be minimised
"""

import contextlib
import json
import os
import sys
import warnings

import numpy as np
import pandas as pd
from syne_tune import config_space as domains
from syne_tune.optimizer.baselines import TPE
from syne_tune.optimizer.schedulers.ask_tell_scheduler import AskTellScheduler
from syne_tune.optimizer.schedulers.single_objective_scheduler import SingleObjectiveScheduler
from syne_tune.optimizer.schedulers.transfer_learning.bounding_box import BoundingBox
from syne_tune.optimizer.schedulers.transfer_learning.quantile_based.quantile_based_searcher import (
    QuantileBasedSurrogateSearcher,
)
from syne_tune.optimizer.schedulers.transfer_learning.transfer_learning_task_evaluation import (
    TransferLearningTaskEvaluations,
)

METRIC = "metric"
#: How many of each task's best span the box.
BEST_OF_TASK = 8


def domain(kind, arguments):
    return domains.choice(arguments[0]) if kind == "choice" else getattr(domains, kind)(*arguments)


def evaluations(space, store):
    found = {}
    for task, (rows, values) in store.items():
        frame = pd.DataFrame(rows, columns=list(space))
        array = np.asarray(values, dtype=float).reshape(-1, 1, 1, 1)
        found[task] = TransferLearningTaskEvaluations(space, frame, [METRIC], array)
    return found


class Quantiles:
    """Copula Thompson sampling: fitted once for a store, drawn from with each search's own seed."""

    def __init__(self):
        self.known = {}

    def start(self, key, space, store, seed):
        if key not in self.known:
            self.known = {
                key: QuantileBasedSurrogateSearcher(space, evaluations(space, store), random_seed=0)
            }
        searcher = self.known[key]
        searcher.random_state = np.random.RandomState(seed)
        return SingleObjectiveScheduler(space, METRIC, searcher=searcher, random_seed=seed)


def box(key, space, store, seed):
    """Parzen estimators within the box that each task's best span."""

    def inner(inside, metric, do_minimize, random_seed):
        return TPE(inside, metric, do_minimize=do_minimize, random_seed=random_seed)

    return BoundingBox(
        inner,
        space,
        METRIC,
        evaluations(space, store),
        do_minimize=True,
        num_hyperparameters_per_task=BEST_OF_TASK,
        random_seed=seed,
    )


def plain(value):
    return value.item() if hasattr(value, "item") else value


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    makers = {"quantiles": Quantiles().start, "box": box}
    running, trial = None, None
    with contextlib.redirect_stdout(sys.stderr):  # the schedulers print
        for line in sys.stdin:
            said = json.loads(line)
            if "start" in said:
                space = {name: domain(kind, arguments) for name, kind, arguments in said["space"]}
                key = json.dumps([said["space"], said["store"]])
                scheduler = makers[said["start"]](key, space, said["store"], said["seed"])
                running = AskTellScheduler(scheduler)
                answer = {}
            elif "ask" in said:
                trial = running.ask()
                answer = {name: plain(value) for name, value in trial.config.items()}
            else:
                running.tell(trial, {METRIC: said["tell"]})
                answer = {}
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
