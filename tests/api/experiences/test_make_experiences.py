"""Invented experiences are valid, repeatable, and say what they are."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from tunelore.record import check

from knowledgebase.accounts.services import create_user
from knowledgebase.experiences.management.commands.make_experiences import invented
from knowledgebase.experiences.models import Experience, Task

pytestmark = pytest.mark.django_db


def test_they_are_the_same_again_and_go_on(capsys):
    create_user("admin")
    call_command("make_experiences", "30", "--seed", "3")
    before = list(Experience.objects.order_by("pk").values_list("pk", "content"))
    call_command("make_experiences", "40", "--seed", "3")
    assert "10 new, 30 already there" in capsys.readouterr().out
    assert set(before) <= set(Experience.objects.values_list("pk", "content"))
    assert set(Experience.objects.values_list("origin", flat=True)) == {"invented"}
    assert {"ok"} < set(Experience.objects.values_list("status", flat=True))


def test_in_bulk_they_are_the_same_records(capsys):
    create_user("admin")
    call_command("make_experiences", "60", "--seed", "4", "--tasks", "80", "--bulk")
    rows = list(Experience.objects.order_by("change_seq").values_list("record", flat=True))
    assert rows == list(invented(60, 4, 80))
    assert 30 < Task.objects.count() <= 60
    assert "60 new" in capsys.readouterr().out
    call_command("make_experiences", "60", "--seed", "4", "--tasks", "80")
    assert "0 new, 60 already there" in capsys.readouterr().out


def test_every_invented_record_is_valid():
    """`--bulk` does not ask the validator, so this does."""
    assert [problem for record in invented(400, 5) for problem in check(record)] == []


@pytest.mark.parametrize(
    ("arguments", "said"), [(["0"], "give 1 or more"), (["5", "--user", "nobody"], "nobody")]
)
def test_what_cannot_be(arguments, said):
    with pytest.raises(CommandError, match=said):
        call_command("make_experiences", *arguments)
