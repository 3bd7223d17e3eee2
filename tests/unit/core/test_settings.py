"""The readers of the environment: typed, loud on a wrong value, and a home that only its owner can enter."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import settings as loaded
from django.core.exceptions import ImproperlyConfigured

from knowledgebase import settings as readers

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("Yes", True), ("off", False), ("FALSE", False), ("", True)]
)
def test_truth(monkeypatch, text, value):
    monkeypatch.setenv("X", text)
    assert readers.env_bool("X", True) is value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (lambda: readers.env_bool("X", False), "maybe"),
        (lambda: readers.env_int("X", 5, low=1, high=10), "11"),
        (lambda: readers.env_int("X", 5, low=1, high=10), "1e1"),
        (lambda: readers.env_int("X", 5, low=1, high=10), "²"),
        (lambda: readers.env_rate("X", "1/s"), "fast"),
        (lambda: readers.env_rate("X", "1/s"), "0/min"),
        (lambda: readers.env_url("X", "", ("https",)), "ftp://user:geheim@host"),
        (lambda: readers.env_folders("X"), "/nowhere/at/all"),
    ],
)
def test_a_wrong_value_names_its_variable(monkeypatch, read, text):
    monkeypatch.setenv("X", text)
    with pytest.raises(ImproperlyConfigured, match=r"^X ") as refused:
        read()
    assert "geheim" not in str(refused.value)


def test_secrets_come_from_files_too(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("from a file\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "key"))
    assert readers.env_text("X") == "from a file"
    monkeypatch.setenv("X_FILE", str(tmp_path / "absent"))
    with pytest.raises(ImproperlyConfigured, match="X_FILE"):
        readers.env_text("X")


def test_rates_may_be_off(monkeypatch):
    monkeypatch.setenv("X", "off")
    assert readers.env_rate("X", "1/s") is None
    assert readers.env_list("UNSET", ("a",)) == ["a"]


def test_the_secret_key_is_made_once_by_whoever_is_first(tmp_path):
    keys = []
    start = threading.Barrier(8)

    def read():
        start.wait()
        keys.append(readers.secret_key(tmp_path))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 64
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_home_is_private():
    assert stat.S_IMODE(loaded.HOME.stat().st_mode) == 0o700


def test_the_embedded_database(tmp_path):
    entry = readers.database("", tmp_path)
    assert entry["NAME"] == tmp_path / "db.sqlite3"
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert entry["OPTIONS"]["timeout"] == 20


def test_a_database_by_address(monkeypatch, tmp_path):
    monkeypatch.setenv("TUNELORE_DATABASE_POOL", "1")
    entry = readers.database("postgres://me:p%40ss@db.example:5433/hub?sslmode=require", tmp_path)
    assert (entry["USER"], entry["PASSWORD"], entry["HOST"], entry["PORT"]) == (
        "me",
        "p@ss",
        "db.example",
        5433,
    )
    assert entry["NAME"] == "hub"
    assert entry["OPTIONS"] == {
        "sslmode": "require",
        "pool": {"min_size": 1, "max_size": 10, "timeout": 10.0},
    }
    assert readers.database("sqlite:////tmp/x.db", tmp_path)["NAME"] == "/tmp/x.db"


def start(tmp_path, **environment):
    code = (
        "import django; django.setup(); from django.conf import settings as s; print(s.CSRF_TRUSTED_ORIGINS)"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"DJANGO_SETTINGS_MODULE": "knowledgebase.settings", "TUNELORE_HOME": str(tmp_path / "home")}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_public_address_is_trusted_and_a_wrong_one_stops_the_start(tmp_path):
    good = start(tmp_path, TUNELORE_PUBLIC_URL="https://hub.example/")
    assert good.stdout.strip() == "['https://hub.example']"
    bad = start(tmp_path, TUNELORE_PUBLIC_URL="hub.example")
    assert bad.returncode != 0
    assert "TUNELORE_PUBLIC_URL does not start with" in bad.stderr


def test_a_home_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "home").write_text("a file")
    answer = start(tmp_path)
    assert answer.returncode != 0
    assert str(tmp_path / "home") in answer.stderr


def test_who_finds_no_connection_is_told_before_servers_give_up(monkeypatch, tmp_path):
    """gunicorn ends a worker that has not answered for 30 s, which is also what the pool would wait by itself."""
    monkeypatch.delenv("TUNELORE_DATABASE_POOL", raising=False)
    options = readers.database("postgresql://hub@127.0.0.1:9/none", tmp_path)["OPTIONS"]
    assert options["pool"]["timeout"] <= 10
