"""Tokens, teams, invitations, passwords and the log of changes, as people use them."""

from __future__ import annotations

import pytest
from django.test import Client

from knowledgebase.accounts import services
from knowledgebase.accounts.models import ApiToken, Invitation, Membership, Team, User
from knowledgebase.core.errors import Problem

pytestmark = pytest.mark.django_db
STRONG = "correct horse battery"


@pytest.fixture
def lab(owner):
    return services.create_team("tuning lab", owner=owner.user)


def link_of(answer):
    return answer.context["page"].link.partition("testserver")[2]


def test_a_token_is_shown_once_and_works(owner):
    form = {"name": "laptop", "team": owner.team.slug, "scopes": ["experiences:read"], "days": "30"}
    answer = owner.pages.post("/accounts/tokens/", form)
    assert answer.status_code == 201
    assert "no-store" in answer["Cache-Control"]
    secret = answer.context["page"].secret
    assert secret in answer.content.decode()
    token = ApiToken.objects.get(name="laptop")
    assert (token.scopes, token.team, token.expires_at is not None) == (
        ["experiences:read"],
        owner.team,
        True,
    )
    api = Client(headers={"authorization": f"Bearer {secret}"})
    assert api.get("/api/v1/experiences/").status_code == 200
    assert secret not in owner.pages.get("/accounts/").content.decode()
    owner.pages.post(f"/accounts/tokens/{token.pk}/revoke/")
    assert api.get("/api/v1/experiences/").status_code == 401


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scopes": []}, "at least one scope"),
        ({"scopes": ["world:rule"]}, "world:rule"),
        ({"name": " "}, "needs a name"),
        ({"days": "soon"}, "no number of days"),
        ({"days": "99999"}, "1 to 3650"),
        ({"team": "nowhere"}, "one of your teams"),
    ],
)
def test_tokens_that_cannot_be(owner, change, said):
    form = {"name": "laptop", "team": owner.team.slug, "scopes": ["experiences:read"], **change}
    answer = owner.pages.post("/accounts/tokens/", form)
    assert answer.status_code == 422
    assert said in answer.context["page"].problem
    assert not ApiToken.objects.filter(name="laptop").exists()


