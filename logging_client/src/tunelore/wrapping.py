"""`tunelore.wrap(trainer).train()`: a Trainer whose exceptions are seen, also those that the script catches.

Knows no record; the callback does the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from tunelore import trouble
from tunelore.callback import TuneLoreCallback

T = TypeVar("T")


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
