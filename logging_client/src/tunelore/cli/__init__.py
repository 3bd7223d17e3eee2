"""The command `tunelore`: what waits, what would be sent, send it, log a run by hand. Knows no trainer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tunelore import __version__
from tunelore.cli.look import DONE, check, show, status
from tunelore.cli.send import log, sync
from tunelore.settings import read_settings

COMMANDS = {"sync": sync, "status": status, "show": show, "log": log, "check": check}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 nothing is left to do, 1 something is, 2 wrong use."""
    options = _parser().parse_args(arguments)
    settings = read_settings(getattr(options, "url", None), getattr(options, "token", None), options.spool)
    try:
        return COMMANDS[options.command](options, settings)
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
    hub = argparse.ArgumentParser(add_help=False)
    hub.add_argument("--url", help="address of the hub (default: TUNELORE_URL)")
    hub.add_argument("--token", help="token with the scope experiences:write (default: TUNELORE_TOKEN)")
    commands = parser.add_subparsers(dest="command", required=True, metavar=" | ".join(COMMANDS))
    commands.add_parser(
        "sync", parents=[spool, hub], help="send what waits; safe at any time, any number of times"
    )
    commands.add_parser("status", parents=[spool], help="what runs, waits, was sent or was refused")
    one = commands.add_parser("show", parents=[spool], help="print exactly what would be sent; sends nothing")
    one.add_argument("run", nargs="?", default="", help="only the run whose id starts with this")
    one.add_argument("--raw", action="store_true", help="the very bytes, canonical JSON, one record a line")
    by_hand = commands.add_parser(
        "log", parents=[spool, hub], help="log runs written down as JSON; the same file twice is the same run"
    )
    by_hand.add_argument(
        "files",
        nargs="+",
        metavar="run.json",
        help="a run, a list of runs, or one a line; - for standard input",
    )
    commands.add_parser(
        "check",
        parents=[spool, hub],
        help="whether disk, hub, token, clock and version are as they should be",
    )
    return parser
