"""Registers the checks of the configuration; core has no tables."""

from django.apps import AppConfig
from django.core.checks import register


class CoreConfig(AppConfig):
    """What two apps or more share."""

    name = "knowledgebase.core"

    def ready(self) -> None:
        from knowledgebase.core.checks import CHECKS

        for check in CHECKS:
            register(check)
