"""The callback for a Hugging Face Trainer: every run becomes an experience, whatever becomes of the run.

`wrap` also sees the exceptions that a script catches around `train()`. Imports nothing of transformers and inherits
from nothing: the Trainer looks hooks up by name.
"""

from __future__ import annotations

import functools
import importlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tunelore import trouble
from tunelore.observe.choice import Scalar
from tunelore.observe.dataset import rows_in
from tunelore.observe.facts import Told, counts, distributed_rank, facts_at_start, hidden_labels
from tunelore.observe.rows import Rows
from tunelore.observe.series import (
    Retries,
    Trials,
    batch_of_a_step,
    checkpoint_folder,
    mark,
    mark_state,
    pruned,
)
from tunelore.runs.outcome import Outcome, from_exception
from tunelore.runs.run import Run
from tunelore.runs.values import whole
from tunelore.settings import Settings, read_settings

if TYPE_CHECKING:
    from tunelore.session import Session

T = TypeVar("T")


class TuneLoreCallback:
    """Give it to a Trainer: `Trainer(..., callbacks=[TuneLoreCallback(task="sst2", dataset=train_rows)])`.

    task: what to call the task. dataset: the whole training rows as they are before any cut, as (text, label) pairs,
    as mappings with `text_column` (one or several) and `label_column`, or the path of a CSV or TSV file; or a name
    such as "hub:owner/name". They give the task its identity and its statistics and are not kept; without them the
    encoded rows of the Trainer do, as far as they can.
    language_model: what to call a checkpoint that was loaded from a folder, "source:name@revision#variant".
    url, token, spool: else TUNELORE_URL, TUNELORE_TOKEN, TUNELORE_SPOOL. memory_limit_bytes, wall_limit_s: limits the
    run lives under, where the process itself does not know them. hyperparameters: more of them, which a Trainer does
    not know. exit_s: the most seconds the end of the process waits for the network.

    No hook raises, waits for the network or changes what the Trainer does. The start of a run waits for the disk,
    0.1 s at most; a checkpoint gets a file of one line.
    """

    def __init__(
        self,
        task: str | None = None,
        dataset: Any = None,
        *,
        label_column: str = "label",
        text_column: str | Sequence[str] = "text",
        language_model: str | None = None,
        kind: str | None = None,
        languages: Sequence[str] = (),
        domain: str | None = None,
        licence: str | None = None,
        hyperparameters: Mapping[str, Scalar] | None = None,
        memory_limit_bytes: int | None = None,
        wall_limit_s: float | None = None,
        url: str | None = None,
        token: str | None = None,
        spool: str | os.PathLike[str] | None = None,
        exit_s: float = 2.0,
    ) -> None:
        self._told = Told(
            task=task,
            dataset=dataset,
            text_column=text_column,
            label_column=label_column,
            language_model=language_model,
            kind=kind,
            languages=languages,
            domain=domain,
            licence=licence,
            hyperparameters=hyperparameters or {},
            memory_limit_bytes=memory_limit_bytes,
            wall_limit_s=wall_limit_s,
        )
        self._settings = read_settings(url, token, spool, exit_s)
        self._run: Run | None = None
        self._pid = os.getpid()
        self._retries = Retries()
        self._trials = Trials()
        self._rows: tuple[tuple[object, int | None, Any], Rows] | None = None
        with trouble.quietly("start"):
            importlib.import_module(
                "tunelore.exits"
            )  # half of all that is imported: not by who only names the class

    @property
    def run_id(self) -> str | None:
        """The id of the last run this callback saw the start of, under which a hub will know it."""
        return None if self._run is None else self._run.id

    # -- hooks ----------------------------------------------------------------------------------------------------

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """A run starts: read everything off the Trainer once, then hand over."""
        with trouble.quietly("start"):
            if self._settings.mode == "disabled" or not _speaks(state):
                return
            model, dataloader = more.get("model"), more.get("train_dataloader")
            batch = batch_of_a_step(args, state, dataloader)
            with trouble.quietly("retries"):
                self._retries.before(args, batch)
            facts = facts_at_start(self._told, args, model, more.get("processing_class"), state)
            with trouble.quietly("trials"):
                self._trials.begun(facts, args, state)
            run = Run(
                facts,
                counts=counts(args, model, batch),
                chosen_metric=getattr(args, "metric_for_best_model", None),
                scaled=bool(getattr(args, "fp16", False)),
            )
            with trouble.quietly("labels"):
                run.hide(hidden_labels(model))
            self._retries.after(run, batch)
            rows = self._rows_of(getattr(dataloader, "dataset", None), facts)
            self._run, self._pid = run, os.getpid()
            mark_state(state, run.id)
            _session(self._settings).open(run, functools.partial(rows.early, run.hide), rows.late)

    def _rows_of(self, data: object, facts: Mapping[str, Any]) -> Rows:
        """One reading for all runs on the same rows: retries, trials of a search, several calls of train()."""
        key = (None if self._told.dataset is not None else data, rows_in(data), facts["task"])
        if self._rows is None or self._rows[0][0] is not key[0] or self._rows[0][1:] != key[1:]:
            self._rows = key, Rows(self._told, facts["task"], data, self._settings.spool)
        return self._rows[1]

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Append what was logged."""
        run = self._run
        if run is None or self._pid != os.getpid():
            return
        try:
            run.log(state.global_step, state.epoch, logs or {})
        except Exception as error:  # no context manager: this is the one hook whose time is counted
            _swallowed("log", error)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **more: Any) -> None:
        """Append the metrics of an evaluation."""
        if (run := self._live()) is not None:
            with trouble.quietly("evaluate"):
                run.evaluated(state.global_step, metrics or {})
                run.phase = "validate" if run.trained else "train"

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **more: Any) -> None:
        """Append the metrics of a prediction."""
        self.on_evaluate(args, state, control, metrics)

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Training came to its own end."""
        if (run := self._live()) is not None:
            with trouble.quietly("end"):
                kept = bool(getattr(args, "load_best_model_at_end", False))
                best = getattr(state, "best_global_step", None) if kept else None
                if pruned(state, run):
                    run.fail(Outcome("pruned", run.phase, step=run.step))
                else:
                    run.ended(state.global_step, state.epoch, best, whole(getattr(state, "max_steps", 0)))

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Remember where the run is, for the case that it does not get further."""
        if self._run is not None:
            self._run.phase = "train"

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Remember how far the run came."""
        if self._run is not None:
            with trouble.quietly("step"):
                self._run.step, self._run.epoch = state.global_step, state.epoch

    def on_prediction_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Remember where the run is; an evaluation is a sign of life."""
        if self._run is not None:
            self._run.phase = "validate"
            self._run.touched = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Leave the run's id beside the checkpoint, so that a run that goes on from there can name this one."""
        if (run := self._live()) is not None:
            with trouble.quietly("save"):
                mark_state(state, run.id)
                folder = checkpoint_folder(args, state.global_step)
                if folder is not None:
                    mark(folder, run.id)

    def on_init_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Nothing starts before training does."""

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Steps say enough."""

    def on_epoch_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Steps say enough."""

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Steps say enough."""

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Steps say enough."""

    def on_substep_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Steps say enough."""

    def on_push_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """A push to another place is none of ours."""

    # -- for who calls train(): tunelore.wrap ---------------------------------------------------------------------

    def failed(self, error: BaseException) -> None:
        """An exception ended the training of the last run, whoever catches it."""
        run = self._live()
        if run is not None and not isinstance(error, (SystemExit, GeneratorExit)):
            run.fail(from_exception(error, run.phase, run.step))

    def start_failed(self, trainer: Any) -> None:
        """Training did not come to its start (a checkpoint, the model's place in memory): that is a run too."""
        self.on_train_begin(
            getattr(trainer, "args", None),
            None,  # the trainer's state is that of an earlier training
            None,
            model=getattr(trainer, "model", None),
            processing_class=getattr(trainer, "processing_class", None),
        )
        if (run := self._live()) is not None:
            run.phase = "load"

    def _live(self) -> Run | None:
        """The run, unless this is a process that was forked off the one that trains."""
        return self._run if self._pid == os.getpid() else None


