"""What the runner costs over a plain Trainer call by hand: the same fine-tuning, alternating, in fresh processes.

Both load MiniLM, train `full` on the same rows with the same settings and validate after each epoch; time counts from
loading the checkpoint to the end of validation, library imports not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from automl.runners.base import TrialSpec  # noqa: E402
from automl.runners.process import run  # noqa: E402
from automl.sources.datasets import DatasetRef  # noqa: E402
from automl.sources.language_models import MINILM  # noqa: E402
from automl.values import Limits, Pipeline  # noqa: E402
from tests.bench import results  # noqa: E402

SETTINGS = {
    "learning_rate": 5e-4,
    "epochs": 2,
    "batch_size": 16,
    "max_length": 48,
    "warmup_share": 0.1,
    "weight_decay": 0.01,
    "class_weights": False,
}
ROWS, EVALUATION_ROWS = 200, 200

BY_HAND = """
import json, sys, time
import numpy as np, torch, transformers
from sklearn.metrics import f1_score
from transformers import *
from automl.runners.base import TrialSpec
from automl.runners.execute import read
from automl.sources.language_models import resolve
torch.set_num_threads(1)
spec = TrialSpec.from_dict(json.load(open(sys.argv[1])))
splits, folder = read(spec), str(resolve(spec.pipeline.language_model).folder)
chosen = spec.pipeline.hyperparameters
set_seed(spec.seed)
began = time.monotonic()
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(splits.labels))
def rows(part):
    encoded = tokenizer(part.texts, truncation=True, max_length=chosen["max_length"])
    labels = [splits.labels.index(label) for label in part.labels]
    return [{**{k: v[i] for k, v in encoded.items()}, "labels": labels[i]} for i in range(len(labels))]
trainer = Trainer(
    model=model, train_dataset=rows(splits.train), eval_dataset=rows(splits.validation),
    data_collator=DataCollatorWithPadding(tokenizer), processing_class=tokenizer,
    compute_metrics=lambda p: {"f1": f1_score(p.label_ids, np.argmax(p.predictions, -1), average="macro")},
    args=TrainingArguments(
        output_dir=sys.argv[2], num_train_epochs=chosen["epochs"], per_device_train_batch_size=chosen["batch_size"],
        per_device_eval_batch_size=32, learning_rate=chosen["learning_rate"], weight_decay=chosen["weight_decay"],
        warmup_steps=chosen["warmup_share"], eval_strategy="epoch", save_strategy="no", use_cpu=True,
        disable_tqdm=True, report_to=[], seed=spec.seed, remove_unused_columns=False, logging_steps=3,
    ),
)
trainer.train()
print("seconds", time.monotonic() - began)
"""


def by_hand(spec: TrialSpec, folder: Path) -> float:
    told = folder / "spec.json"
    told.write_text(json.dumps(spec.to_dict()), encoding="utf-8")
    script = folder / "by_hand.py"
    script.write_text(BY_HAND, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(script), str(told), str(folder / "out")],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.strip().splitlines()[-1].split()[1])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        spec = TrialSpec(
            Pipeline("full", SETTINGS, MINILM), DatasetRef("builtin", "parameter-type"), ROWS, EVALUATION_ROWS,
            EVALUATION_ROWS, seed=1, limits=Limits(600.0, 8 * 2**30), cache=str(ROOT / "build" / "bench" / "cache"),
        )  # fmt: skip
        rows = []
        for number in range(rounds):
            hand = by_hand(spec, folder)
            ours = float(run(spec, lambda _progress: True).cost["evaluation_s"])
            rows.append({"by_hand_s": hand, "runner_s": ours, "ratio": ours / hand})
            print(
                f"round {number + 1}: by hand {hand:.1f} s, runner {ours:.1f} s, ratio {ours / hand:.3f}",
                flush=True,
            )
    ratio = median(row["ratio"] for row in rows)
    print(f"median ratio {ratio:.3f}")
    document = {
        "machine": platform.machine(),
        "versions": {"python": platform.python_version()},
        "seeds": [1],
        "rows": rows,
        "bars": {"runner_ratio": ratio},
    }
    target = ROOT / "build" / "bench" / "runner-ratio.json"
    results.write(document, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
