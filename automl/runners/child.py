"""The child process of one run: reads its spec from standard input, writes events to standard output as JSON lines.

It ends when its parent does: the parent's end of standard input closes, and on Linux the kernel sends a signal.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from typing import Any

from automl.runners.base import TrialSpec
from automl.runners.execute import execute, warm_up
from automl.runners.memory import limit_memory
from automl.runners.state import State

PR_SET_PDEATHSIG = 1
REPORT_S = 0.5


def main() -> int:
    die_with_parent()
    # Libraries print; the events need a channel of their own.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    spec = TrialSpec.from_dict(json.loads(sys.stdin.readline()))
    threading.Thread(target=end_with_stdin, daemon=True).start()
    warm_up(spec.pipeline.method)
    set_threads(spec)
    if spec.limits.host_memory_bytes is not None:
        limit_memory(spec.limits.host_memory_bytes)
    send(channel, "ready", {})
    result = execute(spec, Reporter(channel))
    send(channel, "result", asdict(result))
    return 0


def die_with_parent() -> None:
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the request was heard.
    if os.getppid() != parent:
        os._exit(1)


def end_with_stdin() -> None:
    """Standard input stays open as long as the parent lives."""
    while sys.stdin.readline():
        pass
    os._exit(1)


def set_threads(spec: TrialSpec) -> None:
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(spec.threads)


def send(channel: Any, event: str, body: dict[str, Any]) -> None:
    channel.write(json.dumps({"event": event, "body": body}) + "\n")
    channel.flush()


class Reporter:
    """Sends the state of the run, at most twice a second, each new phase at once."""

    def __init__(self, channel: Any) -> None:
        self.channel, self.last, self.phase = channel, 0.0, ""

    def __call__(self, state: State) -> None:
        moment = time.monotonic()
        if state.phase == self.phase and moment - self.last < REPORT_S:
            return
        self.last, self.phase = moment, state.phase
        body = {"phase": state.phase, "step": state.step, "epoch": state.epoch, "best": state.best}
        send(self.channel, "progress", body)


if __name__ == "__main__":
    sys.exit(main())
