"""What the disk acknowledged survives: files cut anywhere, writes that fail at any moment, many processes at once."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tunelore import exits, record, run, trouble
from tunelore import session as sessions
from tunelore.record import uuid7
from tunelore.spool import file as writing
from tunelore.spool.file import SpoolWriter, decode, encode
from tunelore.spool.outbox import parcels, read_file
from tunelore.spool.sweeping import sweep

from tests.unit.tunelore.processes import environment

SMALL: dict[str, Any] = {
    "schema": "tunelore.experience/1",
    "started_at": None,
    "task": {"kind": "x", "dataset": {}},
    "pipeline": {"method": "full", "hyperparameters": {}},
    "provenance": {"client": "tunelore/0.1.0", "via": "run"},
}
ENDING = {"outcome": {"status": "unknown"}, "metrics": {}}


def lines_of(name: str) -> list[dict[str, Any]]:
    """A run's begin, progress and end."""
    begun = {**SMALL, "id": name}
    return [
        {"kind": "begin", "run": name, "record": begun},
        {"kind": "progress", "run": name, "step": 7, "points": []},
        {"kind": "end", "run": name, "record": {**begun, **ENDING}},
    ]


def as_of_a_dead_process(data: bytes) -> bytes:
    """The same with a header of a process that is gone, where the header is whole."""
    head, separator, rest = data.partition(b"\n")
    header = decode(head + separator)
    return data if header is None else encode({**header, "pid": 2**22 + 1, "start": "1"}) + rest


def test_a_file_of_twenty_lines_cut_at_every_byte(client: Path) -> None:
    names = [uuid7() for _ in range(7)]
    writer = SpoolWriter(client)
    payloads = [line for name in names for line in lines_of(name)][:19]
    for line in payloads:
        assert writer.append(line)
    writer.close()
    data = as_of_a_dead_process(writer.path.read_bytes())
    assert data.count(b"\n") == 20
    ends, size = [], len(data.partition(b"\n")[0]) + 1
    for line in payloads:
        size += len(encode(line))
        ends.append((size - 1, line))  # whole also without its line feed
    writer.path.write_bytes(data)
    for cut in range(len(data), -1, -1):
        os.truncate(writer.path, cut)
        found = {parcel.id: parcel.record for parcel in parcels(client)}
        whole = [line for size, line in ends if cut >= size]
        begun = {line["run"] for line in whole if line["kind"] == "begin"}
        ended = {line["run"]: line["record"] for line in whole if line["kind"] == "end"}
        assert set(found) == begun
        assert {name: found[name] for name in ended} == ended
        assert {found[name]["outcome"]["cause"] for name in begun - set(ended)} <= {"lost"}


