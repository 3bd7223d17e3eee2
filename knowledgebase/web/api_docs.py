"""The API to read through: one page that lists it and one for each resource, of our own and without a script."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from knowledgebase.web.api_document import Api, Resource, api


@dataclass(frozen=True)
class ApiIndexPage:
    """Every operation in one line; `shared`: what all resources use."""

    api: Api
    resources: list[Resource]
    shared: Resource


@dataclass(frozen=True)
class ApiResourcePage:
    """One resource, and all of them, to go on from here."""

    resource: Resource
    resources: list[Resource]


@require_GET
@login_required
def api_docs(request: HttpRequest) -> HttpResponse:
    """Every resource with its operations, and what a refusal looks like."""
    found = api()
    resources = [one for name, one in found.resources.items() if name]
    page = ApiIndexPage(found, resources, found.resources[""])
    return render(request, "web/api_docs.html", {"page": page})


@require_GET
@login_required
def api_resource(request: HttpRequest, resource: str) -> HttpResponse:
    """The operations of one resource and the schemas of their bodies; 404 for a name that is none."""
    found = api().resources
    if resource not in found:
        raise Http404(f"the API has no resource {resource[:60]!r}")
    page = ApiResourcePage(found[resource], [one for name, one in found.items() if name])
    return render(request, "web/api_resource.html", {"page": page})
