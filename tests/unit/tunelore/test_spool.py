"""The spool: what is on disk survives its process, and damage costs one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tunelore import record, trouble
from tunelore.spool import outbox, sweeping
from tunelore.spool.file import SpoolWriter, decode, encode, lives, place, process_start
from tunelore.spool.outbox import read_file

from tests.unit.tunelore.spooled import begin, dead, end

# A file of format 1 as version 0.1.0 wrote it: every later version must read it.
GOLDEN = (
    '[91,"0b1ab824",{"kind":"spool","format":1,"client":"tunelore/0.1.0","pid":4194305,"start":"1","'
    'place":"x"}]\n'
    '[358,"435321f5",{"kind":"begin","run":"019aa0c1-7c00-7b2e-9f3a-0123456789ad","record":{"schema"'
    ':"tunelore.experience/1","id":"019aa0c1-7c00-7b2e-9f3a-0123456789ad","started_at":"2026-11-20T1'
    '0:00:00.000Z","task":{"kind":"text-classification","dataset":{}},"pipeline":{"method":"full","h'
    'yperparameters":{"epochs":1}},"provenance":{"client":"tunelore/0.1.0","via":"callback"}}}]\n'
    '[467,"28808feb",{"kind":"end","run":"019aa0c1-7c00-7b2e-9f3a-0123456789ad","record":{"schema":"'
    'tunelore.experience/1","id":"019aa0c1-7c00-7b2e-9f3a-0123456789ad","started_at":"2026-11-20T10:'
    '00:00.000Z","task":{"kind":"text-classification","dataset":{}},"pipeline":{"method":"full","hyp'
    'erparameters":{"epochs":1}},"provenance":{"client":"tunelore/0.1.0","via":"callback"},"finished'
    '_at":"2026-11-20T10:00:01.000Z","outcome":{"status":"unknown"},"metrics":{},"primary":null,"cur'
    've":[]}}]\n'
    '[358,"f4c07832",{"kind":"begin","run":"019aa0c1-7c00-7b2e-9f3a-0123456789ae","record":{"schema"'
    ':"tunelore.experience/1","id":"019aa0c1-7c00-7b2e-9f3a-0123456789ae","started_at":"2026-11-20T1'
    '0:00:00.000Z","task":{"kind":"text-classification","dataset":{}},"pipeline":{"method":"full","h'
    'yperparameters":{"epochs":1}},"provenance":{"client":"tunelore/0.1.0","via":"callback"}}}]\n'
    '[235,"19753e58",{"kind":"progress","run":"019aa0c1-7c00-7b2e-9f3a-0123456789ae","at":"2026-11-2'
    '0T10:00:09.000Z","points":[{"step":5,"epoch":0.5,"seconds":8.5,"values":{"loss":0.5}}],"step":6'
    ',"epoch":0.6,"phase":"train","cost":{"steps":6},"metrics":{}}]\n'
)


def test_a_line_is_json_and_knows_its_damage() -> None:
    line = encode({"a": "é\n", "b": [1.5, None]})
    assert decode(line) == {"a": "é\n", "b": [1.5, None]}
    assert isinstance(record.parse(line), list)
    for place_of_damage in range(len(line) - 1):
        assert decode(line[:place_of_damage]) is None
    assert decode(line.replace(b"1.5", b"1.6")) is None


def test_what_is_not_json_is_not_written(client: Path) -> None:
    trouble.raise_errors = False
    writer = SpoolWriter(client)
    assert not writer.append({"kind": "x", "value": float("nan")})
    assert trouble.counts["spool"] == 1
    assert writer.append({"kind": "x"})
    writer.close()


def test_the_golden_file_is_read(client: Path) -> None:
    client.mkdir()
    path = client / "0000000000001-999999-golden00.jsonl"
    path.write_text(GOLDEN)
    os.utime(path, (1, 1))
    stored = read_file(path)
    assert stored.header["client"] == "tunelore/0.1.0"
    assert stored.damaged == 0
    finished, lost = outbox.parcels(client)
    assert finished.record["outcome"] == {"status": "unknown"}
    assert lost.record["outcome"]["cause"] == "lost"
    assert lost.record["curve"][0]["values"] == {"loss": 0.5}
    assert lost.record["cost"] == {"steps": 6}
    assert [record.check(parcel.record) for parcel in (finished, lost)] == [[], []]


def test_a_finished_run_waits_also_while_its_process_lives(client: Path, ok_record: dict[str, Any]) -> None:
    writer = SpoolWriter(client)
    writer.append(begin(ok_record))
    assert outbox.parcels(client) == []
    writer.append(end(ok_record), durable=True)
    (parcel,) = outbox.parcels(client)
    assert (parcel.id, parcel.record) == (ok_record["id"], ok_record)
    writer.close()


def test_folder_and_file_are_private(client: Path, ok_record: dict[str, Any]) -> None:
    writer = SpoolWriter(client)
    writer.append(begin(ok_record))
    writer.close()
    assert client.stat().st_mode & 0o777 == 0o700
    assert writer.path.stat().st_mode & 0o777 == 0o600


def test_a_truncated_last_line_costs_only_itself(client: Path, ok_record: dict[str, Any]) -> None:
    writer = SpoolWriter(client)
    writer.append(begin(ok_record))
    writer.append({"kind": "progress", "run": ok_record["id"], "step": 7, "at": "2026-11-20T10:00:30.000Z"})
    writer.append(end(ok_record))
    writer.close()
    data = writer.path.read_bytes()
    writer.path.write_bytes(data[:-100])
    dead(writer.path)
    (parcel,) = outbox.parcels(client)
    assert parcel.record["outcome"] == {
        "status": "killed",
        "phase": None,
        "cause": "lost",
        "stack": None,
        "step": 7,
        "exception": None,
    }
    assert parcel.record["finished_at"] == "2026-11-20T10:00:30.000Z"
    assert record.check(parcel.record) == []
    assert read_file(writer.path).damaged == 1


def test_after_a_damaged_line_the_next_is_read(client: Path, ok_record: dict[str, Any]) -> None:
    writer = SpoolWriter(client)
    writer.append(begin(ok_record))
    with writer.path.open("ab") as file:
        file.write(b'[999,"00000000",{"kind":"en\n')
    writer.append(end(ok_record))
    writer.close()
    assert [parcel.record for parcel in outbox.parcels(client)] == [ok_record]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_counted_not_raised(client: Path) -> None:
    trouble.raise_errors = False
    writer = SpoolWriter(client)
    client.mkdir()
    writer.path.symlink_to("/dev/full")
    assert not writer.append({"kind": "x"})
    assert not writer.append({"kind": "y"})
    assert trouble.counts["spool"] == 2
    writer.close()


def test_after_a_write_that_was_cut_short_the_next_line_starts_anew(
    client: Path, ok_record: dict[str, Any]
) -> None:
    """A file size limit cuts a line in the middle, as a full disk does."""
    code = (
        "import json, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from tunelore.spool.file import SpoolWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "begin, end = json.loads(sys.argv[2])\n"
        "writer = SpoolWriter(Path(sys.argv[1]))\n"
        "assert writer.append(begin)\n"
        "size = writer.path.stat().st_size\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))\n"
        "assert not writer.append(end)\n"
        "assert writer.path.stat().st_size == size + 100\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "assert writer.append(end)\n"
    )
    lines = record.canonical([begin(ok_record), end(ok_record)]).decode()
    subprocess.run([sys.executable, "-c", code, str(client), lines], check=True, timeout=60)
    (parcel,) = outbox.parcels(client)
    assert record.canonical(parcel.record) == record.canonical(ok_record)


def test_a_folder_that_cannot_be_made_is_counted(tmp_path: Path, client: Path) -> None:
    trouble.raise_errors = False
    (tmp_path / "file").write_text("in the way")
    assert not SpoolWriter(tmp_path / "file" / "spool").append({"kind": "x"})
    assert trouble.counts["spool"] == 1


@pytest.mark.parametrize(("verdict", "again"), [("delivered", True), ("rejected", True), ("dropped", False)])
def test_a_process_that_slept_where_the_system_tells_of_none_has_the_last_word(
    client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch, verdict: str, again: bool
) -> None:
    """A laptop's, on macOS or Windows: silent for hours and taken for lost, then it trains on to its end."""
    monkeypatch.setattr(outbox, "lives", lambda *_: None)
    writer = SpoolWriter(client)
    writer.append(begin(ok_record))
    os.utime(writer.path, (1, 1))
    (lost,) = outbox.parcels(client)
    assert lost.is_guess
    outbox.settle(lost, verdict)
    assert sweeping.sweep(client) == 0
    writer.append({"kind": "progress", "run": ok_record["id"], "points": []})
    ((stored, run),) = [(one, run) for one in outbox.read_folder(client) for run in one.runs.values()]
    assert stored.state(run) == ("running" if again else verdict)
    writer.append(end(ok_record))
    writer.close()
    assert [one.record for one in outbox.parcels(client)] == ([ok_record] if again else [])


