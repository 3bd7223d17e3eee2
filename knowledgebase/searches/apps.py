"""The app of searches: Dataset, Search, Trial."""

from django.apps import AppConfig


class SearchesConfig(AppConfig):
    name = "knowledgebase.searches"
    verbose_name = "Searches"
