"""The real client against the real hub: what is heard of a run from its start to its end, and after trouble."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import tunelore
from django.utils import timezone
from tunelore import exits, trouble
from tunelore.cli import main
from tunelore.record import uuid7
from tunelore.spool.outbox import parcels

from knowledgebase.accounts.services import create_token
from knowledgebase.experiences.models import Experience, Run
from knowledgebase.experiences.services import expire_silent_runs
from tests.unit.tunelore.processes import LOOP, start, until_begun, waiting

pytestmark = pytest.mark.django_db(transaction=True)
GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in ("TUNELORE_URL", "TUNELORE_TOKEN", "TUNELORE_MODE", "RANK"):
        monkeypatch.delenv(name, raising=False)
    trouble.counts.clear()
    yield tmp_path / "spool"
    exits.close_all(5.0)


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the hub did not hear of it"
        time.sleep(0.02)


def sync(live_server, token, spool):
    return main(["sync", "--spool", str(spool), "--url", live_server.url, "--token", token])


def test_a_run_is_heard_of_at_its_start_and_becomes_an_experience(live_server, owner, mate, spool):
    run = tunelore.run("weather", "hub:a/b", "full", url=live_server.url, token=owner.token, spool=spool)
    until(Run.objects.exists)
    assert Run.objects.get().partial["task"]["name"] == "weather"
    (shown,) = mate.api.get("/api/v1/runs/").json()["results"]
    assert shown["id"] == run.id
    assert "weather" in mate.pages.get("/").content.decode()
    run.finish({"f1_macro": 0.5})
    until(Experience.objects.exists)
    assert Experience.objects.get().score == 0.5
    assert not Run.objects.exists()
    assert trouble.counts == {}


def test_heartbeats_keep_a_run_alive(live_server, owner, spool, monkeypatch):
    monkeypatch.setattr("tunelore.sending.sender.BEAT_S", 0.1)
    run = tunelore.run("weather", url=live_server.url, token=owner.token, spool=spool)
    until(Run.objects.exists)
    Run.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    until(lambda: Run.objects.filter(last_seen_at__gt=timezone.now() - timedelta(hours=1)).exists())
    assert expire_silent_runs() == 0
    run.finish({"accuracy": 1})


def test_a_killed_run_is_provisional_until_the_clients_own_record_comes(live_server, owner, tmp_path):
    body = 'print("now", flush=True) if number == 3 else None; time.sleep(60 if number == 3 else 0.05)'
    code = f"{LOOP}\ndef step(number):\n    {body}\ntrain(step)\n"
    process = start(code, tmp_path, TUNELORE_URL=live_server.url, TUNELORE_TOKEN=owner.token)
    assert process.stdout.readline() == "now\n"
    until(Run.objects.exists)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    Run.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    assert expire_silent_runs() == 1
    silent = Experience.objects.get()
    assert (silent.provisional, silent.status, silent.cause) == (True, "killed", "lost")
    (own,) = waiting(tmp_path)
    for _ in range(2):
        assert sync(live_server, owner.token, tmp_path / "spool") == 0
    settled = Experience.objects.get()
    assert (settled.provisional, settled.record) == (False, own)
    assert str(settled.pk) == own["id"]


def test_a_run_that_only_seemed_lost_comes_back_as_what_it_was(live_server, owner, spool):
    run = tunelore.run("weather", url=live_server.url, token=owner.token, spool=spool)
    until(Run.objects.exists)
    Run.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
    assert expire_silent_runs() == 1
    run.finish({"accuracy": 0.75})
    until(lambda: Experience.objects.filter(status="ok", provisional=False).exists())
    assert Experience.objects.get().score == 0.75


@pytest.mark.parametrize("provisional_first", [False, True])
def test_a_run_that_another_machine_took_for_lost_has_the_last_word(
    live_server, owner, tmp_path, monkeypatch, provisional_first
):
    """Stopped for hours on a shared disk; the other machine sends what it sees, then training goes on to its end."""
    body = 'print("now", flush=True) if number == 3 else None; time.sleep(0.5)'
    hub = {"TUNELORE_URL": live_server.url, "TUNELORE_TOKEN": owner.token} if provisional_first else {}
    process = start(f"{LOOP}\ndef step(number):\n    {body}\ntrain(step, exit_s=0)\n", tmp_path, **hub)
    assert process.stdout.readline() == "now\n"
    until_begun(tmp_path)
    os.kill(process.pid, signal.SIGSTOP)
    spool = tmp_path / "spool"
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("tunelore.spool.outbox.place", lambda: "another machine")
        if provisional_first:
            until(Run.objects.exists)
            Run.objects.update(last_seen_at=timezone.now() - timedelta(days=1))
            assert expire_silent_runs() == 1
        for path in spool.glob("*.jsonl"):
            os.utime(path, (time.time() - 8000,) * 2)
        assert sync(live_server, owner.token, spool) == 0
        lost = Experience.objects.get()
        assert (lost.provisional, lost.status, lost.cause) == (False, "killed", "lost")
        os.kill(process.pid, signal.SIGCONT)
        process.communicate(timeout=60)
        assert sync(live_server, owner.token, spool) == 0
    own = Experience.objects.get()
    assert (str(own.pk), own.status, own.provisional) == (str(lost.pk), "ok", False)
    assert own.record["metrics"]["validation"] == {"accuracy": 0.5}
    assert sync(live_server, owner.token, spool) == 0
    assert list(spool.glob("*.jsonl")) == []
    assert not (spool / "rejected").exists()


def test_a_token_that_is_revoked_while_a_run_goes_on(live_server, owner, spool, caplog):
    caplog.set_level("WARNING", logger="tunelore")
    token, text = create_token(owner.user, "short-lived", ["experiences:write"])
    run = tunelore.run("weather", url=live_server.url, token=text, spool=spool)
    until(Run.objects.exists)
    token.delete()
    run.finish({"accuracy": 0.75})
    exits.close_all(10)
    assert not Experience.objects.exists()
    (warning,) = [one.getMessage() for one in caplog.records if one.name == "tunelore"]
    assert "give TUNELORE_TOKEN a valid token" in warning
    assert "tunelore sync" in warning
    assert sync(live_server, text, spool) == 1
    assert sync(live_server, owner.token, spool) == 0
    assert Experience.objects.get().score == 0.75
    assert parcels(spool) == []


def test_a_hub_that_takes_less_at_a_time_gets_everything(live_server, owner, spool, tmp_path, settings):
    settings.MAX_BATCH_ITEMS = 2
    path = tmp_path / "runs.json"
    path.write_text(json.dumps([{"task": "x", "metrics": {"accuracy": n / 10}} for n in range(7)]))
    options = ["--spool", str(spool), "--url", live_server.url, "--token", owner.token]
    assert main(["log", str(path), *options]) == 0
    assert main(["log", str(path), *options]) == 0  # the same file is the same runs
    assert Experience.objects.count() == 7


def test_what_was_deleted_there_is_dropped_and_what_differs_is_kept_apart(
    live_server, owner, spool, tmp_path
):
    path, names = tmp_path / "runs.json", [uuid7(), uuid7()]
    options = ["--spool", str(spool), "--url", live_server.url, "--token", owner.token]

    def log(score):
        runs = [{"id": name, "task": "x", "metrics": {"accuracy": score}} for name in names]
        path.write_text(json.dumps(runs))
        return main(["log", str(path), *options])

    assert log(0.5) == 0
    assert owner.api.delete(f"/api/v1/experiences/{names[0]}/").status_code == 204
    assert log(0.25) == 1
    assert [one.stem for one in (spool / "rejected").iterdir()] == [names[1]]
    assert parcels(spool) == []
    assert Experience.objects.get().score == 0.5


def test_check_finds_everything_in_order(live_server, owner, spool, capsys):
    options = ["--spool", str(spool), "--url", live_server.url]
    assert main(["check", *options, "--token", owner.token]) == 0
    assert "team the-lab" in capsys.readouterr().out
    _, reader = create_token(owner.user, "reader", ["experiences:read"])
    assert main(["check", *options, "--token", reader]) == 1
    assert "lacks experiences:write" in capsys.readouterr().out
    assert main(["check", *options, "--token", "tl_nonsense"]) == 1
    assert "expired or revoked" in capsys.readouterr().out


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_records_of_older_clients_are_taken(owner, path):
    """Written by the client of that version; the file never changes again."""
    sent = json.loads(path.read_text(encoding="utf-8"))
    answer = owner.api.post("/api/v1/experiences/", json.dumps(sent), content_type="application/json")
    assert answer.status_code == 201, answer.content
    assert owner.api.get(f"/api/v1/experiences/{sent['id']}/").json()["record"] == sent


def test_there_are_golden_records_of_every_way_to_log():
    ways = {json.loads(path.read_text(encoding="utf-8"))["provenance"]["via"] for path in GOLDEN}
    assert ways == {"callback", "run", "import:json"}
