"""The experience store of XAutoLM: what is named, what is a failure, what goes back."""

from __future__ import annotations

import json
import math

import pytest
from tunelore.record import check

from knowledgebase.experiences.importers import Found, plan, read
from knowledgebase.experiences.importers.xautolm import documents
from tests.import_samples import (
    CLASSIC,
    LORA,
    evaluation,
    failed_evaluation,
    new_evaluation,
    worst_evaluation,
    write_store,
)

GENERATIVE = "GenerativeTaskFeatureExtractor"


@pytest.fixture
def found(tmp_path):
    """What the reader gives for these files."""

    def items(*contents, **options):
        write_store(tmp_path / "store", *contents, **options)
        return [item for source in plan([tmp_path / "store"]) for item in read(source)]

    return items


def one(items):
    [item] = items
    assert isinstance(item, Found), item
    assert check(item.record) == []
    return item.record


def test_a_success_of_the_old_schema(found):
    record = one(found(evaluation()))
    assert record["task"]["kind"] == "text-classification"
    assert record["task"]["dataset"] == {"source": "unknown"}
    assert record["task"]["metafeatures"]["values"]["class_entropy"] == 1.99
    assert record["language_model"] == {"source": "hub", "name": "gpt2-xl"}
    assert record["pipeline"]["method"] == "lora"
    assert record["pipeline"]["hyperparameters"] == {
        "lora_r": 8,
        "learning_rate": 5e-05,
        "use_mixed_precision": False,
    }
    assert record["outcome"] == {"status": "ok"}
    assert record["metrics"] == {"validation": {"accuracy": 0.91, "f1": 0.9}}
    assert record["primary"] == {"split": "validation", "metric": "f1", "value": 0.9}
    assert record["cost"] == {"evaluation_s": 27.2}
    assert record["system"]["features"]["memory_bytes"] == int(125.5 * 2**30)
    assert record["started_at"] is None


def test_a_success_of_the_new_schema(found):
    record = one(found(new_evaluation()))
    assert record["metrics"] == {"validation": {"f1": 0.9, "Accuracy": 0.91}}
    assert record["cost"] == {"evaluation_s": 27.2, "train_s": 25.0}
    assert record["task"]["metafeatures"]["version"] == 2


def test_the_old_features_with_the_new_metrics(found):
    parts = {name: ... for name in ("accuracy", "f1", "evaluation_time")}
    record = one(found(evaluation(metrics=new_evaluation()["metrics"], **parts)))
    assert record["primary"]["value"] == 0.9
    assert record["task"]["metafeatures"]["version"] == 1


@pytest.mark.parametrize(
    "content",
    [
        failed_evaluation(),
        worst_evaluation(),
        evaluation(f1=None, accuracy=None),
        evaluation(f1=math.nan),
        evaluation(evaluation_time=math.inf),
        evaluation(f1="-Infinity", accuracy=None),
        new_evaluation(metrics=[]),
        new_evaluation(metrics=[{"name": "f1", "maximize": True, "value": None}]),
        new_evaluation(metrics=[{"name": "f1", "maximize": True, "value": -math.inf}]),
    ],
)
def test_no_score_or_one_that_is_not_finite_is_a_failure(found, content):
    record = one(found(content))
    assert record["outcome"] == {"status": "error", "cause": None}
    assert (record["metrics"], record["primary"], record["cost"]) == ({}, None, None)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("Exceeded allowed time for execution. The process was terminated", {"status": "timeout"}),
        ("CUDA out of memory. Tried to allocate 2 GiB", {"status": "oom", "cause": "device"}),
        ("Unable to allocate 3. GiB for an array", {"status": "oom", "cause": "host"}),
        ("((17500, 3000), dtype('float64'))", {"status": "oom", "cause": "host"}),
        ("specified nu is infeasible", {"status": "error", "cause": None}),
    ],
)
def test_what_an_error_says_of_its_kind(found, error, outcome):
    assert one(found(failed_evaluation(error)))["outcome"] == outcome


def test_twins_are_one_failure(found):
    [item] = found(failed_evaluation(), worst_evaluation(timestamp="2024-10-28 08:36:04"))
    assert item.parts == 2
    assert len(item.record["extra"]["xautolm"]["files"]) == 2
    assert "mat1" in item.record["extra"]["xautolm"]["error"]


def test_failures_apart_in_time_or_choice_stay_apart(found):
    other = [{"LoraGenLLMClassifier": {**LORA["LoraGenLLMClassifier"], "lora_r": {"value": 9}}}]
    items = found(
        failed_evaluation(),
        worst_evaluation(timestamp="2024-10-28 08:36:09"),
        failed_evaluation(algorithms=other),
    )
    assert [item.parts for item in items] == [1, 1, 1]
    assert len({item.record["id"] for item in items}) == 3


def test_a_failure_and_its_twin_have_one_id_also_when_they_come_apart(found, tmp_path):
    [first] = found(failed_evaluation())
    write_store(tmp_path / "other", worst_evaluation())
    [second] = [item for source in plan([tmp_path / "other"]) for item in read(source)]
    assert first.record["id"] == second.record["id"]
    assert first.by_content
    assert second.by_content


def test_a_classic_pipeline_with_a_nested_step(found):
    record = one(found(evaluation(algorithms=CLASSIC)))
    assert record["language_model"] is None
    assert record["pipeline"]["method"] == "Voting"
    assert record["pipeline"]["hyperparameters"] == {
        "steps": ["TfidfVectorizer", "Voting"],
        "TfidfVectorizer.ngram_max": 2,
        "Voting.inner": "NuSVC",
        "Voting.inner.nu": 0.3,
        "Voting.weights": [1, 2],
    }


