"""Bytes and seconds that a run needs, part by part, counted from sizes.

Knows sizes of language models, hyper-parameters and tasks; knows no run and no outcome. Each part is a count
times a usual constant; which constants are wrong on a machine, and by how much, is learnt by `correction`.

    memory  (n, MEMORY) bytes: what the process holds, weights, gradients with optimiser state, activations,
            scores of every word, what generation caches, n-grams
    time    (n, TIME) seconds: start, loading, training, validation, optimiser, steps, n-grams, their solver
    Counts of activations: Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer
    Models", equation 2; of operations: Kaplan et al. 2020, "Scaling Laws", table 1 (2 a weight and token forwards,
    4 backwards).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from automl.estimators.features import Facts, Matrix, Sizes, frozen_share, number, plain_method, sizes_of
from automl.values import Pipeline, Scalar, TaskView, is_above_zero, is_finite

MEMORY = ("process", "weights", "training", "activations", "words", "cache", "ngrams")
TIME = ("start", "loading", "training", "validation", "optimiser", "steps", "ngrams", "solver")

#: What usual tasks and machines are, where nothing says: rows, characters, operations a second of one core.
USUAL_ROWS, USUAL_CHARACTERS, USUAL_CLASSES, USUAL_SPEED = 1000.0, 80.0, 5.0, 1e11
#: Characters of a token, and tokens that every text has besides.
TOKEN_CHARACTERS, FRAME_TOKENS = 4.2, 2.0
#: The runner judges at most so many rows an epoch in batches of this size.
JUDGED_ROWS, JUDGED_BATCH = 300.0, 32.0
#: Bytes that a process holds before any weight: with torch, and with scikit-learn alone.
TORCH_BYTES, PLAIN_BYTES = 4.7e8, 1.3e8
#: Elements kept a token, layer and hidden unit for going backwards; what is held at once going forwards only.
KEPT, HELD = 17.0, 10.0
#: Operations a second over bytes a second, bytes that a step of Adam touches a weight, seconds of a step.
OPERATIONS_A_BYTE, ADAM_BYTES, STEP_S = 30.0, 28.0, 2e-3
#: Seconds before anything is learnt, bytes a second read from disk, characters a second cut into n-grams.
START_S, READ_RATE, NGRAM_RATE = 0.3, 1e9, 2e7
HALF = ("bfloat16", "float16", "bf16", "fp16")


@dataclass(frozen=True)
class Extent:
    """One run in numbers that every count is made of."""

    size: Sizes
    vocabulary: float
    cache_share: float
    rows: float
    batch: float
    epochs: float
    steps: float
    padded: float
    """Tokens of a text as padded in a usual batch."""
    longest: float
    width: float
    """Bytes of a weight."""
    trained: float
    """Weights that are trained."""
    depth: float
    """The share of layers that gradients reach, 0 for none."""
    writes: float
    """Tokens written for a text when judged, 0 where none are."""
    judged: float
    speed: float
    checkpointed: bool

    @property
    def core(self) -> float:
        """Weights that every token passes."""
        return self.size.core


def extent(pipeline: Pipeline, view: TaskView, facts: Facts) -> Extent:
    """The numbers of one run with a language model; what is unknown is what is usual."""
    key, values = pipeline.language_model or "", pipeline.hyperparameters
    size, known = sizes_of(facts, key), facts.get(key, {})
    rows, batch = rows_of(view) * pipeline.train_fraction, max(number(values, "batch_size", 16.0), 1.0)
    epochs = max(number(values, "epochs", 1.0), 0.1)
    steps = max(number(values, "steps", math.ceil(rows / batch) * epochs), 1.0)
    longest = max(number(values, "max_length", 128.0), 1.0)
    mean, deviation = lengths(view)
    at_once = mean + 0.8 * deviation * math.sqrt(2 * math.log(batch))
    probe = plain_method(pipeline.method) == "probe"
    heads, shared = _number(known, "heads", 1.0), _number(known, "kv_heads", _number(known, "heads", 1.0))
    frozen = frozen_share(values, size.layers)
    return Extent(
        size=size,
        vocabulary=_number(known, "vocabulary", 30_000.0),
        cache_share=min(shared / heads, 1.0),
        rows=rows,
        batch=batch,
        epochs=0.0 if probe else epochs,
        steps=steps,
        padded=min(longest, mean if probe else at_once),
        longest=min(longest, mean + 3.5 * deviation),
        width=2.0 if values.get("dtype") in HALF else 4.0,
        trained=_trained(pipeline, size, frozen),
        depth=0.0 if probe else 1.0 - frozen,
        writes=_writes(values, view),
        judged=number(values, "evaluation_batch_size", JUDGED_BATCH),
        speed=speed_of(view),
        checkpointed=values.get("gradient_checkpointing") is True,
    )


def _trained(pipeline: Pipeline, size: Sizes, frozen: float) -> float:
    values = pipeline.hyperparameters
    method = plain_method(pipeline.method)
    if method == "lora":
        usual = 4 * number(values, "lora_r", 8.0) * size.hidden * size.layers
    elif method == "partial":
        usual = size.core * (1 - frozen)
    else:
        usual = 0.0 if method == "probe" else size.parameters
    return number(values, "trainable_parameters", usual)


def _writes(values: Mapping[str, Scalar], view: TaskView) -> float:
    target = view.metafeatures.get("mean_target_length")
    usual = target / TOKEN_CHARACTERS + FRAME_TOKENS if is_above_zero(target) else 0.0
    return max(number(values, "new_tokens", usual), 0.0)


def rows_of(view: TaskView) -> float:
    """Training rows that a pipeline may take a fraction of, >= 1."""
    for value in (view.train_rows, view.metafeatures.get("instances")):
        if is_above_zero(value):
            return max(float(value), 1.0)
    return USUAL_ROWS


def characters_of(view: TaskView) -> float:
    """Characters of a text on average, whatever the task calls its texts."""
    names = ("mean_length", "mean_prompt_length", "mean_question_length", "mean_context_length")
    known = [view.metafeatures.get(name) for name in names]
    there = [float(value) for value in known if is_above_zero(value)]
    return sum(there) if there else USUAL_CHARACTERS


def lengths(view: TaskView) -> tuple[float, float]:
    """Mean and deviation of a text's tokens."""
    characters = characters_of(view)
    deviation = view.metafeatures.get("length_deviation")
    spread = float(deviation) if is_finite(deviation) and deviation >= 0 else 0.6 * characters
    return characters / TOKEN_CHARACTERS + FRAME_TOKENS, spread / TOKEN_CHARACTERS


