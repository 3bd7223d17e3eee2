"""Addresses of the pages that belong to no app."""

from django.urls import URLPattern, path

from knowledgebase.web import health

page_urls: list[URLPattern] = [
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
]
