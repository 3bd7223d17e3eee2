"""A bar on a terminal, a line now and then elsewhere. It knows nothing of what progresses."""

from __future__ import annotations

import time

from django.core.management.base import OutputWrapper

WIDTH = 30
TERMINAL_SECONDS, LOG_SECONDS = 0.1, 10.0


class Bar:
    """``show`` as often as you like; it writes rarely. ``done`` in [0, 1]; the rest is text of one line."""

    def __init__(self, out: OutputWrapper) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._next = time.monotonic() + (0.0 if self._terminal else LOG_SECONDS)
        self._open = False

    def show(self, done: float, text: str) -> None:
        """How far it is."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (TERMINAL_SECONDS if self._terminal else LOG_SECONDS)
        done = min(max(done, 0.0), 1.0)
        filled = round(WIDTH * done)
        line = f"[{'#' * filled}{'.' * (WIDTH - filled)}] {done:4.0%} {text}"
        if self._terminal:
            self._out.write(f"\r{line[:118]:<118}", ending="")
            self._out.flush()
            self._open = True
        else:
            self._out.write(line)

    def close(self) -> None:
        """End the line."""
        if self._open:
            self._out.write("")
