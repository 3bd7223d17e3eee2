"""The client's README names every argument, command and environment variable there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from tunelore import TuneLoreCallback, record, session
from tunelore.cli import COMMANDS, send
from tunelore.describe import landmark
from tunelore.observe import dataset, facts, rows
from tunelore.observe.choice import script_pipeline
from tunelore.runs import measures, run
from tunelore.sending import hub, sender

CLIENT = Path(__file__).parents[3] / "logging_client"
README = (CLIENT / "README.md").read_text(encoding="utf-8")
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in (CLIENT / "src").rglob("*.py"))
ARGUMENTS = [name for name in inspect.signature(TuneLoreCallback).parameters]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_is_explained(name: str) -> None:
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", sorted(set(re.findall(r"TUNELORE_[A-Z]+", SOURCE))))
def test_every_variable_is_explained(name: str) -> None:
    assert f"`{name}`" in README


# A row of the README's table of limits, and what it has to say by the code.
LIMITS: dict[str, tuple[str, ...]] = {
    "the curve of a run": (f"under {2 * measures.MAX_POINTS} points", f"to {measures.MAX_POINTS}:"),
    "a record": (f"{record.MAX_RECORD_BYTES // 1024} KiB",),
    "log calls within half a second": (f"{run.MAX_EVENTS:,}",),
    "evaluations looked at for the best one": ("the last 1,000",),
    "a name of a metric, of a task": ("200 characters",),
    "a hyper-parameter": ("name 100, text 256 characters, list 64 items",),
    "label names kept out of names of metrics": (f"{facts.MAX_LABELS:,} classes",),
    "rows read of `dataset=`": (
        f"{dataset.MAX_ROWS:,}, {dataset.MAX_CHARACTERS // 10**6} million characters",
        f"{rows.SECONDS * rows.READING_SHARE:.0f} s",
    ),
    "encoded rows of the Trainer": (f"{dataset.MAX_TOKEN_ROWS:,}, {dataset.TOKEN_SECONDS} s",),
    "statistics of a dataset": (f"{rows.SECONDS:.0f} s in all", f"{landmark.MAX_LANDMARK_ROWS:,} rows"),
    "records in memory that a full disk does not take": (f"{session.MAX_UNWRITTEN:,}",),
    "a request": (
        f"{hub.MAX_BATCH} records, {hub.MAX_BATCH_BYTES / 1e6} MB",
        f"{hub.TIMEOUT_S:.0f} s for an answer",
    ),
    "pauses between tries": (f"about {sender.LONGEST_WAIT_S / 60:.0f} minutes",),
    "a file for `tunelore log`": (f"{send.MAX_BYTES // 10**6} MB",),
}
TABLE = re.findall(
    r"^\| (.+?) \| (.+?) \|$", README.partition("## Limits")[2].partition("## ")[0], re.MULTILINE
)


def test_every_limit_is_the_codes() -> None:
    told = {name: said for name, said in TABLE if name not in ("of", "---")}
    missing = {name: said for name, said in LIMITS.items() if not all(one in told[name] for one in said)}
    assert (set(told), missing) == (set(LIMITS), {})
    text = " ".join(README.split())
    assert (
        f"to disk every {session.PROGRESS_S:.0f} seconds and told to the hub every {sender.BEAT_S:.0f}"
        in text
    )


def test_what_the_table_says_of_texts_and_lists_is_what_is_told() -> None:
    found = script_pipeline(None, "full", {"n" * 300: "t" * 300, "many": list(range(100))})["hyperparameters"]
    assert {len(name): len(value) for name, value in found.items()} == {100: 256, 4: 64}
    assert [len(name) for name in measures.measured({"m" * 300: 0.5})] == [200]
    one = run.Run({})
    for step in range(3_000):
        one.evaluated(step, {"eval_accuracy": 1.0 if step == 0 else 0.5})
        one.log(step, None, {"loss": 0.5})
    one.absorb()
    assert one.progress([])["metrics"]["partial"]["accuracy"] == 0.5  # the first is out of sight
    assert len(one.curve.points) < 2 * measures.MAX_POINTS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_explained(command: str) -> None:
    assert f"tunelore {command}" in README
