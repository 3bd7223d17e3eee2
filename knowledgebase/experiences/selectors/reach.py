"""What language models reached and cost, as far as it compares across tasks. It writes nothing.

Scores of two tasks never meet here: within a task it is asked who leads, and that is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from django.db.models import Count, F, Max, Q, Window
from django.db.models.functions import RowNumber

from knowledgebase.accounts.models import User
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors.keeping import kept_sums


@dataclass(frozen=True)
class Reach:
    """One language model. `leads` of `contested` tasks: nobody's best is higher, of those where others have one.

    `median_s`: seconds of its runs that ended well, over all tasks; None where none did with a time.
    """

    leads: int = 0
    contested: int = 0
    median_s: float | None = None


def language_model_reach(user: User) -> Mapping[int, Reach]:
    """By key of the language model, of experiences that the user may see; absent: none of them ended well."""
    return kept_sums(user, "reach", lambda: _reach(user))


def _reach(user: User) -> dict[int, Reach]:
    leads: dict[int, int] = defaultdict(int)
    contested: dict[int, int] = defaultdict(int)
    for best in _boards(user):
        if len(best) > 1:
            highest = max(best.values())
            for model, score in best.items():
                contested[model] += 1
                leads[model] += score == highest
    medians = _medians(user)
    return {
        model: Reach(leads[model], contested[model], medians.get(model)) for model in {*contested, *medians}
    }


def _boards(user: User) -> list[dict[int, float]]:
    """For each task the best score of each language model, by the metric and split that were used most there."""
    scored = Experience.objects.visible_to(user).filter(
        status="ok", score__isnull=False, language_model__isnull=False
    )
    groups = (
        scored.order_by()
        .values_list("task", "primary_metric", "primary_split", "language_model")
        .annotate(best=Max("score"), runs=Count("*"))
    )
    tasks: dict[int, dict[tuple[str, str], dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    runs: dict[tuple[int, str, str], int] = defaultdict(int)
    for task, metric, split, model, best, many in groups:
        tasks[task][metric, split][model] = best
        runs[task, metric, split] += many
    return [
        boards[min(boards, key=lambda way: (-runs[task, way[0], way[1]], way))]
        for task, boards in tasks.items()
    ]


def _medians(user: User) -> dict[int, float]:
    """The one or two values in the middle are found in the database: however many runs, two rows each come here."""
    timed = Experience.objects.visible_to(user).filter(
        status="ok", evaluation_s__isnull=False, language_model__isnull=False
    )
    middle = (
        timed.order_by()
        .annotate(
            place=Window(RowNumber(), partition_by=F("language_model"), order_by=F("evaluation_s").asc()),
            many=Window(Count("*"), partition_by=F("language_model")),
        )
        .filter(Q(place=(F("many") + 1) / 2) | Q(place=F("many") / 2 + 1))
        .values_list("language_model", "evaluation_s")
    )
    found: dict[int, list[float]] = defaultdict(list)
    for model, seconds in middle:
        if seconds is not None:
            found[model].append(seconds)
    return {model: fmean(values) for model, values in found.items()}
