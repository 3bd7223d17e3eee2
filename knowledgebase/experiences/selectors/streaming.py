"""Very many rows, read while they are sent. It writes nothing and knows no form.

Start with `in_parts`.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.db.models import QuerySet

from knowledgebase.core.deadlines import bounded
from knowledgebase.experiences.models import Experience

PART_ROWS = 500
KEYS_AT_ONCE = 10_000
# For one statement. The first of a stream was asked before under the bound of every read; the later ones wait for no
# answer that a person waits for, but must end all the same.
STATEMENT_S = 30
KEY_BYTES = 16


def in_parts(rows: QuerySet[Experience]) -> Iterator[Experience]:
    """The rows in their order: first all keys, as they are at one moment, then the rows, some hundred at a time.

    Between parts nothing is open in the database, however slow the reader is. Memory: 16 bytes a row and one part.
    What was deleted in between, or may not be seen any more, is left out. Raises what `is_too_slow` knows.
    """
    with bounded(STATEMENT_S):
        found = rows.values_list("pk", flat=True).iterator(chunk_size=KEYS_AT_ONCE)
        keys = b"".join(key.bytes for key in found)
    step = PART_ROWS * KEY_BYTES
    for begin in range(0, len(keys), step):
        part = keys[begin : begin + step]
        wanted = [UUID(bytes=part[at : at + KEY_BYTES]) for at in range(0, len(part), KEY_BYTES)]
        with bounded(STATEMENT_S):
            there = {row.pk: row for row in rows.order_by().filter(pk__among=wanted)}
        yield from (there[key] for key in wanted if key in there)
