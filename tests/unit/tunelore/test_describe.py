"""Fingerprints, meta-features and the machine, against values worked out by hand."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import random
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from tunelore import describe, record
from tunelore.describe import machine

TEXTS = ["aa", "bbbb", "cc", "dddddddd"]
LABELS = ["x", "y", "x", "x"]


def test_rows_fingerprint_is_what_the_record_says_it_is() -> None:
    rows = [("é\n", "1"), ('q"\\', "0"), ("é\n", "1")]
    digests = sorted(hashlib.sha256(record.canonical(list(row))).digest() for row in rows)
    assert describe.rows_fingerprint(rows) == "rows-sha256:" + hashlib.sha256(b"".join(digests)).hexdigest()


def test_fingerprints_do_not_depend_on_the_order_but_on_every_row() -> None:
    rows = [(str(number), str(number % 3)) for number in range(100)]
    before = describe.rows_fingerprint(rows)
    random.Random(1).shuffle(rows)
    assert describe.rows_fingerprint(iter(rows)) == before
    assert describe.rows_fingerprint([*rows, rows[0]]) != before


def test_tokens_fingerprint_takes_labels_as_text() -> None:
    assert describe.tokens_fingerprint([([1, 2], 0), ([3], 1)]) == describe.tokens_fingerprint(
        [([3], "1"), ([1, 2], "0")]
    )
    assert describe.tokens_fingerprint([([1, 2], 0)]).startswith("tokens-sha256:")


def test_metafeatures_by_hand() -> None:
    answer = describe.classification_metafeatures(TEXTS, LABELS, landmark=False)
    values = answer["values"]
    assert answer["extractor"] == "tunelore.text-classification"
    assert (answer["version"], answer["sampled"]) == (1, False)
    assert values["instances"] == 4
    assert values["classes"] == 2
    assert values["class_entropy"] == pytest.approx(-(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)))
    assert (values["min_class_share"], values["max_class_share"]) == (0.25, 0.75)
    assert values["imbalance"] == pytest.approx(1 / 3)
    assert values["mean_length"] == 4
    assert values["length_deviation"] == pytest.approx(math.sqrt((4 + 0 + 4 + 16) / 4))
    assert values["length_variation"] == pytest.approx(math.sqrt(6) / 4)
    assert values["landmark"] is None
    assert len(values) == 10


def test_one_class_and_empty_texts_have_no_nan() -> None:
    values = describe.classification_metafeatures(["", ""], ["x", "x"])["values"]
    assert values["class_entropy"] == 0
    assert values["length_variation"] is None
    assert values["landmark"] is None


@pytest.mark.parametrize(("texts", "labels"), [([], []), (["a"], [])])
def test_wrong_shapes_are_refused(texts: list[str], labels: list[str]) -> None:
    with pytest.raises(ValueError, match=r"rows|labels"):
        describe.classification_metafeatures(texts, labels)


def words(number: int, seed: int, telling: bool) -> tuple[list[str], list[str]]:
    draw = random.Random(seed)
    labels = [str(draw.randrange(2)) for _ in range(number)]
    noise = ["river", "stone", "cloud", "glass", "paper", "wheel"]
    texts = [
        " ".join(draw.sample(noise, 3) + ([["sunny", "stormy"][int(label)]] if telling else []))
        for label in labels
    ]
    return texts, labels


def test_the_landmark_tells_easy_from_hopeless_and_is_seeded() -> None:
    pytest.importorskip("sklearn")
    easy = describe.classification_metafeatures(*words(120, 1, True))["values"]["landmark"]
    hard = describe.classification_metafeatures(*words(120, 1, False))["values"]["landmark"]
    assert easy > 0.95
    assert hard < 0.75
    assert describe.classification_metafeatures(*words(120, 1, True))["values"]["landmark"] == easy


def test_the_landmark_of_singleton_classes_is_the_training_accuracy() -> None:
    pytest.importorskip("sklearn")
    answer = describe.classification_metafeatures(["red apple", "green pear", "blue plum"], ["a", "b", "c"])
    assert 0 <= answer["values"]["landmark"] <= 1


def test_only_stop_words_give_no_landmark() -> None:
    assert (
        describe.classification_metafeatures(["the", "and", "of", "a"], LABELS)["values"]["landmark"] is None
    )


def test_above_two_thousand_rows_the_landmark_sees_a_sample() -> None:
    pytest.importorskip("sklearn")
    answer = describe.classification_metafeatures(*words(2_500, 2, True))
    assert answer["sampled"] is True
    assert answer["values"]["instances"] == 2_500
    assert answer["values"]["landmark"] > 0.95


def test_without_scikit_learn_the_landmark_is_missing_not_zero() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from tunelore import describe\n"
        "print(describe.classification_metafeatures(['a b', 'c d'] * 5, ['x', 'y'] * 5)['values']['landmark'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"


def valid(part: str, value: dict[str, Any], whole: dict[str, Any]) -> None:
    assert record.check({**whole, part: value}) == []


def test_the_machine_is_a_valid_part_of_a_record(ok_record: dict[str, Any]) -> None:
    found = describe.system()
    valid("system", found, ok_record)
    assert found["features"]["cpu_cores_logical"] >= 1
    assert found["software"]["python"]
    assert record.system_digest(found) == record.system_digest(describe.system())


def test_conditions_are_a_valid_part_of_a_record(ok_record: dict[str, Any]) -> None:
    found = describe.conditions(threads=1)
    valid("conditions", found, ok_record)
    assert found["threads"] == 1
    assert found["device"] == "cpu"


def test_speed_is_measured_and_plausible() -> None:
    pytest.importorskip("numpy")
    speed = describe.device_speed()
    assert speed is not None
    assert 1e7 < speed < 1e16
    assert describe.device_speed() == speed


def test_without_torch_and_numpy_there_is_no_speed() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from tunelore import describe\nprint(describe.device_speed(), describe.conditions()['device_speed'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "None"]


def test_a_process_that_is_short_of_memory_goes_without_landmark() -> None:
    """OpenBLAS asks for its buffer for ever where malloc fails: a run that died of memory would never end."""
    pytest.importorskip("sklearn")
    body = """
