"""Rows that no experience speaks of any more go, words first. It decides nothing about who may delete."""

from __future__ import annotations

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


def forget_unused(row: Experience) -> None:
    """What only this experience spoke of, which was deleted or speaks of something else by now.

    Under the change lock nobody can be about to speak of it again.
    """
    for model, name in NOUNS:
        key = getattr(row, f"{name}_id")
        if key is not None and not Experience.objects.filter(**{name: key}).exists():
            model._default_manager.filter(pk=key).delete()
    if row.language_model_id is not None:
        unused = LanguageModel.objects.filter(pk=row.language_model_id, experiences=None, pipelines=None)
        unused.delete()
