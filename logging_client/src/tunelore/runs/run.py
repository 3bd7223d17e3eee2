"""A run in memory, from the first step to its record. Knows neither the Trainer's objects nor disk nor network.

Hooks append (`happened`, `log`, `evaluated`), a background thread absorbs; the two meet in a deque only.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from tunelore import trouble
from tunelore.observe.cost import (
    MemoryOfARun,
    ThreadTime,
    device_memory_now,
    device_memory_peak,
    devices_met,
    memory_now,
    memory_peak,
)
from tunelore.record import MAX_RECORD_BYTES, RecordError, canonical, uuid7
from tunelore.runs import measures
from tunelore.runs.measures import Curve, Point, measured, thinned
from tunelore.runs.outcome import Outcome
from tunelore.runs.values import finite, is_infinite, snapshot, whole, without_labels

MAX_EVENTS = 20_000
MAX_NAMES = 10_000


def utc_now() -> datetime:
    """The present time, by the machine's clock, which may be set while a run goes on."""
    return datetime.now(timezone.utc)


def written(moment: datetime) -> str:
    """A time as a record writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Run:
    """One call of train(): `facts` are the parts of the record known at its start, `counts` those of its cost.

    `chosen_metric` is the one the user picks checkpoints by; `scaled` says that a loss scaler skips bad steps;
    `held` that somebody holds it and will say its end, so that a later run in the same thread does not end it.
    The thread that trains writes `phase`, `step`, `epoch` and `touched`, single values that need no lock.
    """

    def __init__(
        self,
        facts: Mapping[str, Any],
        *,
        counts: Mapping[str, Any] | None = None,
        chosen_metric: str | None = None,
        scaled: bool = False,
        held: bool = False,
    ) -> None:
        self.id = uuid7()
        self.facts: dict[str, Any] = dict(facts)
        self._counts = dict(counts or {})
        self._started = utc_now()
        self.started_at = written(self._started)
        self.thread = threading.get_ident()
        self.held = held
        self.phase = "train"
        self.step = 0
        self.epoch: float | None = None
        self.touched = time.monotonic()
        self.trained = False
        self.summed_up = False
        self.best_step: int | None = None
        self.outcome: Outcome | None = None
        self.suspected: Outcome | None = None
        self.own_time = ThreadTime()
        self.curve = Curve()
        self._chosen = chosen_metric
        self._scaled = scaled
        self._events: deque[tuple[str, int, float | None, float, dict[str, Any]]] = deque(maxlen=MAX_EVENTS)
        self._evaluations: list[tuple[int, dict[str, measures.Values]]] = []
        self._others: dict[str, measures.Values] = {}
        self._diverged_at: int | None = None
        self._evaluation_s = 0.0
        self._later_s = 0.0
        self._predict_s: float | None = None
        self._train_wall: float | None = None
        self._cpu: float | None = None
        self._memory = MemoryOfARun(memory_peak, memory_now)
        self._device_memory = MemoryOfARun(device_memory_peak, device_memory_now)
        self._hidden: Mapping[str, str] = {}
        self._renamed: dict[str, str] = {}
        self._claim = threading.Lock()
        self._absorbing = threading.RLock()
        self._own_before = 0.0
        self._began = time.perf_counter()
        self._cpu_before = time.process_time()

    def hide(self, labels: Mapping[str, str]) -> None:
        """Label names that no metric is to be named by, and what is written for each; the first word stays."""
        self._hidden = {**labels, **self._hidden}
        self._renamed.clear()
        self._chosen = without_labels(self._chosen, labels) if self._chosen else self._chosen

    # -- the thread that trains ---------------------------------------------------------------------------------

    def log(self, step: int, epoch: float | None, logs: Mapping[str, Any]) -> None:
        """Values of one log call; nothing is computed here."""
        self.step, self.epoch = step, epoch
        self.summed_up = self.summed_up or "train_runtime" in logs
        self._append("log", snapshot(logs))

    def evaluated(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Metrics of an evaluation or a prediction."""
        self.step = step
        self._append("later" if self.trained else "metrics", dict(metrics))

    def ended(self, step: int, epoch: float | None, best_step: int | None, planned: int = 0) -> None:
        """Training came to its own end, unless it was asked to end before `planned`; evaluations may follow."""
        self.step, self.epoch, self.best_step = step, epoch, best_step
        if self.suspected is not None and step < planned:
            return self.left()
        self._stop_clock()
        self.phase, self.trained = "validate", True

    def fail(self, outcome: Outcome) -> None:
        """Training ended otherwise; the first outcome stays. Where memory ran out the run's device says."""
        if self.outcome is None and not self.trained:
            self._stop_clock()
            if outcome.status == "oom" and outcome.cause is None:
                device = (self.facts.get("conditions") or {}).get("device") or "cpu"
                outcome = replace(outcome, cause="host" if device.startswith("cpu") else "device")
            self.outcome = outcome

    def _append(self, kind: str, values: dict[str, Any]) -> None:
        self.touched = time.monotonic()
        self._events.append((kind, self.step, self.epoch, time.perf_counter() - self._began, values))

    def left(self) -> None:
        """The process goes on or ends, and nobody said how training did; a suspicion is then taken for it."""
        self._stop_clock()
        if not self.trained and self.outcome is None:
            self.outcome = self.suspected

    def _stop_clock(self) -> None:
        if self._train_wall is None:
            self._train_wall = time.perf_counter() - self._began
            own = self.own_time.seconds - self._own_before
            self._cpu = max(0.0, time.process_time() - self._cpu_before - own)

    # -- the background thread ----------------------------------------------------------------------------------

    def absorb(self) -> list[Point]:
        """Take over what the hooks appended; the points of the curve that were kept."""
        kept: list[Point] = []
        with self._absorbing:
            while self._events:
                with trouble.quietly("values"):  # one odd call costs no other
                    kept += self._absorbed(*self._events.popleft())
        return kept

    def _absorbed(
        self, kind: str, step: int, epoch: float | None, seconds: float, values: dict[str, Any]
    ) -> list[Point]:
        if self._hidden:
            values = {self._without_labels(str(name)): value for name, value in values.items()}
        if kind != "log":
            self._measure(kind, whole(step), values)
            return []
        point = self._point(whole(step), epoch, seconds, values)
        return [point] if point["values"] and self.curve.add(point) else []

    def _without_labels(self, name: str) -> str:
        if name not in self._renamed:
            if len(self._renamed) > MAX_NAMES:
                self._renamed.clear()
            self._renamed[name] = without_labels(name, self._hidden)
        return self._renamed[name]

    def sample_memory(self) -> None:
        """Remember the memory held just now."""
        self._memory.sample()
        self._device_memory.sample()

    def meet_devices(self) -> bool:
        """Whether accelerators became known that were not at the start."""
        with trouble.quietly("devices"):
            more = devices_met(self.facts)
            self.facts.update(more)
            return bool(more)
        return False

    def _point(self, step: int, epoch: float | None, seconds: float, values: dict[str, Any]) -> Point:
        self._watch(step, values)
        if "train_loss" in values:
            self._others["train"] = {"loss": measured({"loss": values["train_loss"]})["loss"]}
            values = {}
        return {
            "step": step,
            "epoch": _rounded(epoch, 6),
            "seconds": round(seconds, 3),
            "values": measured(values),
        }

    def _watch(self, step: int, values: Mapping[str, Any]) -> None:
        """A loss that is not finite; a gradient too, unless a loss scaler is there to skip such steps."""
        names = ["loss", "eval_loss", *([] if self._scaled else ["grad_norm"])]
        for name in names:
            if self._diverged_at is None and is_infinite(values.get(name)):
                self._diverged_at = step

    def _measure(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        took = measures.runtime(values)
        found = measures.by_split(values)
        if "validation" in found:
            self._predict_s = took or self._predict_s
            if kind == "later":
                self._later_s += took
                self.best_step = None  # what the user measured after training is what counts
            else:
                self._evaluation_s += took
            self._evaluations.append((step, found))
            del self._evaluations[:-1000]
        for split, one in found.items():
            if split != "validation":
                self._others[split] = one

    # -- the record ---------------------------------------------------------------------------------------------

    def claim(self) -> bool:
        """True for the one caller that may write the final record."""
        return self._claim.acquire(blocking=False)

    def partial(self) -> dict[str, Any]:
        """The record of a run that has not ended: no outcome, metrics, primary, cost."""
        return {
            "schema": "tunelore.experience/1",
            "id": self.id,
            "started_at": self.started_at,
            **self.facts,
            "fidelity": {**(self.facts.get("fidelity") or {}), "epochs": _rounded(self.epoch)},
        }

    def progress(self, points: list[Point]) -> dict[str, Any]:
        """What a reader of the spool needs to tell the story of a run that was killed."""
        return {
            "at": self._now(),
            "points": points,
            "step": whole(self.step),
            "epoch": _rounded(self.epoch),
            "phase": self.phase,
            **({"outcome": self.suspected.as_record()} if self.suspected else {}),
            "cost": self._cost(),
            "metrics": measures.best_seen([found for _, found in self._evaluations], self._chosen),
        }

    def least(self) -> dict[str, Any]:
        """A record where nothing more can be had than that there was a run."""
        outcome = self.outcome or Outcome("unknown")
        return {**self.partial(), "outcome": outcome.as_record(), "metrics": {}, "primary": None, "curve": []}

    def final(self) -> dict[str, Any]:
        """The record of the ended run."""
        self.absorb()
        self.meet_devices()
        outcome, metrics = self._ending()
        ok = outcome.status == "ok"
        record = {
            **self.partial(),
            "finished_at": self._now(),
            "outcome": outcome.as_record(),
            "metrics": metrics,
            "primary": measures.primary(metrics, self._chosen) if ok else None,
            "cost": self._cost(),
            "curve": list(self.curve.points),
        }
        return fitting(record)

    def _ending(self) -> tuple[Outcome, dict[str, measures.Values]]:
        evaluations = [found for _, found in self._evaluations]
        partial = measures.best_seen(evaluations, self._chosen)
        if self.outcome is not None and not (
            self.outcome.status == "error" and self._diverged_at is not None
        ):
            return self.outcome, partial
        if self._diverged_at is not None:
            name = self.outcome.exception if self.outcome else None
            return Outcome("diverged", "train", step=self._diverged_at, exception=name), partial
        if not self.trained:
            return Outcome("unknown", self.phase, step=whole(self.step)), partial
        metrics = {**self._others, **self._validation()}
        if metrics.get("validation", {}).get("f1_macro", 0) is None:
            return Outcome("diverged", "validate", step=whole(self.step)), partial
        return (Outcome("ok"), metrics) if metrics else (Outcome("unknown", step=whole(self.step)), {})

    def _validation(self) -> dict[str, measures.Values]:
        """The evaluation of the checkpoint that was kept: the chosen step's, or any made after training."""
        if not self._evaluations:
            return {}
        at_best = [found for step, found in self._evaluations if step == self.best_step]
        chosen = at_best[-1] if at_best else self._evaluations[-1][1]
        return {"validation": chosen["validation"]}

    def _now(self) -> str:
        """Never before the start: where the clock was set back meanwhile, by what has passed since."""
        now = utc_now()
        if now < self._started:
            now = self._started + timedelta(seconds=time.perf_counter() - self._began)
        return written(now)

    def _cost(self) -> dict[str, Any]:
        now = time.perf_counter() - self._began
        wall = self._train_wall if self._train_wall is not None else now
        return {
            **self._counts,
            "evaluation_s": round(wall + self._later_s, 3),
            "train_s": round(max(0.0, wall - self._evaluation_s), 3),
            "predict_s": None if self._predict_s is None else round(self._predict_s, 3),
            "cpu_s": None if self._cpu is None else round(self._cpu, 3),
            "host_memory_bytes": self._memory.most(),
            "device_memory_bytes": self._device_memory.most(),
            "steps": whole(self.step),
        }


def _rounded(epoch: object, digits: int = 4) -> float | None:
    number = finite(epoch)
    return None if number is None or number < 0 else round(float(number), digits)


def fitting(record: dict[str, Any]) -> dict[str, Any]:
    """The record with a curve that lets it stay under the size limit; what is no JSON is left for who mends it."""
    while record["curve"]:
        try:
            if len(canonical(record)) <= MAX_RECORD_BYTES:
                break
        except RecordError:
            break
        record = {**record, "curve": thinned(record["curve"], len(record["curve"]) // 2)}
    return record
