"""Records with the largest and smallest numbers that are valid: every page and every answer stands all the same."""

from __future__ import annotations

import json

import pytest

from knowledgebase.experiences.models import Experience, LanguageModel, System, Task
from knowledgebase.experiences.services import publication_of, publish_experience, record_experiences

pytestmark = pytest.mark.django_db
HUGE, WHOLE, TINY = 1.7e308, 2**53 - 1, 5e-324


def odd(record, name, number, status="ok"):
    """Each number of the record as large as it may be; three of them on one task, so that they are added up."""
    values = {
        "instances": number,
        "classes": number,
        "mean_length": -number,
        "landmark": number,
        "own": -number,
    }
    extractor = {"extractor": "tunelore.text-classification", "version": WHOLE, "sampled": False}
    dataset = {"source": "file", "name": name, "label_column": "label"}
    went = status == "ok"
    return record(
        task={
            "kind": "text-classification", "name": name, "dataset": dataset,
            "metafeatures": {**extractor, "values": values},
        },
        system={"features": {"cpu_cores_logical": WHOLE, "own": -number}, "software": {"python": "3"}},
        language_model={
            "source": "hub", "name": "tiny/encoder",
            "features": {"parameters": WHOLE, "layers": WHOLE, "hidden_size": WHOLE, "own": -number},
        },
        pipeline={"method": "lora", "hyperparameters": {"learning_rate": number, "epochs": -number, "other": number}},
        outcome={"status": status},
        metrics={"validation": {"f1_macro": number, "loss": -number}} if went else None,
        primary={"split": "validation", "metric": "f1_macro", "value": 1} if went else None,
        cost={
            "evaluation_s": number, "cpu_s": number, "train_s": number, "host_memory_bytes": WHOLE,
            "device_memory_bytes": WHOLE, "parameters": WHOLE, "energy_j": number, "own": number,
        },
        curve=[{"step": one, "seconds": number, "values": {"loss": -number}} for one in (1, WHOLE)],
        limits={"wall_s": number, "host_memory_bytes": WHOLE},
        fidelity={"train_rows": WHOLE, "own": number},
        conditions={"load": number, "device_speed": number, "threads": WHOLE},
    )  # fmt: skip


@pytest.fixture
def store(owner, record):
    batch = [odd(record, f"t{n % 2}", HUGE) for n in range(6)] + [
        odd(record, "t1", HUGE, "oom") for _ in range(3)
    ]
    batch += [odd(record, "small", TINY), record()]
    results = record_experiences(batch, owner=owner.user, team=owner.team)
    assert [result.problem for result in results] == [None] * len(batch)
    for one in batch[:-1]:
        shown = publication_of(one["id"], "public", actor=owner.user).shown
        publish_experience(one["id"], "public", shown=shown, actor=owner.user)
    return [one["id"] for one in batch]


def addresses(ids):
    for digest in Task.objects.values_list("digest", flat=True):
        yield from (
            f"/experiences/tasks/{digest}/",
            f"/api/v1/tasks/{digest}/",
            f"/api/v1/tasks/{digest}/leaderboard/",
        )
        yield f"/searches/prior/?task={digest}"
    for one in (ids[0], ids[6], ids[9]):
        yield from (
            f"/experiences/{one}/",
            f"/api/v1/experiences/{one}/",
            f"/api/v1/experiences/{one}/publication/",
        )
    for key in LanguageModel.objects.values_list("pk", flat=True):
        yield from (f"/experiences/language-models/{key}/", f"/api/v1/language-models/{key}/")
    for digest in System.objects.values_list("digest", flat=True):
        yield f"/api/v1/systems/{digest}/"
    for name in ("tasks", "language-models", "systems", "stats", "experiences"):
        yield f"/api/v1/{name}/"
    chosen = (
        "score,seconds,memory,parameters,h.learning_rate,metrics.validation.loss,cost.own,meta.own,system.own"
    )
    yield from (f"/api/v1/experiences/?fields={chosen}&order={name}" for name in chosen.split(","))
    yield from (
        f"/api/v1/experiences/export/?as={form}&fields={chosen}" for form in ("csv", "ndjson", "parquet")
    )
    yield from (f"/api/v1/experiences/export/?as={form}" for form in ("csv", "ndjson", "parquet"))
    yield from ("/", "/experiences/", f"/experiences/?columns={chosen}&order=-seconds", "/experiences/tasks/")
    yield from (
        "/experiences/scatter/",
        "/experiences/task-map/",
        "/experiences/language-models/",
        "/metrics",
    )
    yield "/experiences/compare/?" + "&".join(f"id={one}" for one in ids[:3])


@pytest.mark.filterwarnings("default:overflow:RuntimeWarning")
def test_nothing_breaks_by_a_number(owner, stranger, store):
    wrong = []
    owner.pages.raise_request_exception = stranger.pages.raise_request_exception = False
    for person in (owner, stranger):
        for address in addresses(store):
            answer = person.pages.get(address)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            refused = (403, 404) if person is stranger else ()
            if answer.status_code not in (200, *refused):
                wrong.append((address, answer.status_code))
            if answer["Content-Type"] == "application/json":
                json.loads(content, parse_constant=lambda name, at=address: wrong.append((at, name)))
    assert wrong == []


@pytest.mark.parametrize("number", [HUGE, -HUGE, TINY, 1e300])
@pytest.mark.parametrize("name", ["neighbours", "priors"])
def test_what_is_asked_about_a_number_is_answered(owner, store, name, number):
    for body in (
        {"metafeatures": {"instances": number, "classes": 3}, "version": WHOLE},
        {"statistics": {"class_counts": {"a": 10**12, "b": 1}, "mean_length": abs(number)}},
        {"task": Task.objects.get(descriptions__name="small").digest},
    ):
        if name == "priors":
            body.pop("version", None)
        answer = owner.api.post(f"/api/v1/{name}/", body, content_type="application/json")
        assert answer.status_code in (200, 400, 422), body


def test_a_duration_that_cannot_be_one_is_kept_in_its_record_alone(owner, store):
    row = Experience.objects.get(pk=store[0])
    assert (row.evaluation_s, row.cpu_s) == (None, None)
    assert float(row.record["cost"]["evaluation_s"]) == HUGE
