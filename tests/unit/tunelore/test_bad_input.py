"""What scripts give to the callback by mistake: training goes on, one warning says what to do, the rest is kept."""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tunelore import TuneLoreCallback, exits, record, trouble
from tunelore.observe import dataset as dataset_reading
from tunelore.observe import rows as row_reading
from tunelore.observe.rows import Rows
from tunelore.spool.outbox import parcels
from tunelore.trouble import logger

from tests.unit.tunelore.processes import TRAINER, finish, outcome


class State:
    is_world_process_zero = True
    global_step = 0
    epoch: float | None = 0.0


@pytest.fixture
def quiet(client: Path) -> Iterator[Path]:
    """As in production: what goes wrong inside is counted and said, not raised."""
    trouble.raise_errors = False
    yield client
    exits.close_all(10)


def trained(
    spool: Path, dataset: Any = None, *, logs: Any = None, metrics: Any = None, **more: Any
) -> dict[str, Any]:
    """A training of three steps by its hooks alone; its record."""
    callback, state = TuneLoreCallback("odd", dataset, spool=spool, **more), State()
    callback.on_train_begin(None, state, None)
    for step in range(1, 4):
        state.global_step, state.epoch = step, step / 3
        callback.on_log(None, state, None, logs={"loss": 1 / step} if logs is None else logs)
    callback.on_evaluate(None, state, None, metrics={"eval_accuracy": 0.5} if metrics is None else metrics)
    callback.on_train_end(None, state, None)
    exits.close_all(30)
    (parcel,) = parcels(spool)
    assert record.check(parcel.record) == []
    return parcel.record


class Tensor:
    """What a tensor of another library looks like."""

    def __init__(self, value: float | None) -> None:
        self._value = value

    def __float__(self) -> float:
        if self._value is None:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self._value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Tensor(0.25), 0.25),
        (Tensor(None), None),
        (Tensor(math.nan), None),
        (math.inf, None),
        (10**400, None),
        (1, 1),
    ],
)
def test_metrics_of_any_number_type(quiet: Path, value: Any, kept: Any) -> None:
    one = trained(quiet, logs={"own": value}, metrics={"eval_accuracy": 0.5, "eval_own": value})
    assert [point["values"] for point in one["curve"]] == [{"own": kept}] * 3
    assert one["metrics"]["validation"] == {"accuracy": 0.5, "own": kept}
    assert one["primary"]["value"] == 0.5


@pytest.mark.parametrize("value", ["0.5", None, True, [1.0], {"a": 1}, object(), b"x"])
def test_metrics_that_are_none_are_left_out(quiet: Path, value: Any) -> None:
    one = trained(quiet, logs={"own": value, "loss": 1.0}, metrics={"eval_accuracy": 0.5, "eval_own": value})
    assert "own" not in str(one["curve"])
    assert one["metrics"]["validation"] == {"accuracy": 0.5}


def test_a_chosen_metric_that_is_not_finite_is_divergence(quiet: Path) -> None:
    one = trained(quiet, metrics={"eval_f1_macro": math.nan})
    assert one["outcome"]["status"] == "diverged"


def test_real_tensors(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    body = """
def at(step): pass
def scores(_):
    return {"f1_macro": torch.tensor(0.5), "per_class": torch.tensor([0.1, 0.9]), "name": "x", "odd": float("nan")}
train(eval_strategy="epoch", num_train_epochs=1)
"""
    code, errors, (one,) = finish(TRAINER + body, tmp_path)
    assert code == 0, errors
    assert one["primary"]["value"] == 0.5
    assert one["metrics"]["validation"]["odd"] is None


def generator() -> Iterator[tuple[str, str]]:
    yield "a", "b"


class Endless:
    """Rows that never end, as of a stream."""

    def __iter__(self) -> Iterator[tuple[str, str]]:
        while True:
            yield "a note", "1"


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (generator(), "give a list of rows"),
        ([{"text": "a"}], "row 0 has no label; say text_column= and label_column="),
        ([("a", "b", "c")], "expected (text, label) or named columns"),
        (["a", "b"], "row 0 is a str"),
        ("no/such/file.csv", "No such file"),
        (object(), "dataset is a object"),
        (7, "dataset is a int"),
    ],
)
def test_a_dataset_that_is_none(
    quiet: Path, dataset: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger=logger.name)
    one = trained(quiet, dataset)
    assert outcome(one) == ("ok", None, None)
    assert one["task"]["dataset"]["fingerprint"] is None
    (warning,) = caplog.messages
    assert words in warning
    assert "Training is not affected" in warning


