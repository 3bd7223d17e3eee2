"""``manage.py create_token``: a new API token, printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from knowledgebase.accounts.selectors import user_named
from knowledgebase.accounts.services import ADMINISTRATOR, create_token
from knowledgebase.core.errors import Problem

MOST_DAYS = 3650


class Command(BaseCommand):
    help = "Make an API token for a user and print it. It is not stored and cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", default=ADMINISTRATOR, help="whose token it is (default: %(default)s)")
        parser.add_argument("--name", required=True, help="what to recognise it by")
        parser.add_argument(
            "--scopes", default="experiences:read", help="comma-separated (default: %(default)s)"
        )
        parser.add_argument("--days", type=int, help="how long it is valid (default: until it is revoked)")

    def handle(self, *_args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        if user is None:
            raise CommandError(
                f"there is no user {options['user']!r}; the first start (manage.py serve) makes 'admin'"
            )
        if (days := options["days"]) is not None and not 1 <= days <= MOST_DAYS:
            raise CommandError(f"--days {days}: choose from 1 to {MOST_DAYS}")
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            _, text = create_token(user, options["name"], scopes, expires_at=expires_at)
        except Problem as problem:
            raise CommandError(problem.detail) from problem
        self.stdout.write(text)
