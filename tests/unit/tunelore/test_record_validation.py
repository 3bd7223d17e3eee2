"""The hand-written validator against the schema itself, and the rules beyond the schema."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tunelore import record
from tunelore.record.schema_check import KEYWORDS

REFERENCE = jsonschema.Draft202012Validator(
    record.schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
BEYOND_THE_SCHEMA = re.compile(
    "NUL character|lone surrogate|is before started_at|nested deeper|canonical JSON|must be null unless|must be a UUID"
)


def problems(value: object) -> list[str]:
    return [str(problem) for problem in record.check(value)]


def agree(value: object) -> None:
    """Invalid by the schema: invalid here. Valid by the schema: only the rules beyond it may complain."""
    found = problems(value)
    if not REFERENCE.is_valid(value):
        assert found, "the schema refuses what the validator accepts"
    else:
        assert all(BEYOND_THE_SCHEMA.search(text) for text in found), found


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(place for key, member in members for place in places(member, (*path, key)))]


def test_the_formats_are_really_checked_by_the_reference() -> None:
    assert {"uuid", "date-time"} <= set(REFERENCE.format_checker.checkers)  # type: ignore[union-attr]


def test_every_keyword_of_the_schema_is_known() -> None:
    def keywords(node: Any) -> set[str]:
        if not isinstance(node, dict):
            return set()
        found = set(node)
        for name in ("properties",):
            for inner in node.get(name, {}).values():
                found |= keywords(inner)
        for name in ("items", "additionalProperties", "propertyNames"):
            found |= keywords(node.get(name))
        for inner in node.get("anyOf", []):
            found |= keywords(inner)
        return found

    assert keywords(record.schema()) <= KEYWORDS


def test_the_cast_is_valid(cast: dict[str, dict[str, Any]]) -> None:
    for name, one in cast.items():
        assert problems(one) == [], name
        record.validate(one)
        agree(one)


SMALL = st.text(max_size=5) | st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 2, 3.0, 0.5, -0.5, 1.7, 1e300, 2**53, 2**70),
        *("", "ok", "oom", "x" * 301, "0a" * 45, "tokens-sha256:1"),
        *("2026-11-20T10:00:00Z", "2026-02-30T10:00:00Z", "2026-11-20 10:00:00Z"),
        *("2026-11-20T10:00:00.123456789+05:30", "yesterday"),
        *("019aa0c1-7c00-7b2e-9f3a-0123456789ab", "019aa0c17c007b2e9f3a0123456789ab"),
        *([], {}, [1], [[1]], [{}], {"a": 1}, {"a": {}}, {"a": {"b": 1}}, ["x"] * 65),
        *({"status": "ok"}, {"status": "killed"}, {"kind": "k"}, {"source": "s"}, {"y" * 201: 1}),
        {str(number): 1 for number in range(101)},
    ]
)


@settings(
    max_examples=600,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_agrees_with_the_schema_on_mutated_records(
    data: st.DataObject, cast: dict[str, dict[str, Any]]
) -> None:
    value: Any = copy.deepcopy(cast[data.draw(st.sampled_from(sorted(cast)))])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(value)))
        if not path:
            continue
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        action = data.draw(st.sampled_from(["replace", "delete", "add"]))
        if action == "replace" or isinstance(parent, list):
            parent[path[-1]] = copy.deepcopy(data.draw(SMALL))
        elif action == "delete":
            del parent[path[-1]]
        else:
            parent[data.draw(st.text(max_size=3))] = copy.deepcopy(data.draw(SMALL))
    agree(value)


@pytest.mark.parametrize("value", [None, 1, "x", [], [{}], True, {}, {"schema": "tunelore.experience/1"}])
def test_agrees_with_the_schema_on_what_is_no_record(value: object) -> None:
    agree(value)
    assert problems(value)


def test_all_problems_come_in_one_answer_with_their_values(ok_record: dict[str, Any]) -> None:
    ok_record["started_at"] = "yesterday"
    ok_record["pipeline"]["hyperparameters"] = ["learning_rate", 0.1]
    ok_record["cost"]["evaluation_s"] = "0,5"
    ok_record["primary"]["value"] = 1.7
    ok_record["outcome"]["status"] = "finished"
    del ok_record["provenance"]["via"]
    answer = "\n".join(problems(ok_record))
    for text in (
        "/started_at: must be a time",
        "'yesterday'",
        "not a list of 2",
        "'0,5'",
        "1.7",
        "'finished'",
    ):
        assert text in answer
    assert "/provenance/via: is missing" in answer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"schema": "tunelore.experience/2"},
            "'tunelore.experience/2' is not known here; known: tunelore.experience/1",
        ),
        ({"id": "run-0001"}, "/id: must be a UUID"),
        ({"finished_at": "2026-11-20T09:59:59.999Z"}, "is before started_at"),
        ({"finished_at": "2026-11-20T11:59:59+02:00"}, "is before started_at"),
        ({"started_at": "2026-11-20T10:01:00.5000000001Z"}, "is before started_at"),
        ({"metrics": {}}, "a finished run needs a metric"),
        (
            {"outcome": {"status": "killed"}},
            "/primary: must be null unless the outcome is ok, and it is killed",
        ),
        ({"task": {"kind": "a\0b", "dataset": {}}}, "/task/kind: holds a NUL character"),
        ({"extra": {"k\0": 1}}, "/extra: the key holds a NUL character"),
        ({"extra": {"a": "\ud800"}}, "/extra/a: is not valid Unicode"),
        ({"extra": {"a": float("nan")}}, "/extra/a: not JSON: nan"),
        ({"extra": {"a": 10**400}}, "/extra/a: number out of range"),
        ({"extra": {"a": (1, 2)}}, "/extra/a: tuple is not a JSON type"),
        ({"extra": {1: 2}}, "an object's key must be text, not 1"),
        ({"extra": {"a": [[[[[[[[1]]]]]]]]}}, "/extra: is nested deeper than 8 levels"),
    ],
)
def test_rules_beyond_the_schema(ok_record: dict[str, Any], change: dict[str, Any], message: str) -> None:
    assert message in "\n".join(problems({**ok_record, **change}))


def test_eight_levels_of_extra_are_fine(ok_record: dict[str, Any]) -> None:
    ok_record["extra"] = {"a": [[[[[[[1]]]]]]]}
    assert problems(ok_record) == []


def test_the_size_is_that_of_the_canonical_form(ok_record: dict[str, Any]) -> None:
    ok_record["extra"] = {"a": ""}
    room = record.MAX_RECORD_BYTES - len(record.canonical(ok_record))
    ok_record["extra"]["a"] = "x" * room
    assert problems(ok_record) == []
    ok_record["extra"]["a"] += "x"
    assert f"is {record.MAX_RECORD_BYTES + 1} bytes" in problems(ok_record)[0]
    ok_record["extra"]["a"] = "€" * (room // 3 + 1)
    assert "bytes as canonical JSON" in problems(ok_record)[0]


def test_ten_megabytes_of_hyperparameters_are_refused_quickly(ok_record: dict[str, Any]) -> None:
    ok_record["pipeline"]["hyperparameters"] = {f"p{number}": {"deep": [number]} for number in range(500_000)}
    text = json.dumps(ok_record)
    assert len(text) > 10_000_000
    start = time.process_time()
    found = problems(record.parse(text))
    assert time.process_time() - start < 20  # a guard against a blow-up, ten times what it takes
    assert len(found) == 1
    assert "262144" in found[0]


def test_a_flood_of_problems_is_counted_not_listed(ok_record: dict[str, Any]) -> None:
    ok_record["metrics"] = {"validation": {str(number): "x" for number in range(150)}}
    ok_record["task"]["metafeatures"]["semantic"] = ["x"] * 1000
    found = record.check(ok_record)
    assert len(found) == 201
    assert "further problems" in found[-1].message


def test_nesting_without_end_does_not_crash(ok_record: dict[str, Any]) -> None:
    inner: dict[str, Any] = {}
    for _ in range(50_000):
        inner = {"inner": inner}
    ok_record["pipeline"]["hyperparameters"] = inner
    answer = problems(ok_record)
    assert any("nested deeper than 512" in text for text in answer)
    assert any(text.startswith("/pipeline/hyperparameters/inner: must be") for text in answer)


def test_unknown_fields_are_kept(ok_record: dict[str, Any]) -> None:
    ok_record["of_tomorrow"] = {"a": 1}
    ok_record["task"]["dataset"]["shards"] = 3
    assert problems(ok_record) == []


def test_a_run_has_no_outcome_yet(ok_record: dict[str, Any]) -> None:
    run = {
        key: value for key, value in ok_record.items() if key not in ("outcome", "metrics", "primary", "cost")
    }
    assert record.check_run(run) == []
    assert [problem.pointer for problem in record.check_run(ok_record)] == [
        "/outcome",
        "/metrics",
        "/primary",
        "/cost",
    ]
    run["id"] = "x"
    assert [problem.pointer for problem in record.check_run(run)] == ["/id"]


def test_statuses_are_those_of_the_schema() -> None:
    assert record.schema()["properties"]["outcome"]["properties"]["status"]["enum"] == list(record.STATUSES)
    assert record.schema()["properties"]["schema"]["const"] == record.SCHEMA_ID
    assert record.KNOWN_SCHEMAS == (record.SCHEMA_ID,)


def test_a_caller_cannot_change_the_schema(ok_record: dict[str, Any]) -> None:
    record.schema()["required"].append("nonsense")
    assert problems(ok_record) == []


@pytest.mark.shared_data
def test_the_shared_schema_and_examples(shared_file: Callable[[str], Path]) -> None:
    assert json.loads(shared_file("record/experience.v1.schema.json").read_text()) == record.schema()
    for path in sorted(shared_file("record/examples").glob("*.json")):
        example = record.parse(path.read_bytes())
        assert problems(example) == [], path.name
        agree(example)


MALFORMED = {
    "record_unknown_schema_version.json": "'tunelore.experience/9999' is not known here; known: tunelore.experience/1",
    "record_nested_pipelines.json": "/pipeline/hyperparameters/inner: must be a number",
    "record_wrong_types.json": "'0,5'",
    "record_no_metrics_but_finished.json": "a finished run needs a metric",
    "record_id_not_uuid.json": "/id: must be a UUID",
    "record_nan_infinity.json": "/metrics/validation/f1_macro: not JSON: NaN",
}
ACCEPTED = {
    "record_path_like_strings.jsonl": (10, "/task/name: holds a NUL character"),
    "record_html_sql_strings.jsonl": (7, None),
    "record_unicode_tricks.jsonl": (None, None),
    "record_duplicate_ids_conflict.jsonl": (3, None),
}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_malformed_files_are_refused_with_their_message(
    shared_file: Callable[[str], Path], name: str
) -> None:
    with pytest.raises(record.RecordError) as caught:
        record.validate(record.parse(shared_file(f"data/malformed/{name}").read_bytes()))
    assert MALFORMED[name] in "\n".join(str(problem) for problem in caught.value.problems)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", sorted(ACCEPTED))
def test_odd_but_right_files_are_accepted(shared_file: Callable[[str], Path], name: str) -> None:
    lines = shared_file(f"data/malformed/{name}").read_bytes().splitlines()
    answers = [problems(record.parse(line)) for line in lines]
    accepted, last = ACCEPTED[name]
    assert sum(answer == [] for answer in answers) == (len(lines) if accepted is None else accepted)
    if last is not None:
        assert last in "\n".join(answers[-1])


@pytest.mark.shared_data
def test_every_malformed_record_file_is_tested(shared_file: Callable[[str], Path]) -> None:
    there = {path.name for path in shared_file("data/malformed").glob("record_*")}
    assert there == set(MALFORMED) | set(ACCEPTED)


@pytest.mark.shared_data
def test_twins_are_known_by_their_canonical_form(shared_file: Callable[[str], Path]) -> None:
    lines = shared_file("data/malformed/record_duplicate_ids_conflict.jsonl").read_bytes().splitlines()
    first, second, third = (record.canonical(record.parse(line)) for line in lines)
    assert first == second
    assert first != third
