"""The one way for business code to start a job: by dotted path, after commit.

It knows nothing of the jobs themselves. A message is only a hint: one that is lost is made up for by the sweep.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.module_loading import import_string


def enqueue_on_commit(path: str, *args: Any) -> None:
    """Send the job at ``path`` (a Celery task) once the running transaction has committed.

    args: JSON values. With no transaction running it is sent at once. A broker that cannot be reached is logged
    and does not undo or fail anything.
    """

    def send() -> None:
        import_string(path).delay(*args)

    transaction.on_commit(send, robust=True)