def _session(settings: Settings) -> Session:
    from tunelore import exits, session  # they bring ssl and http, which nobody needs who only imports

    exits.install()
    return session.session(settings)


def _swallowed(kind: str, error: Exception) -> None:
    trouble.note(kind, f"{type(error).__name__}: {error}")
    if trouble.raise_errors:
        raise error


def _speaks(state: Any) -> bool:
    """Only the main process of a distributed run speaks."""
    return distributed_rank() == 0 and bool(getattr(state, "is_world_process_zero", True))


def wrap(trainer: T, **arguments: Any) -> T:
    """The same trainer, with a TuneLoreCallback (made with these arguments unless it has one) and a watched `train`.

    A trial of `trainer.hyperparameter_search` is watched likewise, since it calls `train`.
    """
    with trouble.quietly("wrap"):
        callback = _callback_of(trainer, arguments)
        train = trainer.train  # type: ignore[attr-defined]
        if callback is not None and not getattr(train, "tunelore", False):
            trainer.train = _watched(trainer, train, callback)  # type: ignore[attr-defined]
    return trainer


def _callback_of(trainer: Any, arguments: dict[str, Any]) -> TuneLoreCallback | None:
    handler = getattr(trainer, "callback_handler", None)
    for one in getattr(handler, "callbacks", []):
        if isinstance(one, TuneLoreCallback):
            if arguments:
                trouble.note(
                    "wrap",
                    f"the trainer has a TuneLoreCallback, so {', '.join(sorted(arguments))} are ignored; "
                    "give them to it",
                )
            return one
    if not callable(getattr(trainer, "add_callback", None)):
        what = (
            f"a {type(trainer).__name__} takes no callbacks; use `with tunelore.run(...)` around its training"
        )
        trouble.note("wrap", what)
        return None
    callback = TuneLoreCallback(**arguments)
    trainer.add_callback(callback)
    return callback


def _watched(trainer: Any, train: Callable[..., Any], callback: TuneLoreCallback) -> Callable[..., Any]:
    @functools.wraps(train)
    def watched(*positional: Any, **named: Any) -> Any:
        before = callback.run_id
        try:
            return train(*positional, **named)
        except BaseException as error:
            with trouble.quietly("wrap"):
                if callback.run_id == before:  # it did not come to the start of training
                    callback.start_failed(trainer)
                callback.failed(error)
            raise

    watched.tunelore = True  # type: ignore[attr-defined]
    return watched
