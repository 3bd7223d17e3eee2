"""What a training is compared with while it runs: the curves and the front of its search's finished trials.

It knows rows and records; which curve is hopeless is the library's to say.
"""

from __future__ import annotations

from automl.runners.base import SCORES
from automl.runners.stopping import RULES, Peer, Stopping, peer_of
from automl.values import Pipeline
from knowledgebase.experiences.models import Experience
from knowledgebase.searches.models import Search, Trial

STOPPING_RULES = RULES
#: The newest finished trials that are looked at: what a message to the child may hold is bounded.
MOST_PEERS = 50


def stopping_of(trial: Trial) -> Stopping | None:
    """By the search's rule, with what has ended until now; None where the search stops nothing early."""
    search = trial.search
    if not search.early_stopping:
        return None
    ended = list(
        search.trials.filter(state=Trial.State.DONE, status="ok")
        .exclude(score=None)
        .exclude(seconds=None)
        .order_by("-number")[:MOST_PEERS]
    )
    return Stopping(
        rule=search.early_stopping,
        # How a curve goes on depends on how many rows it is learnt from.
        peers=_peers(search, [one for one in ended if _fraction(one) == _fraction(trial)]),
        front=tuple((one.score or 0.0, one.seconds or 0.0) for one in ended),
        objectives=tuple(search.objectives),
    )


def _fraction(trial: Trial) -> float:
    return Pipeline(trial.method, trial.hyperparameters).train_fraction


def _peers(search: Search, ended: list[Trial]) -> tuple[Peer, ...]:
    curves = dict(
        Experience.objects.filter(pk__in=[one.pk for one in ended]).values_list("pk", "record__curve")
    )
    metric, found = SCORES[search.dataset.kind][0], []
    for one in ended:
        epochs, curve = one.hyperparameters.get("epochs"), curves.get(one.pk)
        if isinstance(epochs, int | float) and curve:
            found.append(peer_of(curve, metric, float(epochs), one.score or 0.0))
    return tuple(peer for peer in found if peer is not None)
