"""Fields of records beside one another: which differ, by how much, and which is best. It knows no row and no page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledgebase.core import formats
from knowledgebase.experiences.pages.index import shown_as

Record = Mapping[str, Any]
# Groups of the record in the order of the page; what identifies or describes the run itself is left out.
GROUPS = {
    "outcome": "Result", "metrics": "Result", "cost": "Cost", "pipeline": "Pipeline",
    "language_model": "Language model", "fidelity": "Pipeline",
    "limits": "Limits", "task": "Task", "conditions": "System", "system": "System",
}  # fmt: skip
#: What was chosen or given, not what came of it: there a difference is underlined.
MEASURED = ("Result", "Cost")
#: Endings of what a run uses up, the less the better.
SPENT = ("_s", "_bytes", "_j")
DROPPED = {"outcome.stack", "task.metafeatures.extractor", "pipeline.space"}
#: Less than this is not seen in the figures themselves.
LEAST_DELTA, LEAST_RATIO = 5e-5, 1.05
PREFIXES = ("hyperparameters.", "features.", "metafeatures.values.")


@dataclass(frozen=True)
class Cell:
    """A value of one run: its text, whether it is underlined, how it stands against A, whether it is the best."""

    text: str
    differs: bool = False
    against: str = ""
    best: bool = False


@dataclass(frozen=True)
class FieldRow:
    """One field over all runs."""

    group: str
    name: str
    cells: list[Cell]
    is_equal: bool


def field_rows(records: Sequence[Record], *, of_one_task: bool) -> list[FieldRow]:
    """Every field that any of them has, grouped as the page shows them; scores are held against A within one task."""
    flat = [leaves(record) for record in records]
    names = list(dict.fromkeys(name for one in flat for name in one))
    judge = _Judge(records, of_one_task)
    rows = [judge.row(name, [one.get(name) for one in flat]) for name in names]
    order = list(dict.fromkeys(GROUPS.values()))
    return sorted(rows, key=lambda one: order.index(one.group))


def leaves(record: Record) -> dict[str, object]:
    """The scalars and lists of a record's groups, by dotted name."""
    found: dict[str, object] = {}

    def walk(value: object, name: str) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(inner, f"{name}.{key}")
        elif value is not None and name not in DROPPED:
            found[name] = value

    for group in GROUPS:
        walk(record.get(group), group)
    return found


class _Judge:
    """Knows of the runs what decides whether their figures may be held against one another."""

    def __init__(self, records: Sequence[Record], of_one_task: bool) -> None:
        self.ended_well = [(one.get("outcome") or {}).get("status") == "ok" for one in records]
        self.primary = {(one.get("primary") or {}).get("metric") for one in records} - {None}
        self.of_one_task = of_one_task

    def row(self, name: str, values: Sequence[object]) -> FieldRow:
        group, _, rest = name.partition(".")
        short = rest
        for prefix in PREFIXES:
            short = short.removeprefix(prefix)
        form = (
            f"metrics.{rest}" if group == "metrics" else f"h.{short}" if "hyperparameters." in rest else short
        )
        texts = [plain(form, value) for value in values]
        best = self._best(group, rest, values) if len(set(texts)) > 1 else set()
        chosen = GROUPS[group] not in MEASURED
        cells = [
            Cell(text, chosen and value != values[0], self._against(group, rest, values, at), at in best)
            for at, (text, value) in enumerate(zip(texts, values, strict=True))
        ]
        shown = f"{group} {called(short)}" if group == "fidelity" else called(short)
        return FieldRow(GROUPS[group], shown, cells, len({str(one) for one in values}) == 1)

    def _against(self, group: str, rest: str, values: Sequence[object], at: int) -> str:
        """A difference of scores, or how many times as much of what a run costs; "" where neither says anything."""
        first, value = number(values[0]), number(values[at])
        if first is None or value is None or first == value:
            return ""
        if group == "metrics" and self.of_one_task:
            return formats.delta(value - first) if abs(value - first) >= LEAST_DELTA else ""
        spent = group == "cost" and rest.endswith(SPENT)
        if spent and self.ended_well[0] and self.ended_well[at] and min(first, value) > 0:
            words = ("faster", "slower") if rest.endswith("_s") else ("less", "more")
            ratio = max(first, value) / min(first, value)
            return f"{ratio:.1f}{formats.NARROW}× {words[value > first]}" if ratio >= LEAST_RATIO else ""
        return ""

    def _best(self, group: str, rest: str, values: Sequence[object]) -> set[int]:
        """Places of the highest of what was to be high, or of the least that a good end has cost."""
        pairs = [(at, number(value)) for at, value in enumerate(values) if self.ended_well[at]]
        known = {at: value for at, value in pairs if value is not None}
        if len(set(known.values())) < 2:
            return set()
        if group == "metrics" and self.of_one_task and rest.rpartition(".")[2] in self.primary:
            return {at for at, value in known.items() if value == max(known.values())}
        if group == "cost" and rest.endswith(SPENT):
            return {at for at, value in known.items() if value == min(known.values())}
        return set()


def number(value: object) -> float | None:
    """A value as a number; truths are none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def called(name: str) -> str:
    """A field without its unit, which stands beside the value: `train_s` is "train time"."""
    for ending, words in (("_bytes", ""), ("_s", "_time")):
        if name.endswith(ending):
            name = name.removesuffix(ending) + words
    return formats.words(name)


def plain(name: str, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name.startswith("metrics.") and not isinstance(value, int | float):
        return "" if value is None else str(value)
    return shown_as(name, value)
