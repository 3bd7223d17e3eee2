"""Answers that are sent while they are read: few at a time, none for ever, none to a client that stands still.

It knows nothing of what is sent. A stream that ends before its time breaks the connection, so that nobody takes a part
for the whole.
"""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from threading import BoundedSemaphore
from typing import Any

from rest_framework.exceptions import Throttled

logger = logging.getLogger(__name__)
# Of one process, which has eight threads: streams never keep all of them.
AT_ONCE = 3
COME_BACK_S = 10
# A client that takes nothing for so long is gone, though its connection says nothing. The system counts anew for each
# part of a piece that it could still take over, so that it comes to a minute in all (measured: three times as long).
STALLED_S = 20
_places = BoundedSemaphore(AT_ONCE)


class TooLong(RuntimeError):
    """A stream was ended because its time was over."""


class Stream:
    """Pieces with a place among the streams of this process, which `close` gives back; Throttled where none is free.

    `seconds`: how long it may take in all. `environ`: of the request; gunicorn names the client's socket there.
    """

    def __init__(self, pieces: Iterator[bytes], *, seconds: float, environ: Mapping[str, Any]) -> None:
        self._has_place = _places.acquire(blocking=False)
        self._pieces = pieces
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        if not self._has_place:
            detail = f"{AT_ONCE} exports are being sent by this process, which is as many as it sends at once"
            raise Throttled(COME_BACK_S, detail)
        _give_up_on_standstill(environ.get("gunicorn.socket"))

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if time.monotonic() > self._until:
            message = f"a stream took more than {self._seconds:.0f} s and was ended"
            logger.warning(message)
            raise TooLong(message)
        return next(self._pieces)

    def close(self) -> None:
        """Once it has ended, or nobody reads on: what it reads from is closed too."""
        if self._has_place:
            self._has_place = False
            _places.release()
        if closes := getattr(self._pieces, "close", None):
            closes()

    # Where an answer is thrown away before a server has seen it.
    __del__ = close


def _give_up_on_standstill(client: object) -> None:
    if isinstance(client, socket.socket):
        with suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", STALLED_S, 0))
