"""The script of a pipeline, run as somebody would who has it from the hub. It knows no test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from automl.runners.base import TrialSpec
from automl.runners.script import pipeline_script

ROOT = Path(__file__).resolve().parents[1]


def said_by_script(spec: TrialSpec, folder: Path) -> tuple[str, float]:
    """Metric and value of the last line that the script of this trial prints, in a process of its own."""
    script = folder / "best.py"
    script.write_text(pipeline_script(spec), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    name, value = done.stdout.strip().splitlines()[-1].split()
    return name, float(value)
