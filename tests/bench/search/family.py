"""An invented family of related fine-tuning tasks with a known structure, to measure samplers on.

Knows the space "tunelore/1" and nothing of any sampler or estimator. FROZEN: it was committed before the first
sampler was run on it, and a change makes every figure measured so far incomparable (raise `VERSION` then).

Tasks and checkpoints have hidden traits; how well they fit decides most of the score, and a task's
meta-features show only a part of them. Seconds follow from sizes and rows in closed form, times a factor per
(task, checkpoint) that nothing explains where `time_noise` says so; memory has constants of its own. What
passes a limit fails: out of memory soon, a timeout after all of its time; a few runs die of nothing at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from automl.space import Space
from automl.spaces.tunelore import tunelore
from automl.values import Features, Limits, Pipeline, TaskView

VERSION = 1
TRAITS = 3
RANDOM_FAILURES = 0.03


@dataclass(frozen=True)
class FamilySpec:
    """What differs between families."""

    name: str
    seed: int
    methods: tuple[str, ...] = ("full", "lora", "partial")
    tasks: int = 10
    checkpoints: int = 12
    score_noise: float = 0.08
    """Spread of an observed score on the logit scale."""
    fit: float = 0.45
    """How much of a score is the fit of checkpoint and task, which neighbours share."""
    own: float = 0.25
    """How much of it is the pair's own, which nobody shares."""
    seen_traits: int = 2
    """How many of a task's three traits its meta-features show."""
    time_noise: float = 0.0
    """Spread of ln seconds per (task, checkpoint) that nothing explains."""
    score_seed: int | None = None
    """Another seed for traits and scores alone: tasks that look the same and are not related."""


@dataclass(frozen=True)
class Checkpoint:
    key: str
    parameters: float
    hidden: int
    layers: int
    quality: float
    optimum: float
    traits: tuple[float, ...]


@dataclass(frozen=True)
class Run:
    """What really happens: `score` and `seconds` without noise, None where it fails."""

    status: str
    cause: str | None
    score: float | None
    seconds: float


