"""``manage.py login_link``: a link that signs one person in once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from knowledgebase.accounts.selectors import user_named
from knowledgebase.accounts.services import ADMINISTRATOR, create_login_link


class Command(BaseCommand):
    help = "Print a link that signs a user in once, within a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", default=ADMINISTRATOR, help="who it signs in (default: %(default)s)")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        if user is None:
            raise CommandError(
                f"there is no user {options['user']!r}; the first start (manage.py serve) makes 'admin'"
            )
        self.stdout.write(f"{settings.PUBLIC_URL}{create_login_link(user)}")
