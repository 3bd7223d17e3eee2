"""Registers the pages' template tags and commands; it has no tables."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The hub's pages."""

    name = "knowledgebase.web"
    label = "web"
