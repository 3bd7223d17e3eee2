"""The filter language of experiences: `method = lora and h.learning_rate >= 1e-4 and not status in (oom, timeout)`.

Texts become conditions and orderings of a query; nothing in them is ever evaluated as code. It knows neither
HTTP nor who asks. Start from `condition` and `ordering`; `docs/filters.md` explains the language to users.
"""

from knowledgebase.experiences.expressions.conditions import condition
from knowledgebase.experiences.expressions.fields import (
    FAILED,
    Field,
    among_choices,
    choices_of,
    field_named,
    known_fields,
    names_in,
)
from knowledgebase.experiences.expressions.orderings import Ordering, Slice, ordering

__all__ = [
    "FAILED",
    "Field",
    "Ordering",
    "Slice",
    "among_choices",
    "choices_of",
    "condition",
    "field_named",
    "known_fields",
    "names_in",
    "ordering",
]