def test_nobody_revokes_anothers_token(owner, stranger):
    token, _ = services.create_token(owner.user, "mine", ["experiences:read"])
    stranger.pages.post(f"/accounts/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is None


def test_an_invitation_brings_one_person_in(owner, lab, client, stranger):
    link = link_of(owner.pages.post(f"/accounts/teams/{lab.slug}/invite/", {"role": "member"}))
    secret = link.split("/")[-2]
    assert not Invitation.objects.filter(digest__contains=secret[:20]).exists()
    assert "tuning lab" in client.get(link).content.decode()
    weak = client.post(link, {"username": "nina", "password": "short"})
    assert weak.status_code == 422
    assert not User.objects.filter(username="nina").exists()
    joined = client.post(link, {"username": "nina", "password": STRONG})
    assert joined.url == f"/accounts/teams/{lab.slug}/"
    assert client.get(joined.url).status_code == 200
    assert Membership.objects.get(user__username="nina", team=lab).role == "member"
    assert stranger.pages.post(link).status_code == 410


def test_who_is_signed_in_joins_as_themselves_and_a_taken_name_is_said(owner, lab, stranger, client):
    link = link_of(owner.pages.post(f"/accounts/teams/{lab.slug}/invite/", {"role": "owner"}))
    taken = client.post(link, {"username": "stella", "password": STRONG})
    assert taken.status_code == 409
    assert "taken" in taken.context["page"].problem
    stranger.pages.post(link)
    assert Membership.objects.get(user=stranger.user, team=lab).role == "owner"


def test_withdrawn_and_old_invitations_are_over(owner, lab, stranger):
    withdrawn = link_of(owner.pages.post(f"/accounts/teams/{lab.slug}/invite/"))
    owner.pages.post(f"/accounts/teams/{lab.slug}/withdraw/")
    assert stranger.pages.get(withdrawn).status_code == 410
    old = link_of(owner.pages.post(f"/accounts/teams/{lab.slug}/invite/"))
    Invitation.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert stranger.pages.post(old).status_code == 410


def test_members_do_not_decide(owner, lab, mate):
    services.add_member(lab, mate.user, actor=owner.user)
    for action, form in (
        ("invite", {}),
        ("role", {"user": "mark", "role": "owner"}),
        ("remove", {"user": "olga"}),
    ):
        mate.pages.post(f"/accounts/teams/{lab.slug}/{action}/", form)
    assert Membership.objects.filter(team=lab).count() == 2
    assert Membership.objects.get(team=lab, user=mate.user).role == "member"
    assert not Invitation.objects.exists()


def test_removal_ends_the_tokens_for_that_team(owner, lab, mate):
    services.add_member(lab, mate.user, actor=owner.user)
    token, _ = services.create_token(mate.user, "lab", ["experiences:read"], team=lab)
    other, _ = services.create_token(mate.user, "own", ["experiences:read"])
    owner.pages.post(f"/accounts/teams/{lab.slug}/remove/", {"user": "mark"})
    token.refresh_from_db()
    other.refresh_from_db()
    assert (token.revoked_at is None, other.revoked_at is None) == (False, True)
    assert mate.pages.get(f"/accounts/teams/{lab.slug}/").status_code == 404


def test_the_last_owner_stays(owner, lab, mate):
    services.add_member(lab, mate.user, actor=owner.user)
    for action, form in (("remove", {"user": "olga"}), ("role", {"user": "olga", "role": "member"})):
        answer = owner.pages.post(f"/accounts/teams/{lab.slug}/{action}/", form, follow=True)
        assert "last owner" in answer.content.decode()
    services.change_role(lab, mate.user, "owner", actor=owner.user)
    services.remove_member(lab, owner.user, actor=owner.user)
    assert [one.user.username for one in Membership.objects.filter(team=lab)] == ["mark"]


def test_nobody_leaves_or_invites_to_a_personal_team(owner):
    own = Team.objects.get(personal_of=owner.user)
    with pytest.raises(Problem, match="personal team"):
        services.remove_member(own, owner.user, actor=owner.user)
    with pytest.raises(Problem, match="personal team"):
        services.invite(own, actor=owner.user)


def test_a_password_is_set_and_changed(owner):
    owner.pages.post("/accounts/password/", {"password": STRONG})
    assert Client().post("/accounts/sign-in/", {"username": "olga", "password": STRONG}).status_code == 302
    answer = owner.pages.post(
        "/accounts/password/", {"current": "wrong", "password": STRONG + "2"}, follow=True
    )
    assert "nothing was changed" in answer.content.decode()
    owner.pages.post("/accounts/password/", {"current": STRONG, "password": STRONG + "2"})
    assert owner.pages.get("/accounts/").status_code == 200
    owner.user.refresh_from_db()
    assert owner.user.check_password(STRONG + "2")


def test_the_log_shows_owners_what_concerns_their_team(owner, lab, mate, stranger):
    services.add_member(lab, mate.user, actor=owner.user)
    services.create_token(mate.user, "lab", ["experiences:read"], team=lab)
    actions = {
        (one.actor.username, one.action)
        for one in owner.pages.get("/accounts/audit/").context["page"].entries
    }
    assert ("mark", "token.create") in actions
    only = owner.pages.get("/accounts/audit/?action=team.add").context["page"].entries
    assert {one.action for one in only} == {"team.add"}
    assert all(one.actor == mate.user for one in mate.pages.get("/accounts/audit/").context["page"].entries)
    assert "tuning-lab" not in stranger.pages.get("/accounts/audit/").content.decode()


def test_teams_are_made_and_names_are_taken_once(owner, stranger):
    assert (
        owner.pages.post("/accounts/teams/", {"name": "Nachtschicht"}).url == "/accounts/teams/nachtschicht/"
    )
    again = stranger.pages.post("/accounts/teams/", {"name": "nachtschicht"}, follow=True)
    assert "choose another name" in again.content.decode()


def test_a_wrong_password_is_told_in_the_words_of_the_page(client, owner):
    answer = client.post("/accounts/sign-in/", {"username": "olga", "password": "wrong"})
    assert answer.status_code == 422
    assert "This name and this password do not belong together" in answer.content.decode()
