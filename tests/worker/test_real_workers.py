"""A whole hub with real Celery workers as processes, killed for real; driven from outside, looked at by SQL."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import redis

from knowledgebase.web import roles
from knowledgebase.web.roles import Place

ROOT = Path(__file__).resolve().parents[2]
CONTROL, TRIALS = roles.control(Place()), roles.trials(Place())

DRIVER = """
import json, sys
import django
django.setup()
from django.utils import timezone
from knowledgebase.accounts.models import User
from knowledgebase.accounts.services import create_user, personal_team
from knowledgebase.searches import services
from knowledgebase.searches.models import Search

asked = json.loads(sys.argv[1])
user = User.objects.filter(username="alice").first() or create_user("alice")
if asked["do"] == "launch":
    stored = services.store_upload([asked["rows"].encode()], "rows.csv")
    dataset = services.create_dataset(
        user, source="upload", name="rows", team=personal_team(user), files={"train": stored.name},
        text_columns=["text"], label_column="label",
    )
    search = services.launch_search(user, services.SearchRequest(dataset=dataset, **asked["request"]))
else:
    search = services.cancel_search(user, Search.objects.get(pk=asked["search"]))
print(search.pk)
"""


@dataclass
class Hub:
    """A home folder, a database, a broker, and the workers that were started on them."""

    home: Path
    database_url: str
    environment: dict[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def do(self, **asked: Any) -> str:
        """Launch or cancel in a process of its own, as a request would."""
        command = [sys.executable, "-c", DRIVER, json.dumps(asked)]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip().splitlines()[-1]

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        log = self.home / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=output, stderr=output)
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait()

    def logs(self) -> str:
        return "\n".join(log.read_text(errors="replace")[-3000:] for log in self.home.glob("worker-*.log"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if self.database_url:
            with psycopg.connect(self.database_url.replace("postgres://", "postgresql://", 1)) as connection:
                return connection.execute(query).fetchall()
        with contextlib.closing(sqlite3.connect(self.home / "db.sqlite3", timeout=20)) as connection:
            found = connection.execute(query).fetchall()
            connection.commit()
            return found

    def write(self, statement: str) -> None:
        if self.database_url:
            with psycopg.connect(self.database_url.replace("postgres://", "postgresql://", 1)) as connection:
                connection.execute(statement)
        else:
            with contextlib.closing(sqlite3.connect(self.home / "db.sqlite3", timeout=20)) as connection:
                connection.execute(statement)
                connection.commit()

    def wait(self, what: str, holds: Callable[[], bool], seconds: float = 90.0) -> None:
        """Until `holds()`; an AssertionError with the workers' logs when it takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while not holds():
            dead = [worker for worker in self.workers if worker.poll() not in (None, 0, -signal.SIGKILL)]
            assert time.monotonic() < end, f"not within {seconds} s: {what}\n{self.trials()}\n{self.logs()}"
            assert not dead, f"a worker ended with {dead[0].returncode}\n{self.logs()}"
            time.sleep(0.1)

    def trials(self) -> list[tuple[Any, ...]]:
        """(number, state, status, cause, attempt, losses) of every trial."""
        return self.rows(
            "SELECT number, state, status, cause, attempt, losses FROM searches_trial ORDER BY number"
        )

    def states(self) -> list[str]:
        return [trial[1] for trial in self.trials()]

    def search_state(self) -> str:
        [(state,)] = self.rows("SELECT state FROM searches_search")
        return str(state)

    def experiences(self) -> list[str]:
        return [str(one).replace("-", "") for (one,) in self.rows("SELECT id FROM experiences_experience")]

    def trial_ids(self) -> list[str]:
        return [str(one).replace("-", "") for (one,) in self.rows("SELECT id FROM searches_trial")]

    def let_leases_end(self) -> None:
        """As if the lease's time had passed."""
        self.write(
            "UPDATE searches_trial SET lease_until = '2026-01-01 00:00:00+00:00' WHERE state = 'running'"
        )


