"""The command `tunelore`: what waits, what would be sent, send it, log a run by hand. Knows no trainer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tunelore import __version__, trouble
from tunelore.cli.look import DONE, WRONG_USE, check, show, status
from tunelore.cli.send import log, sync
from tunelore.settings import read_settings

COMMANDS = {"sync": sync, "status": status, "show": show, "log": log, "check": check}


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 nothing is left to do, 1 something is, 2 wrong use."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USE
    in_training, trouble.told = trouble.told, "tunelore: %s: %s"
    try:
        settings = read_settings(
            getattr(options, "url", None), getattr(options, "token", None), options.spool
        )
        return COMMANDS[options.command](options, settings)
    except BrokenPipeError:
        sys.stderr.close()  # a reader such as `head` had enough
        return DONE
    finally:
        trouble.told = in_training


HELP = {
    "sync": "send what waits, also with TUNELORE_MODE=offline; safe at any time; exit code 1: something still waits",
    "status": "what runs, waits, was sent or was refused",
    "show": "print exactly what would be sent, and what is announced of runs under way; sends nothing",
    "log": "log runs written down as JSON; the same file twice is the same run",
    "check": "whether disk, hub, token, clock and version are as they should be",
}
ABOUT = """
Runs come here from a training script:
  trainer = Trainer(..., callbacks=[tunelore.TuneLoreCallback(dataset="hub:stanfordnlp/sst2")])
  with tunelore.run(task="sst2", model="hub:google/electra-small") as run: run.log(loss=0.3)

TUNELORE_URL and TUNELORE_TOKEN say which hub they go to; without them they wait on this disk.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tunelore",
        description="Fine-tuning runs on this disk: what waits, what would be sent, send it.",
        epilog=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
    listed = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    commands = {
        name: listed.add_parser(
            name,
            parents=[spool] if name in ("status", "show") else [spool, hub],
            help=text,
            description=f"{text[0].upper()}{text[1:]}.",
        )
        for name, text in HELP.items()
    }
    commands["show"].add_argument("run", nargs="?", default="", help="only the run whose id starts with this")
    commands["show"].add_argument(
        "--raw", action="store_true", help="the very bytes, canonical JSON, one record a line"
    )
    commands["sync"].add_argument(
        "--refused", action="store_true", help="send again what the hub refused too"
    )
    commands["log"].add_argument(
        "files",
        nargs="+",
        metavar="run.json",
        help="a run, a list of runs, or one a line; - for standard input",
    )
    return parser
