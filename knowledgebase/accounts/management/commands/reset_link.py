"""``manage.py reset_link``: a link that lets one person set a password once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from knowledgebase.accounts.selectors import user_named
from knowledgebase.accounts.services import create_reset_link


class Command(BaseCommand):
    help = "Print a link that lets a user set a new password once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="whose password it sets")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        if user is None:
            raise CommandError(
                f"there is no user {options['user']!r}; names are written exactly as people sign in"
            )
        self.stdout.write(f"{settings.PUBLIC_URL}{create_reset_link(user, actor=None)}")
