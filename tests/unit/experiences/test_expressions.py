"""The filter language on real rows, on both databases: what it finds, what it refuses, and pages in any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledgebase.core.errors import Problem
from knowledgebase.experiences.expressions import condition, ordering
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import record_experiences

pytestmark = pytest.mark.django_db


def task(name: str) -> dict[str, Any]:
    dataset = {"source": "file", "name": name, "label_column": "label"}
    return {"kind": "text-classification", "name": name, "dataset": dataset}


@pytest.fixture
def rows(
    owner: Any, record: Callable[..., dict[str, Any]], failed_record: Callable[..., dict[str, Any]]
) -> None:
    """a: lora 1e-4, .9, 10 s; b: full 3e-3, .5, 100 s; c: full with a text for a rate, .7; d: linear, oom."""

    def one(name: str, method: str, rate: object, score: float, **cost: float) -> dict[str, Any]:
        return record(
            task=task(name),
            pipeline={
                "method": method,
                "space": None,
                "hyperparameters": {"learning_rate": rate, "deep": True},
            },
            primary={"split": "validation", "metric": "f1_macro", "value": score},
            metrics={"validation": {"f1_macro": score, "loss": 2 * score}},
            cost=cost,
        )

    batch = [
        one("a", "lora", 1e-4, 0.9, evaluation_s=10, host_memory_bytes=10**9),
        one("b", "full", 3e-3, 0.5, evaluation_s=100),
        one("c", "full", "fast", 0.7),
        failed_record(
            "oom",
            task=task("d"),
            pipeline={"method": "linear", "space": None, "hyperparameters": {"c": 10}},
            language_model=None,
            cost=None,
        ),
    ]
    batch[1]["pipeline"]["hyperparameters"] |= {"nothing": None, "targets": ["q"], "a.b": "dots"}
    results = record_experiences(batch, owner=owner.user, team=owner.team)
    assert [result.problem for result in results] == [None] * 4


def found(text: str) -> str:
    rows = Experience.objects.filter(condition(text)).order_by("task_description__name")
    return "".join(rows.values_list("task_description__name", flat=True))


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "abcd"),
        ("method = full", "bc"),
        ("METHOD = full AND score > 0.6", "c"),
        ("method = lora or score <= .5", "ab"),
        ("not method = full", "ad"),
        ("not (method = full or status = oom)", "a"),
        ("h.learning_rate > 1e-5", "ab"),
        ("h.learning_rate <= 1e-4", "a"),
        ("not h.learning_rate <= 1e-4", "bcd"),
        ("h.learning_rate = fast", "c"),
        ('h."learning_rate" = "fast"', "c"),
        ("h.learning_rate != 1e-4", "bc"),
        ("h.learning_rate is missing", "d"),
        ("h.deep is present", "abc"),
        ("h.c is present and h.nothing is missing", "d"),
        ("h.nothing is missing", "abcd"),
        ("h.targets is present", "b"),
        ('h."a.b" is present', "b"),
        ("metrics.validation.loss is missing", "d"),
        ("metrics.test.loss is missing", "abcd"),
        ("cost.evaluation_s is missing", "cd"),
        ("lm.none is missing", "abcd"),
        ("meta.none is missing", "abcd"),
        ("conditions.device is missing", "abcd"),
        ("h.learning_rate is not missing", "abc"),
        ("h.deep = true and not h.deep = false", "abc"),
        ("h.c in (10, 20)", "d"),
        ("score in 0.6..0.95", "ac"),
        ("score is missing", "d"),
        ("score is present and seconds is missing", "c"),
        ("status not in (ok, timeout)", "d"),
        ("metrics.validation.loss >= 1.4", "ac"),
        ("seconds < 1min", "a"),
        ("memory = 1GB", "a"),
        ("language_model is missing", "d"),
        ("language_model ~ TINY", "abc"),
        ("received > 2020-01-01 and received < 2999-01-01T10:00:00Z", "abcd"),
        ("started = 2026-11-20", "abcd"),
        ("started != 2026-11-20", ""),
        ("started = 2026-11-19 or started = 2026-11-21", ""),
        ("started <= 2026-11-20", "abcd"),
        ("started < 2026-11-20", ""),
        ("started > 2026-11-20", ""),
        ("started > 2026-11-19", "abcd"),
        ("started >= 2026-11-20", "abcd"),
        ("started in 2026-11-19..2026-11-20", "abcd"),
        ("started in 2026-11-21..2026-11-22", ""),
        ("started in (2026-11-19, 2026-11-20)", "abcd"),
        ("started = 2026-11-20T10:00:00Z", "abcd"),
        ("started > 2026-11-20T10:00:00Z", ""),
        ("received <= 9999-12-31 and received > 0001-01-01", "abcd"),
        ("status = failed", "d"),
        ("status != failed", "abc"),
        ("status in (failed, ok)", "abcd"),
        ("status not in (failed)", "abc"),
        ("visibility = team", "abcd"),
        ('metrics."validation".loss >= 1.4', "ac"),
        ('metrics.validation."loss" >= 1.4', "ac"),
        ("provisional = no", "abcd"),
        ("owner = olga and team = the-lab", "abcd"),
        ("task in (a, 'b')", "ab"),
    ],
)
def test_what_an_expression_finds(text: str, names: str) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("method", "invalid_filter", "expected one of = != < <= > >= ~, 'in' or 'is', found the end"),
        ("method = ", "invalid_filter", "expected a value"),
        ("= 3", "invalid_filter", "expected a field, found '='"),
        ("speed = 3", "unknown_field", "'speed'; choose from score, seconds"),
        ("h. = 3", "unknown_field", "'h.'"),
        ("metrics.f1 > 3", "unknown_field", "metrics.<split>.<name>"),
        ("score > high", "invalid_filter", "score is a number, and 'high' is none"),
        ("score > 1e999", "invalid_filter", "'1e999' is none"),
        ("started > yesterday", "invalid_filter", "'yesterday' is no date; write 2026-11-21"),
        ("method < full", "invalid_filter", "method has no order"),
        ("h.learning_rate > fast", "invalid_filter", "no order"),
        ("score ~ 3", "invalid_filter", "looks into texts"),
        ("id = 7", "invalid_filter", "'7' is no id"),
        ("provisional = maybe", "invalid_filter", "true or false, not 'maybe'"),
        ("method = full full", "invalid_filter", "expected 'and', 'or' or the end, found 'full'"),
        ("(method = full", "invalid_filter", "expected ')'"),
        ("score in 1, 2", "invalid_filter", "expected '..' between two values"),
        ("method = 'full", "invalid_filter", "is not expected here"),
        ("(" * 40 + "score = 1" + ")" * 40, "invalid_filter", "more than 16"),
        ("not " * 40 + "score = 1", "invalid_filter", "more than 16"),
        (" or ".join(["score = 1"] * 65), "invalid_filter", "more than 64 comparisons"),
        ("score = " + "1" * 3000, "invalid_filter", "at most 2,000"),
        ('h."a\\b" = 1', "invalid_filter", "expected one of"),
        ("status = fine", "invalid_filter", "'fine' is no status; choose from failed, ok, oom"),
        ("status in (ok, fine)", "invalid_filter", "'fine' is no status"),
        (
            "visibility != secret",
            "invalid_filter",
            "'secret' is no visibility; choose from private, team, hub",
        ),
        ("started = 2026-02-30", "invalid_filter", "'2026-02-30' is no date"),
        ("h.model.rate = 1", "unknown_field", 'a name with dots stands in quotation marks: h."model.rate"'),
        ("metrics.test.a.b = 1", "unknown_field", 'quotation marks: metrics.test."a.b"'),
    ],
)
def test_what_it_refuses_and_where(text: str, code: str, said: str) -> None:
    with pytest.raises(Problem) as caught:
        condition(text)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert said in caught.value.detail


WORDS = [
    "score",
    "h.x",
    "method",
    ">",
    "=",
    "~",
    "in",
    "(",
    ")",
    ",",
    "..",
    "is",
    "not",
    "missing",
    "and",
    "or",
    "1e-3",
    "'q",
    "\\",
    "--",
    ";",
    "%s",
    "é",
    'h."a\'b"',
    "started",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=300)
@given(st.lists(st.sampled_from([*WORDS, "\u2028", "drop table"]), max_size=12))
def test_any_text_is_a_condition_or_a_problem(words: list[str]) -> None:
    try:
        wanted = condition(" ".join(words))
    except Problem as problem:
        status = problem.status
    else:
        status = 400
        assert Experience.objects.filter(wanted).count() == 0
    assert status == 400


def walk(order: str, size: int) -> str:
    by, cursor, names = ordering(order), "", ""
    while True:
        page = by.page(Experience.objects.select_related("task", "task_description"), cursor, size)
        assert len(page.rows) <= size
        names += "".join(row.task_title for row in page.rows)
        if not page.behind:
            return names
        cursor = page.behind


@pytest.mark.parametrize(("way", "names"), [("h.size", "cab"), ("-h.size", "bac")])
def test_the_largest_and_the_smallest_numbers_sort_too(owner: Any, record: Any, way: str, names: str) -> None:
    for name, size in (("a", 0), ("b", 1.7e308), ("c", -1.7e308)):
        pipeline = {"method": "full", "space": None, "hyperparameters": {"size": size}}
        [result] = record_experiences(
            [record(task=task(name), pipeline=pipeline)], owner=owner.user, team=owner.team
        )
        assert result.problem is None
    assert walk(way, 2) == names


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("", "dcba"),
        ("score", "bcad"),
        ("-score", "acbd"),
        ("-seconds", "badc"),
        ("h.learning_rate", "abcd"),
        ("-h.learning_rate", "badc"),
        ("-metrics.validation.loss", "acbd"),
        ("method", "bcda"),
        ("-method", "adcb"),
        ("language_model", "abcd"),
        ("-language_model", "cbad"),
        ("started", "abcd"),
        ("provisional", "abcd"),
        ("-provisional", "dcba"),
        ("h.absent", "abcd"),
    ],
)
def test_pages_in_any_order_meet_each_row_once(order: str, names: str) -> None:
    for size in (1, 2, 3, 9):
        assert walk(order, size) == names
    streamed = ordering(order).apply(Experience.objects.select_related("task", "task_description"))
    assert "".join(row.task_title for row in streamed) == names


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "W10",
        "WzEsMl0xx",
        "eyJhIjoxfQ",
        "WyJ0ZXh0IiwxXQ",
        "WzEsLTFd",
        "W251bGwsdHJ1ZV0",
        "\u00e9",
        "W1tdLDFd",
    ],
)
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    by = ordering("score")
    with pytest.raises(Problem, match="cursor"):
        by.page(Experience.objects.all(), cursor, 10)


def test_an_order_that_does_not_exist_is_refused() -> None:
    for order in ("speed", "-", "id", "--score"):
        with pytest.raises(Problem):
            ordering(order)
