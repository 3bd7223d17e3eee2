"""The callback in a real Trainer with a tiny real encoder: what a run's record says."""

from __future__ import annotations

import csv
import inspect
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tunelore import TuneLoreCallback, describe, exits, record, trouble
from tunelore.describe import landmark
from tunelore.observe.choice import from_key, language_model
from tunelore.observe.dataset import read_rows, tokens_of
from tunelore.spool.outbox import parcels

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PATIENCE_S = 120
ROWS = [(f"note {number} says {'sun' if number % 2 else 'rain'}", str(number % 2)) for number in range(32)]


class Encoded(torch.utils.data.Dataset):  # type: ignore[misc, name-defined]
    def __init__(self, size: int = 32) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {
            "input_ids": [1, 2 + index % 2, 3 + index % 5],
            "attention_mask": [1, 1, 1],
            "labels": index % 2,
        }


def encoder() -> Any:
    config = transformers.BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=8,
    )
    return transformers.BertForSequenceClassification(config)


def scores(_: object) -> dict[str, float]:
    return {"f1_macro": 0.5, "accuracy": 0.75}


@pytest.fixture
def train(tmp_path: Path, client: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Train for a moment with this callback, end the client as a process would, return the one record.

    The landmark's process stands back for everything else, and may have to for long where much else is at work.
    """
    monkeypatch.setattr(landmark, "APART_S", PATIENCE_S)

    def run(
        callback: TuneLoreCallback, *, model: Any = None, rows: int = 32, **arguments: Any
    ) -> dict[str, Any]:
        defaults = {
            "output_dir": str(tmp_path / "out"),
            "num_train_epochs": 1,
            "per_device_train_batch_size": 8,
            "eval_strategy": "epoch",
            "save_strategy": "no",
            "logging_steps": 1,
            "report_to": [],
            "use_cpu": True,
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
        }
        trainer = transformers.Trainer(
            model=model or encoder(),
            args=transformers.TrainingArguments(**{**defaults, **arguments}),
            train_dataset=Encoded(rows),
            eval_dataset=Encoded(8),
            compute_metrics=scores,
            callbacks=[callback],
        )
        trainer.train(resume_from_checkpoint=bool(arguments.get("resume_from_checkpoint")))
        exits.close_all(PATIENCE_S)
        (parcel,) = parcels(client)
        assert record.check(parcel.record) == []
        assert parcel.id == callback.run_id
        return parcel.record

    return run


def test_a_run_tells_everything_and_nothing_private(train: Any, client: Path) -> None:
    whole = train(TuneLoreCallback(task="weather", dataset=ROWS, spool=client, languages=["en"]))
    assert whole["outcome"]["status"] == "ok"
    assert whole["primary"] == {"split": "validation", "metric": "f1_macro", "value": 0.5}
    assert set(whole["metrics"]) == {"train", "validation"}
    assert whole["task"]["kind"] == "text-classification"
    assert whole["task"]["name"] == "weather"
    assert whole["task"]["dataset"]["fingerprint"] == describe.rows_fingerprint(ROWS)
    assert whole["task"]["metafeatures"]["values"]["instances"] == 32
    assert whole["task"]["metafeatures"]["values"]["landmark"] is not None
    assert whole["language_model"]["source"] == "unknown"
    assert whole["language_model"]["features"]["layers"] == 2
    assert whole["pipeline"] == {
        "method": "full",
        "space": None,
        "hyperparameters": {
            "learning_rate": 5e-05,
            "epochs": 1,
            "batch_size": 8,
            "warmup_share": 0.0,
            "weight_decay": 0.0,
        },
    }
    assert whole["fidelity"] == {"train_rows": 32, "train_fraction": 1.0, "epochs": 1.0}
    assert [one["step"] for one in whole["curve"]] == [1, 2, 3, 4, 4]
    cost = whole["cost"]
    assert cost["steps"] == 4
    assert 0 < cost["train_s"] <= cost["evaluation_s"]
    assert cost["parameters"] == cost["trainable_parameters"] > 0
    assert cost["host_memory_bytes"] > 10_000_000
    assert (cost["batch_size_asked"], cost["batch_size_effective"]) == (8, 8)
    assert whole["conditions"]["device"] == "cpu"
    assert whole["conditions"]["device_speed"] > 0
    assert whole["provenance"]["seed"] == 42
    text = json.dumps(whole)
    for private in (os.uname().nodename, str(Path.home()), str(client.parent), os.getcwd(), "note 1 says"):
        assert private not in text


def test_the_three_forms_of_rows_have_one_fingerprint(tmp_path: Path) -> None:
    mappings = [{"sentence": text, "truth": int(label), "id": 7} for text, label in ROWS]
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("sentence", "truth"), *ROWS])
    assert read_rows(ROWS, "text", "label") == (ROWS, True)
    assert read_rows(mappings, "sentence", "truth") == (ROWS, True)
    assert read_rows(str(path), "sentence", "truth") == (ROWS, True)
    assert read_rows([{"a": "x", "b": "y", "label": 1}], ["a", "b"], "label") == ([("x\ny", "1")], True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"sentence": "x", "label": 1}], "row 0 has no text; say text_column="),
        ([("a", "b", "c")], "row 0 is a tuple"),
        (iter([("a", "b")]), "give a list of rows"),
        (7, "dataset is a int"),
    ],
)
def test_rows_of_another_form_are_refused_with_what_to_do(rows: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_rows(rows, "text", "label")


def test_wrong_rows_cost_the_fingerprint_not_the_run(train: Any, client: Path) -> None:
    trouble.raise_errors = False
    whole = train(TuneLoreCallback(task="weather", dataset=[{"x": 1}], spool=client))
    assert whole["outcome"]["status"] == "ok"
    assert whole["task"]["dataset"]["fingerprint"] is None
    assert trouble.counts == {"dataset": 1}


def test_without_rows_the_tokens_identify_the_task(train: Any, client: Path) -> None:
    whole = train(TuneLoreCallback(spool=client))
    assert whole["task"]["dataset"]["fingerprint"].startswith("tokens-sha256:")
    assert whole["task"]["metafeatures"]["values"]["classes"] == 2
    assert whole["task"]["metafeatures"]["values"]["mean_length"] is None


def test_a_cut_of_the_rows_is_fidelity(train: Any, client: Path) -> None:
    whole = train(TuneLoreCallback(dataset=ROWS, spool=client), rows=8)
    assert whole["fidelity"]["train_rows"] == 8
    assert whole["fidelity"]["train_fraction"] == 0.25
    assert whole["task"]["dataset"]["fingerprint"] == describe.rows_fingerprint(ROWS)


def test_a_named_dataset(train: Any, client: Path) -> None:
    whole = train(TuneLoreCallback(dataset="hub:someone/notes#en@v2", spool=client))
    dataset = whole["task"]["dataset"]
    assert (dataset["source"], dataset["name"], dataset["config"], dataset["revision"]) == (
        "hub",
        "someone/notes",
        "en",
        "v2",
    )
    assert record.task_identity(whole).comparable


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
def test_lora_by_its_configuration(train: Any, client: Path) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(
        task_type="SEQ_CLS", r=4, lora_alpha=8, lora_dropout=0.1, target_modules=["query"]
    )
    whole = train(TuneLoreCallback(spool=client), model=peft.get_peft_model(encoder(), config))
    found = whole["pipeline"]
    assert found["method"] == "lora"
    assert found["hyperparameters"]["lora_r"] == 4
    assert found["hyperparameters"]["lora_alpha"] == 8
    assert found["hyperparameters"]["target_modules"] == ["query"]
    assert whole["task"]["kind"] == "text-classification"
    assert whole["cost"]["trainable_parameters"] < whole["cost"]["parameters"]


def test_frozen_layers_are_a_partial_training(train: Any, client: Path) -> None:
    model = encoder()
    for parameter in [*model.bert.embeddings.parameters(), *model.bert.encoder.layer[0].parameters()]:
        parameter.requires_grad = False
    found = train(TuneLoreCallback(spool=client), model=model)["pipeline"]
    assert found["method"] == "partial"
    assert found["hyperparameters"]["frozen_share"] == 0.5


def test_settings_off_the_default_are_told(train: Any, client: Path) -> None:
    callback = TuneLoreCallback(
        spool=client, hyperparameters={"class_weights": True}, memory_limit_bytes=2**30
    )
    whole = train(
        callback, gradient_accumulation_steps=2, warmup_steps=0.1, lr_scheduler_type="cosine", optim="sgd"
    )
    found = whole["pipeline"]["hyperparameters"]
    assert (found["gradient_accumulation_steps"], found["lr_scheduler_type"], found["optim"]) == (
        2,
        "cosine",
        "sgd",
    )
    assert (found["warmup_share"], found["class_weights"]) == (0.1, True)
    assert whole["cost"]["batch_size_effective"] == 16
    assert whole["limits"]["host_memory_bytes"] == 2**30


def test_a_run_that_goes_on_from_a_checkpoint_names_the_first(train: Any, client: Path) -> None:
    first = TuneLoreCallback(spool=client)
    train(first, save_strategy="steps", save_steps=2, max_steps=2)
    for path in client.iterdir():
        path.unlink()
    second = train(TuneLoreCallback(spool=client), max_steps=4, resume_from_checkpoint=True)
    assert second["provenance"]["resumes"] == first.run_id
    assert second["id"] != first.run_id


def test_a_learning_rate_that_is_too_high_diverges(train: Any, client: Path) -> None:
    whole = train(TuneLoreCallback(spool=client), learning_rate=1e30, max_grad_norm=0.0)
    assert whole["outcome"]["status"] == "diverged"
    assert whole["primary"] is None


def test_a_callback_used_twice_makes_two_runs(train: Any, client: Path) -> None:
    callback = TuneLoreCallback(spool=client)
    first = train(callback)
    for path in client.iterdir():
        path.unlink()
    assert train(callback)["id"] != first["id"]


def test_reading_the_encoded_rows_draws_no_random_numbers() -> None:
    class Drawing(Encoded):
        def __getitem__(self, index: int) -> dict[str, Any]:
            random.random()
            torch.rand(1)
            return super().__getitem__(index)

    before = (random.getstate(), torch.get_rng_state())
    found = tokens_of(Drawing())
    assert found.fingerprint() is not None
    assert found.labels == [str(number % 2) for number in range(32)]
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_hooks_are_those_of_the_installed_trainer() -> None:
    def hooks(kind: type) -> set[str]:
        return {name for name, _ in inspect.getmembers(kind, callable) if name.startswith("on_")}

    assert hooks(TuneLoreCallback) == hooks(transformers.TrainerCallback)
    assert len(hooks(TuneLoreCallback)) == 16


class Broken:
    """Every attribute raises."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize("broken", [None, 7, "x", Broken()], ids=["none", "number", "text", "broken"])
def test_no_hook_raises_whatever_it_is_given(client: Path, broken: Any) -> None:
    trouble.raise_errors = False
    callback = TuneLoreCallback(task=broken, dataset=broken, spool=client)
    names = [name for name in dir(callback) if name.startswith("on_")]
    for name in ["on_train_begin", *names, "on_train_end"]:
        more = {
            "model": broken,
            "train_dataloader": broken,
            "processing_class": broken,
            "logs": broken,
            "metrics": broken,
        }
        assert getattr(callback, name)(broken, broken, broken, **more) is None
    exits.close_all(5)


class State:
    is_world_process_zero = True
    global_step = 0
    epoch = 0.0


@pytest.mark.parametrize(("variable", "value"), [("RANK", "3"), ("TUNELORE_MODE", "disabled")])
def test_who_does_not_speak_writes_nothing(
    client: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    callback = TuneLoreCallback(spool=client)
    callback.on_train_begin(None, State(), None)
    callback.on_log(None, State(), None, logs={"loss": 1.0})
    assert callback.run_id is None
    exits.close_all(5)
    assert not client.exists()


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("package:a/b@1#layers=3", ("package", "a/b", "1", "layers=3")),
        ("hub:a/b", ("hub", "a/b", None, None)),
        ("bert-base-uncased", ("hub", "bert-base-uncased", None, None)),
        ("/home/someone/model", ("path", None, None, None)),
        ("path:/home/someone/model@x", ("path", "model", "x", None)),
        ("", ("unknown", None, None, None)),
        ("ftp:x", ("unknown", None, None, None)),
    ],
)
def test_language_models_by_the_users_word(named: str, expected: tuple[str | None, ...]) -> None:
    found = from_key(named)
    assert tuple(found.get(part) for part in ("source", "name", "revision", "variant")) == expected


@pytest.mark.parametrize(
    ("commit", "expected"),
    [
        (None, ("path", None, None)),
        ("", ("path", None, None)),
        ("a1b2", ("hub", "alice/out-checkpoint", "a1b2")),
    ],
)
def test_a_model_is_of_the_hub_only_with_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: str | None, expected: tuple[str | None, ...]
) -> None:
    """A folder by a relative name is no folder any more once the script has gone elsewhere."""
    monkeypatch.chdir(tmp_path)
    encoder().save_pretrained("alice/out-checkpoint")
    model = transformers.AutoModelForSequenceClassification.from_pretrained("alice/out-checkpoint")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    model.config._commit_hash = commit
    found = language_model(model, None)
    assert tuple(found.get(part) for part in ("source", "name", "revision")) == expected