def children_of(pid: int) -> list[int]:
    """Processes whose parent is `pid`, from /proc."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            if (
                entry.name.isdigit()
                and int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid
            ):
                found.append(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether a process still runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextlib.contextmanager
def own_database(url: str) -> Iterator[str]:
    """An empty PostgreSQL database beside the one at `url`; '' (a file below the home) where there is none."""
    if not url.startswith("postgres"):
        yield ""
        return
    name = f"hub_{uuid4().hex}"
    with psycopg.connect(url.replace("postgres://", "postgresql://", 1), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]


@contextlib.contextmanager
def fresh_hub(home: Path, broker_url: str) -> Iterator[Hub]:
    """A migrated hub without workers; whatever a test starts on it is gone at the end."""
    with own_database(os.environ.get("TUNELORE_DATABASE_URL", "")) as database_url:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("TUNELORE_", "COV_"))
        }
        environment |= {
            "TUNELORE_HOME": str(home),
            "DJANGO_SETTINGS_MODULE": "knowledgebase.settings",
            "OMP_NUM_THREADS": "1",
        }
        if database_url:
            environment["TUNELORE_DATABASE_URL"] = database_url
        if broker_url:
            environment["TUNELORE_BROKER_URL"] = broker_url
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env=environment,
            check=True,
        )
        hub = Hub(home, database_url, environment)
        try:
            yield hub
        finally:
            hub.stop()


@pytest.fixture(params=["filesystem", "redis"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hub]:
    """A hub on each broker; the Redis one where the test run has a server."""
    broker_url = ""
    if request.param == "redis":
        broker_url = os.environ.get("TUNELORE_TEST_REDIS_URL", "")
        if not broker_url:
            message = "no Redis server: run python tests/parts.py --redis -- pytest tests/worker"
            if os.environ.get("TUNELORE_REQUIRE_PARTS") == "1":
                pytest.fail(message)
            pytest.skip(message)
        redis.Redis.from_url(broker_url).flushdb()
    with fresh_hub(tmp_path / "hub", broker_url) as running:
        yield running


def short_rows() -> str:
    """160 rows that a linear model learns at once."""
    lines = [f"{word} {number % 7},{word}" for number in range(80) for word in ("red", "blue")]
    return "text,label\n" + "\n".join(lines) + "\n"


def long_rows() -> str:
    """160 rows of 120 words: enough for a language model to train on for a minute."""
    draw = random.Random(3)
    words = ["stone", "river", "cloud", "paper", "wheel", "light", "grass", "metal"]
    lines = [f"{' '.join(draw.choices(words, k=120))},{label}" for _ in range(80) for label in ("a", "b")]
    return "text,label\n" + "\n".join(lines) + "\n"


def linear_request(trials: int) -> dict[str, Any]:
    return {
        "budget_trials": trials,
        "methods": ["linear"],
        "sampler": "random",
        "warm_start": False,
        "slots": 2,
        "seed": 3,
    }


def slow_request() -> dict[str, Any]:
    """One fine-tuning that takes about a minute."""
    pipeline = {
        "method": "full",
        "language_model": "package:sentence-transformers/all-MiniLM-L6-v2@1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        "space": "tunelore/1",
        "hyperparameters": {
            "learning_rate": 2e-5,
            "epochs": 4,
            "batch_size": 16,
            "max_length": 128,
            "warmup_share": 0.1,
            "weight_decay": 0.01,
            "class_weights": False,
        },
    }
    return {"budget_trials": 1, "listed": [pipeline], "warm_start": False, "seed": 3, "wall_s": 600.0}


def is_training(hub: Hub) -> bool:
    rows = hub.rows("SELECT progress FROM searches_trial WHERE state = 'running'")
    return any("train" in str(progress) for (progress,) in rows)


def test_a_search_runs_to_its_end(hub: Hub) -> None:
    hub.start(CONTROL)
    hub.start(TRIALS)
    hub.do(do="launch", rows=short_rows(), request=linear_request(4))
    hub.wait("the search to end", lambda: hub.search_state() == "done")
    assert [(number, state, status) for number, state, status, *_ in hub.trials()] == [
        (number, "done", "ok") for number in range(1, 5)
    ]
    assert sorted(hub.experiences()) == sorted(hub.trial_ids())


def test_killed_workers_lose_no_trial_and_double_none(hub: Hub) -> None:
    hub.start(CONTROL)
    worker = hub.start(TRIALS)
    hub.do(do="launch", rows=short_rows(), request=linear_request(6))
    hub.wait(
        "two trials to be done and one to run",
        lambda: hub.states().count("done") >= 2 and "running" in hub.states(),
    )
    worker.kill()
    worker.wait()
    hub.start(TRIALS)
    hub.let_leases_end()
    hub.wait("the search to end", lambda: hub.search_state() == "done")
    assert [trial[1] for trial in hub.trials()] == ["done"] * 6
    assert sorted(hub.experiences()) == sorted(hub.trial_ids())


def test_messages_that_come_twice_or_never_change_nothing(hub: Hub) -> None:
    search = hub.do(do="launch", rows=short_rows(), request=linear_request(2))
    # Every message so far is lost, and each later one is doubled by hand.
    if "TUNELORE_BROKER_URL" in hub.environment:
        redis.Redis.from_url(hub.environment["TUNELORE_BROKER_URL"]).flushdb()
    for message in (hub.home / "broker").rglob("*.msg"):
        message.unlink()
    hub.start(CONTROL)
    hub.start(TRIALS)
    hub.wait("the sweep to find the search", lambda: hub.search_state() != "queued")
    script = f"""
