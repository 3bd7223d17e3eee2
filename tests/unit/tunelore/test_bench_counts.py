"""What the client's bench counts as right, and the spool it finds; the bench itself is not run here."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from tunelore.spool.outbox import parcels, read_folder

OK, LOST = {"status": "ok"}, {"status": "killed", "cause": "lost"}


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "bench"))
    return importlib.import_module("client.counts")


@pytest.mark.parametrize(
    ("ending", "done", "right"),
    [(False, False, [LOST]), (True, False, [LOST, OK]), (True, True, [OK])],
)
def test_a_killed_run_is_ok_only_if_it_had_begun_to_end(
    counts: Any, ending: bool, done: bool, right: list[Any]
) -> None:
    one = counts.Killed("", ending, done)
    outcomes = [OK, LOST, {"status": "killed", "cause": "preempted"}, {"status": "unknown"}, None]
    assert [found for found in outcomes if counts.is_right(one, found)] == [
        found for found in outcomes if found in right
    ]


def test_what_others_left_behind_waits(counts: Any, client: Path) -> None:
    counts.left_behind(client, 3)
    assert [stored.alive for stored in read_folder(client)] == [False] * 3
    assert len(parcels(client)) == 3


def test_a_script_says_that_it_is_about_to_end(counts: Any, tmp_path: Path) -> None:
    assert counts.killed(counts.KILLED, tmp_path, 0.0).ending is False
    assert counts.killed(counts.KILLED, tmp_path, 5.0) == counts.Killed(parcels_id(tmp_path), True, True)


def parcels_id(folder: Path) -> str:
    return next(one.id for one in parcels(folder / "spool") if one.record["outcome"]["status"] == "ok")
