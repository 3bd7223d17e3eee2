"""One file of a repository to disk: continued where it broke off, bounded while it arrives, checked at the end.

It knows nothing of what is in a file.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

from automl.errors import SourceError
from automl.sources.hub.requests import (
    TIMEOUT_S,
    RemoteFile,
    RemoteRepo,
    failures_in_words,
    pause_before_retry,
)
from automl.sources.hub.store import HubStore, storage_refused

ASK_EVERY_S = 0.5


def download(store: HubStore, repo: RemoteRepo, file: RemoteFile, target: Path) -> None:
    """`target` is there afterwards, whole and with the announced content, or SourceError says why not.

    Bytes that have arrived lie in `target`.part until then; another try goes on behind them.
    """
    if target.is_file():
        return
    part, failures = target.with_name(f"{target.name}.part"), 0
    most = _size(part)
    while True:
        try:
            with failures_in_words(store, repo.kind, repo.name):
                _receive(store, repo, file, part)
            break
        except SourceError as error:
            # As long as more arrives than ever before there is no reason to give up; what is sent again and
            # again and is too short each time is not more.
            failures = 1 if _size(part) > most else failures + 1
            most = max(most, _size(part))
            wait = pause_before_retry(store, error, failures)
            if wait is None:
                raise _broken_off(repo, file, part, error) from error
        except OSError as error:
            raise storage_refused(error) from error
        store.wait(wait)
    _check(repo, file, part)
    os.replace(part, target)


def _receive(store: HubStore, repo: RemoteRepo, file: RemoteFile, part: Path) -> None:
    from huggingface_hub import get_session, hf_hub_url, hf_raise_for_status

    have = _size(part)
    if have > file.size:
        part.unlink()
        have = 0
    if have == file.size and part.exists():
        return
    url = hf_hub_url(repo.name, file.path, repo_type=repo.kind, revision=repo.commit, endpoint=store.endpoint)
    # Packed on the way, a file would have neither its length nor its ranges.
    headers = {"User-Agent": "tunelore", "Accept-Encoding": "identity"}
    if store.token:
        headers["Authorization"] = f"Bearer {store.token}"
    if have:
        headers["Range"] = f"bytes={have}-"
    with get_session().stream(
        "GET", url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True
    ) as answer:
        if answer.status_code == 416:
            part.unlink()
            raise SourceError("cut", None, f"{file.path} of {repo.spelled} changed while it was fetched")
        if answer.status_code >= 400:
            answer.read()
        hf_raise_for_status(answer)
        continues = have > 0 and answer.status_code == 206
        _write(store, repo, file, part, answer, continues)
    if _size(part) < file.size:
        raise SourceError("cut", None, f"{file.path} of {repo.spelled} is not complete")


def _write(
    store: HubStore, repo: RemoteRepo, file: RemoteFile, part: Path, answer: Any, continues: bool
) -> None:
    asked = time.monotonic()
    with part.open("ab" if continues else "wb") as output:
        total = output.tell()
        # As it comes: gathered into blocks, the last of a transfer that breaks off would be lost.
        for block in answer.iter_bytes():
            total += len(block)
            if total > file.size:
                message = f"{file.path} of {repo.spelled} is larger than its announced {file.size:,} bytes"
                raise SourceError("too_large", None, message)
            output.write(block)
            if time.monotonic() - asked >= ASK_EVERY_S:
                asked = time.monotonic()
                store.check()


def _broken_off(repo: RemoteRepo, file: RemoteFile, part: Path, error: SourceError) -> SourceError:
    """Why there is no file, and how much of it there is."""
    if error.code not in {"unreachable", "cut"} or not _size(part):
        return error
    message = f"{file.path} of {repo.spelled} broke off after {_size(part):,} of {file.size:,} bytes; "
    return SourceError("cut", None, message + "what has arrived is kept, another try goes on from there")


def _check(repo: RemoteRepo, file: RemoteFile, part: Path) -> None:
    if file.sha256 is not None:
        with part.open("rb") as stream:
            found, expected = hashlib.file_digest(stream, "sha256").hexdigest(), file.sha256
    elif file.git_sha1 is not None:
        content = part.read_bytes()
        head = b"blob %d\0" % len(content)
        found, expected = hashlib.sha1(head + content, usedforsecurity=False).hexdigest(), file.git_sha1
    else:
        return
    if found != expected:
        part.unlink()
        raise SourceError(
            "checksum",
            None,
            f"{file.path} of {repo.spelled} arrived with another content than announced ({found[:12]}, not "
            f"{expected[:12]}); try again",
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
