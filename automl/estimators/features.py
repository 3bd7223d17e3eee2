"""Pipelines on tasks as numbers: work, steps and memory estimated from sizes, and coordinates for scores.

Knows hyper-parameters by their usual names and language models by their facts; knows no outcome. What is not
known is filled with what is usual, so that every pipeline has finite features; the estimators learn by how
much the estimates are off.

    pipelines  list of n; `views` their n tasks (or one for all)
    physics    (n, p) for seconds, natural logarithms
    memory     (n, q) for running out of memory, natural logarithms of shares of the limit
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from automl.space import Space
from automl.values import TRAIN_FRACTION, Pipeline, Scalar, TaskView, is_above_zero

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Facts = Mapping[str, Mapping[str, float]]

#: The cost of going backwards over that of going forwards, and the share of weights that is trained.
BACKWARD = {"full": 2.0, "lora": 1.2, "partial": 2.0, "probe": 0.0, "linear": 0.0}
TRAINED = {"full": 1.0, "lora": 0.02, "partial": 1.0, "probe": 0.0, "linear": 0.0}
#: How many of the upper layers are trained, or of the lower ones are not, as people call it; `frozen_share` is ours.
TRAINED_LAYERS = ("num_trainable_layers", "trainable_layers", "unfrozen_layers")
FROZEN_LAYERS = ("frozen_layers", "num_frozen_layers")
USUAL_PARAMETERS, USUAL_ROWS, USUAL_LENGTH = 1e8, 1000.0, 64.0
USUAL_MEMORY = 16e9
#: What a process holds before any weight, in bytes.
OVERHEAD = 3e8

PHYSICS = (
    "intercept",
    "work",
    "steps",
    "core",
    "batch_size",
    "max_length",
    "epochs",
    "backward",
    "work^2",
    "steps^2",
    "work*steps",
    "plain_work",
    "plain",
)
MEMORY = ("intercept", "memory", "held", "activations", "batch_tokens")


@dataclass(frozen=True)
class Sizes:
    """What is known of a language model."""

    parameters: float
    hidden: float
    layers: float

    @property
    def core(self) -> float:
        """Weights that every token passes: those of the layers, none of the words'."""
        return min(12 * self.layers * self.hidden**2, self.parameters)


def sizes_of(facts: Facts, key: str) -> Sizes:
    """From a card, the rest from what encoders of that size usually are."""
    known = facts.get(key, {})
    usual = [size for one in facts.values() if (size := _positive(one.get("parameters"), 0.0))]
    otherwise = math.exp(sum(map(math.log, usual)) / len(usual)) if usual else USUAL_PARAMETERS
    parameters = _positive(known.get("parameters"), otherwise)
    layers = _positive(known.get("layers"), min(max(2.0 * (parameters / 1e6) ** 0.4, 2.0), 32.0))
    hidden = _positive(known.get("hidden_size"), math.sqrt(parameters / (12 * layers)))
    return Sizes(parameters, hidden, layers)


def _positive(value: float | None, otherwise: float) -> float:
    return float(value) if is_above_zero(value) else otherwise


