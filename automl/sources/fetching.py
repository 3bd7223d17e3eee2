"""Fetch what a run names in the HF Hub, and nothing else: the one door of the library to the network.

It knows no runner: a worker calls it before it starts a child that has no network.
"""

from __future__ import annotations

from dataclasses import replace

from automl.sources.hub import datasets, language_models
from automl.sources.hub.store import HubStore
from automl.sources.language_models import parse_key
from automl.sources.references import DatasetRef


def pinned_language_model(key: str, store: HubStore) -> str:
    """The key with the commit that its branch or tag means now; other sources' keys come back as they are."""
    source, name, revision, layers = parse_key(key)
    if source != "hub":
        return key
    commit = language_models.pin(store, name, revision, layers)
    return f"hub:{name}@{commit}" + (f"#layers={layers}" if layers else "")


def fetch_language_model(key: str, store: HubStore) -> None:
    """Bring the files of a pinned language model to this machine."""
    source, name, revision, _ = parse_key(key)
    if source == "hub":
        language_models.fetch(store, name, revision or "main")


def fetched_bytes(ref: DatasetRef, store: HubStore) -> int | None:
    """Size of a dataset of the HF Hub on this machine."""
    found = datasets.kept(store.cache, ref.name, ref.revision or "", ref.config)
    if found is None:
        return None
    return sum(path.stat().st_size for paths in found.files.values() for path in paths)


def arriving(ref: DatasetRef, store: HubStore) -> int:
    """Bytes of a dataset of the HF Hub that lie here and are not complete yet; 0 of any other."""
    return datasets.arriving(store.cache, ref.name) if ref.source == "hub" else 0


def fetch_dataset(ref: DatasetRef, store: HubStore) -> DatasetRef:
    """Bring a dataset to this machine; the reference with commit and configuration filled in."""
    if ref.source != "hub":
        return ref
    found = datasets.fetch(store, ref.name, ref.revision, ref.config)
    return replace(ref, revision=found.commit, config=found.config)