def test_a_file_that_another_process_removes_meanwhile_is_no_trouble(
    client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(client)
    writer.append(end(ok_record))
    writer.close()
    listed = [client / "0000000000000-1-gone0000.jsonl", writer.path]
    monkeypatch.setattr(outbox, "spool_files", lambda _: listed)
    assert [parcel.id for parcel in outbox.parcels(client)] == [ok_record["id"]]
    assert trouble.counts == {}


def test_a_file_of_a_later_format_is_left_alone(client: Path, ok_record: dict[str, Any]) -> None:
    client.mkdir()
    path = client / "0000000000001-1-later000.jsonl"
    path.write_bytes(
        encode({"kind": "spool", "format": 2, "pid": 2**22 + 1, "place": place()}) + encode(end(ok_record))
    )
    assert outbox.parcels(client) == []
    assert sweeping.sweep(client) == 0
    assert path.exists()


def test_an_id_that_is_a_path_touches_no_file(client: Path, ok_record: dict[str, Any]) -> None:
    writer = SpoolWriter(client)
    ok_record["id"] = "../../../escaped"
    writer.append(begin(ok_record))
    writer.append(end(ok_record))
    writer.close()
    assert outbox.parcels(client) == []
    outbox.reject(outbox.Parcel(ok_record["id"], ok_record, writer.path), client, {})
    assert not (client / "rejected").exists()


def test_a_process_is_known_by_number_and_start() -> None:
    here = process_start(os.getpid())
    assert lives(os.getpid(), here)
    assert not lives(os.getpid(), "1")
    assert not lives(2**22 + 1, None)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = process_start(child.pid)
    assert lives(child.pid, start)
    child.communicate(b"\n", timeout=30)
    assert not lives(child.pid, start)


def test_another_machines_process_counts_as_alive_until_it_is_silent(
    client: Path, ok_record: dict[str, Any]
) -> None:
    writer = SpoolWriter(client)
    writer.append(begin(ok_record))
    writer.close()
    lines = writer.path.read_bytes().split(b"\n", 1)
    writer.path.write_bytes(encode({**(decode(lines[0]) or {}), "place": "elsewhere"}) + lines[1])
    assert outbox.parcels(client) == []
    written = writer.path.stat().st_mtime
    an_hour_off, long_ago = written - 3700, written - 7300
    os.utime(writer.path, (an_hour_off, an_hour_off))
    assert outbox.parcels(client) == []
    os.utime(writer.path, (long_ago, long_ago))
    assert [parcel.record["outcome"]["cause"] for parcel in outbox.parcels(client)] == ["lost"]
