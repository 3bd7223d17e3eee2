"""Extractive question answering with MiniLM against the best answer that never reads: a fixed stretch of the context.

945 questions of SQuAD 1.1 (the English part of XQuAD) to train and choose, 245 about other articles to judge. The
rival is told the test answers: of all stretches "k words from word i, from the front or from the end" it takes the one
that scores best on the very questions that judge it. Differences are paired by question; the bound is of a bootstrap
over contexts, whose questions hang together. Needs the shared data folder (TUNELORE_SHARED, default ../shared).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from automl.runners.answering.rules import exact_match, token_f1  # noqa: E402
from automl.runners.base import TrialSpec  # noqa: E402
from automl.runners.execute import method_of, read, seed_everything, warm_up  # noqa: E402
from automl.runners.state import State  # noqa: E402
from automl.sources.answered.questions import Questions, questions_of  # noqa: E402
from automl.sources.datasets import DatasetRef  # noqa: E402
from automl.sources.language_models import MINILM  # noqa: E402
from automl.values import Pipeline  # noqa: E402
from tests.bench import results  # noqa: E402

SETTINGS = {
    "learning_rate": 3e-4,
    "epochs": 4,
    "batch_size": 8,
    "max_length": 256,
    "warmup_share": 0.1,
    "weight_decay": 0.01,
}
METHODS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"learning_rate": 2e-3, "lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.0},
    "partial": {"frozen_share": 0.5},
}
SEEDS = (1, 2, 3)
QUICK_ROWS, QUICK_EPOCHS = 300, 2
FARTHEST, LONGEST = 150, 12  # words, from either end: together all of a context of 300
RESAMPLES, SEED = 10_000, 20261121


def spec_of(method: str, seed: int, folder: Path, *, quick: bool, threads: int) -> TrialSpec:
    name = "squad_v1_xquad_en"
    ref = DatasetRef(
        "file",
        name,
        f"{name}/train.jsonl.gz",
        test_path=f"{name}/test.jsonl.gz",
        text_columns=("context", "question"),
        label_column="answers",
        kind="question-answering",
    )
    values = {**SETTINGS, **METHODS[method], **({"epochs": QUICK_EPOCHS} if quick else {})}
    return TrialSpec(
        Pipeline(method, values, MINILM),
        ref,
        QUICK_ROWS if quick else None,
        seed=seed,
        threads=threads,
        data_roots=(str(folder),),
    )


def answered(spec: TrialSpec, cache: Path) -> dict[str, Any]:
    """Answers to the test questions and what they cost; each run is done once and kept."""
    digest = hashlib.sha256(json.dumps(spec.to_dict(), sort_keys=True).encode()).hexdigest()[:16]
    kept = cache / f"{digest}.json"
    if kept.is_file():
        return dict(json.loads(kept.read_text(encoding="utf-8")))
    import torch

    torch.set_num_threads(spec.threads)
    warm_up(spec.pipeline.method)
    splits = read(spec)
    seed_everything(spec.seed)
    began = time.monotonic()
    trained = method_of(spec)(spec, splits, State(), lambda state: None)
    seconds = time.monotonic() - began
    assert trained.answers is not None
    found = {
        "answers": trained.answers(splits.test),
        "validation": trained.validation,
        "epochs": trained.epochs,
        "seconds": round(seconds, 1),
        "train_rows": len(splits.train),
    }
    cache.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found, ensure_ascii=False) + "\n", encoding="utf-8")
    return found


def f1s(answers: list[str], rows: Questions) -> np.ndarray:
    """(questions,) token-F1 of each answer."""
    return np.array([token_f1(one, row.answers) for one, row in zip(answers, rows.items, strict=True)])


def stretch(context: str, first: int, words: int) -> str:
    """`words` words from word `first`; a negative one counts from the end."""
    parts = context.split()
    begin = max(0, len(parts) + first) if first < 0 else first
    return " ".join(parts[begin : begin + words])


def best_stretch(rows: Questions) -> tuple[np.ndarray, tuple[int, int]]:
    """((questions,) token-F1, (first word, words)) of the fixed stretch that is best for these questions."""
    found = {
        (first, words): f1s([stretch(row.context, first, words) for row in rows.items], rows)
        for first in range(-FARTHEST, FARTHEST)
        for words in range(1, LONGEST + 1)
    }
    best = max(found, key=lambda place: float(found[place].mean()))
    return found[best], best


def lower_bound(differences: np.ndarray, contexts: list[str]) -> float:
    """2.5 % quantile of the mean under a bootstrap over contexts: the lower end of the 95 % interval."""
    groups = [
        np.array([d for d, one in zip(differences, contexts, strict=True) if one == each])
        for each in dict.fromkeys(contexts)
    ]
    sums, sizes = np.array([group.sum() for group in groups]), np.array([len(group) for group in groups])
    drawn = np.random.default_rng(SEED).integers(len(groups), size=(RESAMPLES, len(groups)))
    return float(np.quantile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), 0.025))


def row_of(
    method: str, seed: int, found: dict[str, Any], test: Questions, fixed: np.ndarray
) -> dict[str, Any]:
    mine = f1s(found["answers"], test)
    exact = [exact_match(a, row.answers) for a, row in zip(found["answers"], test.items, strict=True)]
    return {
        "method": method,
        "seed": seed,
        "token_f1": float(mine.mean()),
        "exact_match": float(np.mean(exact)),
        "fixed_f1": float(fixed.mean()),
        "gain": float((mine - fixed).mean()),
        "gain_lower": lower_bound(mine - fixed, [row.context for row in test.items]),
        **{name: found[name] for name in ("seconds", "epochs", "train_rows")},
        "validation_f1": found["validation"]["token_f1"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="300 rows, 2 epochs, one seed, full only")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    chosen = parser.parse_args()
    folder = Path(os.environ.get("TUNELORE_SHARED", ROOT.parent / "shared")).resolve() / "data" / "qa"
    if not folder.is_dir():
        print(f"bench-qa needs the shared data folder: there is no {folder}; set TUNELORE_SHARED")
        return 3
    runs = [("full", SEEDS[0])] if chosen.quick else [(m, s) for s in chosen.seeds for m in chosen.methods]
    cache = ROOT / "build" / "bench" / "qa"
    fixed, place, rows = np.zeros(0), (0, 0), []
    for method, seed in runs:
        spec = spec_of(method, seed, folder, quick=chosen.quick, threads=chosen.threads)
        test = questions_of(read(spec).test)
        if not len(fixed):
            fixed, place = best_stretch(test)
            print(f"best fixed answer: {place[1]} words from word {place[0]}, token-F1 {fixed.mean():.3f}")
        rows.append(row_of(method, seed, answered(spec, cache), test, fixed))
        print(
            "  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{k} {v}" for k, v in rows[-1].items()),
            flush=True,
        )
    document = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version()},
        "seeds": sorted({seed for _, seed in runs}),
        "fixed": {"first_word": place[0], "words": place[1]},
        "rows": rows,
        "bars": {
            f"qa_gain_lower_{method}": min(row["gain_lower"] for row in rows if row["method"] == method)
            for method in dict.fromkeys(method for method, _ in runs)
        },
    }
    target = ROOT / "build" / "bench" / "qa.json"
    results.write(document, target)
    print(json.dumps(document["bars"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
