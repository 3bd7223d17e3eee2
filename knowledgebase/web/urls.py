"""Addresses that belong to no app."""

from django.urls import URLPattern, path

from knowledgebase.web import api, health, metrics, pages

api_urls: list[URLPattern] = [path("about/", api.About.as_view(), name="about")]

page_urls: list[URLPattern] = [
    path("", pages.overview, name="overview"),
    path("theme/", pages.theme, name="theme"),
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
]