class Family:
    """Tasks 0 to tasks - 1; everything follows from the spec."""

    def __init__(self, spec: FamilySpec) -> None:
        self.spec = spec
        scores = spec.seed if spec.score_seed is None else spec.score_seed
        self._body, self._soul = np.random.default_rng([spec.seed, 1]), np.random.default_rng([scores, 2])
        self.checkpoints = self._make_checkpoints()
        self.space: Space = tunelore([one.key for one in self.checkpoints]).restrict(methods=spec.methods)
        self.by_key = {one.key: (place, one) for place, one in enumerate(self.checkpoints)}
        self._make_tasks()
        self._limits: dict[int, Limits] = {}

    def _make_checkpoints(self) -> list[Checkpoint]:
        count = self.spec.checkpoints
        sizes = np.exp(np.linspace(math.log(4e6), math.log(3.5e8), count))
        sizes *= np.exp(self._body.normal(0, 0.25, count))
        names = self._body.permutation(count)
        found = []
        for place, size in enumerate(sizes):
            layers = int(np.clip(round(2.2 * (size / 1e6) ** 0.37), 2, 24))
            hidden = int(64 * round(math.sqrt(size / (14 * layers)) / 64 + 1))
            relative = (math.log(size) - math.log(4e7)) / 1.3
            quality = 0.28 * relative + 0.45 * self._soul.normal()
            optimum = -4.0 - 0.16 * relative + 0.15 * self._soul.normal()
            traits = tuple(self._soul.normal(0, 1, TRAITS).tolist())
            key = f"invented:{self.spec.name}/encoder-{names[place]:02d}@1"
            found.append(Checkpoint(key, float(size), hidden, layers, quality, optimum, traits))
        return found

    def _make_tasks(self) -> None:
        body, soul, spec = self._body, self._soul, self.spec
        n, c = spec.tasks, spec.checkpoints
        self.rows = np.exp(body.uniform(math.log(500), math.log(4000), n)).astype(int)
        self.classes = body.integers(2, 15, n)
        self.length = np.exp(body.uniform(math.log(18), math.log(110), n))
        self.unexplained = body.normal(0, 1, (n, c))
        shown = body.normal(0, 1, (n, TRAITS))  # what the meta-features show, whatever the scores follow
        self.traits = shown if spec.score_seed is None else soul.normal(0, 1, (n, TRAITS))
        self.shown = shown
        self.pair = soul.normal(0, 1, (n, c))
        self.level = soul.normal(0.2, 0.6, n)
        self.scale = np.exp(soul.normal(0, 0.2, n))
        self.shift = 0.1 * soul.normal(0, 1, n)
        self.likes_lora = 0.2 * soul.normal(0, 1, n)
        self.likes_weights = 0.12 * soul.normal(0, 1, n)

    def facts(self) -> dict[str, dict[str, float]]:
        """What a card says of each checkpoint."""
        return {
            one.key: {
                "parameters": one.parameters,
                "hidden_size": float(one.hidden),
                "layers": float(one.layers),
            }
            for one in self.checkpoints
        }

    def metafeatures(self, task: int) -> Features:
        noise = np.random.default_rng([self.spec.seed, 3, task]).normal(0, 0.25, TRAITS)
        seen = self.shown[task] + noise
        found: dict[str, float | None] = {
            "instances": float(self.rows[task]),
            "classes": float(self.classes[task]),
            "mean_length": float(self.length[task]),
        }
        for place, name in list(enumerate(("landmark", "imbalance", "class_entropy")))[
            : self.spec.seen_traits
        ]:
            found[name] = float(1 / (1 + math.exp(-seen[place])))
        return found

    def view(self, task: int) -> TaskView:
        return TaskView(
            f"{self.spec.name}-{task}",
            self.metafeatures(task),
            limits=self.limits(task),
            train_rows=int(self.rows[task]),
        )

    # time and memory ------------------------------------------------------------------------------------

    def seconds(self, pipeline: Pipeline, task: int) -> float:
        """Of a run that is left to end."""
        values, rows = pipeline.hyperparameters, float(self.rows[task])
        if pipeline.language_model is None:
            return 0.4 + rows * self.length[task] * (1 + 2 * _number(values, "ngram_max", 2)) / 4e5
        place, one = self.by_key[pipeline.language_model]
        epochs, batch = _number(values, "epochs", 1), _number(values, "batch_size", 16)
        tokens = min(_number(values, "max_length", 64), 1.6 * self.length[task] + 6)
        backward = _backward(pipeline)
        work = one.parameters * rows * tokens * epochs * (1 + backward) * 2
        busy = work / (1.1e11 * batch / (batch + 3))
        steps = rows * epochs / batch * 0.004 * one.layers / 6
        explained = 1.5 + one.parameters / 6e7 + busy + steps
        return float(explained * math.exp(self.spec.time_noise * self.unexplained[task, place]))

    def memory(self, pipeline: Pipeline, task: int) -> float:
        """The peak, in bytes."""
        if pipeline.language_model is None:
            return 2e8
        _, one = self.by_key[pipeline.language_model]
        values = pipeline.hyperparameters
        batch, tokens = _number(values, "batch_size", 16), _number(values, "max_length", 64)
        trained = {"full": 1.0, "lora": 0.01, "probe": 0.0}.get(
            pipeline.method, 1 - 0.8 * _number(values, "frozen_share", 0)
        )
        held = 4 * one.parameters * (1 + 3.2 * trained)
        kept = 0.15 if pipeline.method == "probe" else 0.55 + 0.45 * trained
        activations = 4 * batch * tokens * one.layers * (19 * one.hidden + 1.3 * tokens * 12) * kept
        return float(3.5e8 + held + 1.4 * activations)

    def limits(self, task: int) -> Limits:
        """Limits under which a share between 34 and 46 % of uniform pipelines fails, a third of it of memory."""
        if task not in self._limits:
            draws = self.space.sample(np.random.default_rng([self.spec.seed, 4]), 1500)
            spent = np.array([self.seconds(one, task) for one in draws])
            held = np.array([self.memory(one, task) for one in draws])
            failing = np.random.default_rng([self.spec.seed, 5, task]).uniform(0.34, 0.46)
            allowed = float(np.quantile(held, 1 - failing / 3))
            fitting = np.sort(spent[held <= allowed])
            wall = fitting[int((1 - failing) * len(draws))]
            self._limits[task] = Limits(wall_s=float(round(wall, 1)), host_memory_bytes=int(allowed))
        return self._limits[task]

    # scores ---------------------------------------------------------------------------------------------

    def score(self, pipeline: Pipeline, task: int) -> float:
        """In [0, 1], without noise."""
        values = pipeline.hyperparameters
        latent = -1.1 + self._counts(pipeline, task)
        if pipeline.language_model is not None:
            place, one = self.by_key[pipeline.language_model]
            fit = float(np.dot(one.traits, self.traits[task])) / math.sqrt(TRAITS)
            latent = one.quality + self.spec.fit * fit + self.spec.own * float(self.pair[task, place])
            latent += self._training(pipeline, one, task)
            tokens = _number(values, "max_length", 64)
            latent -= 0.5 * max(0.0, 1 - tokens / (1.3 * float(self.length[task]))) ** 1.0
        if values.get("class_weights"):
            latent += float(self.likes_weights[task])
        chance = 1 / float(self.classes[task])
        raised = 1 / (1 + math.exp(-(self.level[task] + self.scale[task] * 1.3 * latent)))
        return float(0.6 * chance + (0.97 - 0.6 * chance) * raised)

    def _counts(self, pipeline: Pipeline, task: int) -> float:
        if pipeline.language_model is not None:
            return 0.0
        values = pipeline.hyperparameters
        gain = 0.15 if values.get("sublinear_tf") else 0.0
        gain += 0.2 * (values.get("ngrams") == "char") * float(np.sign(self.traits[task, 0]))
        return gain - 0.15 * abs(math.log10(_number(values, "c", 1.0)) - 0.5)

    def _training(self, pipeline: Pipeline, one: Checkpoint, task: int) -> float:
        values, method = pipeline.hyperparameters, pipeline.method
        if method == "probe":
            pooled = 0.1 if values.get("pooling") == "mean" else -0.1
            return -0.75 + pooled - 0.15 * abs(math.log10(_number(values, "c", 1.0)) - 0.3)
        epochs, batch = _number(values, "epochs", 1), _number(values, "batch_size", 16)
        rate = math.log10(_number(values, "learning_rate", 1e-4)) - 0.5 * math.log10(batch / 16)
        best = one.optimum + float(self.shift[task]) + {"lora": 1.05, "partial": 0.25}.get(method, 0.0)
        gain = {"full": 0.12, "partial": 0.05}.get(method, 0.1 + float(self.likes_lora[task]))
        if method == "lora":
            rank, alpha = _number(values, "lora_r", 8), _number(values, "lora_alpha", 16)
            rate += 0.4 * math.log10(alpha / (2 * rank))
            gain += 0.05 * math.log2(rank / 8) - 0.3 * _number(values, "lora_dropout", 0.0)
        if method == "partial":
            gain -= 0.55 * _number(values, "frozen_share", 0.5) ** 2
        best += 0.0 if values.get("warmup_share") else -0.12
        miss = rate - best
        gain -= min(2.6, (3.4 if miss > 0 else 1.1) * miss * miss)
        effort = self.rows[task] * epochs / batch / 130.0
        gain -= 0.9 * math.exp(-effort * 10 ** float(np.clip(0.5 * miss, -0.5, 0.3)))
        if method == "full":
            gain -= 0.05 * max(0.0, math.log2(epochs) - 2) * (1500 / float(self.rows[task])) ** 0.5
        return gain + 0.4 * _number(values, "weight_decay", 0.0) * (0.5 if method == "full" else -0.3)

    # runs -----------------------------------------------------------------------------------------------

    def run(self, pipeline: Pipeline, task: int) -> Run:
        """What happens without noise and chance."""
        limits = self.limits(task)
        wall, allowed = limits.wall_s or math.inf, limits.host_memory_bytes or math.inf
        if self.memory(pipeline, task) > allowed:
            return Run("oom", "host", None, 0.03 * wall)
        spent = self.seconds(pipeline, task)
        if spent > wall:
            return Run("timeout", None, None, wall)
        return Run("ok", None, self.score(pipeline, task), spent)

    def observed(self, pipeline: Pipeline, task: int, rng: np.random.Generator) -> Run:
        """What a hub would record: noise on score and seconds, and a few deaths by chance."""
        true, draws = self.run(pipeline, task), rng.random()
        score_noise, time_noise = rng.normal(0, self.spec.score_noise), rng.normal(0, 0.04)
        if true.status != "ok" or true.score is None:
            return true
        if draws < RANDOM_FAILURES:
            return Run("error", "code", None, true.seconds * draws / RANDOM_FAILURES)
        logit = math.log(true.score / (1 - true.score)) + score_noise
        wall = self.limits(task).wall_s or math.inf
        seconds = min(true.seconds * math.exp(time_noise), wall)
        return Run("ok", None, 1 / (1 + math.exp(-logit)), seconds)


def _number(values: Mapping[str, object], name: str, otherwise: float) -> float:
    value = values.get(name, otherwise)
    return float(value) if isinstance(value, int | float) else otherwise


def _backward(pipeline: Pipeline) -> float:
    """The cost of going backwards, as a share of going forwards."""
    if pipeline.method == "partial":
        return 2.0 * (1 - _number(pipeline.hyperparameters, "frozen_share", 0.5)) + 0.1
    return {"full": 2.0, "lora": 1.25, "probe": 0.0}[pipeline.method]