def number(values: Mapping[str, Scalar], name: str, otherwise: float) -> float:
    """A hyper-parameter as a finite number; truths and texts are none."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return otherwise
    return float(value)


class Describer:
    """Features under one space and one set of facts."""

    def __init__(self, space: Space, facts: Facts, pipelines: Sequence[Pipeline] = ()) -> None:
        """`pipelines` are those of the store: their methods and language models get a place as well."""
        self.space = space
        methods = [method.name for method in space.methods]
        self.methods = list(dict.fromkeys([*methods, *(one.method for one in pipelines)]))
        models = [one.language_model for one in pipelines if one.language_model is not None]
        self.models = list(dict.fromkeys([*space.language_models, *models]))
        self.sizes = {key: sizes_of(facts, key) for key in self.models}
        self.names = [name for method in space.methods for name in method.parameters]
        # Both have a place of their own: the effective rate, and the steps with the trend of `kernels`.
        own = ("learning_rate", TRAIN_FRACTION)
        self.names = [name for name in dict.fromkeys(self.names) if name not in own]
        self._middle = {method.name: _middle_rate(method.parameters) for method in space.methods}

    def model_places(self, pipelines: Sequence[Pipeline]) -> NDArray[np.int64]:
        """(n,) where each language model stands among `models`, -1 for none."""
        places = {key: place for place, key in enumerate(self.models)}
        return np.array([places.get(one.language_model or "", -1) for one in pipelines], dtype=np.int64)

    def method_places(self, pipelines: Sequence[Pipeline]) -> NDArray[np.int64]:
        """(n,) where each method stands among `methods`."""
        places = {name: place for place, name in enumerate(self.methods)}
        return np.array([places[one.method] for one in pipelines], dtype=np.int64)

    def physics(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Matrix:
        """(n, PHYSICS + methods); about 0 in the middle of what is usual."""
        rows = [self._physics_row(*pair) for pair in zip(pipelines, views, strict=True)]
        found = np.array(rows, dtype=float).reshape(len(rows), len(PHYSICS))
        return np.hstack([found, np.eye(len(self.methods))[self.method_places(pipelines)]])

    def _physics_row(self, pipeline: Pipeline, view: TaskView) -> list[float]:
        train_rows, length = _rows(pipeline, view), _length(view)
        if pipeline.language_model is None:
            plain = math.log(train_rows * length) - 11.0
            return [1.0] + [0.0] * (len(PHYSICS) - 3) + [plain, 1.0]
        size, values = self.sizes[pipeline.language_model], pipeline.hyperparameters
        epochs, batch = number(values, "epochs", 1.0), number(values, "batch_size", 16.0)
        most = number(values, "max_length", 128.0)
        tokens = min(most, 1.3 * length + 8)
        back = _backward(pipeline, size)
        passed = size.core + 2 * size.layers * size.hidden * tokens
        logs = [passed, train_rows, tokens, max(epochs, 0.1), 1 + back]
        work = sum(map(math.log, logs)) - 31.0
        steps = math.log(train_rows * max(epochs, 0.1) / max(batch, 1) * size.layers) - 7.5
        row = [1.0, work, steps, math.log(size.core) - 17.5, math.log(max(batch, 1)) - 2.8]
        row += [math.log(max(most, 1)) - 4.2, math.log(max(epochs, 0.1)) - 1.4, back - 1.2]
        return [*row, work * work / 4, steps * steps / 4, work * steps / 4, 0.0, 0.0]

    def memory(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Matrix:
        """(n, MEMORY + methods)."""
        rows = [self._memory_row(*pair) for pair in zip(pipelines, views, strict=True)]
        found = np.array(rows, dtype=float).reshape(len(rows), len(MEMORY))
        return np.hstack([found, np.eye(len(self.methods))[self.method_places(pipelines)]])

    def _memory_row(self, pipeline: Pipeline, view: TaskView) -> list[float]:
        allowed = memory_limit(view) or USUAL_MEMORY
        if pipeline.language_model is None:
            return [1.0, math.log(OVERHEAD / allowed), -4.0, -4.0, 0.0]
        size, values = self.sizes[pipeline.language_model], pipeline.hyperparameters
        batch, most = number(values, "batch_size", 16.0), number(values, "max_length", 128.0)
        trained = _trained(pipeline, size)
        held = 4 * size.parameters * (1 + 3 * trained)
        kept = 0.1 if pipeline.method == "probe" else 0.4 + 0.6 * trained
        activations = 4 * batch * most * size.layers * size.hidden * 20 * kept
        logs = [math.log(value / allowed) for value in (OVERHEAD + held + activations, held, activations)]
        return [1.0, *logs, math.log(batch * most) - 7.0]

    def trainable(self, pipeline: Pipeline) -> float:
        """About how many parameters are trained, at least 1; of the classifier on top, a thousand."""
        if pipeline.language_model is None:
            return 1e3
        size = self.sizes[pipeline.language_model]
        return 1e3 + size.parameters * _trained(pipeline, size)

    def coordinates(self, pipelines: Sequence[Pipeline], views: Sequence[TaskView]) -> Matrix:
        """(n, 4 + names): size of the language model, effective learning rate, ln steps of training, share of
        the text that is cut off, other hyper-parameters.

        Rates are in powers of ten from the middle of the method's range; others in unit coordinates of their
        own method, one half where the method has no such thing.
        """
        rows = [self._coordinates_row(*pair) for pair in zip(pipelines, views, strict=True)]
        return np.array(rows, dtype=float).reshape(len(rows), 4 + len(self.names))

    def _coordinates_row(self, pipeline: Pipeline, view: TaskView) -> list[float]:
        model, values = pipeline.language_model, pipeline.hyperparameters
        size = 0.0 if model is None else math.log(self.sizes[model].parameters) - 17.5
        rate = number(values, "learning_rate", 0.0)
        place = 0.0
        if rate > 0:
            batch = number(values, "batch_size", 16.0)
            place = math.log10(rate) - self._middle.get(pipeline.method, -4.0)
            place -= 0.5 * math.log10(max(batch, 1) / 16)
            place += 0.5 * math.log10(_adapter_scale(values))
        steps = _rows(pipeline, view) * max(number(values, "epochs", 1.0), 0.1)
        steps /= max(number(values, "batch_size", 16.0), 1)
        cut = max(0.0, 1 - number(values, "max_length", 512.0) / (1.3 * _length(view)))
        others = (self._unit(pipeline, name) for name in self.names)
        return [size, place, math.log(steps) - 5.0, cut, *others]

    def _unit(self, pipeline: Pipeline, name: str) -> float:
        if not self.space.has_method(pipeline.method):
            return 0.5
        parameter = self.space.method(pipeline.method).parameters.get(name)
        value = pipeline.hyperparameters.get(name)
        if parameter is None or parameter.reason(value) is not None:
            return 0.5
        return parameter.to_unit(value)


def _middle_rate(parameters: Mapping[str, object]) -> float:
    low = getattr(parameters.get("learning_rate"), "low", None)
    high = getattr(parameters.get("learning_rate"), "high", None)
    return (math.log10(low) + math.log10(high)) / 2 if low and high and low > 0 else -4.0


def _adapter_scale(values: Mapping[str, Scalar]) -> float:
    """alpha / r over the usual 2; adapters learn faster the larger it is."""
    return max(number(values, "lora_alpha", 2.0), 1e-3) / (2 * max(number(values, "lora_r", 1.0), 1e-3))


def plain_method(method: str) -> str:
    """A method without the family that it is for."""
    return method.partition("-")[0]


def frozen_share(values: Mapping[str, Scalar], layers: float) -> float:
    """The share of `layers` that stands still, in [0, 1], whichever way it is said; 0 where nothing says."""
    for name in TRAINED_LAYERS:
        if math.isfinite(count := number(values, name, math.nan)):
            return 1 - min(max(count / layers, 0.0), 1.0)
    for name in FROZEN_LAYERS:
        if math.isfinite(count := number(values, name, math.nan)):
            return min(max(count / layers, 0.0), 1.0)
    return min(max(number(values, "frozen_share", 0.0), 0.0), 1.0)


def _backward(pipeline: Pipeline, size: Sizes) -> float:
    full = BACKWARD.get(plain_method(pipeline.method), 2.0)
    return full * (1 - frozen_share(pipeline.hyperparameters, size.layers))


def _trained(pipeline: Pipeline, size: Sizes) -> float:
    share = 1 - frozen_share(pipeline.hyperparameters, size.layers)
    return TRAINED.get(plain_method(pipeline.method), 1.0) * share


def _rows(pipeline: Pipeline, view: TaskView) -> float:
    """The training rows that the pipeline takes of the task's."""
    whole = _positive(view.train_rows, _positive(view.metafeatures.get("instances"), USUAL_ROWS))
    return whole * pipeline.train_fraction


def _length(view: TaskView) -> float:
    return _positive(view.metafeatures.get("mean_length"), USUAL_LENGTH)


def memory_limit(view: TaskView) -> float | None:
    """The bytes that a run may use, as far as anything says so: the host's limit, the device's, the machine's."""
    limits = view.limits
    for value in (limits.host_memory_bytes, limits.device_memory_bytes, view.system.get("memory_bytes")):
        if is_above_zero(value):
            return float(value)
    return None
