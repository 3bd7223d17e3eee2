"""A lost password: the mail with a one-time link, the operator's links, and the address that mail goes to."""

from __future__ import annotations

import re
import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from knowledgebase.accounts import services
from knowledgebase.accounts.models import AuditEntry, LoginLink, User
from knowledgebase.accounts.services.people import MAIL_PAUSE

pytestmark = pytest.mark.django_db
OLD, NEW = "correct horse battery", "a wholly new staple"
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _mail(settings):
    settings.MAIL_IS_SET_UP = True


@pytest.fixture
def nina(db) -> User:
    user = services.create_user("nina", password=OLD, email="nina@example.org")
    services.create_user("numa", password=OLD)
    return user


@pytest.fixture
def clock(monkeypatch):
    """Turn the clock on by so much."""
    started, real = timezone.now(), timezone.now

    def later(span: timedelta) -> None:
        monkeypatch.setattr(timezone, "now", lambda: started + span + (real() - started))

    return later


def forgot(name: str):
    return Client().post("/accounts/forgot/", {"name": name})


def link_in(text: str) -> str:
    [found] = re.findall(r"http://testserver(/accounts/reset/[\w-]+/)", text)
    return found


def mailed(name: str = "nina") -> str:
    forgot(name)
    return link_in(mail.outbox[-1].body)


def set_to(link: str, password: str, again: str | None = None):
    return Client().post(link, {"password": password, "again": password if again is None else again})


def may_sign_in(password: str, name: str = "nina") -> bool:
    answer = Client().post("/accounts/sign-in/", {"username": name, "password": password})
    return answer.status_code == 302


def test_a_link_sets_a_password_once(nina):
    elsewhere = Client()
    elsewhere.force_login(nina)
    link = mailed()
    assert mail.outbox[0].to == ["nina@example.org"]
    for _ in range(2):  # looking, as previews of mail programs do, does not use it up
        shown = Client().get(link)
        assert (shown.status_code, "for nina" in shown.content.decode()) == (200, True)
        assert "no-store" in shown["Cache-Control"]
    assert elsewhere.get("/accounts/").status_code == 200
    assert set_to(link, NEW).url == "/accounts/sign-in/"
    assert (may_sign_in(NEW), may_sign_in(OLD)) == (True, False)
    assert elsewhere.get("/accounts/").status_code == 302, "other sessions end"
    assert set_to(link, OLD).status_code == 410
    assert Client().get(link).status_code == 410
    assert services.reset_password(link.split("/")[-2], OLD) is None, "the loser of two racing uses"
    assert (may_sign_in(NEW), may_sign_in(OLD)) == (True, False)
    assert not LoginLink.objects.filter(digest__contains=link.split("/")[-2]).exists()


@pytest.mark.parametrize(("age", "status"), [(DAY - 60 * SECOND, 302), (DAY + SECOND, 410)])
def test_a_link_lives_for_a_day(age, status, nina, clock):
    link = mailed()
    clock(age)
    assert Client().get(link).status_code == (200 if status == 302 else 410)
    assert set_to(link, NEW).status_code == status
    assert may_sign_in(NEW) is (status == 302)


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short", None, "at least 12 characters"),
        ("administrator", None, "too common"),
        ("", None, "at least 12 characters"),
        (NEW, "something else", "not the same"),
    ],
)
def test_a_weak_password_keeps_the_link(password, again, said, nina):
    link = mailed()
    refused = set_to(link, password, again)
    assert refused.status_code == 422
    text = refused.content.decode()
    assert "the link still works" in text
    assert said in text
    assert may_sign_in(OLD)
    assert set_to(link, NEW).status_code == 302
    assert may_sign_in(NEW)


def test_the_answer_is_the_same_for_everybody(nina, monkeypatch):
    closed = services.create_user("carl", email="carl@example.org")
    User.objects.filter(pk=closed.pk).update(is_active=False)
    names = ["nina", "NINA@example.org", "numa", "carl", "carl@example.org", "nobody", "no@example.org", ""]
    answers = {name: forgot(name) for name in names}

    def down(*_: object, **__: object) -> None:
        raise smtplib.SMTPServerDisconnected("down")

    LoginLink.objects.all().delete()
    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", down)
    answers["nina while the mail is down"] = forgot("nina")
    told = {
        (answer.status_code, re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode()))
        for answer in answers.values()
    }
    assert len(told) == 1
    assert [one.to for one in mail.outbox] == [["nina@example.org"]], "the second ask came in the pause"


def test_mails_to_one_person_have_a_pause_between_them(nina, clock):
    for name in ("nina", "nina", "nina@example.org"):
        forgot(name)
    assert len(mail.outbox) == 1
    clock(MAIL_PAUSE - SECOND)
    forgot("nina")
    assert len(mail.outbox) == 1
    clock(MAIL_PAUSE + SECOND)
    forgot("nina@example.org")
    assert len(mail.outbox) == 2
    assert link_in(mail.outbox[0].body) != link_in(mail.outbox[1].body)


