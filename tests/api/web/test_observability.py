"""Request ids, log lines and /metrics, through the whole stack of middleware."""

from __future__ import annotations

import io
import json
import logging
import re
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from knowledgebase.core.requests import AddRequestId, JsonLines
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_answer_has_an_id(client: Client) -> None:
    first, second = client.get("/health/live"), client.get("/api/v1/nothing/")
    assert re.fullmatch(r"[0-9a-f]{32}", first["X-Request-ID"])
    assert first["X-Request-ID"] != second["X-Request-ID"]


def test_an_id_from_in_front_is_kept_unless_it_could_forge_a_line(client: Client) -> None:
    kept = client.get("/health/live", headers={"X-Request-ID": "proxy-00000017"})
    assert kept["X-Request-ID"] == "proxy-00000017"
    forged = client.get("/health/live", headers={"X-Request-ID": "x" * 20 + " ERROR all is lost"})
    assert re.fullmatch(r"[0-9a-f]{32}", forged["X-Request-ID"])


def test_a_line_of_json_names_the_request_and_its_exception(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "knowledgebase.core.requests"):
        answer = client.get("/experiences/0190aaaa-0000-7000-8000-000000000000/?secret=1")
    (record,) = [one for one in caplog.records if one.name == "knowledgebase.core.requests"]
    line = json.loads(JsonLines().format(record))
    assert line["status"] == answer.status_code
    assert line["route"].startswith("experiences/<")
    assert "secret" not in json.dumps(line)
    try:
        raise KeyError("lost\nline")
    except KeyError:
        failed = logging.getLogger("x").makeRecord(
            "x", 40, "f", 1, "it broke", (), __import__("sys").exc_info()
        )
    text = JsonLines().format(failed)
    assert "\n" not in text
    assert "KeyError" in json.loads(text)["exception"]


def test_each_request_is_one_line_at_the_usual_level_without_what_was_asked(
    owner: Any, record: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Names that stand in a query or an address are of somebody's work; the log is for the operator."""
    sent = record()
    asked = [
        ("GET", "api/v1/experiences/", 200, lambda: owner.api.get("/api/v1/experiences/?q=hush-hush&task=hush")),
        ("GET", "api/v1/experiences/", 400, lambda: owner.api.get("/api/v1/experiences/?filter=hush <")),
        ("POST", "api/v1/experiences/", 201,
         lambda: owner.api.post("/api/v1/experiences/", sent, content_type="application/json")),
        ("GET", "api/v1/experiences/<uuid:experience_id>/", 200,
         lambda: owner.api.get(f"/api/v1/experiences/{sent['id']}/")),
        ("GET", "none", 404, lambda: owner.api.get("/hush/hush/?hush=hush")),
    ]  # fmt: skip
    for method, route, status, ask in asked:
        caplog.clear()
        with caplog.at_level(logging.INFO, "knowledgebase.core.requests"):
            answer = ask()
        (one,) = [found for found in caplog.records if found.name == "knowledgebase.core.requests"]
        line = json.loads(JsonLines().format(one))
        assert (line["level"], line["method"], line["route"], line["status"]) == (
            "INFO",
            method,
            route,
            status,
        )
        assert line["milliseconds"] >= 0
        assert "hush" not in json.dumps(line)
        assert sent["id"] not in json.dumps(line)
        assert answer.status_code == status


def test_a_line_has_the_id_that_the_answer_has(client: Client) -> None:
    told = io.StringIO()
    handler = logging.StreamHandler(told)
    handler.addFilter(AddRequestId())
    handler.setFormatter(JsonLines())
    log = logging.getLogger("knowledgebase.core.requests")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        answer = client.get("/health/live")
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    assert json.loads(told.getvalue())["request_id"] == answer["X-Request-ID"]


def test_metrics_count_rows_and_requests(client: Client, owner: Any, record: Any) -> None:
    record_experiences([record()], owner=owner.user, team=owner.team)
    client.get("/health/ready")
    answer = client.get("/metrics")
    assert answer.status_code == 200
    found = samples(answer.content.decode())
    assert found["tunelore_experiences", "ok"] == 1
    assert found["tunelore_runs_open",] == 0
    assert found["tunelore_request_seconds_count", "GET", "health/ready", "200"] >= 1


def test_metrics_are_for_this_machine_or_a_known_token(client: Client, settings: Any) -> None:
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    settings.METRICS_TOKEN = "scrape-me-please"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer schlüssel"}).status_code == 404
    told = client.get(
        "/metrics", REMOTE_ADDR="203.0.113.9", headers={"Authorization": "Bearer scrape-me-please"}
    )
    assert told.status_code == 200
