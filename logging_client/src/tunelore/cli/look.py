"""`tunelore status` and `show` tell what is in the spool; `check` whether it will get to the hub. They send no run."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tunelore import __version__, trouble
from tunelore.record import SCHEMA_ID, canonical, uuid7
from tunelore.sending.hub import ABOUT, Answer, Hub
from tunelore.settings import Settings
from tunelore.spool.outbox import REJECTED as REJECTED_FOLDER
from tunelore.spool.outbox import RUNNING, WAITING, Parcel, SpoolFile, parcels, read_folder

DONE, LEFT, WRONG_USE = 0, 1, 2


def runs(number: int) -> str:
    """1 run, 2 runs."""
    return f"{number:,} run" if number == 1 else f"{number:,} runs"


def printable(text: object) -> str:
    """A name cannot write to the terminal."""
    return trouble.one_line(text)[:60]


def status(options: argparse.Namespace, settings: Settings) -> int:
    """What runs, waits, was sent or was refused."""
    files = list(read_folder(settings.spool))
    rows = [row for stored in files for row in _rows(stored)]
    refused = sorted((settings.spool / REJECTED_FOLDER).glob("*.json"))
    print(f"Spool  {settings.spool}")
    print(f"Hub    {settings.url or 'none (set TUNELORE_URL)'}, mode {settings.mode}")
    if rows:
        print()
        print(f"{'run':36}  {'state':9}  {'outcome':8}  {'started (UTC)':19}  task")
        for row in rows:
            print("  ".join(row))
    waiting = sum(row[1].strip() == WAITING for row in rows)
    running = sum(row[1].strip() == RUNNING for row in rows)
    print()
    print(f"{running} running, {waiting} waiting, {len(refused)} refused", end="")
    damaged = sum(stored.damaged for stored in files)
    print(f", {damaged} damaged lines skipped" if damaged else "")
    if refused:
        print(f"Refused records and the hub's answers: {settings.spool / REJECTED_FOLDER}")
    if waiting:
        print("Send what waits with: tunelore sync")
    return LEFT if waiting or refused else DONE


def _rows(stored: SpoolFile) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for run in stored.runs.values():
        record = run.record(stored.alive)
        state = stored.state(run)
        outcome = (record or {}).get("outcome", {}).get("status", "")
        started = str(run.begin.get("started_at") or "")[:19].replace("T", " ")
        task = run.begin.get("task", {}).get("name") or ""
        rows.append((f"{run.id:36}", f"{state:9}", f"{outcome:8}", f"{started:19}", printable(task)))
    return rows


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Print exactly what would be sent."""
    waiting = parcels(settings.spool)
    announced = [
        Parcel(run.id, run.begin, stored.path)
        for stored in read_folder(settings.spool)
        for run in stored.runs.values()
        if run.begin and stored.state(run) == RUNNING
    ]
    wanted = options.run.lower()
    found = [parcel for parcel in [*waiting, *announced] if parcel.id.startswith(wanted)]
    if not found:
        what = f"no waiting run whose id starts with {options.run!r}" if options.run else "nothing waits"
        print(f"tunelore: {what} in {settings.spool}", file=sys.stderr)
        return LEFT if options.run else DONE
    for parcel in found:
        if parcel in announced:
            sys.stdout.flush()
            print(
                f"announced (still running; what the hub hears of it): {parcel.id}",
                file=sys.stderr,
                flush=True,
            )
        if options.raw:
            sys.stdout.buffer.write(canonical(parcel.record) + b"\n")
        else:
            print(json.dumps(parcel.record, indent=2, ensure_ascii=True))
    size = sum(len(canonical(parcel.record)) for parcel in found)
    now = time.strftime("%H:%M:%S")
    print(f"{runs(len(found))}, {size:,} bytes; nothing was sent ({now})", file=sys.stderr)
    return DONE


TIMEOUT_S = 10.0
CLOCK_S = 60.0
SCOPE = "experiences:write"
# What was looked at, whether it is as it should be, and what was found.
Finding = tuple[str, bool, str]


def check(options: argparse.Namespace, settings: Settings) -> int:
    """Exit code 0 where everything is as it should be, 1 where something is not."""
    wrong, meanwhile = 0, ""
    for name, fine, text in _findings(settings):
        wrong += not fine
        if name == "spool" and fine and settings.mode != "disabled":
            meanwhile = "; runs wait on disk meanwhile"
        print(f"{'ok ' if fine else 'BAD'}  {name:8}  {text}", flush=True)
    if wrong:
        print(f"tunelore: {wrong} of these should be mended{meanwhile}", file=sys.stderr)
    return LEFT if wrong else DONE