def test_a_dataset_without_rows(quiet: Path) -> None:
    assert outcome(trained(quiet, []))[0] == "ok"


def test_a_dataset_that_takes_too_long_is_described_by_its_beginning(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger=logger.name)
    monkeypatch.setattr(row_reading, "SECONDS", 0.5)
    one = trained(quiet, Endless(), kind="text-classification")
    metafeatures = one["task"]["metafeatures"]
    assert metafeatures["sampled"] is True
    assert metafeatures["values"]["instances"] > 256
    assert one["task"]["dataset"]["fingerprint"] is None
    (warning,) = caplog.messages
    assert 'give it a name, dataset="hub:owner/name"' in warning


class Many:
    """A million rows, made as they are asked for."""

    def __len__(self) -> int:
        return 1_000_000

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((f"note {number} of many", str(number % 3)) for number in range(len(self)))


@pytest.mark.parametrize("kind", ["text-classification", "question-answering"])
def test_a_million_rows_take_no_more_than_half_a_minute(quiet: Path, kind: str) -> None:
    from tunelore.observe.facts import Told

    task = {"kind": kind, "dataset": {"source": "unknown"}}
    began = time.monotonic()
    told = Rows(Told(dataset=Many(), kind=kind), task, None, quiet).early()["task"]
    assert time.monotonic() - began < row_reading.SECONDS == 30
    found = told["metafeatures"]
    assert found["values"]["instances"] == 1_000_000
    if kind == "question-answering" or told["dataset"]["fingerprint"] is None:
        assert found["sampled"] is True


