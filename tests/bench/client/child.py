"""One program that is measured, in a process of its own: `child.py logs|train|share|landmark|pairs ...`.

Prints one JSON object. Knows nothing of the other trackers' processes, so that all meet the same conditions.
"""

from __future__ import annotations

import atexit
import importlib
import json
import logging
import math
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ANSWER: dict[str, Any] = {}
EXIT: list[float] = []
VALUES = {"loss": 0.5, "grad_norm": 1.25, "learning_rate": 2e-5, "epoch": 0.5, "eval_accuracy": 0.75}
TINY = {"vocab_size": 100, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY_MORE = {"intermediate_size": 64, "max_position_embeddings": 64}
# The shape of MiniLM-L6 (22.7 M parameters), with fresh weights: the same work without a download.
MINILM = {"vocab_size": 30522, "hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12}
MINILM_MORE = {"intermediate_size": 1536, "max_position_embeddings": 512}


def callback_of(tracker: str) -> list[Any]:
    """The tracker's callback for a Trainer, as people use it; no callback for `none`."""
    if tracker == "none":
        return []
    if tracker == "tunelore":
        from tunelore import TuneLoreCallback

        return [TuneLoreCallback(task="bench", kind="text-classification")]
    from transformers import integrations

    names = {"mlflow": "MLflowCallback", "wandb": "WandbCallback", "trackio": "TrackioCallback"}
    return [getattr(integrations, names[tracker])()]


def data(rows: int, length: int, vocabulary: int) -> Any:
    import torch

    draw = random.Random(7)
    ids = [[draw.randrange(5, vocabulary) for _ in range(length)] for _ in range(rows)]

    class Rows(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return rows

        def __getitem__(self, index: int) -> dict[str, Any]:
            return {"input_ids": ids[index], "attention_mask": [1] * length, "labels": index % 2}

    return Rows()


def trainer(
    callbacks: list[Any], shape: dict[str, int], *, rows: int, length: int, batch: int, **more: Any
) -> Any:
    """A real Trainer that logs every step and reports to these callbacks alone."""
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**shape))
    arguments = transformers.TrainingArguments(
        output_dir="out", per_device_train_batch_size=batch, report_to=[], use_cpu=True, logging_steps=1,
        save_strategy="no", disable_tqdm=True, dataloader_pin_memory=False, run_name="bench", **more,
    )  # fmt: skip
    train = data(rows, length, shape["vocab_size"])
    found = transformers.Trainer(model=model, args=arguments, train_dataset=train, callbacks=callbacks)
    found.remove_callback(transformers.PrinterCallback)
    return found


def logs(tracker: str, calls: int, pause_s: float) -> dict[str, Any]:
    """Milliseconds of each log call of five values, `pause_s` apart, as a Trainer makes them."""
    import transformers

    made = trainer([], {**TINY, **TINY_MORE}, rows=8, length=8, batch=8, max_steps=1)
    (callback,) = callback_of(tracker)
    state = transformers.TrainerState(is_local_process_zero=True, is_world_process_zero=True)
    control = transformers.TrainerControl()
    callback.on_train_begin(made.args, state, control, model=made.model)
    times = []
    for step in range(calls):
        state.global_step, state.epoch = step, step / calls
        before = time.perf_counter()
        callback.on_log(made.args, state, control, logs=dict(VALUES), model=made.model)
        times.append((time.perf_counter() - before) * 1000)
        time.sleep(pause_s)
    callback.on_train_end(made.args, state, control, model=made.model)
    times.sort()
    return {
        "p50_ms": times[calls // 2],
        "p99_ms": times[math.ceil(calls * 0.99) - 1],
        "max_ms": times[-1],
    }


def train(tracker: str, steps: int) -> dict[str, Any]:
    """A short training; the parent takes the time from `start` to the end of this process.

    What a tracker imports is there before: it costs the same with every hub, and with none.
    """
    raised = ""
    if tracker != "none":
        importlib.import_module("tunelore.callback" if tracker == "tunelore" else tracker)
    made = trainer([], {**TINY, **TINY_MORE}, rows=64, length=16, batch=8, max_steps=steps)

    class Slow(type(made)):  # type: ignore[misc]
        def training_step(self, *arguments: Any, **more: Any) -> Any:
            time.sleep(0.05)
            return super().training_step(*arguments, **more)

    made.__class__ = Slow
    said_to_start()
    start, held = time.monotonic(), [0.0]
    try:
        for one in callback_of(tracker):
            for name in [name for name in dir(one) if name.startswith("on_")]:
                setattr(one, name, timed(getattr(one, name), held, time.perf_counter))
            made.add_callback(one)
        made.train()
    except Exception as error:  # what a peer raises into training is what is measured
        raised = type(error).__name__
    # Exit hooks run last in, first out: this one before those of the tracker, the one of main() after them.
    atexit.register(lambda: EXIT.append(time.monotonic()))
    return {
        "start": start, "hooks_s": held[0], "raised": raised,
        "steps": made.state.global_step,
    }  # fmt: skip


def notes(rows: int) -> list[tuple[str, str]]:
    """Rows of two classes, as a script has them."""
    draw = random.Random(3)
    words = ["sun", "rain", "wind", "snow", "cloud", "storm", "fog", "warm", "cold", "late"]
    return [(" ".join(draw.choices(words, k=40)), str(number % 2)) for number in range(rows)]


def share(rows: int, epochs: float) -> dict[str, Any]:
    """Processor seconds of our hooks and threads beside those of a whole fine-tuning."""
    from tunelore import TuneLoreCallback, exits

    callback = TuneLoreCallback(task="bench", kind="text-classification", dataset=notes(rows))
    spent = [0.0]
    for name in [name for name in dir(callback) if name.startswith("on_")]:
        setattr(callback, name, timed(getattr(callback, name), spent))
    made = trainer(
        [callback], {**MINILM, **MINILM_MORE}, rows=rows, length=60, batch=16, num_train_epochs=epochs
    )
    before, wall = time.process_time(), time.perf_counter()
    made.train()
    whole, wall = time.process_time() - before, time.perf_counter() - wall
    threads = sum(cpu_of(thread) for thread in threading.enumerate() if thread.name.startswith("tunelore"))
    before = time.process_time()
    exits.close_all(30)
    closing = time.process_time() - before
    ours = spent[0] + threads + closing
    return {
        "training_cpu_s": whole - spent[0] - threads, "wall_s": wall, "hooks_s": spent[0],
        "threads_s": threads, "closing_s": closing, "cpu_share": ours / (whole - spent[0] - threads),
    }  # fmt: skip


def landmark(rows: int) -> dict[str, Any]:
    """Processor seconds of the process that works the landmark out beside the first training on a data set."""
    from tunelore import describe

    texts, labels = zip(*notes(rows), strict=True)
    describe.landmark_accuracy(texts, labels)
    return {"landmark_s": time.process_time()}


def timed(hook: Any, spent: list[float], clock: Callable[[], float] = time.thread_time) -> Any:
    """The hook, with what it takes by this clock added up."""

    def call(*arguments: Any, **more: Any) -> None:
        before = clock()
        try:
            hook(*arguments, **more)
        finally:
            spent[0] += clock() - before

    return call


def cpu_of(thread: threading.Thread) -> float:
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident or 0))
    except OSError:  # it has ended meanwhile
        return 0.0


