"""A data set's statistics: worked out once beside the training, kept under the rows' fingerprint, numbers alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import tunelore
from tunelore import exits, record
from tunelore.observe import rows as reading
from tunelore.spool.outbox import parcels

from tests.unit.tunelore.processes import until_described

ROWS = [
    (f"a secret {number} of the {'sun' if number % 2 else 'rain'}", str(number % 2)) for number in range(32)
]
Then = Callable[[float | None], None]


def ended(
    spool: Path, rows: Sequence[tuple[str, str]] = ROWS, kind: str = "text-classification"
) -> dict[str, Any]:
    """The statistics in the record of a run on these rows, which ends as its process does."""
    with tunelore.run("weather", dataset=rows, kind=kind, spool=spool) as run:
        run.log(loss=1.0)
        name = run.id
    exits.close_all(30)
    (found,) = [parcel.record for parcel in parcels(spool) if parcel.id == name]
    assert record.check(found) == []
    metafeatures: dict[str, Any] = found["task"]["metafeatures"]
    return metafeatures


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Then]:
    """Whoever asks for a landmark is told when the test says so."""
    waiting: list[Then] = []

    def apart(texts: Sequence[str], labels: Sequence[str], then: Then) -> None:
        waiting.append(then)

    monkeypatch.setattr(reading, "landmark_apart", apart)
    return waiting


def test_they_are_worked_out_once_for_a_data_set(client: Path, asked: list[Then]) -> None:
    with tunelore.run(dataset=ROWS, kind="text-classification", spool=client):
        end = time.monotonic() + 20
        while not asked:
            assert time.monotonic() < end
            time.sleep(0.01)
        asked[0](0.75)
    assert ended(client)["values"]["landmark"] == 0.75
    assert ended(client, ROWS[::-1])["values"]["landmark"] == 0.75  # the same rows in another order
    assert len(asked) == 1
    ended(client, ROWS[1:])
    assert len(asked) == 2


def test_a_run_that_is_over_before_does_not_wait_and_the_next_one_has_them(
    client: Path, asked: list[Then]
) -> None:
    """A process killed in the next instant has told its end."""
    run = tunelore.run(dataset=ROWS, kind="text-classification", spool=client)
    end = time.monotonic() + 20
    while not asked:
        assert time.monotonic() < end
        time.sleep(0.01)
    began = time.monotonic()
    run.finish({"accuracy": 0.5})
    while not (found := parcels(client)):
        assert time.monotonic() < began + 10
        time.sleep(0.01)
    assert found[0].record["task"]["metafeatures"]["values"]["landmark"] is None
    asked[0](0.25)
    assert ended(client)["values"]["landmark"] == 0.25


@pytest.mark.parametrize("kind", ["text-classification", "question-answering"])
def test_what_is_kept_is_numbers(client: Path, kind: str) -> None:
    pytest.importorskip("sklearn")
    ended(client, kind=kind)
    until_described(client)
    (kept,) = (client / "statistics").iterdir()
    assert "secret" not in kept.read_text()
    assert ended(client, kind=kind) == json.loads(kept.read_text())


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"extractor": "tunelore.text-classification", "version": 0, "sampled": false, "values": {"instances": 1}}',
        b'{"extractor": "tunelore.text-classification", "version": 1, "sampled": false, "values": {"instances": "x"}}',
        b'{"extractor": "tunelore.text-classification", "version": 1, "sampled": 7, "values": {}}',
        b"7" * 30_000,
    ],
)
def test_what_was_kept_and_makes_no_sense_is_worked_out_again(
    client: Path, asked: list[Then], damage: bytes
) -> None:
    fingerprint = tunelore.describe.rows_fingerprint(ROWS)
    folder = client / "statistics"
    folder.mkdir(parents=True)
    (folder / f"text-classification-{fingerprint.partition(':')[2]}.json").write_bytes(damage)
    assert ended_without_waiting(client)["values"]["instances"] == 32
    assert len(asked) == 1


def ended_without_waiting(spool: Path) -> dict[str, Any]:
    """As `ended`, of a process that has no time."""
    with tunelore.run(dataset=ROWS, kind="text-classification", spool=spool) as run:
        run.log(loss=1.0)
    exits.close_all(5)
    (parcel,) = parcels(spool)
    metafeatures: dict[str, Any] = parcel.record["task"]["metafeatures"]
    return metafeatures
