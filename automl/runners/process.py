"""Run one pipeline in a child process under limits, and tell apart every way to die.

Start from `run`. It knows no hub: progress goes to the caller's function, whose False cancels the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import IO, Any

from automl.runners.base import TrialProgress, TrialResult, TrialSpec
from automl.runners.energy import Meter, meter_of
from automl.runners.execute import conditions, joules, load_average, now, partial
from automl.runners.failures import HOST_MEMORY
from automl.runners.memory import cpu_seconds, status_bytes

Progress = Callable[[TrialProgress], bool]
POLL_S, REPORT_S = 0.1, 1.0
# Importing torch takes 5-9 s on an idle machine; a loaded one may need many times that.
START_S = 180.0
# A run that is killed and had last used so much of its limit has run out of memory.
NEAR_LIMIT = 0.9
# Allocation that fails inside a library may end the process by one of these instead of an exception.
ABORTS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
# What a child may know of its surroundings; the hub's secrets are not among it.
PASSED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "SYSTEMROOT",
)


@dataclass
class Watch:
    """What the parent has seen of its child."""

    started_at: str = field(default_factory=now)
    load: float | None = field(default_factory=load_average)
    spawned: float = field(default_factory=time.monotonic)
    ready: float | None = None
    cpu_before: float = 0.0
    cpu_last: float = 0.0
    memory_last: int | None = None
    memory_own: int = 0
    memory_peak: int = 0
    meter: Meter = field(default_factory=Meter)
    reported: float = 0.0
    progress: dict[str, Any] = field(default_factory=lambda: {"phase": "load"})

    @property
    def seconds(self) -> float:
        """Since the libraries were imported; 0 before."""
        return 0.0 if self.ready is None else time.monotonic() - self.ready


def run(spec: TrialSpec, on_progress: Progress) -> TrialResult:
    """Train in a fresh child until it ends, breaks a limit, or `on_progress` (about once a second) returns False.

    Never raises for what happens in the child, and leaves no process and no file behind.
    """
    watch = Watch()
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryDirectory(prefix="tunelore-run-") as folder:
        child = subprocess.Popen(
            [sys.executable, "-m", "automl.runners.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment(spec, folder),
            cwd=folder,
        )
        try:
            return attend(child, spec, watch, on_progress, errors)
        finally:
            end(child)


def environment(spec: TrialSpec, folder: str) -> dict[str, str]:
    """An allow-list of the parent's environment, the number of threads, and no way to the HF Hub."""
    threads = str(spec.threads)
    package_root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return {
        **{name: os.environ[name] for name in PASSED if name in os.environ},
        "PYTHONPATH": package_root,
        "TMPDIR": folder,
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        "PYTHONWARNINGS": "ignore",
    }


def attend(
    child: subprocess.Popen[bytes], spec: TrialSpec, watch: Watch, on_progress: Progress, errors: IO[bytes]
) -> TrialResult:
    """Feed the child its spec, then listen and look until there is a result."""
    events: queue.Queue[dict[str, Any] | None] = queue.Queue()
    listener = threading.Thread(target=listen, args=(child.stdout, events), daemon=True)
    listener.start()
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(spec.to_dict()).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        pass  # it died at once; its end is classified below
    while True:
        event = next_event(events)
        if event is None:
            return of_the_dead(child, spec, watch, errors)
        if event.get("event") == "result":
            return completed(event["body"], watch)
        notice(event, child, watch)
        if event.get("event") == "ready":
            watch.meter = meter_of(spec.device, spec.powercap)
        watch.meter.keep_up()
        ending = judge(child, spec, watch, on_progress)
        if ending is not None:
            # A result that was on its way counts: it was reached within the limits.
            end(child)
            return last_word(events, watch) or cut_short(spec, watch, *ending)


def listen(stream: IO[bytes] | None, events: queue.Queue[dict[str, Any] | None]) -> None:
    assert stream is not None
    with stream:
        for line in stream:
            try:
                events.put(json.loads(line))
            except ValueError:
                break  # cut in the middle of a line: the child is dead
    events.put(None)