def test_an_unknown_class_of_a_language_model_keeps_its_name(found):
    steps = [{"FineTuneGenLLMTask": {"inner_model": {"value": {"TEXT_GEN_Somebody_New": {}}}}}]
    record = one(found(evaluation(algorithms=steps)))
    assert record["language_model"] == {"source": "unknown", "name": "TEXT_GEN_Somebody_New"}


def test_scores_of_a_hundred_compare_with_nothing(found):
    metrics = [{"name": "f1", "value": 0.7, "maximize": True}, {"name": "exact_match", "value": 0.5}]
    features = {"meta": [1.0] * 11, "semantic": [0.1, 0.2]}
    record = one(
        found(
            new_evaluation(metrics=metrics, task_features=features, dataset_feature_extractor_name=GENERATIVE)
        )
    )
    assert record["primary"] is None
    assert record["task"]["kind"] == "text-generation"
    assert record["task"]["metafeatures"]["semantic"] == [0.1, 0.2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"algorithms": [', "not complete JSON"),
        (b'{"algorithms": [], "alias": "x"}', "at least one"),
        (json.dumps(evaluation(f1="high")).encode(), "f1 must be a number or null, not 'high'"),
        (json.dumps(evaluation(algorithms=[{"A": {}, "B": {}}])).encode(), "one class"),
        (b'{"algorithms": [{"A": {}}], "alias": "x", "f1": 1e999}', "out of range in f1"),
        (b'{"algorithms": [{"A": {}}], "alias": "x", "f1": 1, "f1": 2}', "duplicate key 'f1'"),
        (b'{"alias": "x", "algorithms": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", "nested too deeply"),
        (b'{"algorithms": [{"A": {}}], "alias": "\xff"}', "not UTF-8"),
        (json.dumps(evaluation(metrics={"f1": 1})).encode(), "metrics must be a list"),
    ],
)
def test_what_is_none_is_refused_with_its_reason(tmp_path, text, words):
    [path] = write_store(tmp_path, evaluation())
    path.write_bytes(text)
    [item] = [item for source in plan([tmp_path]) for item in read(source)]
    assert words in item.reason


def test_what_came_from_the_store_goes_back_byte_by_byte(found, tmp_path):
    contents = [
        failed_evaluation(),
        worst_evaluation(),
        evaluation(),
        new_evaluation(alias="b"),
        evaluation(),
    ]
    items = found(*contents)
    written = {file.path: file.text for item in items for file in documents(item.record)[0]}
    told = {
        path.relative_to(tmp_path / "store").as_posix(): path.read_text()
        for path in (tmp_path / "store").rglob("*.json")
    }
    assert written == told


def test_a_record_of_another_kind_says_what_the_store_has_no_place_for(record):
    [file], dropped = documents(record())
    content = json.loads(file.text)
    assert content["metrics"][0] == {"name": "f1", "maximize": True, "value": 0.8}
    assert content["algorithms"][0]["full"]["learning_rate"] == {"value": 0.0001}
    assert {"limits", "provenance", "cost.cpu_s", "system.software", "task.dataset"} <= set(dropped)
    # Four of the ten features are known, and a list has no names.
    assert (content["task_features"]["meta"], "task.metafeatures" in dropped) == (None, True)


def test_features_that_are_all_known_go_along(record, found):
    [item] = found(evaluation())
    task = {**record()["task"], "metafeatures": item.record["task"]["metafeatures"]}
    [file], dropped = documents(record(task=task))
    assert json.loads(file.text)["task_features"]["meta"] == evaluation()["dataset_features"]
    assert "task.metafeatures" not in dropped


def test_a_record_that_would_mean_something_else_is_left_out(failed_record, record):
    for left in (failed_record("killed"), record(primary=None)):
        files, [reason] = documents(left)
        assert files == []
        assert reason.startswith("whole record:")
    [file], _ = documents(failed_record("oom"))
    assert "-Infinity" in file.text


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd.json", "a/../b.json", "..", "a\\b.json", "é" * 150 + ".json"]
)
def test_no_path_of_a_record_leads_out_of_the_export(found, path):
    [item] = found(evaluation())
    item.record["extra"]["xautolm"]["files"][0]["path"] = path
    [file], _ = documents(item.record)
    assert file.path.startswith("unnamed/")


def test_a_text_that_does_not_make_the_record_is_not_written(found):
    [item] = found(evaluation())
    item.record["extra"]["xautolm"]["files"][0]["text"] = json.dumps(evaluation(f1=0.1))
    [file], dropped = documents(item.record)
    assert "0.1" not in file.text.split('"metrics"')[1][:60]
    assert "extra" in dropped


def test_no_other_text_goes_out_beside_the_own(found):
    [item] = found(failed_evaluation(), worst_evaluation(timestamp="2024-10-28 08:36:04"))
    files = item.record["extra"]["xautolm"]["files"]
    assert len(documents(item.record)[0]) == 2
    files.append({"path": "b/c.json", "text": json.dumps(evaluation(alias="planted"))})
    assert len(documents(item.record)[0]) == 2


@pytest.mark.shared_data
def test_the_sample_of_the_real_store(shared_data):
    items = [item for source in plan([shared_data / "xautolm-store-sample"]) for item in read(source)]
    assert [item for item in items if not isinstance(item, Found)] == []
    assert (len(items), sum(item.parts for item in items)) == (56, 59)
    for item in items:
        assert check(item.record) == []
    told = {item.place.split("/")[0]: item.record for item in items}
    assert (
        told["squad_warmstart (a-pos f-neg)[logarithmic_front]"]["language_model"]["name"]
        == "google/flan-t5-base"
    )
    assert told["drop"]["outcome"]["status"] == "error"
