"""Random interleavings of workers, messages, kills and sweeps: nothing is lost, nothing is doubled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledgebase.experiences.models import Experience
from knowledgebase.searches import bridge, services
from knowledgebase.searches.models import Search, Trial
from knowledgebase.searches.services.trials import MAX_LOSSES, Claim

TRIALS = 2
steps = st.tuples(
    st.sampled_from(["claim", "beat", "finish", "release", "silence", "sweep"]),
    st.integers(0, TRIALS - 1),
    st.integers(0, 5),
)


class World:
    """Trials, and every claim that some worker believes to hold."""

    def __init__(self, search: Search, make_trial: Callable[..., Trial]) -> None:
        self.trials = [make_trial(search, number) for number in range(1, TRIALS + 1)]
        self.claims: list[list[Claim]] = [[] for _ in self.trials]
        self.finished: list[list[Claim]] = [[] for _ in self.trials]

    def do(self, step: str, place: int, which: int) -> None:
        trial, claims = self.trials[place], self.claims[place]
        if step == "claim":
            claim = services.claim_trial(trial.pk, "worker")
            if claim is not None:
                claims.append(claim)
        elif step == "silence":
            Trial.objects.filter(pk=trial.pk, state="running").update(
                lease_until=timezone.now() - timedelta(seconds=1)
            )
        elif step == "sweep":
            services.sweep()
        elif claims:
            self.act(step, place, claims[which % len(claims)])

    def act(self, step: str, place: int, claim: Claim) -> None:
        row = Trial.objects.get(pk=self.trials[place].pk)
        entitled = row.state == "running" and row.attempt == claim.token
        if step == "beat":
            assert services.beat_trial(claim, {"step": 1}).is_ours == entitled
        elif step == "release":
            assert services.release_trial(claim) == entitled
        elif services.finish_trial(claim, bridge.lost_ending(claim.trial_id)):
            assert entitled
            self.finished[place].append(claim)

    def check(self) -> None:
        for trial, claims, finished in zip(self.trials, self.claims, self.finished, strict=True):
            row = Trial.objects.get(pk=trial.pk)
            tokens = [claim.token for claim in claims]
            assert tokens == sorted(set(tokens)), "a fencing token was given out twice or fell"
            assert len(finished) <= 1
            assert Experience.objects.filter(pk=trial.pk).count() == (row.state == "done")
            assert row.losses <= MAX_LOSSES


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=st.lists(steps, max_size=30))
def test_every_trial_ends_once_whatever_happens(
    story: list[tuple[str, int, int]],
    make_search: Callable[..., Search],
    make_trial: Callable[..., Trial],
) -> None:
    world = World(make_search(budget_trials=TRIALS, slots=TRIALS), make_trial)
    for step in story:
        world.do(*step)
        world.check()
    # A worker that lives long enough ends what is left.
    for place in range(TRIALS):
        world.do("silence", place, 0)
    world.do("sweep", 0, 0)
    for place, trial in enumerate(world.trials):
        claim = services.claim_trial(trial.pk, "last")
        if claim is not None:
            world.claims[place].append(claim)
            world.act("finish", place, claim)
        assert Trial.objects.get(pk=trial.pk).state == "done"
    world.check()
