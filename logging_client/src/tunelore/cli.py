"""The command `tunelore`: what waits in the spool, what would be sent, send it. Knows no trainer."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tunelore import __version__
from tunelore.record import canonical
from tunelore.sending.delivery import DELIVERED, DROPPED, KEPT, REJECTED, batches, deliver
from tunelore.sending.hub import Hub
from tunelore.settings import Settings, read_settings
from tunelore.spool.outbox import REJECTED as REJECTED_FOLDER
from tunelore.spool.outbox import Parcel, parcels, read_folder, reject, settle, sweep
from tunelore.spool.reader import SpoolFile

DONE, LEFT, WRONG_USE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 nothing is left to send, 1 something is, 2 wrong use."""
    options = _parser().parse_args(arguments)
    settings = read_settings(getattr(options, "url", None), getattr(options, "token", None), options.spool)
    commands = {"sync": _sync, "status": _status, "show": _show}
    try:
        return commands[options.command](options, settings)
    except BrokenPipeError:
        sys.stderr.close()  # a reader such as `head` had enough
        return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tunelore",
        description="Runs that TuneLoreCallback recorded: what waits on this disk, what would be sent, send it.",
    )
    parser.add_argument("--version", action="version", version=f"tunelore {__version__}")
    spool = argparse.ArgumentParser(add_help=False)
    spool.add_argument(
        "--spool",
        metavar="FOLDER",
        help="folder of the runs (default: TUNELORE_SPOOL, else ~/.tunelore/spool)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="sync | status | show")
    sync = commands.add_parser(
        "sync", parents=[spool], help="send what waits; safe at any time, any number of times"
    )
    sync.add_argument("--url", help="address of the hub (default: TUNELORE_URL)")
    sync.add_argument("--token", help="token with the scope experiences:write (default: TUNELORE_TOKEN)")
    commands.add_parser("status", parents=[spool], help="what runs, waits, was sent or was refused")
    show = commands.add_parser(
        "show", parents=[spool], help="print exactly what would be sent; sends nothing"
    )
    show.add_argument("run", nargs="?", default="", help="only the run whose id starts with this")
    show.add_argument("--raw", action="store_true", help="the very bytes, canonical JSON, one record a line")
    return parser


def _sync(options: argparse.Namespace, settings: Settings) -> int:
    if settings.url is None:
        print("tunelore: no hub to send to; set TUNELORE_URL or give --url http://...", file=sys.stderr)
        return WRONG_USE
    waiting = parcels(settings.spool)
    if not waiting:
        print(f"Nothing waits in {settings.spool}")
        return DONE
    hub = Hub(settings.url, settings.token)
    print(f"Sending {_runs(len(waiting))} to {settings.url}")
    counted = {DELIVERED: 0, DROPPED: 0, REJECTED: 0, KEPT: 0}
    for batch in batches(waiting):
        reason, wait_s = _send(hub, batch, settings.spool, counted)
        if reason:
            left = len(waiting) - sum(counted[one] for one in (DELIVERED, DROPPED, REJECTED))
            later = f" Try again in {wait_s:.0f} s." if wait_s else ""
            print(f"tunelore: {reason}. {_runs(left)} stay in {settings.spool}.{later}", file=sys.stderr)
            return LEFT
    sweep(settings.spool)
    extra = f", {counted[DROPPED]} deleted there before" if counted[DROPPED] else ""
    print(f"{counted[DELIVERED]} delivered{extra}, {counted[REJECTED]} refused")
    return LEFT if counted[REJECTED] else DONE


def _send(
    hub: Hub, batch: list[tuple[Parcel, bytes]], folder: Path, counted: dict[str, int]
) -> tuple[str, float | None]:
    report = deliver(hub, batch)
    for parcel, verdict, answer in report.verdicts:
        counted[verdict] += 1
        if verdict == REJECTED:
            reject(parcel, folder, answer)
            where = folder / REJECTED_FOLDER / f"{parcel.id}.json"
            print(f"  refused ({answer['status']}): {parcel.id}, kept in {where}", file=sys.stderr)
        elif verdict != KEPT:
            settle(parcel, verdict)
    return (report.reason or "not everything was taken" if report.of(KEPT) else ""), report.wait_s


def _status(options: argparse.Namespace, settings: Settings) -> int:
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
    waiting = sum(row[1].strip() == "waiting" for row in rows)
    running = sum(row[1].strip() == "running" for row in rows)
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
        state = stored.done.get(run.id) or ("running" if record is None else "waiting")
        outcome = (record or {}).get("outcome", {}).get("status", "")
        started = str(run.begin.get("started_at") or "")[:19].replace("T", " ")
        task = run.begin.get("task", {}).get("name") or ""
        rows.append((f"{run.id:36}", f"{state:9}", f"{outcome:8}", f"{started:19}", _printable(task)))
    return rows


def _show(options: argparse.Namespace, settings: Settings) -> int:
    found = [parcel for parcel in parcels(settings.spool) if parcel.id.startswith(options.run.lower())]
    if not found:
        what = f"no waiting run whose id starts with {options.run!r}" if options.run else "nothing waits"
        print(f"tunelore: {what} in {settings.spool}", file=sys.stderr)
        return LEFT if options.run else DONE
    for parcel in found:
        if options.raw:
            sys.stdout.buffer.write(canonical(parcel.record) + b"\n")
        else:
            print(json.dumps(parcel.record, indent=2, ensure_ascii=True))
    size = sum(len(canonical(parcel.record)) for parcel in found)
    now = time.strftime("%H:%M:%S")
    print(f"{_runs(len(found))}, {size:,} bytes; nothing was sent ({now})", file=sys.stderr)
    return DONE


def _runs(number: int) -> str:
    return f"{number} run" if number == 1 else f"{number} runs"


def _printable(text: str) -> str:
    """A name cannot write to the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))[:60]


if __name__ == "__main__":
    sys.exit(main())
