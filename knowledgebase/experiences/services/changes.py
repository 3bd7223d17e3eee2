"""Numbers of changes, in the order of commits."""

from __future__ import annotations

from django.db import transaction

from knowledgebase.experiences.models import ChangeCounter


def lock_changes() -> ChangeCounter:
    """Take the counter's lock until the running transaction ends: all writers of the store stand in one line.

    That makes a number visible only after every smaller one, which a sequence of the database does not. On SQLite
    the transaction itself (IMMEDIATE) is the line.
    """
    assert transaction.get_connection().in_atomic_block
    rows = ChangeCounter.objects.select_for_update().filter(pk=1)
    counter = rows.first()
    if counter is None:
        # The very first change: of two that make the row at once, the second waits here and then takes the first's.
        ChangeCounter.objects.bulk_create([ChangeCounter(pk=1)], ignore_conflicts=True)
        counter = rows.get()
    return counter


def take(counter: ChangeCounter, count: int) -> range:
    """The next ``count`` numbers."""
    first = counter.last + 1
    counter.last += count
    counter.save(update_fields=["last"])
    return range(first, first + count)