def speed_of(view: TaskView) -> float:
    """Operations a second that the device was measured to do."""
    return _number(view.system, "device_speed", USUAL_SPEED)


def classes_of(view: TaskView) -> float:
    """Classes to tell apart, >= 1."""
    return max(_number(view.metafeatures, "classes", USUAL_CLASSES), 1.0)


def _number(known: Mapping[str, float | None], name: str, otherwise: float) -> float:
    value = known.get(name)
    return float(value) if is_above_zero(value) else otherwise


def memory_parts(pipeline: Pipeline, view: TaskView, facts: Facts) -> list[float]:
    """(MEMORY,) bytes."""
    if pipeline.language_model is None:
        return [PLAIN_BYTES, 0.0, 0.0, 0.0, 0.0, 0.0, 8 * _ngrams(pipeline, view) * _dense(view)]
    run = extent(pipeline, view, facts)
    layers, hidden = run.size.layers, run.size.hidden
    tokens = run.batch * run.longest
    kept = layers * run.depth * KEPT * (0.7 if run.trained < 0.5 * run.core else 1.0)
    if run.checkpointed:
        kept = layers + KEPT
    activations = tokens * hidden * run.width * (kept + HELD)
    words, cache = 0.0, 0.0
    if run.writes:
        words = run.vocabulary * tokens * (run.width + 8)
        cache = run.judged * (run.longest + run.writes) * layers * hidden * 2 * run.cache_share * run.width
    wide = run.width if run.trained > 0.5 * run.core else 4.0
    weights = run.width * run.size.parameters
    return [TORCH_BYTES, weights, 3 * wide * run.trained, activations, words, cache, 0.0]


def time_parts(pipeline: Pipeline, view: TaskView, facts: Facts) -> list[float]:
    """(TIME,) seconds."""
    speed = speed_of(view)
    if pipeline.language_model is None:
        ngrams = _ngrams(pipeline, view)
        solver = ngrams * 0.1 * classes_of(view) * 100 / speed
        return [0.01, 0.0, 0.0, 0.0, 0.0, 0.0, ngrams / NGRAM_RATE, solver]
    run = extent(pipeline, view, facts)
    attention = 4 * run.size.layers * run.size.hidden * run.padded
    forward = 2 * run.core + attention
    if run.writes:
        forward += 2 * run.size.hidden * run.vocabulary
    back = 0.0 if run.depth == 0 else (1.0 if run.trained < 0.5 * run.core * run.depth else 2.0)
    seen = run.rows if run.depth == 0 else run.steps * run.batch
    training = seen * run.padded * forward * (1 + back * run.depth) / speed
    judged = min(JUDGED_ROWS, rows_of(view)) * max(run.epochs, 1.0)
    validation = judged * (run.padded + run.writes) * forward / speed
    optimiser = 0.0
    if run.depth:
        optimiser = run.steps * run.trained * ADAM_BYTES * OPERATIONS_A_BYTE / speed
    steps = (run.steps if run.depth else run.rows / run.batch) * run.size.layers * STEP_S
    loading = run.width * run.size.parameters / READ_RATE
    return [START_S, loading, training, validation, optimiser, steps, 0.0, 0.0]


def _ngrams(pipeline: Pipeline, view: TaskView) -> float:
    """How many n-grams are counted: characters, or words of six, times the lengths of n-gram."""
    characters = rows_of(view) * pipeline.train_fraction * characters_of(view)
    unit = 1.0 if pipeline.hyperparameters.get("ngrams") == "char" else 1 / 6
    return characters * unit * max(number(pipeline.hyperparameters, "ngram_max", 1.0), 1.0)


def _dense(view: TaskView) -> float:
    """A share of n-grams is new, and each new one has a weight for every class."""
    return 0.1 * classes_of(view)


def counted(pipelines: Sequence[Pipeline], views: Sequence[TaskView], facts: Facts) -> tuple[Matrix, Matrix]:
    """(n, MEMORY) bytes and (n, TIME) seconds."""
    pairs = list(zip(pipelines, views, strict=True))
    memory = [memory_parts(one, view, facts) for one, view in pairs]
    time = [time_parts(one, view, facts) for one, view in pairs]
    return np.array(memory).reshape(-1, len(MEMORY)), np.array(time).reshape(-1, len(TIME))
