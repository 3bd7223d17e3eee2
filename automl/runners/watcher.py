"""What watches the Trainer from inside: progress, curve, divergence, the best epoch, early stopping.

Imports transformers at once, so it is itself imported only where a fine-tuning starts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback

from automl.runners.failures import Diverged, Pruned
from automl.runners.state import Report, State
from automl.runners.stopping import Stopping, best_so_far

# Epochs without a better validation score (by more than `delta`) before a run stops.
PATIENCE = 2


class Watcher(TrainerCallback):  # type: ignore[misc, unused-ignore]  # untyped in some versions
    """`validation` holds the `scores` of the epoch with the best `metric`; `restore_best` puts its weights back."""

    def __init__(
        self,
        state: State,
        report: Report,
        trainer: Any,
        metric: str,
        scores: Sequence[str],
        stopping: Stopping | None = None,
    ) -> None:
        self.state, self.report, self.trainer, self.metric = state, report, trainer, metric
        self.scores, self.stopping = scores, stopping
        self.validation: dict[str, float] = {metric: math.nan}
        self.evaluation_s = 0.0
        self._kept: dict[str, Any] = {}
        self._waited = 0
        self.patience, self.delta, self._beaten = PATIENCE, 0.0, -math.inf

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.state.step, self.state.epoch = int(state.global_step), float(state.epoch or 0.0)
        self.report(self.state)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        values = {
            name: float(value) for name, value in (logs or {}).items() if isinstance(value, (int, float))
        }
        for name in ("loss", "grad_norm", "eval_loss"):
            if name in values and not math.isfinite(values[name]):
                raise Diverged(f"{name} is {values[name]} at step {state.global_step}")
        shown = {
            name: values[name] for name in ("loss", "eval_loss", f"eval_{self.metric}") if name in values
        }
        if shown:
            seconds = round(time.monotonic() - self.state.began, 2)
            point = {
                "step": int(state.global_step),
                "epoch": state.epoch,
                "seconds": seconds,
                "values": shown,
            }
            self.state.curve.append(point)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        found = {name.removeprefix("eval_"): float(value) for name, value in (metrics or {}).items()}
        self.evaluation_s += found.get("runtime", 0.0)
        score = found.get(self.metric, math.nan)
        if self.state.best is None or score > self.state.best:
            self.state.best = score
            self.validation = {name: found[name] for name in self.scores if name in found}
            self._kept = {name: weight.detach().clone() for name, weight in self._trained()}
        if not score <= self._beaten + self.delta:
            self._beaten, self._waited = score, 0
        elif self.state.best > 0.0:
            # As long as nothing is right, nothing was learnt that could be lost: writing takes a while to begin.
            self._waited += 1
            control.should_training_stop = control.should_training_stop or self._waited >= self.patience
        self.report(self.state)
        if self.stopping is not None and not control.should_training_stop:
            self._compare(self.stopping, float(args.num_train_epochs))

    def _compare(self, stopping: Stopping, epochs: float) -> None:
        """Ends the run when its curve is hopeless beside those of its search; Pruned says so."""
        curve = best_so_far(self.state.curve, self.metric, epochs)
        why = stopping.verdict(curve, round(time.monotonic() - self.state.began, 3))
        if why is not None:
            raise Pruned(why)

    def restore_best(self) -> None:
        """Put the weights of the best epoch back."""
        for name, weight in self._trained():
            if name in self._kept:
                weight.data.copy_(self._kept[name])

    def _trained(self) -> list[tuple[str, Any]]:
        return [
            (name, weight) for name, weight in self.trainer.model.named_parameters() if weight.requires_grad
        ]
