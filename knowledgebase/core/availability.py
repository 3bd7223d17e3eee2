"""A database that does not take a statement now is nobody's fault: 503, and when to come back.

Knows the two databases' own words for it; knows no view.
"""

from __future__ import annotations

import logging

from django.db import InterfaceError, OperationalError

from knowledgebase.core.errors import Problem

RETRY_AFTER_S = 5
# SQLite: others write longer than we wait, the disk is full, it fails, the file cannot be opened or written to.
SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY")
# PostgreSQL's classes: connection, resources, an operator's shutdown, system; and a deadlock, a lock not had in time.
POSTGRES = ("08", "53", "57P", "58", "40P01", "55P03")

logger = logging.getLogger(__name__)


def is_away(error: BaseException) -> bool:
    """Whether the same statement may succeed later, with nothing changed but the database's state."""
    if isinstance(error, InterfaceError):
        return True  # the connection is gone
    if not isinstance(error, OperationalError):
        return False
    name = getattr(error.__cause__, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(SQLITE)
    state = getattr(error.__cause__, "sqlstate", "")
    return state is None or state.startswith(POSTGRES)  # None: it was never reached, or left in the middle


def away(error: BaseException) -> Problem:
    """What to say then; the reason stands in the log, for who runs the hub."""
    logger.error("the database does not take a statement now: %s", str(error).strip().partition("\n")[0])
    detail = (
        "the hub's database does not answer now, or others have more to write than it can. Send the same again in "
        f"{RETRY_AFTER_S} s; the reason stands in the hub's log"
    )
    return Problem(503, "unavailable", "Unavailable", detail)
