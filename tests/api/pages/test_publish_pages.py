"""Publishing by hand: what stands on the page is what others then read; nobody does it for somebody else."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from knowledgebase.accounts.models import AuditEntry
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db
SELECTED = "/experiences/publish/"


@pytest.fixture
def runs(owner, record):
    """Two of the owner's; the first tells where it ran."""
    made = [record(), record()]
    made[0]["provenance"]["command"] = "python /home/olga/train.py"
    made[1]["pipeline"]["hyperparameters"] = {"learning_rate": 0.5}
    results = record_experiences(made, owner=owner.user, team=owner.team)
    assert {one.status for one in results} == {201}
    return made


def confirmation(answer):
    """The form of a page as a browser sends it with the tick set."""
    text = answer.content.decode()
    named = re.findall(r'<input type="hidden" name="(visibility|id|shown-[^"]+)" value="([^"]+)"', text)
    form: dict[str, list[str]] = {"seen": ["yes"]}
    for name, value in named:
        form.setdefault(name, []).append(value)
    return form


def documents(answer):
    return [
        json.loads(unescape(one))
        for one in re.findall(r"<pre[^>]*>(.*?)</pre>", answer.content.decode(), re.DOTALL)
    ]


def visibilities():
    return set(Experience.objects.values_list("visibility", flat=True))


def test_what_the_page_shows_is_what_others_then_read(owner, stranger, runs):
    address = f"/experiences/{runs[0]['id']}/publish/"
    assert address in owner.pages.get(f"/experiences/{runs[0]['id']}/").content.decode()
    shown = owner.pages.get(address)
    assert "holds a path of a machine" in shown.content.decode()
    assert visibilities() == {"team"}, "looking changes nothing"
    done = owner.pages.post(address, confirmation(shown))
    assert done.url == f"/experiences/{runs[0]['id']}/"
    read = stranger.api.get(f"/api/v1/experiences/{runs[0]['id']}/").json()
    [expected] = documents(shown)
    for one in (read["hub"], expected["hub"]):
        one.pop("change_seq")
    assert {"record": read["record"], "hub": read["hub"]} == expected
    assert AuditEntry.objects.filter(action="experience.publish", actor=owner.user).count() == 1
    assert address not in owner.pages.get(f"/experiences/{runs[0]['id']}/").content.decode(), "it is public"


def test_without_the_tick_or_after_a_change_nothing_is_published(owner, runs):
    address = f"/experiences/{runs[0]['id']}/publish/"
    form = confirmation(owner.pages.get(address))
    assert owner.pages.post(address, {**form, "seen": []}).status_code == 422
    assert owner.pages.post(address, {"seen": "yes", "id": runs[0]["id"]}).status_code == 422
    for_hub = confirmation(owner.pages.get(f"{address}?visibility=hub"))
    stale = {**for_hub, "visibility": ["public"]}  # shown to the hub is not said of everybody
    answer = owner.pages.post(address, stale)
    assert answer.status_code == 409
    assert "look at it again" in answer.content.decode()
    assert visibilities() == {"team"}


def test_several_at_once_all_or_none(owner, stranger, runs):
    shown = owner.pages.get(SELECTED, {"id": [one["id"] for one in runs], "visibility": "hub"})
    assert [one["record"]["id"] for one in documents(shown)] == [one["id"] for one in runs]
    form = confirmation(shown)
    broken = {**form, f"shown-{runs[1]['id']}": ["sha256:0"]}
    assert owner.pages.post(SELECTED, broken).status_code == 409
    assert visibilities() == {"team"}
    assert owner.pages.post(SELECTED, form).url == "/experiences/"
    assert visibilities() == {"hub"}
    assert stranger.pages.get(f"/experiences/{runs[1]['id']}/").status_code == 200


def test_nothing_chosen_says_how(owner):
    answer = owner.pages.get(SELECTED, {"id": ["x", ""]})
    assert answer.status_code == 200
    assert "Publish selected" in answer.content.decode()


def test_a_team_mate_may_look_but_not_publish(owner, mate, stranger, runs):
    address = f"/experiences/{runs[0]['id']}/publish/"
    form = confirmation(owner.pages.get(address))
    assert address not in mate.pages.get(f"/experiences/{runs[0]['id']}/").content.decode()
    for person, status in ((mate, 403), (stranger, 404)):
        assert person.pages.get(address).status_code == status
        assert person.pages.post(address, form).status_code == status
        many = person.pages.get(SELECTED, {"id": runs[0]["id"]})
        assert documents(many) == []
        assert "1 of those chosen" in many.content.decode()
        assert person.pages.post(SELECTED, form).status_code == status
    assert visibilities() == {"team"}
