"""Why a trial was proposed or skipped, for one reader: tasks and experiences only as far as they see them.

It writes nothing. The reasons were made of what the search's owner could see when the trial was proposed; another
reader, or the owner later, may see less. Start from `visible_sources`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from knowledgebase.accounts.models import User
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.selectors import task_names
from knowledgebase.searches.models import Trial

#: Whose values are words of ours; any other text may be a name that the reader must not learn.
WORDS = frozenset({"decision", "estimator", "left_out", "proposed_by", "rule"})


@dataclass(frozen=True)
class Sources:
    """What a reader may be told of: names of tasks by digest, ids of experiences. Empty: nothing."""

    tasks: Mapping[str, str] = field(default_factory=dict)
    experiences: frozenset[str] = frozenset()

    def reasons(self, trial: Trial) -> dict[str, object]:
        """A trial's reasons as this reader may read them."""
        found = {
            name: _figures(value, name)
            for name, value in trial.why.items()
            if name not in ("tasks", "experiences") and name.isidentifier()
        }
        if "tasks" in trial.why:
            found["tasks"] = [one for one in _pairs(trial.why["tasks"]) if one[0] in self.tasks]
        if "experiences" in trial.why:
            found["experiences"] = [
                one
                for one in _pairs(trial.why["experiences"])
                if one[0] in self.experiences and one[1] in self.tasks
            ]
        return found


def visible_sources(reader: User, trials: Iterable[Trial]) -> Sources:
    """What of all that these trials name the reader may see; three queries, none where nothing is named."""
    rows = [trial.why for trial in trials]
    tasks = {str(one[0]) for why in rows for one in _pairs(why.get("tasks"))}
    runs = {str(one[0]) for why in rows for one in _pairs(why.get("experiences"))}
    tasks |= {str(one[1]) for why in rows for one in _pairs(why.get("experiences"))}
    if not tasks and not runs:
        return Sources()
    seen = Experience.objects.visible_to(reader)
    ids = seen.filter(pk__in=runs).values_list("pk", flat=True)
    return Sources(task_names(reader, tasks), frozenset(str(pk) for pk in ids))


def _pairs(value: object) -> list[list[object]]:
    """Lists that begin with a name and go on."""
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, list) and len(one) > 1]


def _figures(value: object, name: str) -> object:
    """Numbers and our own words, and nothing that could name something."""
    if isinstance(value, Mapping):
        return {key: _figures(one, key) for key, one in value.items() if str(key).isidentifier()}
    if isinstance(value, list):
        return [_figures(one, name) for one in value]
    return value if not isinstance(value, str) or name in WORDS else None