def next_event(events: queue.Queue[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The next event, {} when none came in time, None at the child's end."""
    try:
        return events.get(timeout=POLL_S)
    except queue.Empty:
        return {}


def notice(event: dict[str, Any], child: subprocess.Popen[bytes], watch: Watch) -> None:
    if event.get("event") == "ready":
        watch.ready = time.monotonic()
        watch.cpu_before = cpu_seconds(child.pid) or 0.0
    elif event.get("event") == "progress":
        watch.progress = event["body"]
    watch.memory_last = status_bytes("VmRSS", child.pid) or watch.memory_last
    # Pages of files (libraries, mapped weights) are resident too, but can be dropped; they are not the run's own.
    watch.memory_own = status_bytes("RssAnon", child.pid) or watch.memory_own
    watch.memory_peak = max(watch.memory_peak, watch.memory_last or 0)
    watch.cpu_last = cpu_seconds(child.pid) or watch.cpu_last


def judge(
    child: subprocess.Popen[bytes], spec: TrialSpec, watch: Watch, on_progress: Progress
) -> tuple[str, str] | None:
    """(status, cause) when the run must end now."""
    moment = time.monotonic()
    if watch.ready is None and moment - watch.spawned > START_S:
        return "error", "infrastructure"
    if spec.limits.wall_s is not None and watch.seconds > spec.limits.wall_s:
        return "timeout", "wall"
    memory = spec.limits.host_memory_bytes
    if memory is not None and watch.memory_own > memory:
        return "oom", "host"
    if moment - watch.reported >= REPORT_S:
        watch.reported = moment
        if not on_progress(shown(watch)):
            return "killed", "user"
    return None


def shown(watch: Watch) -> TrialProgress:
    seen = watch.progress
    return TrialProgress(
        phase=seen["phase"],
        step=seen.get("step"),
        epoch=seen.get("epoch"),
        seconds=round(watch.seconds, 1),
        memory_bytes=watch.memory_last,
        best=seen.get("best"),
    )


def completed(body: dict[str, Any], watch: Watch) -> TrialResult:
    """The child's own result, with the peak as seen from outside where that is higher."""
    result = TrialResult(**body)
    peak = max(int(result.cost.get("host_memory_bytes") or 0), watch.memory_peak)
    return replace(result, cost={**result.cost, "host_memory_bytes": peak})


def last_word(events: queue.Queue[dict[str, Any] | None], watch: Watch) -> TrialResult | None:
    while True:
        event = next_event(events)
        if not event:
            return None
        if event.get("event") == "result":
            return completed(event["body"], watch)


def of_the_dead(
    child: subprocess.Popen[bytes], spec: TrialSpec, watch: Watch, errors: IO[bytes]
) -> TrialResult:
    """Why a child ended without a result: its exit status, its last memory and its last words say."""
    try:
        status = child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        child.kill()
        status = child.wait()
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 8192))
    words = errors.read().decode(errors="replace").lower()
    limit = spec.limits.host_memory_bytes
    near = limit is not None and watch.memory_own >= NEAR_LIMIT * limit
    if any(word in words for word in HOST_MEMORY) or (status == -signal.SIGKILL and near):
        return cut_short(spec, watch, "oom", "host")
    if limit is not None and -status in ABORTS and near:
        return cut_short(spec, watch, "oom", "host")
    if status == -signal.SIGTERM:
        return cut_short(spec, watch, "killed", "preempted")
    if status < 0 and -status not in ABORTS:
        return cut_short(spec, watch, "killed", "lost")
    return cut_short(spec, watch, "error", "infrastructure" if watch.ready is None else None)


def cut_short(spec: TrialSpec, watch: Watch, status: str, cause: str | None) -> TrialResult:
    """The result of a run that could not give one itself."""
    seen = watch.progress
    return TrialResult(
        status=status,
        started_at=watch.started_at,
        finished_at=now(),
        phase=seen["phase"],
        cause=cause,
        step=seen.get("step"),
        metrics=partial(spec, seen.get("best")),
        cost={
            "evaluation_s": round(watch.seconds, 3),
            "cpu_s": round(max(0.0, watch.cpu_last - watch.cpu_before), 3),
            "host_memory_bytes": watch.memory_peak,
            **joules(watch.meter),
        },
        conditions=conditions(spec, watch.load, watch.meter),
    )


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill and reap; harmless for one that has ended."""
    if child.poll() is None:
        child.kill()
    child.wait()
    if child.stdin is not None and not child.stdin.closed:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
