"""What leaves the spool, what stays, and how often it is read for that."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from tunelore import exits, run, trouble
from tunelore.record import uuid7
from tunelore.sending.hub import Hub
from tunelore.sending.sender import Sender
from tunelore.spool import outbox, sweeping
from tunelore.spool.file import SpoolWriter, decode, encode

from tests.unit.tunelore.spooled import begin, dead, end


def test_settled_files_of_dead_processes_are_removed_and_no_others(
    client: Path, cast: dict[str, Any]
) -> None:
    first, second = SpoolWriter(client), SpoolWriter(client)
    for writer, one in ((first, cast["ok"]), (second, cast["oom"])):
        writer.append(begin(one))
        writer.append(end(one))
        writer.close()
    for parcel in outbox.parcels(client):
        outbox.settle(parcel, "delivered")
    assert outbox.parcels(client) == []
    assert sweeping.sweep(client) == 0
    dead(first.path)
    assert sweeping.sweep(client) == 1
    assert {path.suffix for path in client.iterdir()} == {".jsonl", ".done"}
    assert sweeping.sweep(client, keep=second.path) == 1
    assert list(client.iterdir()) == []


def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The spool files that are read from now on."""
    seen: list[Path] = []
    real = outbox.read_file
    monkeypatch.setattr(outbox, "read_file", lambda path: seen.append(path) or real(path))
    return seen


def many(client: Path, one: dict[str, Any], number: int) -> list[Path]:
    """Files of processes that are alive and have sent nothing."""
    writer = SpoolWriter(client)
    writer.append(begin(one))
    writer.close()
    paths = [client / f"0000000000001-1-{each:08d}.jsonl" for each in range(number)]
    for path in paths:
        path.write_bytes(writer.path.read_bytes())
    return paths


