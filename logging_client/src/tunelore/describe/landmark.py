"""How well a shallow tree does on a task: a cheap landmark, here or in a short-lived process of its own.

Uses scikit-learn where it is, else knows nothing. This file is also that process's script, so it imports the standard
library alone; the texts go there through a pipe and are never written.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import subprocess
import sys
import threading
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# 0.6 s on one core with 150 classes, so that it fits into the end of a process (2.6 s with 5,000 rows).
MAX_LANDMARK_ROWS = 2_000
MAX_TERMS = 5_000
DIMENSIONS = 100
TREE_DEPTH = 5
FOLDS = 5
ROOM_BYTES = 512 * 2**20  # 250 MB are used with 2,000 texts of 6,000 characters
APART_S = 30  # wall seconds of the process
APART_NICE = 10
MAX_APART_CHARACTERS = 20_000_000  # they are copied on their way
MODULES = (
    "sklearn.feature_extraction.text",
    "sklearn.decomposition",
    "sklearn.model_selection",
    "sklearn.tree",
)


def landmark_accuracy(texts: Sequence[str], labels: Sequence[str], *, seed: int = 42) -> float | None:
    """Mean accuracy of a depth-5 decision tree over stratified folds, in [0, 1]; None where it cannot be had.

    TF-IDF (scikit-learn's English stop words removed, at most min(5000, N/2) terms) reduced by truncated SVD
    to min(100, terms - 1, N - 1) dimensions; min(5, smallest class) folds, with fewer than two the training
    accuracy. One class, no terms, no scikit-learn or hardly any memory left: None, never 0. Source: as
    classification_metafeatures.
    """
    texts, labels = landmark_sample(texts, labels, seed)
    if len(set(labels)) < 2 or not _has_room():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _accuracy(_reduced(texts, seed), labels, seed)
    except (ImportError, ValueError, ArithmeticError, MemoryError, RuntimeError):
        return None


def landmark_sample(
    texts: Sequence[str], labels: Sequence[str], seed: int = 42
) -> tuple[list[str], list[str]]:
    """At most MAX_LANDMARK_ROWS rows, each class by its share, none left out, in the order given."""
    if len(texts) <= MAX_LANDMARK_ROWS:
        return list(texts), list(labels)
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        rows[label].append(index)
    draw = random.Random(seed)  # noqa: S311 - a sample of rows is no secret
    share = MAX_LANDMARK_ROWS / len(texts)
    kept = sorted(
        index
        for name in sorted(rows)
        for index in draw.sample(rows[name], max(1, int(len(rows[name]) * share)))
    )
    return [texts[index] for index in kept], [labels[index] for index in kept]


def landmark_apart(texts: Sequence[str], labels: Sequence[str], then: Callable[[float | None], None]) -> None:
    """Work it out beside this process and call `then` with it, from a thread; at once with None where that cannot be.

    Training shares neither interpreter nor address space with it: scikit-learn is not imported here, and an OpenBLAS
    that waits for memory for ever (see `_has_room`) is ended by the process's own alarm.
    """
    executable, able = sys.executable or "", False
    with suppress(ValueError):  # of a module that somebody put in its place
        # Another program than Python would start itself once more.
        able = (
            Path(executable).name.lower().startswith(("python", "pypy")) and find_spec("sklearn") is not None
        )
    small = sum(map(len, texts)) <= MAX_APART_CHARACTERS
    if len(set(labels)) < 2 or not able or not small or not _has_room():
        then(None)
        return
    job = json.dumps({"path": [str(one) for one in sys.path], "texts": texts, "labels": labels}).encode()
    work = threading.Thread(
        target=lambda: then(_asked(executable, job)), name="tunelore-landmark", daemon=True
    )
    work.start()


def _asked(executable: str, job: bytes) -> float | None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TUNELORE_")}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    with suppress(OSError, ValueError, RuntimeError, MemoryError, subprocess.SubprocessError):
        process = subprocess.Popen(
            [executable, "-I", "-S", __file__],
            env={**kept, **threads},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin, process.stdout:
            try:
                process.stdin.write(job)
                process.stdin.close()
                process.wait(APART_S)
            finally:
                process.kill()
                process.wait()
            answer = json.loads(process.stdout.read())
        return float(answer) if isinstance(answer, (int, float)) and 0 <= answer <= 1 else None
    return None


def _has_room() -> bool:
    """Whether limits leave the memory that this takes. Where malloc fails, OpenBLAS asks again for ever, and holds
    the interpreter's lock meanwhile: a run that died of memory would never end."""
    with suppress(ImportError, OSError, KeyError, ValueError):
        import resource

        used = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        for limit, name in ((resource.RLIMIT_DATA, "VmData"), (resource.RLIMIT_AS, "VmSize")):
            most = resource.getrlimit(limit)[0]
            if most != resource.RLIM_INFINITY and most - int(used[name].split()[0]) * 1024 < ROOM_BYTES:
                return False
    with suppress(OSError, ValueError, TypeError):
        # A container that runs out may be ended as a whole; what was read from files is given back before that.
        group = Path("/sys/fs/cgroup")
        most, used_now = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        files = re.search(r"^inactive_file (\d+)", (group / "memory.stat").read_text(), re.MULTILINE)
        return most - used_now + (int(files[1]) if files else 0) >= ROOM_BYTES
    return True  # a system without such limits


def _reduced(texts: list[str], seed: int) -> Any:
    extraction, decomposition = (importlib.import_module(name) for name in MODULES[:2])
    terms = min(MAX_TERMS, max(1, len(texts) // 2))
    matrix = extraction.TfidfVectorizer(stop_words="english", max_features=terms).fit_transform(texts)
    dimensions = min(DIMENSIONS, matrix.shape[1] - 1, matrix.shape[0] - 1)
    if dimensions < 1:
        return matrix.toarray()
    return decomposition.TruncatedSVD(n_components=dimensions, random_state=seed).fit_transform(matrix)


def _accuracy(matrix: Any, labels: list[str], seed: int) -> float:
    selection, trees = (importlib.import_module(name) for name in MODULES[2:])
    tree = trees.DecisionTreeClassifier(max_depth=TREE_DEPTH, random_state=seed)
    folds = min(FOLDS, *Counter(labels).values())
    if folds < 2:
        return float(tree.fit(matrix, labels).score(matrix, labels))
    splits = selection.StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    return float(selection.cross_val_score(tree, matrix, labels, cv=splits).mean())


def _leave_room() -> None:
    """Nobody's child, after everybody else's work, within bounds, and the first to go when memory runs out."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)  # a script that waits for its own children must not meet ours
    with suppress(ImportError, OSError, ValueError):
        import resource
        import signal

        signal.alarm(APART_S)
        os.nice(APART_NICE)
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft == resource.RLIM_INFINITY or soft > 2 * ROOM_BYTES:
            resource.setrlimit(resource.RLIMIT_DATA, (2 * ROOM_BYTES, hard))
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    told = json.loads(sys.stdin.buffer.read())
    _leave_room()
    sys.path[:] = told["path"]
    print(json.dumps(landmark_accuracy(told["texts"], told["labels"])))