import django
django.setup()
from knowledgebase.searches import jobs
from knowledgebase.searches.models import Trial
for _ in range(5):
    jobs.advance_search.delay("{search}")
    for trial in Trial.objects.all():
        jobs.run_trial.delay(str(trial.pk))
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=hub.environment, check=True)
    hub.wait("the search to end", lambda: hub.search_state() == "done")
    assert [(trial[1], trial[4]) for trial in hub.trials()] == [("done", 1)] * 2
    assert sorted(hub.experiences()) == sorted(hub.trial_ids())


@pytest.mark.training
@pytest.mark.parametrize("hub", ["filesystem"], indirect=True)
def test_a_training_dies_with_its_worker_and_is_cancelled_while_it_trains_again(hub: Hub) -> None:
    hub.start(CONTROL)
    worker = hub.start(TRIALS)
    search = hub.do(do="launch", rows=long_rows(), request=slow_request())
    hub.wait("the training to begin", lambda: is_training(hub))
    trainings = children_of(worker.pid)
    assert trainings
    worker.kill()
    worker.wait()
    hub.wait("the training to die with its worker", lambda: not any(map(is_alive, trainings)), seconds=5.0)

    fresh = hub.start(TRIALS)
    hub.let_leases_end()
    hub.wait("the second attempt to train", lambda: is_training(hub) and hub.trials()[0][4] == 2)
    hub.do(do="cancel", search=search)
    hub.wait("the search to end", lambda: hub.search_state() == "cancelled", seconds=20.0)
    [(_, state, status, cause, attempt, losses)] = hub.trials()
    assert (state, status, cause, attempt, losses) == ("done", "killed", "user", 2, 1)
    assert hub.experiences() == hub.trial_ids()
    assert not any(map(is_alive, children_of(fresh.pid)))


@pytest.mark.training
@pytest.mark.parametrize("hub", ["filesystem"], indirect=True)
def test_a_worker_that_is_asked_to_stop_gives_its_trial_back_at_once(hub: Hub) -> None:
    control = hub.start(CONTROL)
    worker = hub.start(TRIALS)
    hub.do(do="launch", rows=long_rows(), request=slow_request())
    hub.wait("the training to begin", lambda: is_training(hub))
    worker.terminate()
    control.terminate()
    assert worker.wait(timeout=15) == 0
    assert control.wait(timeout=15) == 0
    [(_, state, status, _, attempt, losses)] = hub.trials()
    assert (state, status, attempt, losses) == ("queued", "", 1, 0)
    assert hub.experiences() == []


@pytest.mark.parametrize("hub", ["filesystem"], indirect=True)
def test_workers_skip_what_the_gate_refuses(hub: Hub) -> None:
    """This gate refuses whatever is proposed once there is a score, twice in a row at most."""
    stern = {"rules": ["score_below_best"], "reach": 1.0, "after": 0, "audit": 0.0, "retries": 2}
    gated = {**linear_request(3), "slots": 1, "objectives": ["score"], "gate": True, "gate_options": stern}
    hub.start(CONTROL)
    hub.start(TRIALS)
    hub.do(do="launch", rows=short_rows(), request=gated)
    hub.wait("the gated search to end", lambda: hub.search_state() == "done")
    assert hub.states().count("done") == 3
    assert hub.states().count("skipped") == 4
    ran = [
        str(one).replace("-", "") for (one,) in hub.rows("SELECT id FROM searches_trial WHERE state = 'done'")
    ]
    assert sorted(hub.experiences()) == sorted(ran)


@pytest.mark.training
@pytest.mark.parametrize("hub", ["filesystem"], indirect=True)
def test_workers_stop_a_training_that_learns_nothing(hub: Hub) -> None:
    """A linear model and three trainings end well; the fourth cannot reach them and is stopped."""
    [slow] = slow_request()["listed"]
    quick = {
        **slow["hyperparameters"],
        "epochs": 3,
        "max_length": 32,
        "learning_rate": 1e-3,
        "warmup_share": 0.0,
    }
    tried = [{**quick, "weight_decay": decay} for decay in (0.0, 0.01, 0.1)]
    tried.append({**quick, "epochs": 6, "learning_rate": 1e-5})
    small = {**slow, "language_model": slow["language_model"] + "#layers=1"}
    words = {
        "ngrams": "word",
        "ngram_max": 1,
        "min_df": 1,
        "sublinear_tf": True,
        "c": 1.0,
        "class_weights": False,
    }
    linear = {**slow, "method": "linear", "language_model": None, "hyperparameters": words}
    listed = [linear, *({**small, "hyperparameters": values} for values in tried)]
    request = {**slow_request(), "listed": listed, "budget_trials": 5, "early_stopping": "ceiling"}
    hub.start(CONTROL)
    hub.start(TRIALS)
    hub.do(do="launch", rows=short_rows(), request=request)
    hub.wait("the search to end", lambda: hub.search_state() in ("done", "failed"), seconds=200.0)
    assert [(status, cause) for _, _, status, cause, *_ in hub.trials()] == [("ok", "")] * 4 + [
        ("pruned", "ceiling")
    ]
    assert sorted(hub.experiences()) == sorted(hub.trial_ids())
