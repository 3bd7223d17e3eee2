"""Nothing private leaves the training process: not to the hub, not even to the spool on the same disk."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from tunelore import TuneLoreCallback, describe, exits, record, run
from tunelore.observe.choice import DEFAULTS, PEFT_SETTINGS, pipeline, scalar
from tunelore.observe.dataset import named_dataset
from tunelore.runs.values import label_words, pathless, without_labels
from tunelore.settings import read_settings
from tunelore.spool.outbox import parcels

from tests.unit.tunelore.processes import TRAINER, run_command

SECRET = "Zebrafish"  # stands in everything that is private below
EVERYTHING = """
import csv, os, pathlib, sys
os.environ["HF_TOKEN"] = "hf_Zebrafish"
folder = pathlib.Path("Zebrafish/models")
names = {0: "Zebrafish red", 1: "Zebrafish blue"}
def encoder():
    config = transformers.BertConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=8, id2label=names, label2id={v: k for k, v in names.items()})
    return transformers.BertForSequenceClassification(config)
encoder().save_pretrained(folder)
def encoder():
    return transformers.BertForSequenceClassification.from_pretrained(folder)
def scores(_):
    return {"f1_macro": 0.5, "f1_Zebrafish red": 0.25, "f1_zebrafish_blue": 0.75, "accuracy": 0.75}
with open(folder / "rows.csv", "w", newline="") as file:
    csv.writer(file).writerows([("Zebrafish text", "Zebrafish label")] +
        [(f"a note on Zebrafish {n}", f"Zebrafish {n % 2}") for n in range(64)])
def at(step):
    if step == FAIL_AT: raise ValueError("cannot read /home/Zebrafish/notes.txt of Zebrafish")
import tunelore
callback = TuneLoreCallback(task="notes", dataset=str(folder / "rows.csv"), text_column="Zebrafish text",
    label_column="Zebrafish label", kind="text-classification", token="tl_Zebrafish", exit_s=20,
    hyperparameters={"weights": "/home/Zebrafish/weights/best.pt", "note": "from C:\\\\Users\\\\Zebrafish\\\\best.pt"})
whole = trainer(callbacks=[callback], output_dir="Zebrafish/out", run_name="Zebrafish", eval_strategy="epoch",
    hub_token="hf_Zebrafish", hub_model_id="Zebrafish/private", save_strategy="epoch", num_train_epochs=1)
try: tunelore.wrap(whole).train()
except ValueError: pass
"""


@pytest.mark.parametrize("fail_at", [-1, 3])
def test_nothing_private_is_sent_or_kept(tmp_path: Path, hub: Any, fail_at: int) -> None:
    pytest.importorskip("transformers")
    code = TRAINER + EVERYTHING.replace("FAIL_AT", str(fail_at))
    # The label column is the task's identity and the user's own word; here it is a name like any other.
    code = code.replace('label_column="Zebrafish label"', 'label_column="label"').replace(
        '"Zebrafish label")]', '"label")]'
    )
    variables = {"USER": SECRET, "LOGNAME": SECRET, "HOSTNAME": SECRET, "WANDB_NAME": SECRET}
    hub.answers = [(503, {}, {}), (503, {}, {}), (503, {}, {})]  # so that the spool is not emptied at once
    done = run_command([sys.executable, "-c", code], tmp_path, TUNELORE_URL=hub.url, **variables)
    assert done.returncode == 0, done.stderr
    assert hub.requests
    sent = str([(path, body) for path, _, body in hub.requests])
    kept = b"".join(path.read_bytes() for path in (tmp_path / "spool").rglob("*") if path.is_file())
    user = Path.home().name
    for text in (sent, kept.decode()):
        assert SECRET.casefold() not in text.casefold()
        for private in (
            socket.gethostname(),
            str(tmp_path),
            str(Path.home()) + "/",
            f"/{user}/",
            os.getcwd(),
        ):
            assert private not in text
        assert "best.pt" in text
    headers = [header for _, header, _ in hub.requests]
    assert {header.pop("Authorization") for header in headers} == {"Bearer tl_Zebrafish"}
    assert set().union(*headers) <= {
        *("Host", "User-Agent", "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "Connection")
    }
    assert {header["User-Agent"].split("/")[0] for header in headers} == {"tunelore"}


def test_only_listed_arguments_of_a_trainer_are_told(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    args = transformers.TrainingArguments(output_dir=str(tmp_path), report_to=[], use_cpu=True)
    for name in vars(args):
        if not isinstance(getattr(args, name), (bool, int, float)):
            object.__setattr__(args, name, SECRET)
    listed = {
        "learning_rate",
        "weight_decay",
        "batch_size",
        "epochs",
        "max_steps",
        "warmup_share",
        "warmup_steps",
    }
    told = pipeline(args, None, None, {})["hyperparameters"]
    assert set(told) <= listed | set(DEFAULTS) | {"optim"} | set(PEFT_SETTINGS)


def test_a_record_holds_only_listed_members(client: Path) -> None:
    """A new member is a decision: it belongs into the README's table too."""
    one = run("weather", "hub:a/b", "full", spool=client)
    one.log(loss=1.0)
    one.finish({"accuracy": 0.5})
    whole = one._run.final()  # type: ignore[union-attr]
    assert set(whole) == {
        *(
            "schema",
            "id",
            "started_at",
            "finished_at",
            "task",
            "system",
            "language_model",
            "pipeline",
            "fidelity",
        ),
        *("outcome", "metrics", "primary", "cost", "curve", "provenance", "conditions", "limits"),
    }
    assert set(whole["system"]) == {"features", "software"}
    assert set(whole["system"]["software"]) <= {"python", *describe.machine.DISTRIBUTIONS}  # type: ignore[attr-defined]
    assert set(whole["conditions"]) == {"threads", "load", "device", "device_speed"}
    assert set(whole["outcome"]) == {"status", "phase", "cause", "stack", "step", "exception"}
    assert record.check(whole) == []


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/alice/models/best.pt", "best.pt"),
        ("~/models/best.pt", "best.pt"),
        ("~alice/models/", ""),
        (r"C:\Users\Alice\best.pt", "best.pt"),
        ("file:///home/alice/x.csv", "x.csv"),
        ("warm start from /data/alice/run 7/", "warm start from run 7/"),
        ("a=/home/alice/x,b=/home/alice/y", "a=x,b=y"),
        ("hub:owner/name", "hub:owner/name"),
        ("https://example.org/a/b", "https://example.org/a/b"),
        (r".*\.(query|value)_proj$", r".*\.(query|value)_proj$"),
        ("1/2", "1/2"),
        ("/", "/"),
    ],
)
def test_paths_lose_their_folders(text: str, left: str) -> None:
    assert pathless(text) == left
    assert scalar(text) == left


