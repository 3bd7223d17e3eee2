"""The form of a new search: texts as people write them, and the request that they mean.

It knows the fields of the page; what may be asked for is the services' to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict

from knowledgebase.core.errors import FieldError, Problem
from knowledgebase.searches import bridge
from knowledgebase.searches.models import Dataset
from knowledgebase.searches.selectors import USUAL_OBJECTIVES
from knowledgebase.searches.services import SearchRequest

GIB = 2**30
LONGEST = 1000
#: Of the text of a space; one character more than is read, so that more is refused and not cut.
LONGEST_SPACE = 20_001
DEFAULTS: Mapping[str, str] = {
    "title": "", "trials": "20", "minutes": "", "wall_s": "120", "memory_gib": "4", "slots": "1", "train_rows": "",
    "seed": "", "more_models": "", "own_space": "",
}  # fmt: skip
REQUIRED = ("trials", "wall_s", "memory_gib", "slots")
TEXTS = ("title", "more_models", "own_space")
WHOLE = ("trials", "slots", "train_rows", "seed")
# What the services call a field -> what the form calls it.
POINTERS: Mapping[str, str] = {
    "budget.trials": "trials",
    "budget.seconds": "minutes",
    "limits.wall_s": "wall_s",
    "limits.host_memory_bytes": "memory_gib",
}


@dataclass(frozen=True)
class SearchForm:
    """One state of the form. Empty lists of methods and language models mean every one.

    Of a space that names its own language models, only those count that are written down, and only its methods.
    """

    values: Mapping[str, str]
    methods: tuple[str, ...] = ()
    language_models: tuple[str, ...] = ()
    objectives: tuple[str, ...] = USUAL_OBJECTIVES
    warm_start: bool = True
    gate: bool = False
    early_stopping: bool = False
    team: str = ""
    space: str = ""

    @classmethod
    def read(cls, given: QueryDict) -> SearchForm:
        """From a query or a body; the defaults where nothing is given at all."""
        if "trials" not in given:
            return cls(dict(DEFAULTS))
        return cls(
            values={
                name: given.get(name, "").strip()[: LONGEST_SPACE if name == "own_space" else LONGEST]
                for name in DEFAULTS
            },
            methods=tuple(given.getlist("methods")),
            language_models=tuple(given.getlist("language_models")),
            objectives=tuple(given.getlist("objectives")),
            warm_start="warm_start" in given,
            gate="gate" in given,
            early_stopping="early_stopping" in given,
            team=given.get("team", ""),
            space=given.get("space", "").strip()[:100],
        )

    def query(self) -> str:
        """The state as an address holds it, to be sent and cited; nothing secret is among it.

        A space of one's own is too long for an address, and is left out.
        """
        values = {name: value for name, value in self.values.items() if name != "own_space"}
        pairs = [(name, value) for name, value in values.items() if value or name == "trials"]
        for name in ("methods", "language_models", "objectives"):
            pairs += [(name, one) for one in getattr(self, name)]
        for name in ("warm_start", "gate", "early_stopping"):
            pairs += [(name, "on")] * getattr(self, name)
        pairs += [("team", self.team)] * bool(self.team) + [("space", self.space)] * bool(self.space)
        return urlencode(pairs)

    def request(self, dataset: Dataset, key: str = "") -> SearchRequest:
        """What is asked for; Problem 422 that names every field which is no number, by its name in the form."""
        numbers, wrong = self._numbers()
        minutes, wall = numbers["minutes"], numbers["wall_s"]
        if minutes is not None and wall is not None and wall > minutes * 60:
            message = f"is {wall:g} s, longer than the whole search ({minutes:g} min)"
            wrong.append(FieldError("wall_s", message))
        if wrong:
            raise invalid(wrong)
        memory = numbers["memory_gib"]
        methods, ticked, own = self.methods, self.language_models, self._own_space()
        if own:
            is_open = "base" in own and not bridge.names_its_models(str(own["base"]))
            methods, ticked = (), ticked if is_open and not own.get("language_models") else ()
        elif bridge.names_its_models(self.space):
            known = bridge.method_names(dataset.kind, self.space)
            methods, ticked = tuple(name for name in methods if name in known), ()
        asked = SearchRequest(
            dataset=dataset,
            title=self.values["title"][:200],
            budget_trials=int(numbers["trials"] or 0),
            budget_seconds=None if minutes is None else minutes * 60,
            wall_s=wall,
            host_memory_bytes=None if memory is None else int(memory * GIB),
            slots=int(numbers["slots"] or 0),
            space=self.space,
            own_space=own,
            methods=methods,
            language_models=(*ticked, *self.values["more_models"].split()),
            objectives=self.objectives,
            warm_start=self.warm_start,
            gate=self.gate,
            early_stopping=bridge.STOPPING_RULES[0] if self.early_stopping else "",
            idempotency_key=key[:200],
        )
        return replace(asked, train_rows=_whole(numbers["train_rows"]), seed=_whole(numbers["seed"]))

    def _own_space(self) -> Mapping[str, object]:
        """The data of a space that was written here, {} without one; Problem 422 where it is not readable."""
        if not self.values["own_space"]:
            return {}
        try:
            return bridge.space_data(self.values["own_space"])
        except bridge.Refused as refusal:
            raise invalid([FieldError("own_space", refusal.detail)]) from refusal

    def _numbers(self) -> tuple[dict[str, float | None], list[FieldError]]:
        numbers: dict[str, float | None] = {}
        wrong: list[FieldError] = []
        for name, text in self.values.items():
            if name in TEXTS:
                continue
            numbers[name] = _number(text)
            if not text and name in REQUIRED:
                wrong.append(FieldError(name, "is empty; give a number"))
            elif text and (numbers[name] is None or (name in WHOLE and not text.isdigit())):
                kind = "a whole number" if name in WHOLE else "a number"
                wrong.append(FieldError(name, f"is {text[:40]!r}; write {kind}"))
        return numbers, wrong


def invalid(errors: list[FieldError]) -> Problem:
    """One problem of several fields."""
    detail = "; ".join(f"{one.pointer}: {one.message}" for one in errors)
    return Problem(422, "invalid", "Invalid input", detail, errors)


def by_field(problem: Problem) -> dict[str, str]:
    """The errors of a problem by the form's own names; what belongs to no field stands under ""."""
    found = {POINTERS.get(one.pointer, one.pointer): one.message for one in problem.fields}
    return found or {"": problem.detail}


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < 1e15 else None  # neither infinite nor "nan"


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
