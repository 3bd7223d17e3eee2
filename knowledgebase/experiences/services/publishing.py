"""Publishing, in two steps: see exactly what others would see, then say that this may be seen.

It knows no HTTP; how the document looks on the wire is the caller's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from tunelore import record as records

from knowledgebase.accounts.models import User
from knowledgebase.core.errors import Problem, invalid
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services.changes import lock_changes
from knowledgebase.experiences.services.sharing import change_visibility, own_experience, own_experiences

AUDIENCES = {
    Experience.Visibility.TEAM: "the members of its team, and the priors made for them",
    Experience.Visibility.HUB: "everybody with an account on this hub, and the priors made for them",
    Experience.Visibility.PUBLIC: "everybody with an account on this hub, and every hub that this one gives to",
}
SHOWN_TEXT = 200
# What is worth a second look, each pattern linear in the text. First match counts.
SIGNS = (
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{2,64}"), "looks like an e-mail address"),
    (re.compile(r"(?:^|[\s'\"=])(?:/(?:home|Users|root|mnt|data|scratch)/|[A-Za-z]:\\)"), "holds a path of a machine"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "looks like an address of a machine"),
    (re.compile(r"(?:hf|tl|sk|ghp|glpat)[_-][A-Za-z0-9_-]{16}"), "looks like a token"),
)  # fmt: skip
NAMES = re.compile(
    r"(?:^|_)(?:host|hostname|user|username|email|author|organi[sz]ation)(?:$|_)", re.IGNORECASE
)


@dataclass(frozen=True)
class Telling:
    """A text of the record that may tell of people, machines or places."""

    pointer: str
    text: str
    why: str


@dataclass(frozen=True)
class Publication:
    """What `wanted` would show. `experience`: the row as others would read it. `shown`: the digest of it."""

    visibility: str
    wanted: str
    audience: str
    experience: Experience
    telling: list[Telling]
    shown: str


def publication_of(pk: UUID, visibility: object, *, actor: User) -> Publication:
    """What publishing would show; nothing changes. Problem 404, 403 or 422 as for sharing."""
    wanted = _known_audience(visibility)
    return _publication(own_experience(pk, actor), wanted)


def publications_of(pks: Sequence[UUID], visibility: object, *, actor: User) -> list[Publication]:
    """The same of several; those that are absent or somebody else's are left out alike."""
    wanted = _known_audience(visibility)
    return [_publication(row, wanted) for row in own_experiences(pks, actor)]


def _known_audience(visibility: object) -> str:
    if visibility not in AUDIENCES:
        choices = ", ".join(AUDIENCES)
        raise invalid("visibility", f"{str(visibility)[:40]!r} publishes nothing; choose from {choices}")
    return str(visibility)


def publish_experience(pk: UUID, visibility: object, *, shown: str, actor: User) -> Publication:
    """Let others see what `shown` is the digest of; again is harmless. Problem 409 when it is another by now."""
    with transaction.atomic():
        counter = lock_changes()
        found = publication_of(pk, visibility, actor=actor)
        if found.shown != shown:
            detail = f"what would become visible is not what {shown[:20]!r} stands for; look at it again"
            raise Problem(409, "shown_differs", "Not what was shown", detail)
        change_visibility(
            own_experience(pk, actor), found.wanted, counter, actor=actor, action="experience.publish"
        )
    return _publication(own_experience(pk, actor), found.wanted)


def publish_experiences(shown: Mapping[UUID, str], visibility: object, *, actor: User) -> list[Publication]:
    """Publish several, each as what its digest stands for: all of them, or none where one Problem is raised."""
    with transaction.atomic():
        return [publish_experience(pk, visibility, shown=one, actor=actor) for pk, one in shown.items()]


def _publication(row: Experience, wanted: str) -> Publication:
    now, row.visibility = row.visibility, wanted
    owner, team = (row.owner.username if row.owner else ""), (row.team.slug if row.team else "")
    whole = "\n".join((str(row.pk), row.content, wanted, owner, team, row.origin, row.licence))
    digest = "sha256:" + hashlib.sha256(whole.encode()).hexdigest()
    return Publication(
        now, wanted, AUDIENCES[Experience.Visibility(wanted)], row, list(telling(row.record)), digest
    )


def telling(value: object, pointer: str = "") -> Iterator[Telling]:
    """Texts worth a second look, in the record's order; what the schema does not know is one of them."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            place = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if isinstance(part, str) and part and NAMES.search(str(name)):
                yield Telling(place, part[:SHOWN_TEXT], "is named as if it told who or where")
            elif place == "/extra":
                text = records.canonical(part).decode()
                yield Telling(place, text[:SHOWN_TEXT], "is what no rule of the record describes")
            else:
                yield from telling(part, place)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from telling(part, f"{pointer}/{number}")
    elif isinstance(value, str):
        for sign, why in SIGNS:
            if sign.search(value):
                yield Telling(pointer, value[:SHOWN_TEXT], why)
                return
