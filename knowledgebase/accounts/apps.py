"""Names the app; its tables are in models."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who: people, teams, tokens."""

    name = "knowledgebase.accounts"