def _findings(settings: Settings) -> Iterator[Finding]:
    yield "client", True, f"tunelore {__version__}, Python {sys.version.split()[0]}, records {SCHEMA_ID}"
    yield _mode(settings)
    yield _spool(settings.spool)
    if settings.url is None:
        yield "hub", False, "none; set TUNELORE_URL, or give --url http://..."
        return
    if settings.token and not _private(settings.url):
        yield (
            "address",
            False,
            "http:// shows the token to everybody on the way; give the hub's https:// address",
        )
    began = time.time()
    answer = Hub(settings.url, settings.token).get(ABOUT, TIMEOUT_S)
    took = time.time() - began
    found = _hub(settings.url, answer, took)
    yield found
    if answer.date is not None and answer.status:
        yield _clock(answer, began, took)
    if answer.status == 401:
        yield (
            "token",
            False,
            "the hub does not take it: expired or revoked; make a new one and set TUNELORE_TOKEN",
        )
    elif found[1]:
        yield _version(answer.body)
        yield _token(answer.body, settings)


def _private(url: str) -> bool:
    """Whether nobody between here and the hub can read along: encrypted, or this very machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme == "https" or host in ("localhost", "::1") or host.startswith("127.")


def _mode(settings: Settings) -> Finding:
    if settings.mode == "online":
        return "mode", True, "online"
    what = {"offline": "runs wait until tunelore sync", "disabled": "nothing is recorded at all"}
    return "mode", False, f"{settings.mode}: {what[settings.mode]}; unset TUNELORE_MODE to send"


def _spool(folder: Path) -> Finding:
    """Writes a file of its own, since a full disk and a read-only one say nothing until then."""
    probe = folder / f"check-{uuid7()}.part"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with probe.open("wb") as file:
            file.write(b"0" * 4096)
            os.fsync(file.fileno())
    except OSError as error:
        return "spool", False, f"{folder} cannot be written: {error.strerror or error}; set TUNELORE_SPOOL"
    finally:
        _remove(probe)
    waiting = len(parcels(folder))
    return "spool", True, f"{folder}, {runs(waiting)} waiting"


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return


def _hub(url: str, answer: Answer, took: float) -> Finding:
    if answer.status == 0:
        return "hub", False, f"{url} does not answer: {answer.reason}"
    if 300 <= answer.status < 400:
        return (
            "hub",
            False,
            f"{url} answers {answer.status}, a redirect: give its final address as TUNELORE_URL",
        )
    if answer.status == 401:
        return "hub", True, f"{url} answers in {took:.2f} s"
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status != 200 or not isinstance(body.get("records"), list):
        return (
            "hub",
            False,
            f"{url} answers {answer.status}, but not as a TuneLore hub does; is TUNELORE_URL right?",
        )
    version = f", version {printable(body['version'])}" if body.get("version") else ""
    return "hub", True, f"{url} answers in {took:.2f} s{version}"


def _clock(answer: Answer, began: float, took: float) -> Finding:
    """The header is whole seconds, so up to one of them is nobody's fault."""
    apart = (answer.date or 0.0) + 0.5 - (began + took / 2)
    if abs(apart) <= CLOCK_S:
        return "clock", True, f"within {max(1.0, abs(apart)):.0f} s of the hub's"
    way = "behind" if apart > 0 else "ahead of"
    return "clock", False, f"{abs(apart):,.0f} s {way} the hub's; set this machine's clock (or the hub's)"


def _version(body: dict[str, Any]) -> Finding:
    known = [printable(one) for one in body["records"]]
    if SCHEMA_ID in known:
        return "records", True, f"the hub takes {SCHEMA_ID}"
    return (
        "records",
        False,
        f"the hub takes {', '.join(known) or 'none'}, this client writes {SCHEMA_ID}; update the older",
    )


def _token(body: dict[str, Any], settings: Settings) -> Finding:
    if not settings.token:
        return "token", False, "none; set TUNELORE_TOKEN (the hub's page Account makes one)"
    scopes = [printable(one) for one in body.get("scopes") or []]
    user, team = (printable(body.get(name) or "?") for name in ("user", "team"))
    said = f"of {user}, team {team}, scopes {', '.join(scopes) or 'none'}"
    if SCOPE in scopes or "admin" in scopes:
        return "token", True, said
    return "token", False, f"{said}: lacks {SCOPE}, without which runs stay here; make one with it"
