"""The reasons of one trial in words and figures, for its page.

It knows the shape in which samplers and the gate say why; what a reader may not see was left out before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowledgebase.core import formats
from knowledgebase.searches.models import Trial
from knowledgebase.searches.selectors import Sources

DECISIONS: Mapping[str, str] = {
    "run": "let through",
    "skip": "skipped",
    "audit": "refused, and run all the same as an audit",
    "last": "refused, and run because as many as may be had been skipped before it",
}
RULES: Mapping[str, str] = {
    "likely_failure": "it will most likely fail",
    "score_below_best": "it will most likely end below what is known already",
}


@dataclass(frozen=True)
class Reasons:
    """Lines of (what, words); tasks as (digest, name, distance); experiences as (id, name of its task, push)."""

    lines: tuple[tuple[str, str], ...]
    tasks: tuple[tuple[str, str, float], ...] = ()
    experiences: tuple[tuple[str, str, float], ...] = ()


def reasons_of(trial: Trial, sources: Sources) -> Reasons | None:
    """What this reader may know of why a trial was proposed or skipped; None where nothing was said."""
    why = sources.reasons(trial)
    lines = [*_expected(why), *_store(why), *_gate(_part(why, "gate"))]
    if not lines:
        return None
    tasks = [(str(one[0]), sources.tasks[str(one[0])], _number(one[1])) for one in _rows(why, "tasks")]
    runs = [
        (str(one[0]), sources.tasks[str(one[1])], _number(one[2] if len(one) > 2 else 0.0))
        for one in _rows(why, "experiences")
    ]
    return Reasons(tuple(lines), tuple(tasks), tuple(runs))


def _expected(why: Mapping[str, object]) -> list[tuple[str, str]]:
    """Score, seconds, chances of dying and gain, each with how sure it was."""
    found = []
    if words := _interval(why.get("score"), formats.score):
        found.append(("Score expected", words))
    if words := _interval(why.get("seconds"), formats.seconds):
        found.append(("Time expected", words))
    if chances := _part(why, "failing"):
        parts = [f"{name} {formats.share(_number(chance), 1)}" for name, chance in chances.items()]
        found.append(("Chances of failing", ", ".join(parts)))
    if isinstance(why.get("gain"), int | float):
        words = f"{_number(why['gain']):.3g} of the hypervolume, failures and costs counted"
        found.append(("Gain expected", words))
    return found


def _store(why: Mapping[str, object]) -> list[tuple[str, str]]:
    """How much of it came from earlier experience."""
    if "store_weight" not in why:
        return []
    weight = formats.share(_number(why["store_weight"]), 1)
    words = f"scores: {weight} from the store, the rest from {_number(why.get('own_runs')):.0f} own runs"
    for name, label in (("seconds_from_store", "time"), ("memory_from_store", "memory")):
        if name in why:
            words += f"; {label}: {'the store counts' if why[name] else 'from first principles'}"
    agreement = why.get("store_agreement")
    if isinstance(agreement, int | float):
        words += f". The store foretells a task left out with rank correlation {agreement:.2f}"
    return [("Sources", words)]


def _gate(said: Mapping[str, object]) -> list[tuple[str, str]]:
    """The gate's decision, its rule and what that rests on."""
    if not said:
        return []
    words, rule = DECISIONS.get(str(said.get("decision")), ""), RULES.get(str(said.get("rule")), "")
    found = [("Gate", f"{words}: {rule}" if rule else words)]
    parts = []
    if words := _interval(said.get("score"), formats.score):
        parts.append(f"score {words}")
    if isinstance(said.get("best"), int | float):
        reach = formats.share(_number(said.get("reach")), 1)
        parts.append(
            f"{reach} to come near {formats.score(_number(said['best']))}, the best that was as quick"
        )
    if words := _interval(said.get("seconds"), formats.seconds):
        parts.append(f"time {words}")
    if isinstance(said.get("chance_of_failing"), int | float):
        parts.append(f"{formats.share(_number(said['chance_of_failing']), 1)} to fail")
    if parts:
        estimator = str(said.get("estimator") or "")
        found.append((f"Gate's prediction, by {estimator}", "; ".join(parts)))
    return found


def _interval(value: object, words: object) -> str:
    """Middle, and the 80 % interval."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 3 or not callable(words):
        return ""
    if not all(isinstance(one, int | float) for one in value):
        return ""
    low, middle, high = (words(one) for one in value)
    return f"{middle} (80 % between {low} and {high})"


def _part(why: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = why.get(name)
    return found if isinstance(found, Mapping) else {}


def _rows(why: Mapping[str, object], name: str) -> list[list[object]]:
    found = why.get(name)
    return found if isinstance(found, list) else []


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
