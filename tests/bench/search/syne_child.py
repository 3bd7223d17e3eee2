"""Transfer schedulers of Syne Tune, run by an interpreter of their own: one JSON object a line in, one out.

Knows Syne Tune and flat configurations; imports nothing of the project, whose packages need not be there.

    {"start": name, "space": [[parameter, kind, arguments], ...], "store": {task: [[values], [metrics]]}, "seed": n}
    {"ask": true} -> {parameter: value}        {"tell": metric}        the metric is to be minimised
"""

import contextlib
import json
import os
import random
import sys
import warnings
from datetime import datetime

import numpy as np
import pandas as pd
from syne_tune import config_space as domains
from syne_tune.backend.trial_status import Trial
from syne_tune.blackbox_repository.blackbox_surrogate import BlackboxSurrogate
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
from syne_tune.optimizer.schedulers.transfer_learning.zero_shot import ZeroShotTransfer
from xgboost import XGBRegressor

METRIC = "metric"
#: How many of each task's best span the box.
BEST_OF_TASK = 8
#: How many configurations the quantile method draws.
CANDIDATES = 100_000


def domain(kind, arguments):
    return domains.choice(arguments[0]) if kind == "choice" else getattr(domains, kind)(*arguments)


def evaluations(space, store):
    found = {}
    for task, (rows, values) in store.items():
        frame = pd.DataFrame(rows, columns=list(space))
        array = np.asarray(values, dtype=float).reshape(-1, 1, 1, 1)
        found[task] = TransferLearningTaskEvaluations(space, frame, [METRIC], array)
    return found


class DrawnAtOnce(QuantileBasedSurrogateSearcher):
    """The same with its 100,000 configurations drawn a column at a time: one at a time takes minutes."""

    rows = None

    def _sample_random_config(self):
        if self.rows is None:
            columns = [
                one.sample(size=CANDIDATES, random_state=self.random_state)
                for one in self.config_space.values()
            ]
            self.rows = zip(*columns, strict=True)
        return dict(zip(self.config_space, next(self.rows), strict=True))


class Quantiles:
    """Copula Thompson sampling: fitted once for a store, drawn from with each search's own seed."""

    def __init__(self):
        self.known = {}

    def start(self, key, space, store, seed):
        if key not in self.known:
            self.known = {key: DrawnAtOnce(space, evaluations(space, store), random_seed=0)}
        searcher = self.known[key]
        searcher.random_state = np.random.RandomState(seed)
        return AskTellScheduler(SingleObjectiveScheduler(space, METRIC, searcher=searcher, random_seed=seed))


class Ranked:
    """Zero-shot: the configuration with the best mean rank over the tasks, beside those that were chosen before.

    As released it is no scheduler: what asks it gets its default searcher, uniform draws, and never its own choice;
    and with surrogates each task has configurations of its own, so that ranks of different ones are averaged. So its
    choice is asked for by name here, and the tasks share what was run on any of them, predicted by the surrogate that
    it uses itself. It ignores what it is told and draws nothing: searches with one store are the same, ranked once.
    """

    def __init__(self):
        self.known = {}

    def start(self, key, space, store, seed):
        if key not in self.known:
            scheduler = ZeroShotTransfer(
                space,
                METRIC,
                shared(space, store),
                sort_transfer_learning_evaluations=False,
                random_seed=seed,
            )
            self.known = {key: (scheduler, [])}
        self.scheduler, self.chosen = self.known[key]
        self.asked = 0
        return self

    def ask(self):
        if self.asked == len(self.chosen):
            self.chosen.append(self.scheduler.get_config())
        self.asked += 1
        return Trial(self.asked, self.chosen[self.asked - 1], datetime.now())

    def tell(self, trial, result):
        pass


def shared(space, store):
    """What was run on any task, with what each task's surrogate says of it."""
    frames = {
        task: pd.DataFrame(rows, columns=list(space)).astype({name: object for name in words(space)})
        for task, (rows, _) in store.items()
    }
    union = pd.concat(frames.values(), ignore_index=True).drop_duplicates(ignore_index=True)
    found = {}
    for task, (_, values) in store.items():
        model = BlackboxSurrogate.make_model_pipeline(space, {}, XGBRegressor())
        model.fit(frames[task], np.asarray(values, dtype=float).reshape(-1, 1))
        said = model.predict(union).reshape(-1, 1, 1, 1)
        found[task] = TransferLearningTaskEvaluations(space, union.copy(), [METRIC], said)
    return found


def words(space):
    return [name for name, one in space.items() if isinstance(one, domains.Categorical)]


def box(key, space, store, seed):
    """Parzen estimators within the box that each task's best span."""

    def inner(inside, metric, do_minimize, random_seed):
        return TPE(inside, metric, do_minimize=do_minimize, random_seed=random_seed)

    found = BoundingBox(
        inner,
        space,
        METRIC,
        evaluations(space, store),
        do_minimize=True,
        num_hyperparameters_per_task=BEST_OF_TASK,
        random_seed=seed,
    )
    return AskTellScheduler(found)


def plain(value):
    return value.item() if hasattr(value, "item") else value


def main():
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    makers = {"quantiles": Quantiles().start, "zero-shot": Ranked().start, "box": box}
    running, trial = None, None
    with contextlib.redirect_stdout(sys.stderr):  # the schedulers print
        for line in sys.stdin:
            said = json.loads(line)
            if "start" in said:
                space = {name: domain(kind, arguments) for name, kind, arguments in said["space"]}
                key = json.dumps([said["space"], said["store"]])
                random.seed(said["seed"])  # the box draws from the process's own numbers too
                np.random.seed(said["seed"])
                running = makers[said["start"]](key, space, said["store"], said["seed"])
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