import resource
from pathlib import Path
import sklearn.decomposition, sklearn.feature_extraction.text, sklearn.model_selection, sklearn.tree
from tunelore.describe.landmark import landmark_accuracy
texts = [f"word{n % 97} other{n % 31} third{n % 7}" for n in range(400)]
labels = [str(n % 3) for n in range(400)]
used = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
limit = (int(used.split()[1]) + 8_000) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
print(landmark_accuracy(texts, labels))
"""
    done = subprocess.run(
        [sys.executable, "-c", body], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "None"), done.stderr


APART = """
import os, sys, threading, time
from pathlib import Path
from tunelore.describe import landmark
BEFORE
texts, labels = [f"word{n % 97} {'sun' if n % 2 else 'rain'}" for n in range(200)], [str(n % 2) for n in range(200)]
came, found = threading.Event(), []
landmark.landmark_apart(texts, labels, lambda value: (found.append(value), came.set()))
MEANWHILE
assert came.wait(120)
print(found[0], "sklearn.tree" in sys.modules)
"""


def apart(before: str = "", meanwhile: str = "") -> str:
    """A process that asks for a landmark: what it was told, and whether it had to import scikit-learn itself."""
    code = APART.replace("BEFORE", before).replace("MEANWHILE", meanwhile)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_landmark_worked_out_apart_is_the_same() -> None:
    pytest.importorskip("sklearn")
    assert apart() == "1.0 False"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_script_that_waits_for_its_own_children_never_meets_ours() -> None:
    pytest.importorskip("sklearn")
    meanwhile = """
time.sleep(1)  # its process has made itself nobody's child by now
child = os.fork()
if child == 0:
    time.sleep(0.2)
    os._exit(3)
assert os.wait() == (child, 3 << 8)
"""
    assert apart(meanwhile=meanwhile) == "1.0 False"


@pytest.mark.parametrize(
    "before",
    [
        "sys.executable = '/opt/studio/app'",
        "sys.executable = ''",
        "sys.executable = '/nowhere/python3'",
        "sys.path = [one for one in sys.path if 'site-packages' not in one]",
        "sys.modules['sklearn'] = None",
        "landmark.MAX_APART_CHARACTERS = 1_000",
        "import types\nsys.modules['sklearn'] = types.SimpleNamespace(__spec__=None)",
        "landmark.ROOM_BYTES = 2**62\nimport resource\nresource.setrlimit(resource.RLIMIT_DATA, (2**33, 2**33))",
    ],
    ids=[
        "another program",
        "no program",
        "a program that is gone",
        "no scikit-learn",
        "forbidden",
        "large texts",
        "a stand-in",
        "no room",
    ],
)
def test_where_nothing_can_be_worked_out_apart_the_landmark_is_missing(before: str) -> None:
    assert apart(before) == "None False"


@pytest.mark.skipif(not hasattr(signal, "alarm"), reason="this system has no alarm")
def test_a_landmark_that_never_comes_is_given_up(tmp_path: Path) -> None:
    """As an OpenBLAS that waits for memory does: it holds the interpreter's lock, so only a signal ends it."""
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "__init__.py").write_text("while True: pass")
    source = Path(describe.__file__).with_name("landmark.py")
    copy = tmp_path / "landmark.py"
    copy.write_text(
        source.read_text(encoding="utf-8").replace("APART_S = 30", "APART_S = 1"), encoding="utf-8"
    )
    before = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("landmark", {str(copy)!r})
landmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(landmark)
sys.path.insert(0, {str(tmp_path)!r})
"""
    assert apart(before) == "None False"


class Device:
    """As torch's module of one kind of device: counts how often it was waited for."""

    def __init__(self) -> None:
        self.waited: list[tuple[Any, ...]] = []

    def synchronize(self, *of: Any) -> None:
        self.waited.append(of)


class NotCompiled:
    def synchronize(self, *of: Any) -> None:
        raise AssertionError("Torch not compiled with CUDA enabled")


@pytest.mark.parametrize("device", ["mps", "mps:0", "xpu:1"])
def test_the_speed_of_a_device_that_is_no_cuda(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    kind = device.partition(":")[0]
    torch: Any = types.SimpleNamespace(
        float32="float32",
        get_num_threads=lambda: 1,
        inference_mode=contextlib.nullcontext,
        ones=lambda *_, **__: 1.0,
        mm=lambda one, other: one * other,
        cuda=NotCompiled(),
        **{kind: Device()},
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(machine, "_measured", {})
    assert (describe.device_speed(device=device, seconds=0.001) or 0) > 0
    assert set(getattr(torch, kind).waited) == {()}
    # One that cannot be waited for costs its speed, not the other conditions.
    assert describe.conditions(device="cuda:0", seconds=0.001)["device_speed"] is None
    assert describe.conditions(device="npu:0", seconds=0.001)["threads"] == 1
