"""`tunelore log`: runs that somebody wrote down."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from tunelore import record
from tunelore.cli import main
from tunelore.spool.outbox import parcels
from tunelore.written import KNOWN, NotARun, records_in

RUN = {
    "task": "weather",
    "kind": "text-classification",
    "dataset": "hub:someone/notes@v2",
    "model": "hub:someone/encoder#layers=3",
    "method": "lora",
    "hyperparameters": {"learning_rate": 2e-5, "modules": ["query"], "epochs": 3},
    "metrics": {"f1_macro": 0.75, "test": {"accuracy": 0.5}},
    "seconds": 61.5,
    "seed": 7,
}


def one(run: Any) -> dict[str, Any]:
    (found,) = records_in(json.dumps(run))
    return found


def logged(folder: Path, *files: Path) -> int:
    return main(["log", *map(str, files), "--spool", str(folder)])


def test_the_short_form(client: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(RUN))
    assert logged(client, path) == 0
    (parcel,) = parcels(client)
    whole = parcel.record
    assert capsys.readouterr().out.split() == [whole["id"]]
    assert whole["outcome"] == {"status": "ok"}
    assert whole["metrics"] == {"validation": {"f1_macro": 0.75}, "test": {"accuracy": 0.5}}
    assert whole["primary"] == {"split": "validation", "metric": "f1_macro", "value": 0.75}
    assert record.language_model_key(whole["language_model"]) == "hub:someone/encoder#layers=3"
    assert record.task_identity(whole).comparable
    assert (whole["provenance"]["via"], whole["provenance"]["seed"]) == ("import:json", 7)
    assert whole["cost"] == {"evaluation_s": 61.5}
    assert whole["pipeline"]["hyperparameters"] == RUN["hyperparameters"]
    assert "system" not in whole  # it may have run on another machine


def test_the_same_file_twice_is_the_same_run_and_another_seed_is_not() -> None:
    first, again, other = one(RUN), one(dict(reversed(RUN.items()))), one({**RUN, "seed": 8})
    assert first["id"] == again["id"] != other["id"]
    assert record.canonical(first) == record.canonical(again)


def test_a_whole_record_is_taken_as_it_is(ok_record: dict[str, Any]) -> None:
    assert one(ok_record) == ok_record


def test_several_runs_in_a_list_or_one_a_line(tmp_path: Path, client: Path) -> None:
    runs = [{**RUN, "seed": seed} for seed in range(3)]
    lists, lines = tmp_path / "list.json", tmp_path / "lines.jsonl"
    lists.write_text(json.dumps(runs))
    lines.write_text("\n".join(json.dumps(run) for run in runs) + "\n\n")
    assert records_in(lists.read_text()) == records_in(lines.read_text())
    assert logged(client, lists, lines) == 0
    assert len({parcel.id for parcel in parcels(client)}) == 3


def test_from_standard_input(
    client: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + json.dumps(RUN).encode())))
    assert main(["log", "-", "--spool", str(client)]) == 0
    assert len(parcels(client)) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"metrics": {}}, "unknown"),
        ({"metrics": {"loss": float("nan")}}, "diverged"),
        ({"metrics": {"f1_macro": 0.5}, "status": "pruned"}, "pruned"),
        ({"status": "oom", "cause": "device", "step": 3}, "oom"),
    ],
)
def test_how_a_run_ended(change: dict[str, Any], status: str) -> None:
    whole = one({**RUN, **change})
    assert whole["outcome"]["status"] == status
    assert whole["primary"] is None
    assert "validation" not in whole["metrics"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[]", "holds no run"),
        ("7", "a run is a JSON object, not 7"),
        ('{"learning_rate": 1}', "learning_rate: not known; known are id, task"),
        (
            '{"tsk": "sst2", "metric": {}}',
            "tsk, metric: not known; did you mean task, metrics? known are id, task",
        ),
        ('{"metrics": [1]}', "metrics: give an object"),
        ('{"metrics": {"f1": "0.5", "test": {"f1": true}}}', 'give numbers; f1 is "0.5", test/f1 is true'),
        ('{"hyperparameters": "x"}', "hyperparameters: give an object"),
        ('{"status": "fine"}', 'status "fine" is none; known are ok, oom'),
        ('{"id": "run-1"}', "/id: "),
        ('{"seconds": -1, "task": "x"}', "/cost/evaluation_s: "),
        ('[{"task": "x"}, {"task": "x", "started_at": "noon"}]', "run 2 of 2: /started_at"),
        ('{"schema": "tunelore.experience/9"}', "is not known here"),
        ("[" * 100_000, "nested too deeply"),
        ('{"task": "\\ud800"}\nx', "is not JSON"),
    ],
)
def test_what_is_no_run_is_refused_with_what_to_change(text: str, words: str) -> None:
    with pytest.raises(NotARun) as caught:
        records_in(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("value", [None, -1, 1.5, "x", "\ud800", [], [[]], {}, {"a": {"b": []}}, True])
def test_wrong_types_are_refused_never_a_traceback(name: str, value: Any) -> None:
    try:
        found = records_in(json.dumps({**RUN, name: value}))
    except NotARun:
        return
    assert [record.check(whole) for whole in found] == [[]]


def test_one_wrong_file_logs_nothing(
    client: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong = tmp_path / "right.json", tmp_path / "wrong.json"
    right.write_text(json.dumps(RUN))
    wrong.write_bytes(b"\xff")
    for other in (wrong, tmp_path / "absent.json"):
        assert logged(client, right, other) == 2
        assert f"{other}: " in (said := capsys.readouterr().err)
        assert "Nothing was logged" in said
    assert not client.exists()


def test_it_goes_on_to_the_hub(
    client: Path, tmp_path: Path, hub: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps([RUN, {**RUN, "seed": 8}]))
    assert main(["log", str(path), "--spool", str(client), "--url", hub.url]) == 0
    assert "2 delivered, 0 refused" in capsys.readouterr().out
    assert [len(body) for body in hub.uploads()] == [2]
    assert parcels(client) == []
    hub.answers = [(503, {}, {})]
    assert main(["log", str(path), "--spool", str(client), "--url", hub.url]) == 1
    assert len(parcels(client)) == 2


def test_a_folder_that_takes_nothing(
    client: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tunelore.trouble.raise_errors", False)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(RUN))
    client.write_text("in the way")
    assert logged(client, path) == 1
    assert "1 not logged" in capsys.readouterr().err
    assert os.path.isfile(client)


def test_what_waits_already_is_logged_no_second_time(
    client: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps([RUN, RUN]))
    for _ in range(2):
        assert main(["log", str(path), "--spool", str(client)]) == 0
    printed = capsys.readouterr()
    assert len(set(printed.out.split())) == 1
    assert printed.err.splitlines() == [f"1 run in {client}; send with: tunelore sync"] * 2
    assert len(parcels(client)) == 1


def test_a_file_that_is_not_there(client: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["log", str(tmp_path / "none.json"), "--spool", str(client)]) == 2
    expected = f"tunelore: {tmp_path / 'none.json'}: No such file or directory. Nothing was logged.\n"
    assert capsys.readouterr().err == expected