def test_nobody_stands_before_another_with_the_same_address(nina):
    services.create_user("aaron", email="nina@example.org")
    services.create_user("nina@example.org", email="else@example.org")
    forgot("nina@example.org")
    assert sorted(re.findall(r"password for (\S+)\.", one.body)[0] for one in mail.outbox) == [
        "aaron",
        "nina",
        "nina@example.org",
    ]
    [hers] = [one for one in mail.outbox if "for nina." in one.body]
    assert hers.to == ["nina@example.org"]
    assert set_to(link_in(hers.body), NEW).status_code == 302
    assert may_sign_in(NEW)


def test_a_hub_without_mail_sends_none_and_says_who_hands_links_out(nina, settings):
    settings.MAIL_IS_SET_UP = False
    answer = forgot("nina")
    assert "This hub sends no mail" in answer.content.decode()
    assert (mail.outbox, LoginLink.objects.count()) == ([], 0)


def test_a_link_does_one_thing_only(nina):
    sign_in = services.create_login_link(nina).split("/")[-2]
    assert set_to(f"/accounts/reset/{sign_in}/", NEW).status_code == 410
    reset = mailed().split("/")[-2]
    assert Client().post(f"/accounts/login/{reset}/").status_code == 410
    assert may_sign_in(OLD)


# --- The operator's links -----------------------------------------------------------------------------------


@pytest.fixture
def operator(make_person):
    person = make_person("otto")
    User.objects.filter(pk=person.user.pk).update(is_superuser=True)
    return person


def test_the_operator_hands_out_a_link(nina, operator):
    numa = User.objects.get(username="numa")
    assert f"/accounts/people/{numa.pk}/reset/" in operator.pages.get("/accounts/people/").content.decode()
    made = operator.pages.post(f"/accounts/people/{numa.pk}/reset/")
    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    link = link_in(made.content.decode())
    assert link not in operator.pages.get("/accounts/people/").content.decode(), "shown once"
    entry = AuditEntry.objects.get(action="reset_link.create")
    assert (entry.actor, entry.target) == (operator.user, "numa")
    assert set_to(link, NEW).status_code == 302
    assert may_sign_in(NEW, "numa")
    assert set_to(link, OLD).status_code == 410
    assert mail.outbox == []


def test_nobody_else_makes_links(nina, owner, operator):
    address = f"/accounts/people/{nina.pk}/reset/"
    assert owner.pages.get("/accounts/people/").status_code == 404
    assert owner.pages.post(address).status_code == 404
    assert Client().post(address).status_code == 302
    assert operator.pages.get(address).status_code == 405
    User.objects.filter(pk=nina.pk).update(is_active=False)
    assert operator.pages.post(address).status_code == 404, "closed"
    assert LoginLink.objects.count() == 0


# --- The address --------------------------------------------------------------------------------------------


@pytest.fixture
def pages(nina) -> Client:
    client = Client()
    client.force_login(User.objects.get(username="numa"))
    return client


def address_of(name: str = "numa") -> str:
    return User.objects.get(username=name).email


def test_who_has_no_address_gives_one_and_gets_mail(pages):
    forgot("numa")
    assert mail.outbox == []
    answer = pages.post("/accounts/address/", {"current": OLD, "email": " numa@example.org "}, follow=True)
    text = answer.content.decode()
    assert "The address is set" in text
    assert "To numa@example.org." in text
    entry = AuditEntry.objects.get(action="email.set")
    assert (entry.actor.username, entry.target) == ("numa", "numa")
    assert "numa@" not in str(entry.facts), "the log is no list of addresses"
    assert set_to(mailed("numa"), NEW).status_code == 302
    assert mail.outbox[0].to == ["numa@example.org"]


def test_a_change_ends_the_links_that_went_to_the_old_address(nina):
    client = Client()
    client.force_login(nina)
    link = mailed()
    client.post("/accounts/address/", {"current": OLD, "email": "other@example.org"})
    assert set_to(link, NEW).status_code == 410
    client.post("/accounts/address/", {"current": OLD, "email": ""})
    assert address_of("nina") == ""
    actions = AuditEntry.objects.filter(action__startswith="email.").order_by("pk")
    assert [one.action for one in actions] == ["email.set", "email.remove"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "numa@example.org"}, "present password"),
        ({"email": "numa@example.org", "current": NEW}, "present password"),
        ({"email": "numa at home", "current": OLD}, "&#x27;numa at home&#x27; is no address"),
        ({"email": "a@example.org\nBcc: all@example.org", "current": OLD}, "is no address"),
        ({"email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}.org", "current": OLD}, "254"),
    ],
)
def test_an_address_that_is_not_taken(form, said, pages):
    answer = pages.post("/accounts/address/", form, follow=True)
    assert said in answer.content.decode()
    assert address_of() == ""
    assert not AuditEntry.objects.filter(action__startswith="email.").exists()


def test_who_signs_in_by_link_alone_has_no_password_to_be_asked_for(nina):
    admin = services.create_user("admin", is_superuser=True)
    client = Client()
    client.force_login(admin)
    assert 'id="m-old"' not in client.get("/accounts/").content.decode()
    client.post("/accounts/address/", {"email": "admin@example.org"})
    assert address_of("admin") == "admin@example.org"
    assert set_to(mailed("admin"), NEW).status_code == 302
    assert may_sign_in(NEW, "admin")


def test_the_address_is_nobody_elses_to_set(nina):
    answer = Client().post("/accounts/address/", {"email": "evil@example.org"})
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/sign-in/")
    assert address_of("nina") == "nina@example.org"
