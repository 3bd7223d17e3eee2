"""Made-up requests for every operation of the OpenAPI document: no failure, no answer that it does not describe.

TUNELORE_FUZZ_EXAMPLES says how many a kind (25); half of them well formed, half not; a third with ids that exist.
"""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from knowledgebase.accounts.models import ApiToken
from knowledgebase.experiences.models import LanguageModel, System, Task
from knowledgebase.experiences.services import note_run, record_experiences
from knowledgebase.searches.models import Dataset, Search, Trial
from tests.cast import ROOT, Person, require

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES = int(os.environ.get("TUNELORE_FUZZ_EXAMPLES", "25"))
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = sorted((path, method) for path, methods in DOCUMENT["paths"].items() for method in methods)
# What a well-formed request is refused for cannot always be said in a schema (the grammar of filters, ids that
# exist), so whether it is accepted is not looked at; what it is answered with is.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


@pytest.fixture(scope="module")
def schema() -> Any:
    require(importlib.util.find_spec("schemathesis") is None, "schemathesis (requirements-dev.txt)")
    import schemathesis

    return schemathesis.openapi.from_dict(DOCUMENT)


@pytest.fixture
def admin(make_person: Any, settings: Any, tmp_path: Path) -> Person:
    """Somebody who may do everything, so that no request ends at a missing scope."""
    settings.UPLOADS_FOLDER, settings.CACHE_FOLDER = tmp_path / "uploads", tmp_path / "cache"
    person: Person = make_person("ada", scopes="admin")
    person.user.is_superuser = True
    person.user.save()
    return person


@pytest.fixture
def objects(admin: Person, record: Any, failed_record: Any) -> dict[str, Any]:
    """One of everything that an address can name."""
    made = record()
    record_experiences([made, record(), failed_record("oom")], owner=admin.user, team=admin.team)
    partial = {
        key: part for key, part in record().items() if key not in ("outcome", "metrics", "primary", "cost")
    }
    note_run(partial, owner=admin.user, team=admin.team)
    dataset = Dataset.objects.create(
        owner=admin.user,
        team=admin.team,
        source="builtin",
        name="parameter-type",
        state="ready",
        fingerprint="rows-sha256:" + "1" * 64,
    )
    search = Search.objects.create(
        owner=admin.user, team=admin.team, dataset=dataset, objectives=["score"], budget_trials=2, slots=1,
        state="running", wall_s=60,
    )  # fmt: skip
    Trial.objects.create(search=search, number=1, method="linear", state="queued")
    return {
        "experience_id": made["id"],
        "digest": Task.objects.get().digest,
        "system_digest": System.objects.get().digest,
        "id": LanguageModel.objects.get().pk,
        "pk": LanguageModel.objects.get().pk,
        "token_id": ApiToken.objects.get().pk,
        "dataset_id": str(dataset.pk),
        "search_id": str(search.pk),
    }


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=lambda part: str(part))
def test_answers_are_those_of_the_document(
    path: str, method: str, schema: Any, live_server: Any, admin: Person, objects: dict[str, Any]
) -> None:
    from schemathesis import GenerationMode
    from schemathesis.checks import CHECKS as KNOWN
    from schemathesis.checks import load_all_checks

    load_all_checks()
    operation = schema[path][method.upper()]
    checks = [KNOWN.get_one(name) for name in CHECKS]
    headers = {"Authorization": f"Bearer {admin.token}"}
    kinds = [operation.as_strategy(GenerationMode.POSITIVE), operation.as_strategy(GenerationMode.NEGATIVE)]
    seen: dict[int, int] = {}

    @settings(
        max_examples=2 * EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=st.one_of(kinds), known=st.integers(0, 2))
    def ask(case: Any, known: int) -> None:
        if known == 0 and case.path_parameters:
            case.path_parameters = {name: objects[name] for name in case.path_parameters}
        # One connection a request: what a header broke does not reach the next one.
        answer = case.call(base_url=live_server.url, headers={**headers, "Connection": "close"})
        seen[answer.status_code] = seen.get(answer.status_code, 0) + 1
        case.validate_response(answer, checks=checks)

    ask()
    assert max(seen) < 500
    print(f"{method.upper()} {path}: {seen}")