def fails(kind: str, number: int, name: str) -> Callable[..., Any]:
    """os.write or os.fsync, of which one call fails: with nothing, half or all of it done."""
    real, calls = getattr(os, name), iter(range(10**6))

    def call(file: int, *data: bytes) -> Any:
        if next(calls) != number:
            return real(file, *data)
        if kind == "short":
            return real(file, data[0][: len(data[0]) // 2])  # no error: the system took a part
        if kind == "half":
            real(file, data[0][: len(data[0]) // 2])
        if kind == "all":
            real(file, *data)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return call


class Os:
    """The module `os` with one function of its own, for the writer alone."""

    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self._own = {name: call}

    def __getattr__(self, name: str) -> Any:
        return self._own.get(name) or getattr(os, name)


@pytest.mark.parametrize("kind", ["none", "short", "half", "all", "fsync"])
def test_the_nth_write_failing_for_every_n(
    tmp_path: Path, client: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    trouble.raise_errors = False
    failed = 0
    for number in range(23):
        folder = tmp_path / str(number)
        name = "fsync" if kind == "fsync" else "write"
        monkeypatch.setattr(writing, "os", Os(name, fails(kind, number, name)))
        writer = SpoolWriter(folder)
        taken: dict[str, dict[str, Any]] = {}
        for run_id in [uuid7() for _ in range(7)]:
            for line in lines_of(run_id):
                if writer.append(line, durable=True) and line["kind"] == "end":
                    taken[run_id] = line["record"]
        writer.close()
        found = {parcel.id: parcel.record for parcel in parcels(folder)}
        assert taken.items() <= found.items()
        assert len(taken) >= 6
        failed += len(taken) < 7
        data = writer.path.read_bytes()
        writer.path.write_bytes(as_of_a_dead_process(data))
        lost = {parcel.id for parcel in parcels(folder)} - set(taken)
        assert len(lost) <= 1
    assert failed == (0 if kind == "short" else 7)


def test_a_header_that_was_not_written_comes_with_the_next_line(
    client: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one nobody could tell whose file it is, and nobody would ever remove it."""
    trouble.raise_errors = False
    monkeypatch.setattr(writing, "os", Os("write", fails("none", 0, "write")))
    writer = SpoolWriter(client)
    first, _, last = lines_of(uuid7())
    assert not writer.append(first)
    assert writer.append(last)
    writer.close()
    stored = read_file(writer.path)
    assert (stored.header["kind"], stored.damaged, len(stored.runs)) == ("spool", 0, 1)


def test_a_disk_that_has_room_again_gets_what_it_did_not_take(
    client: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble.raise_errors = False
    full = True

    def write(file: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, data)

    monkeypatch.setattr(writing, "os", Os("write", write))
    one = run("weather", spool=client)
    one.finish({"accuracy": 0.5})
    end = time.monotonic() + 20
    while trouble.counts["spool"] < 3:
        assert time.monotonic() < end, trouble.counts
        time.sleep(0.01)
    full = False
    exits.close_all(10)
    (parcel,) = parcels(client)
    assert parcel.record["primary"]["value"] == 0.5
    assert record.check(parcel.record) == []


@pytest.mark.parametrize("at", [2, 3])
def test_a_disk_that_never_answers_is_not_waited_for_at_the_end(
    client: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """A file server that went away: fsync hangs, at the start of a run or at its end."""
    trouble.raise_errors = False
    calls, over = iter(range(1, 10**6)), threading.Event()

    def fsync(file: int) -> None:
        if next(calls) >= at:
            over.wait(60)

    monkeypatch.setattr(writing, "os", Os("fsync", fsync))
    began = time.monotonic()
    run("weather", spool=client).finish({"accuracy": 0.5})
    exits.close_all(1.0)
    took = time.monotonic() - began
    over.set()
    assert took < 3


def test_runs_that_memory_does_not_keep_are_counted_and_said(
    tmp_path: Path, client: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trouble.raise_errors = False
    caplog.set_level("WARNING", logger=trouble.logger.name)
    monkeypatch.setattr(sessions, "MAX_UNWRITTEN", 3)
    (tmp_path / "file").write_text("in the way")
    for _ in range(5):
        run("weather", spool=tmp_path / "file").finish({"accuracy": 0.5})
    exits.close_all(5)
    assert trouble.counts["memory"] == 2
    assert trouble.counts["lost"] == 1
    assert "5 runs were kept in memory only" in caplog.text
    assert "memory keeps 3 only" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file is written")
def test_what_outlives_a_power_loss(tmp_path: Path, client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was brought past the system's caches is there again: that a run began, and how it ended."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def fsync(file: int) -> None:
        os.fsync(file)
        path = Path(os.readlink(f"/proc/self/fd/{file}"))
        if path.is_file():
            (disk / path.name).write_bytes(as_of_a_dead_process(path.read_bytes()))

    def settled(status: str) -> dict[str, Any]:
        end = time.monotonic() + 20
        while not (
            found := [one.record for one in parcels(disk) if one.record["outcome"]["status"] == status]
        ):
            assert time.monotonic() < end, parcels(disk)
            time.sleep(0.01)
        return found[0]

    monkeypatch.setattr(writing, "os", Os("fsync", fsync))
    one = run("weather", spool=client)
    assert settled("killed")["outcome"]["cause"] == "lost"
    one.finish({"accuracy": 0.5})
    assert settled("ok")["primary"]["value"] == 0.5


MANY = """
import sys
import tunelore
for number in range(int(sys.argv[1])):
    with tunelore.run(f"{sys.argv[2]}/{number}", method="full") as run:
        run.log(loss=1.0, step=number)
        run.finish({"accuracy": 0.5})
"""


@pytest.mark.parametrize("with_hub", [True, False])
def test_many_processes_lose_and_double_nothing(tmp_path: Path, hub: Any, with_hub: bool) -> None:
    """Eight with fifty runs each here; 32 with 1,000 in the bench."""
    processes, runs = 8, 50
    variables = {"TUNELORE_URL": hub.url} if with_hub else {}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MANY, str(runs), str(number)], env=environment(tmp_path, **variables)
        )
        for number in range(processes)
    ]
    assert [process.wait(120) for process in started] == [0] * processes
    waiting = parcels(tmp_path / "spool")
    sent = [one for body in hub.uploads() for one in body]
    expected = {f"{process}/{number}" for process in range(processes) for number in range(runs)}
    assert {one["task"]["name"] for one in [*sent, *(parcel.record for parcel in waiting)]} == expected
    assert len({one["id"] for one in sent} | {parcel.id for parcel in waiting}) == len(expected)
    assert {one["outcome"]["status"] for one in sent} <= {"ok"}
    if not with_hub:
        assert len(list((tmp_path / "spool").glob("*.jsonl"))) == processes
    sweep(tmp_path / "spool")
    assert set((tmp_path / "spool").glob("*.jsonl")) == {parcel.source for parcel in waiting}
