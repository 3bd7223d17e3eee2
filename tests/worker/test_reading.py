"""Datasets that take long: read beside the control worker, under a lease, by processes that are killed for real."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow
import pytest
from django.utils import timezone
from pyarrow import parquet
from pytest_django import Settings

from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import personal_team
from knowledgebase.searches import services
from knowledgebase.searches.models import Dataset, Search
from knowledgebase.searches.services import reading
from tests.hf_hub import Hub as HfHub
from tests.hf_hub import serving
from tests.worker.test_real_workers import (
    CONTROL,
    ROOT,
    TRIALS,
    Hub,
    children_of,
    fresh_hub,
    is_alive,
    short_rows,
)  # fmt: skip

ROWS = 400
MAKE = """
import django
django.setup()
from knowledgebase.accounts.services import create_user, personal_team
from knowledgebase.searches import services
user = create_user("bob")
print(services.create_dataset(
    user, source="hub", name="lab/boats", team=personal_team(user), text_columns=["sentence"], label_column="label",
).pk)
"""


def rows(folder: Path) -> bytes:
    """Large enough that half of it does not wait in some buffer: 2 MB that cannot be packed."""
    chance = random.Random(5)
    texts = [
        f"{('stir the soup', 'hoist the sail')[n % 2]} {chance.randbytes(2500).hex()}" for n in range(ROWS)
    ]
    table = pyarrow.table({"sentence": texts, "label": [n % 2 for n in range(ROWS)]})
    parquet.write_table(table, folder / "rows.parquet", compression="none")
    return (folder / "rows.parquet").read_bytes()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Transfers stop half-way until it is set."""
    closed = threading.Event()
    yield closed
    closed.set()


@pytest.fixture
def hf(tmp_path: Path, gate: threading.Event) -> Iterator[HfHub]:
    with serving(HfHub(gates={".parquet": gate})) as running:
        running.dataset("lab/boats").commit({"train.parquet": rows(tmp_path)})
        yield running
        gate.set()


@pytest.fixture
def hub(tmp_path: Path, hf: HfHub) -> Iterator[Hub]:
    with fresh_hub(tmp_path / "hub", "") as running:
        running.environment["HF_ENDPOINT"] = hf.url
        running.environment.pop("HF_TOKEN", None)
        yield running


