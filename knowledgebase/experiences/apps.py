"""Names the app and what follows a change of its tables; those are in models."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ExperiencesConfig(AppConfig):
    """The store of what every run taught."""

    name = "knowledgebase.experiences"

    def ready(self) -> None:
        post_migrate.connect(_look_again, sender=self)


def _look_again(plan: Sequence[Any] = (), **_: Any) -> None:
    """A table that a migration has rewritten is asked as fast as before; fired after the last of all apps."""
    from knowledgebase.core.database import refresh_statistics

    if plan:
        refresh_statistics()
