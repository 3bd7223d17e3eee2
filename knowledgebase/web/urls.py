"""Addresses that belong to no app."""

from django.urls import URLPattern, path

from knowledgebase.web import api, api_docs, health, metrics, pages

api_urls: list[URLPattern] = [path("about/", api.About.as_view(), name="about")]

page_urls: list[URLPattern] = [
    path("", pages.overview, name="overview"),
    path("docs/", api_docs.api_docs, name="docs"),
    path("docs/<slug:resource>/", api_docs.api_resource, name="docs-resource"),
    path("theme/", pages.theme, name="theme"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
]
