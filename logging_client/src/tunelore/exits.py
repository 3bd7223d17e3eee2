"""How a process ends while it trains: exceptions, Ctrl-C, SIGTERM, a plain exit. Chains, never replaces.

The Trainer tells its callbacks nothing of exceptions, so what would hear of them is listened to. Knows no records.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from tunelore import session as sessions
from tunelore import trouble
from tunelore.record import identity
from tunelore.runs.outcome import Outcome, from_exception
from tunelore.runs.run import Run
from tunelore.session import own_sessions

_installed_in: int | None = None
_hears_forks = False


def install() -> None:
    """Listen, once a process; called when a training begins, never at import."""
    global _installed_in
    with trouble.quietly("exits"):
        _chain_hooks()
        _chain_sigterm()
        if _installed_in == os.getpid():
            return
        _installed_in = os.getpid()
        atexit.register(_at_exit, os.getpid())
        _chain_multiprocessing()
        _chain_ipython()
        _listen_for_forks()


def failed(error: BaseException | None, thread: int | None) -> None:
    """An exception got away from the thread's code: the runs it trained are over."""
    if error is None:
        return
    with trouble.quietly("exits"):

        def outcome(run: Run) -> Outcome:
            return from_exception(error, run.phase, run.step)

        for one in own_sessions():
            one.fail_open_runs(outcome, thread)


def close_all(seconds: float | None = None) -> None:
    """Finish, write and send what is open, within the seconds that the settings give (default 2)."""
    with trouble.quietly("exits"):
        now = time.monotonic()
        for one in own_sessions():
            one.close(now + (one.settings.exit_s if seconds is None else seconds))


def _at_exit(pid: int) -> None:
    if pid == os.getpid():
        close_all()


def _chain_hooks() -> None:
    """Again at each start of training: a library may have set a hook of its own over ours without calling it."""
    if not getattr(sys.excepthook, "tunelore", False):
        sys.excepthook = _excepthook_over(sys.excepthook)
    if not getattr(threading.excepthook, "tunelore", False):
        threading.excepthook = _thread_hook_over(threading.excepthook)


def _excepthook_over(previous: Callable[..., Any]) -> Callable[..., Any]:
    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        failed(error, threading.get_ident())
        previous(kind, error, trace)

    hook.tunelore = True  # type: ignore[attr-defined]
    return hook


def _thread_hook_over(previous: Callable[..., Any]) -> Callable[..., Any]:
    def hook(args: Any) -> None:
        failed(args.exc_value, threading.get_ident())
        previous(args)

    hook.tunelore = True  # type: ignore[attr-defined]
    return hook


def _chain_multiprocessing() -> None:
    """A child of multiprocessing (a launcher in a notebook, say) ends without exit hooks; it does call finalizers."""
    process, util = (sys.modules.get(f"multiprocessing.{name}") for name in ("process", "util"))
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, _at_child_exit, args=(os.getpid(),), exitpriority=100)


def _at_child_exit(pid: int) -> None:
    """Called while an exception is on its way out, which nobody else shows to a hook."""
    if pid != os.getpid():
        return
    error = sys.exc_info()[1]
    if isinstance(error, SystemExit):
        error = error.__context__  # launchers catch the exception, report it, and leave
    failed(error, threading.get_ident())
    close_all()


def _listen_for_forks() -> None:
    """A thread of ours may hold a lock in the moment of a fork; in the child nobody would ever release it."""
    global _hears_forks
    if not _hears_forks and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_a_child)
        _hears_forks = True


def _in_a_child() -> None:
    """The child trains nothing yet, and a handler in Python would not run while it waits in C."""
    before = getattr(signal.getsignal(signal.SIGTERM), "tunelore", None)
    if before is not None:
        signal.signal(signal.SIGTERM, before)
    trouble.renew_lock()
    sessions.renew_lock()
    identity.renew_lock()


def _chain_ipython() -> None:
    """IPython shows exceptions itself, before any hook; it does tell who asks after each cell."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module is not None else None
    if shell is not None:
        shell.events.register("post_run_cell", _after_cell)


def _after_cell(result: Any) -> None:
    failed(getattr(result, "error_in_exec", None), threading.get_ident())


def _chain_sigterm() -> None:
    """Again at each start of training: a library may have put back what was there before us."""
    if threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(signal.SIGTERM)
    if previous in (signal.SIG_IGN, None) or hasattr(previous, "tunelore"):
        return  # ignored on purpose, or set from C, where it cannot be called, or ours

    def handler(number: int, frame: FrameType | None) -> None:
        with trouble.quietly("exits"):
            for one in own_sessions():
                one.suspect_open_runs(lambda run: Outcome("killed", run.phase, "preempted", step=run.step))
        if callable(previous):
            previous(number, frame)  # which may let training come to its own end
        else:
            close_all()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)

    handler.tunelore = previous  # type: ignore[attr-defined]
    signal.signal(signal.SIGTERM, handler)
