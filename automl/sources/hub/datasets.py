"""Datasets of the HF Hub: which Parquet files are which split of which configuration. Loading scripts never run.

It knows no labels and no columns; `automl.sources.files` reads what is fetched here.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from automl.errors import SourceError
from automl.sources.hub.requests import RemoteFile, RemoteRepo, look_up
from automl.sources.hub.store import COMMIT, PARTS, REPO, HubStore, place, publish, staging
from automl.sources.hub.transfer import download
from automl.sources.raw import MAX_BYTES

SPLITS: Mapping[str, str] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
#: The branch on which the HF Hub keeps its own conversion of repositories in other formats.
CONVERTED = "refs/convert/parquet"
# Names that stand for a repository without configurations.
PLAIN = ("", "data", "default")
_NAME = re.compile(r"(?P<split>[A-Za-z_]+)(?:-\d{5}-of-\d{5}(?:-[0-9a-f]+)?)?\.parquet")
_NUMBERED = re.compile(r"\d{4}\.parquet")
_CONFIG = re.compile(r"(?:\w[\w.+-]{0,99})?", re.ASCII)


@dataclass(frozen=True)
class HubDataset:
    """What was chosen: configuration ('' when there is only one), commit, files on this machine by split."""

    config: str
    commit: str
    files: Mapping[str, tuple[Path, ...]]


def fetch(store: HubStore, name: str, revision: str | None, config: str) -> HubDataset:
    """The Parquet files of a dataset at a commit, fetched where they are not there yet.

    Without a configuration there must be only one. Without a revision the default branch is taken, and where that
    has no Parquet the HF Hub's own conversion.
    """
    kept_already = kept(store.cache, name, revision or "", config)
    if kept_already is not None:
        return kept_already
    repo = look_up(store, "dataset", name, revision)
    chosen = _chosen(repo)
    if not chosen and revision is None:
        repo = _converted(store, repo)
        chosen = _chosen(repo)
    config = _configuration(repo, chosen, config)
    splits = chosen[config]
    _check_size(store, repo, splits)
    final = place(store.cache, "dataset", name, repo.commit) / (config or "default")
    if not final.is_dir():
        with staging(store, final) as folder:
            _take(store, repo, splits, folder, final)
    return HubDataset(config, repo.commit, _by_split(final))


def kept(cache: str, name: str, commit: str, config: str) -> HubDataset | None:
    """What lies on this machine of a dataset at a commit."""
    if not (COMMIT.fullmatch(commit) and REPO.fullmatch(name) and _CONFIG.fullmatch(config)):
        return None
    folder = place(cache, "dataset", name, commit) / (config or "default")
    return HubDataset(config, commit, _by_split(folder)) if folder.is_dir() else None


def arriving(cache: str, name: str) -> int:
    """Bytes that have arrived of what is being fetched, of any commit and configuration."""
    total = 0
    for path in place(cache, "dataset", name, "any").parent.glob(f"*/{PARTS}/*/*"):
        with contextlib.suppress(FileNotFoundError):  # complete in this very moment
            total += path.stat().st_size
    return total


def _take(
    store: HubStore, repo: RemoteRepo, splits: Mapping[str, list[RemoteFile]], folder: Path, final: Path
) -> None:
    if final.is_dir():  # another process was quicker
        shutil.rmtree(folder)
        return
    for split, files in splits.items():
        for number, file in enumerate(files):
            # Names of our own: what a repository calls its files never becomes a path.
            download(store, repo, file, folder / f"{split}-{number:05d}.parquet")
    publish(folder, final)


def _by_split(folder: Path) -> dict[str, tuple[Path, ...]]:
    found: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.glob("*.parquet")):
        split = path.name.partition("-")[0]
        found[split] = (*found.get(split, ()), path)
    return found


def _converted(store: HubStore, repo: RemoteRepo) -> RemoteRepo:
    try:
        return look_up(store, "dataset", repo.name, CONVERTED)
    except SourceError as error:
        if error.code != "unknown_revision":
            raise
    scripts = [file.path for file in repo.files if file.path.endswith(".py")]
    reason = (
        f" It has a loading script ({scripts[0]}), and code of a repository is never run." if scripts else ""
    )
    message = f"{repo.spelled} has no Parquet files.{reason} Download it, and upload it as CSV, JSON Lines or Parquet"
    raise SourceError("no_parquet", "name", message)


def _chosen(repo: RemoteRepo) -> dict[str, dict[str, list[RemoteFile]]]:
    """configuration -> split -> files in order; what belongs to no known split is left out."""
    found: dict[str, dict[str, list[RemoteFile]]] = {}
    for file in sorted(repo.files, key=lambda one: one.path):
        where = _config_and_split(file.path)
        if where is not None:
            config, split = where
            found.setdefault(config, {}).setdefault(split, []).append(file)
    return {config: splits for config, splits in found.items() if "train" in splits}


def _config_and_split(path: str) -> tuple[str, str] | None:
    """From "train-00000-of-00001.parquet" (at the root, in data/ or <config>/) or "<config>/train/0000.parquet"."""
    *folders, name = path.split("/")
    if _NUMBERED.fullmatch(name) and folders:
        word = folders.pop()
    elif match := _NAME.fullmatch(name):
        word = match["split"]
    else:
        return None
    split = SPLITS.get(word.lower())
    config = folders[-1] if folders else ""
    if split is None or len(folders) > 2 or not _CONFIG.fullmatch(config):
        return None
    return "" if config in PLAIN else config, split


def _configuration(repo: RemoteRepo, chosen: Mapping[str, object], asked: str) -> str:
    wanted = "" if asked in PLAIN else asked
    if wanted in chosen:
        return wanted
    if len(chosen) == 1 and not asked:
        return next(iter(chosen))
    if not chosen:
        raise SourceError("no_parquet", "name", f"{repo.spelled} has no Parquet file of training rows")
    known = ", ".join(sorted(name or "default" for name in chosen)[:30])
    message = (
        f"{repo.spelled} has no configuration {asked[:60]!r}"
        if asked
        else f"{repo.spelled} has several parts"
    )
    raise SourceError("unknown_config", "config", f"{message}; name one of: {known}")


def _check_size(store: HubStore, repo: RemoteRepo, splits: Mapping[str, list[RemoteFile]]) -> None:
    total, most = (
        sum(file.size for files in splits.values() for file in files),
        min(MAX_BYTES, store.max_bytes),
    )
    if total > most:
        message = f"{repo.spelled} has {total:,} bytes, at most {most:,} are read; upload a part of it"
        raise SourceError("too_large", "name", message)
