"""A pipeline of that system, steps of nested algorithms, as a method with flat hyper-parameters. It reads no file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.values import hyperparameters
from knowledgebase.experiences.importers.xautolm.names import METHODS, is_language_model

MAX_NESTING = 32


@dataclass(frozen=True)
class Pipeline:
    """method and hyperparameters as a record has them; ``model_class`` None where no step names a language model."""

    method: str
    hyperparameters: dict[str, Any]
    model_class: str | None
    left: int


def pipeline(algorithms: Any) -> Pipeline:
    """The pipeline of ``algorithms``: [{class: {parameter: {value, annotation?}}}, ...]; Unreadable for other shapes.

    A fine-tuning class is its method. Otherwise the last step, which decides, is the method, and ``steps`` names all.
    A nested algorithm is its class's name, and its own parameters follow with a dotted name. ``left`` counts what
    does not fit a record; the document itself is kept beside.
    """
    if not isinstance(algorithms, list) or not algorithms:
        raise Unreadable("algorithms must be a list of steps with at least one")
    steps = [_step(step, f"step {place}") for place, step in enumerate(algorithms, start=1)]
    names = [name for name, _ in steps]
    pairs: list[tuple[str, Any]] = []
    models: list[str] = []
    seen: Counter[str] = Counter()
    for name, parameters in steps:
        seen[name] += 1
        prefix = "" if len(steps) == 1 else f"{name}." if seen[name] == 1 else f"{name}#{seen[name]}."
        pairs += _flat(parameters, prefix, models, 0)
    if len(steps) > 1:
        pairs.insert(0, ("steps", names))
    named, rest = hyperparameters(pairs)
    method = METHODS.get(names[-1], names[-1])
    if len(method) > 64:
        raise Unreadable(f"the class {method[:80]!r} has {len(method)} characters, at most 64")
    return Pipeline(method, named, models[0] if models else None, len(rest))


def _step(step: Any, place: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(step, dict) or len(step) != 1:
        raise Unreadable(f"{place} of algorithms must be one class with its parameters")
    [(name, parameters)] = step.items()
    if not name or not isinstance(parameters, dict):
        raise Unreadable(f"{place} of algorithms, {name[:80]!r}, must have an object of parameters")
    return name, parameters


def _flat(
    parameters: dict[str, Any], prefix: str, models: list[str], depth: int
) -> Iterator[tuple[str, Any]]:
    if depth > MAX_NESTING:
        raise Unreadable(f"algorithms are nested deeper than {MAX_NESTING} levels")
    for name, given in parameters.items():
        value = given.get("value") if isinstance(given, dict) and "value" in given else given
        if not isinstance(value, dict) or len(value) != 1:
            yield prefix + name, value
            continue
        [(inner, inner_parameters)] = value.items()
        if is_language_model(inner):
            models.append(inner)
        else:
            yield prefix + name, inner
        if isinstance(inner_parameters, dict):
            yield from _flat(inner_parameters, f"{prefix}{name}.", models, depth + 1)
