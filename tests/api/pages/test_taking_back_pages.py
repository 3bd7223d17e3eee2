"""Duplicates are shown; taking back and deleting by hand say first what happens, and leave what they say."""

from __future__ import annotations

import pytest

from knowledgebase.accounts.models import AuditEntry
from knowledgebase.experiences.models import Experience, Task, Tombstone
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(owner, record):
    sent = record()
    assert record_experiences([sent], owner=owner.user, team=owner.team)[0].status == 201
    return sent


def text(person, address):
    answer = person.pages.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def twin(sent, record):
    """The same content under an id of its own."""
    return {**sent, "id": record()["id"]}


def test_duplicates_stand_on_the_page_as_far_as_the_reader_may_see_them(owner, mate, run, record):
    address = f"/experiences/{run['id']}/"
    assert "The same under other ids" not in text(owner, address)
    shared, hidden = twin(run, record), twin(run, record)
    record_experiences([shared], owner=owner.user, team=owner.team)
    record_experiences([hidden], owner=owner.user, team=owner.team, visibility="private")
    seen = {who: text(person, address) for who, person in (("owner", owner), ("mate", mate))}
    assert [f"/experiences/{one['id']}/" in seen["owner"] for one in (shared, hidden)] == [True, True]
    assert [f"/experiences/{one['id']}/" in seen["mate"] for one in (shared, hidden)] == [True, False]


def test_taking_back_says_what_happens_and_is_noted(owner, mate, stranger, run):
    Experience.objects.update(visibility="public")
    page, address = f"/experiences/{run['id']}/", f"/experiences/{run['id']}/withdraw/"
    assert address in text(owner, page)
    shown = text(owner, address)
    assert "stays with them" in shown
    assert [f'value="{one}"' in shown for one in ("private", "team", "hub", "public")] == [
        True,
        True,
        True,
        False,
    ]
    assert stranger.pages.get(page).status_code == 200
    done = owner.pages.post(address, {"visibility": "team", "seen": "yes"})
    assert done.url == page
    assert [one.pages.get(page).status_code for one in (owner, mate, stranger)] == [200, 200, 404]
    [entry] = AuditEntry.objects.filter(action="experience.share")
    assert (entry.actor, entry.facts["before"], entry.facts["after"]) == (owner.user, "public", "team")
    owner.pages.post(address, {"visibility": "private", "seen": "yes"})
    assert address not in text(owner, page), "nobody could see less of it"
    assert "delete it" in text(owner, address)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"visibility": "private"}, 422),
        ({"visibility": "everybody", "seen": "yes"}, 422),
        ({"seen": "yes"}, 422),
        ({"visibility": "public", "seen": "yes"}, 409),
    ],
)
def test_nothing_is_taken_back_without_the_tick_nor_widened(owner, run, form, status):
    answer = owner.pages.post(f"/experiences/{run['id']}/withdraw/", form)
    assert answer.status_code == status
    assert 'role="alert"' in answer.content.decode()
    assert Experience.objects.get().visibility == "team"


@pytest.mark.parametrize("step", ["delete", "withdraw"])
def test_the_run_is_named_as_its_own_record_names_it(owner, run, step):
    assert f"{run['task']['name']}: {run['pipeline']['method']}" in text(
        owner, f"/experiences/{run['id']}/{step}/"
    )


def test_deleting_says_what_goes_and_what_stays(owner, run, record):
    other = twin(run, record)
    record_experiences([other], owner=owner.user, team=owner.team)
    page, address = f"/experiences/{run['id']}/", f"/experiences/{run['id']}/delete/"
    assert address in text(owner, page)
    shown = text(owner, address)
    assert "A tombstone stays" in shown
    assert f"/experiences/{other['id']}/" in shown
    assert "1 other experience that you see says the same under an id of its own and stays" in shown
    without = owner.pages.post(address, {"reason": "by mistake"})
    assert (without.status_code, Experience.objects.count()) == (422, 2)
    done = owner.pages.post(address, {"seen": "yes", "reason": "by mistake"})
    assert done.url == "/experiences/"
    assert owner.pages.get(page).status_code == 404
    stone = Tombstone.objects.get()
    assert (str(stone.pk), stone.deleted_by, stone.reason) == (run["id"], owner.user, "by mistake")
    assert Task.objects.count() == 1, "the twin still speaks of it"
    assert AuditEntry.objects.filter(action="experience.delete", actor=owner.user).count() == 1
    again = owner.api.post("/api/v1/experiences/", run, content_type="application/json")
    assert again.status_code == 410


@pytest.mark.parametrize("step", ["withdraw", "delete"])
def test_a_team_mate_may_look_but_neither_take_back_nor_delete(owner, mate, stranger, run, step):
    address = f"/experiences/{run['id']}/{step}/"
    assert address not in text(mate, f"/experiences/{run['id']}/")
    for person, status in ((mate, 403), (stranger, 404)):
        assert person.pages.get(address).status_code == status
        form = {"seen": "yes", "visibility": "private"}
        assert person.pages.post(address, form).status_code == status
    assert Experience.objects.get().visibility == "team"


def test_what_has_no_owner_cannot_be_hidden_from_everybody(owner, make_person, run):
    Experience.objects.update(owner=None)
    lead = make_person("lead")
    lead.user.is_superuser = True
    lead.user.save()
    Experience.objects.update(visibility="hub")
    shown = text(lead, f"/experiences/{run['id']}/withdraw/")
    assert 'value="team"' in shown
    assert 'value="private"' not in shown
