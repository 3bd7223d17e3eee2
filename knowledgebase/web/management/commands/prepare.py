"""``manage.py prepare``: bring the database up to date, load the starter experience, make an administrator."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from knowledgebase.accounts.services import ensure_administrator
from knowledgebase.core.database import refresh_statistics


class Command(BaseCommand):
    help = "Prepare the database of a hub: migrations, starter experience, administrator. Twice is safe."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="leave the sign-in link to who asks for it")

    def handle(self, *_args: Any, **options: Any) -> None:
        self.stdout.write("Preparing the database")
        call_command("migrate", verbosity=0)
        call_command("load_starter", stdout=self.stdout)
        refresh_statistics()
        if options["quiet"]:
            return
        link = ensure_administrator()
        if link:
            address = settings.PUBLIC_URL or "the hub's address"
            self.stdout.write(f"Sign in once with this link, as administrator: {address}{link}")
        else:
            self.stdout.write("A new sign-in link, when you need one: python manage.py login_link")
