"""One trial of a search: what was chosen, what happened when, its curve. It knows no console text: none is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import charts, formats
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.pages.detail import curve_chart
from knowledgebase.experiences.selectors import experience_list
from knowledgebase.searches import selectors
from knowledgebase.searches.models import Search, Trial
from knowledgebase.searches.pages.reasons import Reasons, reasons_of
from knowledgebase.searches.pages.searches import fingerprint, found


@dataclass(frozen=True)
class Event:
    """One line of a trial's log; ``at`` is None for what holds now."""

    at: datetime | None
    words: str


@dataclass(frozen=True)
class TrialPage:
    """A trial with its log; ``experience`` once it has ended, ``chart`` where it was trained step by step.

    ``version`` changes when the page would look different; ``status`` is what is read aloud when it changes.
    """

    search: Search
    trial: Trial
    hyperparameters: list[tuple[str, object]]
    events: list[Event]
    experience: Experience | None
    chart: charts.LineChart | None
    reasons: Reasons | None
    before: int | None
    after: int | None
    is_live: bool
    status: str
    version: str


@require_GET
@login_required
def trial(request: HttpRequest, search_id: UUID, number: int) -> HttpResponse:
    """The page; 204 while nothing has changed since the version that is asked about."""
    search = found(request, search_id)
    row = selectors.trial_list(search).filter(number=number).first()
    if row is None:
        raise Http404
    page = trial_page(cast(User, request.user), search, row)
    if request.GET.get("version") == page.version:
        return HttpResponse(status=204)
    return render(request, "searches/trial.html", {"page": page})


def trial_page(user: User, search: Search, row: Trial) -> TrialPage:
    experience = experience_list(user).defer(None).filter(pk=row.pk).first()
    numbers = list(selectors.trial_list(search).values_list("number", flat=True))
    place = numbers.index(row.number)
    before = numbers[place - 1] if place else None
    after = numbers[place + 1] if place + 1 < len(numbers) else None
    events = log(row)
    words = [event.words for event in events]
    return TrialPage(
        search=search,
        trial=row,
        hyperparameters=sorted(row.hyperparameters.items()),
        events=events,
        experience=experience,
        chart=curve_chart(experience.record.get("curve") or []) if experience is not None else None,
        reasons=reasons_of(row, selectors.visible_sources(user, [row])),
        before=before,
        after=after,
        is_live=row.state in (Trial.State.QUEUED, Trial.State.RUNNING),
        status=f"Trial {row.number}: {row.status or row.state}.",
        version=fingerprint([row.state, *words, str(before), str(after), str(experience is None)]),
    )


def log(row: Trial) -> list[Event]:
    """What the rows know of a trial's life, in order."""
    likely = f", probability {row.probability:.3g}" if row.probability is not None else ""
    events = [Event(row.created_at, f"proposed by {row.origin or 'the sampler'}{likely}; seed {row.seed}")]
    if row.sent_at:
        again = f", {row.sends} times so far" if row.sends > 1 else ""
        events.append(Event(row.sent_at, f"offered to the workers{again}"))
    if row.losses:
        words = f"came back {formats.plural(row.losses, 'time')}: the worker that had it fell silent"
        events.append(Event(None, words))
    if row.started_at:
        events.append(Event(row.started_at, f"taken by a worker, attempt {row.attempt}"))
    if row.state == Trial.State.RUNNING:
        events.append(Event(None, _progress(row)))
    if row.finished_at:
        events.append(Event(row.finished_at, _end(row)))
    if row.state == Trial.State.SKIPPED:
        events.append(Event(row.created_at, "skipped by the gate: it never ran, and nothing was learnt"))
    return events


def _progress(row: Trial) -> str:
    seen = row.progress
    parts = [f"now in {seen.get('phase') or 'start'}"]
    if seen.get("step") is not None:
        parts.append(f"step {seen['step']:,}")
    if seen.get("epoch") is not None:
        parts.append(f"epoch {seen['epoch']:.2f}")
    if seen.get("memory_bytes"):
        parts.append(f"{formats.size(seen['memory_bytes'])} of memory")
    if seen.get("best") is not None:
        parts.append(f"best so far {formats.score(seen['best'])}")
    return ", ".join(parts)


def _stopped(said: dict[str, float]) -> str:
    """Why a training was stopped early, with its figures."""
    had = (
        f"stopped after {formats.share(said['share'], 1)} of its epochs with {formats.score(said['reached'])}"
    )
    if "median" in said:
        return f"{had}: below {formats.score(said['median'])}, the middle of {said['peers']} others there"
    return (
        f"{had}: it would have reached {formats.score(said['ceiling'])} at most, and a trial that took"
        f" {formats.seconds(said['front_seconds'])} has {formats.score(said['front_score'])}"
    )


def _end(row: Trial) -> str:
    if row.state == Trial.State.CANCELLED:
        return "cancelled before it ran: nothing was learnt"
    parts = [f"ended: {row.status}"]
    if row.pruning:
        parts.append(_stopped(row.pruning))
    if row.status != "ok":
        parts += [f"in {row.phase}"] * bool(row.phase) + [f"cause {row.cause}"] * bool(row.cause)
    if row.score is not None:
        parts.append(f"score {formats.score(row.score)}")
    if row.seconds is not None:
        parts.append(f"after {formats.seconds(row.seconds)} of evaluation")
    if row.memory_bytes:
        parts.append(f"{formats.size(row.memory_bytes)} at its peak")
    if row.trainable_parameters is not None:
        parts.append(f"{formats.parameters(row.trainable_parameters)} trainable parameters")
    if row.energy_j is not None:
        parts.append(formats.energy(row.energy_j))
    return ", ".join(parts)
