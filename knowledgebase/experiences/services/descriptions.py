"""An experience's words on its task and language model, when others may see it than before. It decides nothing."""

from __future__ import annotations

from copy import copy

from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services.forgetting import forget_unused
from knowledgebase.experiences.services.references import identify, resolve


def describe_again(row: Experience) -> None:
    """Keep the words of a stored row for those who see it now, and no longer for those who saw it before.

    One step of a transaction that holds the change lock; `row` is whole, with its record. Nothing where it is so.
    """
    one = identify(row.record, row.audience)
    found, before = resolve([one]), copy(row)
    row.task_description_id = found.task_descriptions[one.task_description]
    row.language_model_description_id = (
        found.language_model_descriptions[one.language_model_description]
        if one.language_model_description is not None
        else None
    )
    names = ("task_description_id", "language_model_description_id")
    after = {name: getattr(row, name) for name in names}
    if after != {name: getattr(before, name) for name in names}:
        Experience.objects.filter(pk=row.pk).update(**after)
        forget_unused(before)
