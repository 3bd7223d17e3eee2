"""Language models: what each cost and reached across tasks. Reading is in selectors; this lays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.accounts.models import User
from knowledgebase.core import formats
from knowledgebase.core.errors import Problem
from knowledgebase.experiences import selectors
from knowledgebase.experiences.models import LanguageModel

PAGE_MODELS = 200


@dataclass(frozen=True)
class LanguageModelPage:
    """One language model: by task, and how memory limits bore on it."""

    model: LanguageModel
    features: list[tuple[str, str]]
    on_tasks: list[selectors.ModelOnTask]
    by_memory: list[tuple[int | None, int, int]]


@require_GET
@login_required
def language_model_index(request: HttpRequest) -> HttpResponse:
    """Every language model with a visible experience, most used first."""
    user = cast(User, request.user)
    models, reach = selectors.language_model_summaries(user), selectors.language_model_reach(user)
    rows = [(model, reach.get(model.pk, selectors.Reach())) for model in models[:PAGE_MODELS]]
    page = {"rows": rows, "cut": len(models) > PAGE_MODELS, "shown": PAGE_MODELS}
    return render(request, "experiences/language_models.html", {"page": page})


@require_GET
@login_required
def language_model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    user = cast(User, request.user)
    try:
        model = selectors.language_model_detail(user, pk)
    except Problem as error:
        raise Http404(error.detail) from error
    page = LanguageModelPage(
        model=model,
        features=[
            (name, in_words(value)) for name, value in sorted(model.features.items()) if value is not None
        ],
        on_tasks=selectors.language_model_on_tasks(user, model),
        by_memory=selectors.outcomes_by_memory_limit(user, model),
    )
    return render(request, "experiences/language_model.html", {"page": page})


def in_words(value: object) -> str:
    """A feature: counts with their thousands apart, everything else as it was recorded."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return formats.count(cast(int, value)) if is_count else str(value)
