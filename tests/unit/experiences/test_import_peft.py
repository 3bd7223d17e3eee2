"""Results of PEFT's method comparison: what is named, how a run ended, what is refused."""

from __future__ import annotations

import gzip
import json

import pytest
from tunelore.record import check

from knowledgebase.experiences.importers import Found, plan, read
from tests.import_samples import peft_result


def items_of(path):
    return [item for source in plan([path]) for item in read(source)]


@pytest.fixture
def one(tmp_path):
    def record(content):
        (tmp_path / "result.json").write_text(json.dumps(content))
        [item] = items_of(tmp_path / "result.json")
        assert isinstance(item, Found), item
        assert check(item.record) == []
        return item.record

    return record


def test_a_result(one):
    record = one(peft_result())
    assert record["language_model"] == {
        "source": "hub",
        "name": "meta-llama/Llama-3.2-3B",
        "revision": "13af",
    }
    assert record["task"]["dataset"] == {"source": "hub", "name": "fancyzhxy/news", "revision": "aa4f"}
    assert record["pipeline"]["method"] == "lora"
    assert record["pipeline"]["hyperparameters"] == {
        "batch_size": 4,
        "max_steps": 20,
        "max_length": 768,
        "lr_scheduler_type": "cosine",
        "learning_rate": 0.0001,
        "weight_decay": 0.1,
        "lora_r": 8,
        "target_modules": ["q_proj", "v_proj"],
    }
    assert record["metrics"] == {
        "validation": {"accuracy": 0.3},
        "train": {"loss": 0.7},
        "test": {"accuracy": 0.37},
    }
    assert record["primary"] == {"split": "validation", "metric": "accuracy", "value": 0.3}
    assert record["cost"]["device_memory_bytes"] == 22781362176
    assert record["system"] == {
        "features": {"devices": [{"kind": "cuda", "name": "NVIDIA L40S"}]},
        "software": {"torch": "2.13.0"},
    }
    assert record["provenance"]["seed"] == 7
    assert [point["seconds"] for point in record["curve"]] == [500.0, None]


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        ("success", "", {"status": "ok", "cause": None}),
        ("canceled", "CUDA out of memory. Tried to allocate", {"status": "oom", "cause": "device"}),
        ("canceled", "manually canceled", {"status": "killed", "cause": "user"}),
        ("canceled", "some bug", {"status": "error", "cause": None}),
        ("failed", "", {"status": "error", "cause": None}),
    ],
)
def test_how_a_run_ended(one, status, message, outcome):
    content = peft_result(status=status)
    content["run_info"]["error_msg"] = message
    assert one(content)["outcome"] == outcome


def test_without_an_adapter_only_the_counts_say_that_all_was_trained(one):
    content = peft_result(num_trainable_params=3000)
    content["run_info"]["peft_config"] = None
    assert one(content)["pipeline"]["method"] == "full"
    content = peft_result()
    content["run_info"]["peft_config"] = None
    assert one(content)["pipeline"]["method"] == "unknown"


def test_packed_results(tmp_path):
    lines = [
        json.dumps({"source": {}, "record": peft_result()}),
        json.dumps({"source": {}, "record": {"run_info": {}}}),
    ]
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    found, refused = items_of(tmp_path / "a.jsonl.gz")
    assert check(found.record) == []
    assert refused.reason == "train_info is missing; meta_info is missing"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"metrics": None}, "train_info.metrics is missing"),
        ({"metrics": {}}, "train_info.metrics must be a list"),
        ({"status": "exploded"}, "unknown status 'exploded'"),
    ],
)
def test_a_result_that_is_refused(tmp_path, part, words):
    (tmp_path / "result.json").write_text(json.dumps(peft_result(**part)))
    [item] = items_of(tmp_path / "result.json")
    assert words in item.reason


@pytest.mark.shared_data
def test_the_collected_results(shared_data):
    items = items_of(shared_data / "peft")
    assert len(items) == 252
    assert [item for item in items if not isinstance(item, Found)] == []
    assert [check(item.record) for item in items] == [[]] * 252
    # The ten raw files stand in the packed ones as well.
    assert len({item.record["id"] for item in items}) <= 242
