"""Names the app; its tables are in models."""

from django.apps import AppConfig


class ExperiencesConfig(AppConfig):
    """The store of what every run taught."""

    name = "knowledgebase.experiences"
