"""The command `tunelore`: sync, status, show."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tunelore
from tunelore import exits, record
from tunelore.cli import COMMANDS, HELP, main
from tunelore.cli.send import Progress
from tunelore.spool.file import SpoolWriter
from tunelore.spool.outbox import parcels


@pytest.fixture
def filled(client: Path, cast: dict[str, dict[str, Any]]) -> Path:
    """A spool with two runs that wait and one that is under way."""
    writer = SpoolWriter(client)
    for name in ("ok", "oom"):
        writer.append({"kind": "end", "run": cast[name]["id"], "record": cast[name]})
    running = {**cast["imported"], "task": {**cast["imported"]["task"], "name": "under\x1b[2J way"}}
    writer.append({"kind": "begin", "run": running["id"], "record": running})
    writer.close()
    return client


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_status_of_nothing(client: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "status", "--spool", str(client))
    assert code == 0
    assert "0 running, 0 waiting, 0 refused" in out
    assert "none (set TUNELORE_URL)" in out


def test_status(filled: Path, capsys: pytest.CaptureFixture[str], cast: dict[str, Any]) -> None:
    code, out, _ = run(capsys, "status", "--spool", str(filled))
    assert code == 1
    assert "1 running, 2 waiting, 0 refused" in out
    assert cast["oom"]["id"] in out
    assert "tunelore sync" in out
    assert "\x1b" not in out


def test_show_prints_exactly_what_would_be_sent(
    filled: Path, capsysbinary: pytest.CaptureFixture[bytes], cast: dict[str, Any]
) -> None:
    assert main(["show", "--spool", str(filled), "--raw"]) == 0
    out = capsysbinary.readouterr().out
    lines = out.splitlines()
    assert lines[:2] == [record.canonical(cast[name]) for name in ("ok", "oom")]
    assert [json.loads(line)["task"]["name"] for line in lines[2:]] == ["under\x1b[2J way"]


def test_show_tells_what_is_announced_of_a_run_under_way(
    client: Path, hub: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what the hub has been told of it."""
    under_way = tunelore.run("notes", spool=client, url=hub.url)
    hub.wait_for(lambda: any(path == "/api/v1/runs/" for path, _, _ in hub.requests))
    capsys.readouterr()
    code, out, err = run(capsys, "show", "--spool", str(client))
    assert code == 0
    assert f"announced (still running; what the hub hears of it): {under_way.id}" in err
    told = next(body for path, _, body in hub.requests if path == "/api/v1/runs/")
    shown = json.loads(out)
    assert shown["id"] == under_way.id
    assert shown in ([told], told, *[one for one in told if isinstance(told, list)])
    under_way.finish({"accuracy": 0.5})
    exits.close_all(20)


def test_show_one_run(filled: Path, capsys: pytest.CaptureFixture[str], cast: dict[str, Any]) -> None:
    code, out, err = run(capsys, "show", cast["oom"]["id"], "--spool", str(filled))
    assert code == 0
    assert json.loads(out) == cast["oom"]
    assert "nothing was sent" in err
    code, out, err = run(capsys, "show", "ffff", "--spool", str(filled))
    assert (code, out) == (1, "")
    assert "no waiting run whose id starts with 'ffff'" in err


def test_sync_without_a_hub_says_what_to_do(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "sync", "--spool", str(filled))
    assert code == 2
    assert "set TUNELORE_URL or give --url" in err


def test_sync_sends_all_and_a_second_time_nothing(
    filled: Path, hub: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "sync", "--spool", str(filled), "--url", hub.url, "--token", "tl_secret")
    assert code == 0
    assert "2 delivered, 0 refused" in out
    assert "tl_secret" not in out
    assert run(capsys, "sync", "--spool", str(filled), "--url", hub.url)[1].startswith("Nothing waits")
    assert len(hub.uploads()) == 1
    assert hub.requests[0][1]["Authorization"] == "Bearer tl_secret"


def test_sync_keeps_what_was_refused_apart(
    filled: Path, hub: Any, capsys: pytest.CaptureFixture[str], cast: dict[str, Any]
) -> None:
    refused, taken = cast["ok"]["id"], cast["oom"]["id"]
    hub.answers = [(207, {}, [{"id": refused, "status": 409, "problem": {}}, {"id": taken, "status": 200}])]
    code, out, err = run(capsys, "sync", "--spool", str(filled), "--url", hub.url)
    assert code == 1
    assert "1 delivered, 1 refused" in out
    assert f"refused (409): {refused}" in err
    assert parcels(filled) == []
    kept = json.loads((filled / "rejected" / f"{refused}.json").read_text())
    assert kept["record"] == cast["ok"]
    assert kept["answer"]["status"] == 409
    assert "1 refused" in run(capsys, "status", "--spool", str(filled))[1]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "give TUNELORE_TOKEN a valid token with the scope experiences:write. 2 runs stay"),
        (302, "a redirect"),
        (503, "answered 503"),
        (200, "give TUNELORE_URL the address of a TuneLore hub. 2 runs"),
    ],
)
def test_sync_says_why_runs_stay(
    filled: Path, hub: Any, capsys: pytest.CaptureFixture[str], status: int, words: str
) -> None:
    hub.answers = [(status, {"Retry-After": "30"}, b"<html>")]
    code, _, err = run(capsys, "sync", "--spool", str(filled), "--url", hub.url)
    assert code == 1
    assert words in err
    assert "2 runs stay in" in err
    assert len(parcels(filled)) == 2


def test_the_installed_command_says_what_it_can(client: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tunelore.cli", "--help"], capture_output=True, text=True, check=True
    )
    for word in ("sync", "status", "show"):
        assert word in done.stdout


@pytest.mark.parametrize(
    ("terminal", "lines"), [(True, ["", "  25 of 1,000", "  50 of 1,000"]), (False, [""])]
)
def test_progress_writes_over_a_line_on_terminals_only(terminal: bool, lines: list[str]) -> None:
    class Out(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    out = Out()
    progress = Progress(1000, out)
    progress.at(25)
    progress.at(50)
    progress.end()
    assert out.getvalue().rstrip("\n").split("\r") == lines


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    printed = capsys.readouterr().err
    assert all(f"\n    {command} " in printed for command in COMMANDS)
    assert "TuneLoreCallback(" in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_describes_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert HELP[command].split(";")[0][1:] in " ".join(capsys.readouterr().out.split())


def test_a_command_says_nothing_of_training(client: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What reassures in the middle of a training is out of place here."""
    code = f"from tunelore.cli import main; main(['sync', '--url', 'nonsense', '--spool', {str(client)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'nonsense'; it must start with http:// or https://" in done.stderr
    assert "Training" not in done.stderr


def test_no_answer_is_told_in_words(
    client: Path, ok_record: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    writer = SpoolWriter(client)
    writer.append({"kind": "end", "run": ok_record["id"], "record": ok_record})
    writer.close()
    assert main(["sync", "--spool", str(client), "--url", "http://127.0.0.1:1"]) == 1
    assert "no answer (Connection refused). 1 run stays" in capsys.readouterr().err
