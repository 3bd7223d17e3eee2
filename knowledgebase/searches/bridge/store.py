"""The settings of this hub as the library's terms for fetching from the HF Hub.

It fetches nothing itself; only workers may.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from automl.sources.hub.store import HubStore


def hub_store(go_on: Callable[[], bool] = lambda: True) -> HubStore:
    """Where files of the HF Hub are kept here, and how much may be fetched; `go_on` may end it."""
    return HubStore(cache=str(settings.CACHE_FOLDER), max_bytes=int(settings.MAX_DOWNLOAD_BYTES), go_on=go_on)
