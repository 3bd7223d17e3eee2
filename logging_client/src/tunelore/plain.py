"""Runs for scripts without a Trainer: `with tunelore.run(task=..., model=...) as run: run.log(...)`.

Knows no trainer; like the callback it never raises into training and never waits for disk or network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tunelore import trouble
from tunelore.observe.choice import Scalar
from tunelore.observe.facts import Told, distributed_rank, facts_of_script, hidden_labels
from tunelore.observe.rows import Rows
from tunelore.record import STATUSES
from tunelore.runs.measures import SPLITS
from tunelore.runs.outcome import Outcome, from_exception
from tunelore.runs.run import Run
from tunelore.runs.values import is_number, snapshot
from tunelore.settings import Settings, read_settings

if TYPE_CHECKING:
    from tunelore.session import Session

_SPLIT = re.compile(r"(?P<split>eval|validation|valid|val|dev|test|predict|train)[_/.\-](?P<name>.+)")
_SHORT = {"validation": "eval", "valid": "eval", "val": "eval", "dev": "eval"}


def run(
    task: str | None = None,
    model: Any = None,
    method: str | None = None,
    hyperparameters: Mapping[str, Scalar] | None = None,
    *,
    dataset: Any = None,
    text_column: str | Sequence[str] = "text",
    label_column: str = "label",
    kind: str | None = None,
    languages: Sequence[str] = (),
    domain: str | None = None,
    licence: str | None = None,
    seed: int | None = None,
    resumes: str | None = None,
    memory_limit_bytes: int | None = None,
    wall_limit_s: float | None = None,
    url: str | None = None,
    token: str | None = None,
    spool: str | os.PathLike[str] | None = None,
    exit_s: float = 2.0,
) -> LoggedRun:
    """A run that starts now and ends with `finish`, with its `with` block, or with the process.

    Without a metric, logged or given to `finish`, its outcome is `unknown`.

    model: the base checkpoint, "source:name@revision#variant", a bare name, or the model itself. method: full, lora,
    partial or any other name; found from the model where that is given. kind: text-classification, question-answering
    or any other; found likewise. resumes: the `id` of the run that this one goes on from. The others: as for
    TuneLoreCallback.
    """
    settings = read_settings(url, token, spool, exit_s)
    found: Run | None = None
    own: Session | None = None
    with trouble.quietly("start"):
        if settings.mode != "disabled" and distributed_rank() == 0:
            told = Told(
                task=task,
                dataset=dataset,
                text_column=text_column,
                label_column=label_column,
                language_model=model if isinstance(model, str) else None,
                kind=kind,
                languages=languages,
                domain=domain,
                licence=licence,
                hyperparameters=hyperparameters or {},
                memory_limit_bytes=memory_limit_bytes,
                wall_limit_s=wall_limit_s,
            )
            found, own = _start(
                told, settings, None if isinstance(model, str) else model, method, seed, resumes
            )
    return LoggedRun(found, own)


def _start(
    told: Told, settings: Settings, model: Any, method: str | None, seed: int | None, resumes: str | None
) -> tuple[Run, Session]:
    facts, counts = facts_of_script(told, model, method, seed, resumes)
    rows = Rows(told, facts["task"], None, settings.spool)
    # A script's own loss scaler is not known, so a gradient that is not finite says nothing here.
    started = Run(facts, counts=counts, scaled=True, held=True)
    with trouble.quietly("labels"):
        started.hide(hidden_labels(model))
    from tunelore import exits, session  # they bring ssl and http, which nobody needs who only imports

    exits.install()
    own = session.session(settings)
    own.open(started, partial(rows.early, started.hide), rows.late)
    return started, own


class LoggedRun:
    """What `tunelore.run` gives; where nothing is to be recorded its methods do nothing."""

    def __init__(self, found: Run | None, own: Session | None) -> None:
        self._run = found
        self._session = own
        self._pid = os.getpid()
        self._over = False

    @property
    def id(self) -> str | None:
        """The id under which a hub will know this run; None where nothing is recorded."""
        return None if self._run is None else self._run.id

    def log(
        self,
        values: Mapping[str, Any] | None = None,
        *,
        step: int | None = None,
        epoch: float | None = None,
        **more: Any,
    ) -> None:
        """Values of one step: `run.log({"loss": 0.3}, step=10)` or `run.log(loss=0.3)`; the step counts itself.

        Numbers of any library; names that begin with eval_ (val_, dev_) or test_ are an evaluation.
        """
        live = self._live()
        if live is None:
            return
        with trouble.quietly("log"):
            named = {_canonical(str(name)): value for name, value in {**(values or {}), **more}.items()}
            if "train_loss" in named:
                named.setdefault("loss", named.pop("train_loss"))
            at = live.step + 1 if step is None else max(0, int(step))
            live.log(at, live.epoch if epoch is None else max(0.0, float(epoch)), named)
            measured = {name: value for name, value in named.items() if name.startswith(("eval_", "test_"))}
            if measured:
                live.evaluated(at, snapshot(measured))

    def finish(self, metrics: Mapping[str, Any] | None = None) -> None:
        """The run came to its end, with these metrics: of validation, or by split: {"test": {"accuracy": 0.9}}.

        It is `ok` with a metric, given here or logged before (eval_..., test_...), and `unknown` without any.
        """
        live = self._live()
        if live is None:
            return
        with trouble.quietly("metrics"):
            named = snapshot(named_metrics(metrics or {}))
            if named:
                live.evaluated(live.step, named)
        with trouble.quietly("finish"):
            live.ended(live.step, live.epoch, None)
        self._close()

    def fail(self, error: BaseException | str) -> None:
        """The run ended otherwise: with an exception, or with a status such as "pruned", "timeout" or "diverged"."""
        live = self._live()
        if live is None:
            return
        with trouble.quietly("fail"):
            live.fail(_outcome(error, live))
        self._close()

    def __enter__(self) -> LoggedRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, (SystemExit, GeneratorExit)):
            self._close()  # the script wants to leave: that says nothing about the pipeline
        else:
            self.fail(error)

    def _live(self) -> Run | None:
        """The run, unless it is over or this is a process that was forked off its own."""
        return None if self._over or self._pid != os.getpid() else self._run

    def _close(self) -> None:
        with trouble.quietly("finish"):
            if self._live() is not None and self._session is not None and self._run is not None:
                self._over = True
                self._session.release(self._run)


def _outcome(error: BaseException | str, live: Run) -> Outcome:
    if isinstance(error, BaseException):
        return from_exception(error, live.phase, live.step)
    if error not in STATUSES or error == "ok":
        known = ", ".join(status for status in STATUSES if status != "ok")
        trouble.note("fail", f"{str(error)[:80]!r} is no status; known are {known}; taken as unknown")
        return Outcome("unknown", live.phase, step=live.step)
    return Outcome(error, live.phase, step=live.step)


def _canonical(name: str) -> str:
    """val_loss, dev/loss and validation.loss -> eval_loss."""
    match = _SPLIT.fullmatch(name)
    if match is None:
        return name
    return f"{_SHORT.get(match['split'], match['split'])}_{match['name']}"


def named_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics as a Trainer names them; what has no split is of validation."""
    named: dict[str, Any] = {}
    for key, value in metrics.items():
        name = str(key)
        if isinstance(value, Mapping):
            named |= named_metrics({f"{name}_{inner}": one for inner, one in value.items()})
            continue
        if value is not None and not is_number(value):
            what = f"{name[:80]!r} is of type {type(value).__name__}"
            trouble.note("metrics", f"the metric {what}, so it is left out; give a number")
            continue
        canonical = _canonical(name)
        named[canonical if canonical.partition("_")[0] in SPLITS else f"eval_{name}"] = value
    return named
