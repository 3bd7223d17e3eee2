"""Addresses of this app, below /."""

from django.urls import URLPattern

page_urls: list[URLPattern] = []
