"""The commands that fill the store: repeatable, restartable, and clear about what they left out."""

from __future__ import annotations

import gzip
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from knowledgebase.accounts.services import create_user, personal_team
from knowledgebase.experiences.importers import plan
from knowledgebase.experiences.management.commands import load_starter
from knowledgebase.experiences.models import ChangeCounter, Experience
from knowledgebase.experiences.services import Owner, delete_experience, import_sources
from knowledgebase.experiences.services.importing import BATCH

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db):
    return create_user("admin", is_superuser=True)


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def report(capsys, *arguments):
    call_command("import_experiences", *map(str, arguments), "--json")
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_says_what_would_happen_and_changes_nothing(admin, record, tmp_path, capsys):
    sent = record()
    path = tmp_path / "records.jsonl"
    path.write_text(lines(sent, sent, record(id="x")))
    told = report(capsys, path, "--dry-run")
    assert (told["read"], told["imported"], told["merged"], told["refused"]) == (3, 1, 1, 1)
    assert Experience.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_keeps_no_writer_waiting(transactional_db, record, tmp_path):
    """It stores and takes back batch by batch, and still sees what stands twice in batches far apart."""
    admin = create_user("admin", is_superuser=True)
    sent = [record() for _ in range(BATCH + 5)]
    other = {**sent[1], "provenance": {**sent[1]["provenance"], "seed": 7}}
    path = tmp_path / "records.jsonl"
    path.write_text(
        lines(*sent, sent[0], other, {**sent[2], "primary": 5}, {**sent[3], "id": sent[3]["id"].upper()})
    )
    held, numbers = [], set()

    def look(report):
        held.append(connection.in_atomic_block)
        numbers.add(ChangeCounter.objects.values_list("last", flat=True).first())

    belongs = Owner(admin, personal_team(admin))
    told = import_sources(plan([path]), belongs, dry_run=True, progress=look)
    assert (told.read, told.imported, told.merged, told.refused) == (BATCH + 9, BATCH + 5, 1, 3)
    assert sum("other content" in reason for reason in told.reasons) == 2
    assert held
    assert not any(held)
    assert len(numbers) == 1
    assert not Experience.objects.exists()
    real = import_sources(plan([path]), belongs)
    assert real.reasons == told.reasons
    assert (real.imported, real.merged, real.refused) == (told.imported, told.merged, told.refused)


def test_compressed_files_and_their_owner(admin, owner, record, tmp_path, capsys):
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress(lines(record(), record()).encode()))
    told = report(capsys, path, "--user", owner.user.username, "--visibility", "hub", "--origin", "archive")
    assert told["imported"] == 2
    rows = Experience.objects.values_list("owner__username", "visibility", "origin")
    assert set(rows) == {(owner.user.username, "hub", "archive")}


def test_a_file_that_breaks_off_keeps_what_came_before(admin, record, tmp_path, capsys):
    whole = gzip.compress("".join(lines(record()) for _ in range(50)).encode())
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    told = report(capsys, path)
    assert told["refused"] == 1
    assert "ended before" in next(iter(told["reasons"]))
    assert Experience.objects.count() == told["imported"] > 0


def test_a_line_without_end_is_not_read_on(admin, record, tmp_path, capsys):
    path = tmp_path / "long.jsonl"
    path.write_text(lines(record()) + '{"id": "' + "a" * 3_000_000 + '"}\n' + lines(record()))
    told = report(capsys, path)
    assert (told["imported"], told["refused"]) == (1, 1)
    assert "longer than" in next(iter(told["reasons"]))


def test_an_unknown_user_is_named(db, tmp_path):
    with pytest.raises(CommandError, match="nobody"):
        call_command("import_experiences", "x.jsonl", "--user", "nobody")


def test_the_starter_is_loaded_once_and_what_was_deleted_stays_so(
    admin, record, tmp_path, capsys, monkeypatch
):
    sent = [record(), record()]
    path = tmp_path / "experience.jsonl.gz"
    path.write_bytes(gzip.compress(lines(*sent).encode()))
    monkeypatch.setattr(load_starter, "FILE", path)
    call_command("load_starter")
    assert set(Experience.objects.values_list("visibility", "origin", "owner")) == {("hub", "starter", None)}
    delete_experience(Experience.objects.all()[0].pk, actor=admin)
    call_command("load_starter")
    out = capsys.readouterr().out
    assert "2 new, 0 already there" in out
    assert "0 new, 1 already there" in out
    assert "1 deleted here before" in out
    assert Experience.objects.count() == 1


def test_a_checkout_without_starter_says_so(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(load_starter, "FILE", tmp_path / "absent.jsonl.gz")
    call_command("load_starter")
    assert "absent" in capsys.readouterr().out


def test_a_damaged_starter_is_named(monkeypatch, tmp_path):
    path = tmp_path / "experience.jsonl.gz"
    path.write_bytes(b"no gzip")
    monkeypatch.setattr(load_starter, "FILE", path)
    with pytest.raises(CommandError, match="damaged"):
        call_command("load_starter")


def test_a_token_for_some_days(admin, capsys):
    call_command("create_token", "--name", "short", "--days", "3")
    assert capsys.readouterr().out.startswith("tl_")
    assert admin.tokens.get().expires_at is not None
    with pytest.raises(CommandError, match="--days 0"):
        call_command("create_token", "--name", "short", "--days", "0")
