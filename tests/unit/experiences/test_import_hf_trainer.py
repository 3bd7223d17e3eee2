"""Folders of the Hugging Face Trainer: what is named, how a run ended, which files belong to it."""

from __future__ import annotations

import hashlib
import json
import math

import pytest
from tunelore.record import check, import_id

from knowledgebase.experiences.importers import Found, plan, read
from tests.import_samples import CARD, trainer_state, write_run


def items_of(path):
    return [item for source in plan([path]) for item in read(source)]


def one(path):
    [item] = items_of(path)
    assert isinstance(item, Found), item
    assert check(item.record) == []
    return item.record


def test_a_run_with_everything_beside_it(tmp_path):
    results = {"train_runtime": 30.5, "train_samples": 32, "eval_macro_f1": 0.61, "eval_runtime": 1.2}
    config = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "num_hidden_layers": 2,
    }
    adapter = {
        "base_model_name_or_path": "google-bert/bert-base-uncased",
        "peft_type": "LORA",
        "r": 8,
        "bias": "none",
        "target_modules": ["value", "query"],
    }
    record = one(
        write_run(
            tmp_path / "run",
            trainer_state(),
            all_results_json=results,
            config_json=config,
            adapter_config_json=adapter,
            README_md=CARD,
        )
    )
    assert record["task"] == {
        "kind": "text-classification",
        "name": "The News",
        "languages": ["en"],
        "dataset": {"source": "hub", "name": "fancyzhxy/news", "config": "plain", "revision": None},
    }
    assert record["language_model"]["name"] == "google-bert/bert-base-uncased"
    assert record["language_model"]["features"] == {"layers": 2, "architecture": "bert"}
    assert record["pipeline"]["method"] == "lora"
    assert record["pipeline"]["hyperparameters"] == {
        "epochs": 1,
        "batch_size": 8,
        "learning_rate": 0.0005,
        "warmup_share": 0.1,
        "lora_r": 8,
        "target_modules": ["query", "value"],
    }
    assert record["outcome"] == {"status": "ok"}
    assert record["metrics"]["validation"] == {"loss": 0.7, "f1_macro": 0.61, "accuracy": 0.65}
    assert record["primary"] == {"split": "validation", "metric": "f1_macro", "value": 0.61}
    assert record["cost"] == {"train_s": 30.5, "predict_s": 1.2, "steps": 4}
    assert record["fidelity"] == {"train_rows": 32, "epochs": 1.0}
    assert [point["step"] for point in record["curve"]] == [2, 4]
    assert record["provenance"]["seed"] == 13
    assert (record["started_at"], record["system"]) == (None, None)


def test_a_state_alone_says_no_more_than_it_does(tmp_path):
    folder = write_run(tmp_path / "run", trainer_state())
    record = one(folder)
    assert record["language_model"] == {"source": "unknown", "name": None, "features": {}}
    assert record["pipeline"]["method"] == "unknown"
    assert record["task"]["kind"] == "unknown"
    assert record["task"]["dataset"] == {"source": "unknown"}
    data = (folder / "trainer_state.json").read_bytes()
    assert record["id"] == import_id("hf-trainer", hashlib.sha256(data).hexdigest())


def test_no_folder_of_anybody_is_told(tmp_path):
    config = {"_name_or_path": "/home/somebody/bert", "id2label": {"0": "secret"}}
    text = json.dumps(one(write_run(tmp_path / "run", trainer_state(), config_json=config)))
    assert "somebody" not in text
    assert "secret" not in text
    assert '"source": "path"' in text
    assert "checkpoint-4" in text


@pytest.mark.parametrize(
    "name", ["model", "./results", "results/checkpoint-500", "output/model", "C:\\out\\bert"]
)
def test_a_folder_is_no_name_of_a_language_model(tmp_path, name):
    record = one(write_run(tmp_path / "run", trainer_state(), config_json={"_name_or_path": name}))
    assert (record["language_model"]["source"], record["language_model"]["name"]) == ("path", None)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (trainer_state(), "ok"),
        (trainer_state(max_steps=8), "unknown"),
        (
            trainer_state(max_steps=8, log_history=[*trainer_state()["log_history"], {"train_runtime": 3.0}]),
            "ok",
        ),
        (trainer_state(log_history=[]), "unknown"),
        (trainer_state(log_history=[{"loss": math.nan, "step": 2}]), "diverged"),
        (trainer_state(log_history=[{"eval_loss": math.inf, "step": 4}]), "diverged"),
        (trainer_state(log_history=[{"loss": 0.5, "grad_norm": math.inf, "step": 4}]), "ok"),
    ],
)
def test_how_a_run_ended(tmp_path, state, status):
    record = one(write_run(tmp_path / "run", state))
    assert record["outcome"]["status"] == status
    assert status == "ok" or record["primary"] is None


def test_percentages_compare_with_nothing(tmp_path):
    log = [{"eval_accuracy": 61.0, "step": 2}, {"eval_accuracy": 0.8, "step": 4}]
    record = one(write_run(tmp_path / "run", trainer_state(log_history=log)))
    assert (record["outcome"]["status"], record["primary"]) == ("ok", None)


