"""Rows that no experience speaks of any more go, words first. It decides nothing about who may delete."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Model

from knowledgebase.experiences.models import (
    Experience,
    LanguageModel,
    LanguageModelDescription,
    Pipeline,
    System,
    Task,
    TaskDescription,
)

# Descriptions before what they describe.
NOUNS: tuple[tuple[type[Model], str], ...] = (
    (TaskDescription, "task_description"),
    (LanguageModelDescription, "language_model_description"),
    (Pipeline, "pipeline"),
    (Task, "task"),
    (System, "system"),
)


def forget_unused(*rows: Experience) -> None:
    """What only these experiences spoke of, which were deleted or speak of something else by now.

    Under the change lock nobody can be about to speak of it again.
    """
    for model, name in NOUNS:
        unused = _unused(rows, name)
        if unused:
            model._default_manager.filter(pk__in=unused).delete()
    models = {row.language_model_id for row in rows if row.language_model_id is not None}
    if models:
        LanguageModel.objects.filter(pk__in=models, experiences=None, pipelines=None).delete()


def _unused(rows: Sequence[Experience], name: str) -> set[int]:
    keys = {getattr(row, f"{name}_id") for row in rows} - {None}
    if not keys:
        return set()
    used = Experience.objects.filter(**{f"{name}__in": keys}).order_by()
    return keys - set(used.values_list(f"{name}_id", flat=True).distinct())