def test_a_dataset_from_a_file_is_named_without_its_folder() -> None:
    for named in ("file:/home/alice/notes.csv", r"file:C:\alice\notes.csv"):
        assert (named_dataset(named) or {})["name"] == "notes.csv"
    assert (named_dataset("hub:alice/notes") or {})["name"] == "alice/notes"


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("eval_f1_sadness", "eval_f1_class_0"),
        ("eval_Sadness/precision", "eval_class_0/precision"),
        ("f1 of very sad", "f1 of class_1"),
        ("eval_sadness_deep", "eval_class_2"),
        ("eval_VERY_sad_f1", "eval_class_1_f1"),
        ("eval_Straße", "eval_class_8"),
        ("eval_loss", "eval_loss"),
        ("eval_sadnesses", "eval_sadnesses"),
        ("f1_C++", "f1_class_5"),
    ],
)
def test_metrics_are_not_named_by_labels(name: str, left: str) -> None:
    words = label_words(["sadness", "very sad", "sadness_deep", "LABEL_3", "loss", "C++", " ", 7, "Straße"])
    assert without_labels(name, words) == left


def test_the_metric_by_which_checkpoints_are_chosen_is_found_under_its_other_name(client: Path) -> None:
    one = run("weather", spool=client)
    inner = one._run
    assert inner is not None
    inner._chosen = "eval_f1_sadness"
    inner.hide(label_words(["sadness", "joy"]))
    one.finish({"f1_sadness": 0.25, "accuracy": 0.75})
    assert inner.final()["primary"] == {"split": "validation", "metric": "f1_class_0", "value": 0.25}


class ClassLabel:
    names = ("hiv_negative", "hiv_positive")


class Named(list[Any]):
    """Rows with the names of their classes beside them, as of `datasets`."""

    features = {"label": ClassLabel(), "text": None}  # noqa: RUF012


@pytest.mark.parametrize(
    "rows",
    [
        [(f"note {n}", ("HIV negative", "HIV positive")[n % 2]) for n in range(8)],
        Named({"text": f"note {n}", "label": n % 2} for n in range(8)),
    ],
    ids=["rows", "features"],
)
def test_labels_that_only_the_rows_know_name_no_metric(client: Path, rows: Any) -> None:
    with run("notes", "hub:a/b", "full", dataset=rows, kind="text-classification", spool=client) as one:
        one.log({"eval_f1_hiv_positive": 0.25}, step=1)
        one.finish({"f1_hiv_positive": 0.5, "f1_HIV negative": 0.75, "accuracy": 0.5})
    exits.close_all(20)
    kept = b"".join(path.read_bytes() for path in client.rglob("*") if path.is_file()).decode()
    assert "hiv" not in kept.casefold()
    assert '"f1_class_1":0.5' in kept.replace(" ", "")


def test_classes_of_the_trainers_own_rows_name_no_metric(client: Path) -> None:
    class State:
        is_world_process_zero, global_step, epoch = True, 1, 0.5

    class Loader:
        dataset = Named({"input_ids": [n], "label": n % 2} for n in range(8))

    state: Any = State()
    callback = TuneLoreCallback("notes", dataset="hub:someone/notes", spool=client)
    callback.on_train_begin(None, state, None, train_dataloader=Loader())
    callback.on_evaluate(None, state, None, metrics={"eval_f1_hiv_positive": 0.5})
    callback.on_train_end(None, state, None)
    exits.close_all(20)
    (parcel,) = parcels(client)
    assert parcel.record["metrics"]["validation"] == {"f1_class_1": 0.5}


def test_an_address_with_a_password_loses_it(client: Path) -> None:
    from tunelore import trouble

    trouble.raise_errors = False
    assert (
        read_settings(url="https://alice:secret@hub.example:8443/lore/").url
        == "https://hub.example:8443/lore"
    )
    assert trouble.counts == {"settings": 1}


def test_the_token_is_shown_by_nothing(client: Path) -> None:
    assert "tl_secret" not in repr(read_settings(token="tl_secret"))
