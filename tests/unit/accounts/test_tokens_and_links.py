"""Tokens and one-time links: hashed, expiring, used as meant."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from knowledgebase.accounts.models import ApiToken, AuditEntry, LoginLink
from knowledgebase.accounts.selectors import token_of
from knowledgebase.accounts.services import (
    create_login_link,
    create_team,
    create_token,
    create_user,
    ensure_administrator,
    personal_team,
    redeem_login_link,
    revoke_token,
)
from knowledgebase.core.errors import Problem

pytestmark = pytest.mark.django_db


def test_a_token_is_found_by_its_text_alone_and_the_text_is_not_stored():
    token, text = create_token(create_user("alice"), "laptop", ["experiences:read"])
    assert token_of(text) == token
    assert text not in str(list(ApiToken.objects.values()))
    assert token_of(text[:-1]) is None


def test_expired_and_revoked_tokens_and_those_of_inactive_people_are_dead():
    alice = create_user("alice")
    past = timezone.now() - timedelta(seconds=1)
    _, expired = create_token(alice, "a", [], expires_at=past)
    token, revoked = create_token(alice, "b", [])
    revoke_token(token, actor=alice)
    _, left = create_token(alice, "c", [])
    alice.is_active = False
    alice.save()
    assert [token_of(text) for text in (expired, revoked, left)] == [None, None, None]


def test_an_unknown_scope_is_named():
    with pytest.raises(Problem, match="experiences:delete") as problem:
        create_token(create_user("alice"), "a", ["experiences:delete"])
    assert problem.value.status == 422


def test_last_used_is_written_at_most_once_a_minute(django_assert_num_queries):
    _, text = create_token(create_user("alice"), "a", [])
    token_of(text)
    with django_assert_num_queries(1):
        token_of(text)


def test_a_link_signs_in_once():
    alice = create_user("alice")
    secret = create_login_link(alice).rstrip("/").rpartition("/")[2]
    assert secret not in str(list(LoginLink.objects.values()))
    assert redeem_login_link(secret) == alice
    assert redeem_login_link(secret) is None


def test_an_old_link_signs_nobody_in():
    secret = create_login_link(create_user("alice")).rstrip("/").rpartition("/")[2]
    LoginLink.objects.update(expires_at=timezone.now())
    assert redeem_login_link(secret) is None


def test_the_administrator_is_made_once():
    assert ensure_administrator() is not None
    assert ensure_administrator() is None


def test_everybody_has_a_personal_team_and_names_of_teams_are_unique():
    alice = create_user("alice")
    assert personal_team(alice) == personal_team(alice)
    create_team("The lab", owner=alice)
    with pytest.raises(Problem, match="The lab"):
        create_team("The lab", owner=alice)


def test_what_happened_is_audited_without_secrets():
    alice = create_user("alice")
    _, text = create_token(alice, "laptop", ["experiences:read"])
    entries = list(AuditEntry.objects.order_by("pk").values_list("action", "target", "facts"))
    assert [action for action, _, _ in entries] == ["user.create", "token.create"]
    assert text not in str(entries)


def test_the_commands_print_a_token_and_a_link(capsys):
    create_user("admin", is_superuser=True)
    call_command("create_token", "--name", "demo", "--scopes", "experiences:read,searches:write")
    text = capsys.readouterr().out.strip()
    assert token_of(text).scopes == ["experiences:read", "searches:write"]
    call_command("login_link")
    assert "/accounts/login/" in capsys.readouterr().out


def test_the_commands_name_who_is_missing():
    with pytest.raises(CommandError, match="nobody"):
        call_command("create_token", "--user", "nobody", "--name", "x")
    with pytest.raises(CommandError, match="nobody"):
        call_command("login_link", "--user", "nobody")
