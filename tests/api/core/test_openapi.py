"""The OpenAPI document: valid 3.1, complete, made without a warning."""

from __future__ import annotations

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture(scope="module")
def document():
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        made = SchemaGenerator().get_schema(request=None, public=True)
    complaints = [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache]
    GENERATOR_STATS.reset()
    return made, complaints


def test_it_is_valid_and_made_without_complaints(document):
    made, complaints = document
    assert complaints == []
    assert made["openapi"].startswith("3.1")
    validate_schema(made)


def test_operations_are_named_once_and_described(document):
    made, _ = document
    operations = [
        (path, method, operation)
        for path, methods in made["paths"].items()
        for method, operation in methods.items()
    ]
    names = [operation["operationId"] for _, _, operation in operations]
    assert len(names) == len(set(names))
    assert [place[:2] for place in operations if not place[2].get("description")] == []


def test_every_operation_names_each_of_its_refusals(document):
    """No `default` answer and none above 499: a refusal is a promise, and a failure of the hub is never one."""
    made, _ = document
    for path, methods in made["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"]
            assert "default" not in answers, (path, method)
            assert all(int(status) < 500 for status in answers), (path, method)
            expected = {"400", "401", "403", "406", "429"} | ({"404"} if "{" in path else set())
            expected |= {"413", "415"} if "requestBody" in operation else set()
            assert expected <= set(answers), (path, method)
            for status in expected:
                assert "application/problem+json" in answers[status]["content"], (path, method)
            assert "Retry-After" in answers["429"]["headers"]