def test_checkpoints_belong_to_their_run(tmp_path):
    log = trainer_state()["log_history"]
    write_run(tmp_path / "run" / "checkpoint-2", trainer_state(global_step=2, log_history=log[:1]))
    write_run(tmp_path / "run" / "checkpoint-4", trainer_state())
    record = one(tmp_path)
    assert record["cost"]["steps"] == 4
    assert record["extra"]["hf-trainer"]["checkpoints"] == [2, 4]
    before = record["id"]
    write_run(tmp_path / "run", trainer_state(log_history=[*log, {"train_runtime": 3.0, "step": 4}]))
    record = one(tmp_path)
    assert record["cost"]["train_s"] == 3.0
    assert record["id"] != before


def test_a_folder_used_for_two_runs_holds_two(tmp_path):
    write_run(tmp_path / "run" / "checkpoint-2", trainer_state(global_step=2, max_steps=2, log_history=[]))
    write_run(tmp_path / "run" / "checkpoint-4", trainer_state())
    assert len(items_of(tmp_path)) == 2


def test_a_checkpoint_that_somebody_names_is_read_alone(tmp_path):
    write_run(tmp_path / "run", trainer_state(log_history=[{"loss": 9.0, "step": 4}]), README_md=CARD)
    folder = write_run(tmp_path / "run" / "checkpoint-4", trainer_state())
    record = one(folder)
    assert record["metrics"]["train"] == {"loss": 0.9}
    assert record["provenance"]["seed"] is None


def test_a_trial_of_a_search(tmp_path):
    drawn = {"learning_rate": 1e-3, "per_device_train_batch_size": 8, "my_own": "x"}
    record = one(write_run(tmp_path / "run", trainer_state(trial_name="trial-3", trial_params=drawn)))
    assert record["provenance"]["trial"] == 3
    assert record["pipeline"]["hyperparameters"] == {
        "epochs": 1,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "my_own": "x",
    }


def test_a_long_curve_is_thinned_to_fit(tmp_path):
    more = {f"more_{name}": 1 / 3 for name in range(9)}
    log = [{"loss": place / 7, "step": place, **more} for place in range(5000)]
    [item] = items_of(write_run(tmp_path / "run", trainer_state(log_history=log)))
    assert check(item.record) == []
    assert [item.record["curve"][place]["step"] for place in (0, -1)] == [0, 4999]
    assert any("thinned" in note for note in item.notes)


def test_what_cannot_be_read_beside_a_state_is_left_out_with_a_note(tmp_path):
    card = "---\na: &x [1]\nb: *x\n---\n"
    folder = write_run(tmp_path / "run", trainer_state(), config_json="{", README_md=card)
    (folder / "all_results.json").symlink_to(folder / "config.json")
    [item] = [item for item in items_of(folder) if isinstance(item, Found)]
    assert sorted(note.split(" ")[0] for note in item.notes) == ["README.md", "config.json"]
    assert "aliases are not read" in " ".join(item.notes)


def test_a_card_alone_says_what_was_reached(tmp_path):
    (tmp_path / "README.md").write_text(CARD)
    record = one(tmp_path)
    assert record["outcome"] == {"status": "unknown"}
    assert record["metrics"] == {"test": {"accuracy": 0.64}}
    assert record["language_model"]["name"] == "distilbert-base-uncased"


@pytest.mark.parametrize("name", ["imagefolder", "generator", "None", "csv"])
def test_a_loader_is_no_data_set(tmp_path, name):
    card = CARD.replace("fancyzhxy/news", name)
    record = one(write_run(tmp_path / "run", trainer_state(), README_md=card))
    assert record["task"]["dataset"] == {"source": "unknown"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"log_history": [', "not complete JSON"),
        (b'{"global_step": 3}', "no state of a Trainer"),
        (b'{"log_history": {"0": {}}}', "log_history must be a list, not dict"),
        (b'{"log_history": [3]}', "log_history/0 must be an object"),
        (b'{"log_history": [], "epoch": 1e999}', "number out of range in epoch"),
        (b'{"log_history": [], "global_step": -5}', "global_step -5"),
        (b'{"log_history": [{"epoch": NaN}]}', "epoch nan"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_state_is_refused_with_its_reason(tmp_path, data, words):
    [item] = items_of(write_run(tmp_path / "run", data))
    assert words in item.reason


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "runs", "refused"), [("hf-trainer-states", 30, 1), ("hf-trainer-generated", 10, 0)]
)
def test_every_folder_of_the_collections(shared_data, name, runs, refused):
    items = items_of(shared_data / name)
    found = [item for item in items if isinstance(item, Found)]
    assert (len(found), len(items) - len(found)) == (runs, refused)
    for item in found:
        assert check(item.record) == []
    folders = {path.name for path in (shared_data / name).iterdir() if path.is_dir()}
    told = {item.place.split("/")[0] for item in items}
    assert folders - told <= {"trec-hpo"}  # whose trials are folders of their own


@pytest.mark.shared_data
def test_model_cards_alone(shared_data):
    items = items_of(shared_data / "foreign" / "model-index")
    assert [item.record["outcome"]["status"] for item in items] == ["unknown"] * 3