def test_a_file_of_which_nothing_is_settled_is_not_read(
    client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = many(client, ok_record, 20)
    outbox.settle(outbox.Parcel(ok_record["id"], ok_record, paths[3]), "delivered")
    dead(paths[3])
    seen = reads(monkeypatch)
    assert sweeping.sweep(client) == 1
    assert seen == [paths[3]]


def test_sending_reads_no_file_of_others_again(
    hub: Any, client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand processes share a home; what one sends costs it no look at the others' files."""
    paths = many(client, ok_record, 20)
    for path in paths:  # as of processes that have sent a run before this one
        outbox.settle(outbox.Parcel(ok_record["id"], ok_record, path), "delivered")
    sender = Sender(Hub(hub.url), client, list)
    seen = reads(monkeypatch)
    sender.start()
    for number in range(1, 4):
        sender.send(outbox.Parcel(ok_record["id"], ok_record, paths[0]))
        hub.wait_for(lambda number=number: len(hub.uploads()) == number)
        assert sender.flush(time.monotonic() + 10)
    sender.stop()
    assert len(seen) <= 43  # the start's two looks at 21 files; 63 more if each turn took one


def test_the_end_of_a_process_reads_no_file_but_its_own(
    client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in many(client, ok_record, 20):
        outbox.settle(outbox.Parcel(ok_record["id"], ok_record, path), "delivered")
    one = run("weather", spool=client)
    seen = reads(monkeypatch)
    one.finish({"accuracy": 0.5})
    exits.close_all(10)
    assert seen == []
    assert len(outbox.parcels(client)) == 1


def test_a_file_of_another_machine_stays_until_its_runs_have_ended(
    client: Path, ok_record: dict[str, Any]
) -> None:
    """A process there may be stopped, or its clock be off; its own end would go to a file that is deleted."""
    writer = SpoolWriter(client)
    writer.append(begin(ok_record))
    head, rest = writer.path.read_bytes().split(b"\n", 1)
    writer.path.write_bytes(encode({**(decode(head) or {}), "place": "elsewhere"}) + rest)
    os.utime(writer.path, (1, 1))
    (lost,) = outbox.parcels(client)
    outbox.settle(lost, "delivered")
    assert outbox.parcels(client) == []
    assert sweeping.sweep(client) == 0
    writer.append(end(ok_record))
    os.utime(writer.path, (1, 1))
    (own,) = outbox.parcels(client)  # which is said over what others took it for
    assert (own.record, own.is_guess) == (ok_record, False)
    assert sweeping.sweep(client) == 0
    outbox.settle(own, "delivered")
    assert outbox.parcels(client) == []
    assert sweeping.sweep(client) == 1
    writer.close()


def left(client: Path, ok_record: dict[str, Any], *, runs: int = 1) -> tuple[Path, list[str]]:
    """The file of a process that is gone, with so many ended runs in it, and their ids."""
    writer, names = SpoolWriter(client), [uuid7() for _ in range(runs)]
    for name in names:
        writer.append(end({**ok_record, "id": name}))
    writer.close()
    dead(writer.path)
    return writer.path, names


def sent(hub: Any, client: Path, uploads: int) -> Sender:
    """A sender that has had its turn."""
    sender = Sender(Hub(hub.url), client, list)
    sender.start()
    hub.wait_for(lambda: len(hub.uploads()) == uploads)
    assert sender.flush(time.monotonic() + 10)
    sender.stop()
    return sender


def test_what_dead_processes_left_is_sent_removed_and_read_once(
    hub: Any, client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = sorted(left(client, ok_record, runs=number) for number in (1, 2, 30))  # as their names are read
    seen = reads(monkeypatch)
    noted: list[str] = []
    real = sweeping.settle
    monkeypatch.setattr(
        sweeping, "settle", lambda parcel, verdict: noted.append(parcel.id) or real(parcel, verdict)
    )
    sent(hub, client, 2)
    assert [one["id"] for upload in hub.uploads() for one in upload] == [
        name for _, names in found for name in names
    ]
    assert seen == [path for path, _ in found]
    assert list(client.iterdir()) == []
    assert noted == [name for _, names in found for name in names[:-1]], "the last one goes with its file"


def test_of_a_file_left_in_part_the_next_start_sends_the_rest(
    hub: Any, client: Path, ok_record: dict[str, Any]
) -> None:
    path, (first, second) = left(client, ok_record, runs=2)
    hub.answers = [(200, {}, [{"id": first, "status": 201}, {"id": second, "status": 503}])] + [
        (503, {}, None)
    ] * 9
    sent(hub, client, 1)
    assert outbox.read_done(path) == {first: "delivered"}
    hub.answers = []
    sent(hub, client, len(hub.uploads()) + 1)
    assert [one["id"] for one in hub.uploads()[-1]] == [second]
    assert list(client.iterdir()) == []


def test_a_refused_run_leaves_its_file_only_when_it_is_kept_elsewhere(
    hub: Any, client: Path, ok_record: dict[str, Any]
) -> None:
    trouble.raise_errors = False
    path, (first, second) = left(client, ok_record, runs=2)
    hub.answers = [(200, {}, [{"id": first, "status": 422}, {"id": second, "status": 201}])] * 2
    (client / "rejected").write_text("in the way of the folder")
    sent(hub, client, 1)
    assert outbox.read_done(path) == {second: "delivered"}
    (client / "rejected").unlink()
    sent(hub, client, 2)
    assert [one["id"] for one in hub.uploads()[-1]] == [first]
    assert [one.relative_to(client).as_posix() for one in client.rglob("*.*")] == [f"rejected/{first}.json"]


def test_a_file_that_may_still_be_written_to_is_read_again_before_it_goes(
    hub: Any, client: Path, ok_record: dict[str, Any]
) -> None:
    """Of another machine, silent for hours: it wakes while its run is on the way."""
    path, (first,) = left(client, ok_record)
    head, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(encode({**(decode(head) or {}), "place": "elsewhere"}) + rest)
    os.utime(path, (1, 1))
    leftovers = sweeping.Leftovers(client)
    (parcel,) = leftovers.parcels()
    with path.open("ab") as file:
        file.write(encode(begin({**ok_record, "id": uuid7()})))
    os.utime(path, (1, 1))
    leftovers.settle(parcel, "delivered")
    leftovers.sweep()
    assert path.exists()
    assert outbox.read_done(path) == {first: "delivered"}