@pytest.mark.parametrize(("limit", "value"), [("MAX_ROWS", 100), ("MAX_CHARACTERS", 700)])
def test_rows_without_end_are_bounded_in_number_and_size(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """By the limits alone: the time is not over."""
    monkeypatch.setattr(dataset_reading, limit, value)
    found, complete = dataset_reading.read_rows(Endless(), "text", "label")
    assert (len(found), complete) == (100, False)
    assert dataset_reading.read_rows([("a note", "1")] * 100, "text", "label")[1] is True
    task = trained(quiet, Endless(), kind="text-classification")["task"]
    assert (task["metafeatures"]["sampled"], task["dataset"]["fingerprint"]) == (True, None)


def test_a_fingerprint_and_statistics_end_in_time_too(
    quiet: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger=logger.name)
    monkeypatch.setattr(row_reading, "PRINT_SHARE", -1.0)
    monkeypatch.setattr(row_reading, "LATE_ROWS", 10)
    rows = [(f"note {number}", str(number % 2)) for number in range(75)]
    task = trained(quiet, rows, kind="text-classification")["task"]
    assert task["dataset"]["fingerprint"] is None
    assert (task["metafeatures"]["sampled"], task["metafeatures"]["values"]["instances"]) == (True, 75)
    (warning,) = caplog.messages
    assert 'give a name, dataset="hub:owner/name"' in warning


class Tokenised:
    """Encoded rows, sorted by label, as of `datasets` or of torch alone."""

    def __init__(self, rows: int, pause: float = 0.0, *, columns: bool = False) -> None:
        self._rows, self._pause = rows, pause
        if columns:
            self.column_names = ["input_ids", "label"]

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, index: Any) -> Any:
        if index == "label":
            return [int(number >= self._rows * 3 // 4) for number in range(self._rows)]
        time.sleep(self._pause)
        return {"input_ids": [index], "label": int(index >= self._rows * 3 // 4)}


@pytest.mark.parametrize(
    ("rows", "sampled"),
    [
        (Tokenised(67_348, columns=True), False),
        (Tokenised(200_000, columns=True), True),
        (Tokenised(67_348), True),
        (Tokenised(4_000, 0.001), True),
    ],
    ids=["column", "long column", "many", "slow"],
)
def test_encoded_rows_that_are_many_or_slow_give_their_labels(
    quiet: Path, caplog: pytest.LogCaptureFixture, rows: Any, sampled: bool
) -> None:
    from tunelore.observe.facts import Told

    caplog.set_level("WARNING", logger=logger.name)
    task = {"kind": "text-classification", "dataset": {"source": "unknown"}}
    began = time.monotonic()
    reading = Rows(Told(), task, rows, quiet)
    assert time.monotonic() - began < 2  # 0.3 by its own clock
    found = reading.early()["task"]
    assert found["dataset"]["fingerprint"] is None
    assert found["metafeatures"]["sampled"] is sampled
    values = found["metafeatures"]["values"]
    assert values["instances"] == len(rows)
    assert values["max_class_share"] == pytest.approx(0.75, abs=0.1)
    (warning,) = caplog.messages
    assert 'dataset="hub:owner/name"' in warning


def test_the_callback_of_a_question_answering_task(quiet: Path) -> None:
    """The eleven meta-features, of SQuAD's own columns."""
    rows = [
        {"context": f"The sun rose at {n}.", "question": "When?", "answers": {"text": [f"at {n}"]}}
        for n in range(40)
    ]
    found = trained(quiet, rows, kind="question-answering")["task"]["metafeatures"]
    assert found["extractor"] == "tunelore.question-answering"
    assert len(found["values"]) == 11
    assert found["values"]["instances"] == 40
    assert 0 < found["values"]["rouge_l"] < 1
    assert found["values"]["vocabulary_novelty"] < 0.5


class Broken:
    """Every attribute raises, and so does every use."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __len__(self) -> int:
        raise OSError("gone")

    def __iter__(self) -> Iterator[Any]:
        raise OSError("gone")

    def __bool__(self) -> bool:
        raise ValueError("ambiguous")


ODD = [
    None,
    7,
    -1.5,
    math.nan,
    "x",
    "\ud800\0",
    b"x",
    [],
    {},
    {"a": {"b": object()}},
    object(),
    Broken(),
    10**400,
]


def test_hooks_fuzzed_with_wrong_types_raise_nothing_and_lose_no_run(quiet: Path) -> None:
    """A fixed seed: every hook, in any order, with anything; each begun run leaves a valid record."""
    draw = random.Random(4)
    hooks = [name for name in dir(TuneLoreCallback) if name.startswith("on_")]
    arguments = ("model", "train_dataloader", "processing_class", "logs", "metrics", "optimizer")
    begun = set()
    for _ in range(60):
        callback = TuneLoreCallback(draw.choice(ODD), draw.choice(ODD), spool=quiet, kind=draw.choice(ODD))
        for name in ["on_train_begin", *draw.choices(hooks, k=25)]:
            state = State() if draw.random() < 0.5 else draw.choice(ODD)
            if isinstance(state, State):
                state.global_step, state.epoch = draw.choice(ODD), draw.choice(ODD)  # type: ignore[assignment]
            more = {key: draw.choice(ODD) for key in draw.sample(arguments, 3)}
            assert getattr(callback, name)(draw.choice(ODD), state, draw.choice(ODD), **more) is None
            if callback.run_id:
                begun.add(callback.run_id)
    exits.close_all(60)
    found = {parcel.id: parcel.record for parcel in parcels(quiet)}
    assert set(found) == begun
    assert len(begun) > 30
    assert [problem for one in found.values() for problem in record.check(one)] == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_clock_an_hour_off_leaves_a_valid_record(quiet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    from tunelore.runs import run as runs

    real = runs.utc_now
    for hours in (-1, 1):
        callback, state = TuneLoreCallback(spool=quiet / str(hours)), State()
        callback.on_train_begin(None, state, None)
        monkeypatch.setattr(runs, "utc_now", lambda hours=hours: real() + timedelta(hours=hours))
        callback.on_evaluate(None, state, None, metrics={"eval_accuracy": 0.5})
        callback.on_train_end(None, state, None)
        exits.close_all(20)
        monkeypatch.setattr(runs, "utc_now", real)
        (parcel,) = parcels(quiet / str(hours))
        assert record.check(parcel.record) == []
        assert parcel.record["cost"]["evaluation_s"] < 60