def pairs(count: int, steps: int) -> dict[str, Any]:
    """Wall seconds of the same training with our callback and without, one after the other, in turns."""
    found = []
    for number in range(count + 1):
        took = {}
        for tracker in ("none", "tunelore") if number % 2 else ("tunelore", "none"):
            shape = {**MINILM, **MINILM_MORE}
            made = trainer(callback_of(tracker), shape, rows=64, length=60, batch=8, max_steps=steps)
            before = time.perf_counter()
            made.train()
            took[tracker] = time.perf_counter() - before
        found.append([took["tunelore"], took["none"]])
    return {"pairs_s": found[1:]}  # the first one warms caches up


def main() -> None:
    kind, *arguments = sys.argv[1:]
    if kind != "train":
        said_to_start()
    atexit.register(write_answer)
    logging.disable(logging.WARNING)
    if kind == "logs":
        answer = logs(arguments[0], int(arguments[1]), float(arguments[2]))
    elif kind == "train":
        answer = train(arguments[0], int(arguments[1]))
    elif kind == "share":
        answer = share(int(arguments[0]), float(arguments[1]))
    elif kind == "landmark":
        answer = landmark(int(arguments[0]))
    else:
        answer = pairs(int(arguments[0]), int(arguments[1]))
    ANSWER.update(answer)


def said_to_start() -> None:
    """Imports are over: from now on the parent's limit counts."""
    Path(os.environ["BENCH_ANSWER"] + ".start").touch()


def write_answer() -> None:
    """The last exit hook."""
    if EXIT:
        ANSWER["exit_s"] = time.monotonic() - EXIT[0]
    if ANSWER:
        with open(os.environ["BENCH_ANSWER"], "w", encoding="utf-8") as file:
            json.dump(ANSWER, file)


if __name__ == "__main__":
    main()
