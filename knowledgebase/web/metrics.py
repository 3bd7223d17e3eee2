"""`/metrics` in the text format of Prometheus: what this hub holds, what waits, how fast this process answers.

The figures of the store are counted when somebody asks. It knows no names, only numbers; who may ask is
decided here, since a scraper has no session.
"""

from __future__ import annotations

from collections.abc import Iterable
from secrets import compare_digest

from django.conf import settings
from django.db.models import Count, Model
from django.http import Http404, HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from knowledgebase.experiences.models import Experience, Run
from knowledgebase.searches.models import Search, Trial

OWN_MACHINE = frozenset({"127.0.0.1", "::1"})


class StoreCollector(Collector):
    """What the rows say now: experiences by outcome, runs, searches and trials by state."""

    def collect(self) -> Iterable[GaugeMetricFamily]:
        yield gauge("tunelore_experiences", "Experiences kept.", Experience, "status")
        yield gauge("tunelore_searches", "Searches.", Search, "state")
        yield gauge("tunelore_trials", "Trials.", Trial, "state")
        open_runs = Run.objects.count()
        yield GaugeMetricFamily("tunelore_runs_open", "Runs that have begun and not ended.", open_runs)


def gauge(name: str, text: str, model: type[Model], field: str) -> GaugeMetricFamily:
    """How many rows have each value of a field."""
    family = GaugeMetricFamily(name, text, labels=[field])
    counted = model._default_manager.order_by(field).values_list(field).annotate(rows=Count("*"))
    for value, count in counted:
        family.add_metric([value], count)
    return family


STORE = CollectorRegistry()
STORE.register(StoreCollector())


def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, to whom TUNELORE_METRICS_TOKEN is known; without one, to this very machine only (else 404)."""
    if not may_read(request):
        raise Http404
    body = generate_latest(STORE) + generate_latest(REGISTRY)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    expected = settings.METRICS_TOKEN
    if expected:
        # As bytes: compare_digest refuses text beyond ASCII, which anybody may send.
        given = request.headers.get("Authorization", "")
        return compare_digest(given.encode(errors="replace"), f"Bearer {expected}".encode())
    # Behind a proxy every request comes from this machine; the proxy's own header tells.
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.META.get("REMOTE_ADDR") in OWN_MACHINE and not forwarded