def make(hub: Hub) -> str:
    made = subprocess.run(
        [sys.executable, "-c", MAKE],
        cwd=ROOT,
        env=hub.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.split()[-1]


def state(hub: Hub) -> tuple[Any, ...]:
    """(state, attempts, bytes that have arrived, whether somebody holds it) of the dataset of the HF Hub."""
    [found] = hub.rows(
        "SELECT state, attempts, COALESCE(fetched_bytes, 0), lease_until IS NOT NULL FROM searches_dataset "
        "WHERE source = 'hub'"
    )
    return (*found[:3], bool(found[3]))


def half_has_arrived(hub: Hub) -> bool:
    return bool(state(hub)[2] > 100_000)


def readers(control: subprocess.Popen[bytes]) -> list[int]:
    return [
        pid
        for pid in children_of(control.pid)
        if b"read_dataset" in Path(f"/proc/{pid}/cmdline").read_bytes() and is_alive(pid)
    ]


def test_a_download_keeps_no_search_waiting(hub: Hub, hf: HfHub, gate: threading.Event) -> None:
    control = hub.start(CONTROL)
    hub.start(TRIALS)
    make(hub)
    hub.wait("half of the dataset to arrive", lambda: half_has_arrived(hub))
    assert state(hub)[::3] == ("resolving", True)
    request = {"budget_trials": 1, "methods": ["linear"], "warm_start": False, "wall_s": 60.0, "seed": 1}
    hub.do(do="launch", rows=short_rows(), request=request)
    hub.wait("the search to end meanwhile", lambda: hub.search_state() == "done")
    assert state(hub)[0] == "resolving"
    assert len(readers(control)) == 1
    gate.set()
    hub.wait("the dataset to be read", lambda: state(hub)[0] == "ready")
    assert state(hub)[1:] == (1, state(hub)[2], False)
    assert hub.rows("SELECT train_rows FROM searches_dataset WHERE source = 'hub'") == [(ROWS,)]


def test_a_killed_reader_is_replaced_and_goes_on_where_it_was(
    hub: Hub, hf: HfHub, gate: threading.Event
) -> None:
    control = hub.start(CONTROL)
    make(hub)
    hub.wait("half of the dataset to arrive", lambda: half_has_arrived(hub))
    [reader] = readers(control)
    os.kill(reader, signal.SIGKILL)
    gate.set()
    # As if the lease's time had passed, and that after which the sweep looks at a dataset.
    long_ago = "'2026-01-01 00:00:00+00:00'"
    hub.write(f"UPDATE searches_dataset SET lease_until = {long_ago}, created_at = {long_ago}")
    hub.wait("the second reader to be through", lambda: state(hub)[0] == "ready")
    assert state(hub)[1] == 2
    ranges = [seen.headers.get("Range", "") for seen in hf.asked_for(".parquet") if seen.origin == "storage"]
    assert ranges[0] == ""
    assert ranges[-1].startswith("bytes="), "what had arrived was fetched again"


def test_a_reader_ends_with_its_worker_and_gives_the_dataset_back(hub: Hub) -> None:
    control = hub.start(CONTROL)
    make(hub)
    hub.wait("half of the dataset to arrive", lambda: half_has_arrived(hub))
    [reader] = readers(control)
    control.kill()
    control.wait()
    hub.wait("the reader to end", lambda: not is_alive(reader), seconds=15.0)
    assert state(hub)[:2] == ("resolving", 0)
    assert not state(hub)[3], "nobody holds it"


def test_reading_ends_after_its_time(hub: Hub) -> None:
    name = make(hub)
    command = [sys.executable, "manage.py", "read_dataset", name]
    environment = {**hub.environment, "TUNELORE_DATASET_TIMEOUT_S": "10"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert state(hub)[::3] == ("refused", False)
    [(problem,)] = hub.rows("SELECT problem FROM searches_dataset WHERE source = 'hub'")
    assert "within 10 s" in str(problem)
    assert "TUNELORE_DATASET_TIMEOUT_S" in str(problem)


def hub_dataset(person: User, **more: Any) -> Dataset:
    given = {"source": "hub", "name": "lab/boats", "owner": person, "team": personal_team(person)}
    return Dataset.objects.create(**given, **more)


def test_one_reads_and_others_leave_it_alone(person: User) -> None:
    dataset = hub_dataset(person)
    first = reading.claim_reading(dataset.pk)
    assert first is not None
    assert first.attempts == 1
    assert reading.claim_reading(dataset.pk) is None
    assert services.read_apart(dataset.pk, end=lambda: None) == "skipped"
    assert services.read_or_start(dataset.pk) == "being read"
    Dataset.objects.filter(pk=dataset.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    second = reading.claim_reading(dataset.pk)
    assert second is not None
    assert (reading.mine(first).count(), reading.mine(second).count()) == (0, 1)
    assert services.sweep()["resolving"] == 0, "it is being read"


def test_a_dataset_that_costs_three_readers_is_refused(person: User, make_search: Any) -> None:
    dataset = hub_dataset(person, attempts=reading.MOST_ATTEMPTS)
    search = make_search(dataset=dataset, state="queued", hinted_at=None)
    assert services.read_or_start(dataset.pk) == "refused"
    dataset.refresh_from_db()
    assert dataset.problem["code"] == "reader_lost"
    assert Search.objects.get(pk=search.pk).hinted_at is not None, "who waits is told"
    assert services.read_or_start(dataset.pk) == "refused"


def test_what_is_small_is_read_at_once(person: User, settings: Settings, tmp_path: Path) -> None:
    settings.UPLOADS_FOLDER = tmp_path
    stored = services.store_upload([short_rows().encode()], "rows.csv")
    dataset = services.create_dataset(
        person, source="upload", name="rows", team=personal_team(person), files={"train": stored.name},
        text_columns=["text"], label_column="label",
    )  # fmt: skip
    assert not reading.is_long(dataset)
    assert services.read_or_start(dataset.pk) == "ready"
    with (tmp_path / stored.name).open("ab") as file:
        file.truncate(reading.SHORT_BYTES + 1)
    assert reading.is_long(dataset)


@pytest.mark.django_db
def test_a_dataset_that_is_gone_is_no_error() -> None:
    nobody = UUID(int=1)
    assert services.read_or_start(nobody) == "gone"
    assert services.read_apart(nobody, end=lambda: None) == "skipped"
