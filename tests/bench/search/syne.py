"""Syne Tune's transfer schedulers as arms: each search talks to an interpreter that has Syne Tune.

Knows flat configurations and the child's lines (`syne_child.py`); knows nothing of Syne Tune. The interpreter is that
of an environment below build/, made at first use (`prepare`); `TUNELORE_SYNE_PYTHON` names another. Without either
there are no such arms.

These schedulers have one objective, so they are told what a run alone would dominate: score x (1 - seconds / limit),
0 for a failure. Their space knows no conditions, so it is flat: what a pipeline does not have stands in the middle.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from automl.priors import Prior
from automl.space import Choice, Flag, Integer, Parameter, Real, Space
from automl.values import Evidence, Outcome, Pipeline

CHILD = Path(__file__).with_name("syne_child.py")
REQUIREMENTS = Path(__file__).with_name("syne-requirements.txt")
VARIABLE = "TUNELORE_SYNE_PYTHON"
ENVIRONMENT = Path(__file__).resolve().parents[3] / "build" / "bench" / "syne"
NAMES = ("quantiles", "zero-shot", "box")


def requirements() -> str:
    """What the environment has."""
    return REQUIREMENTS.read_text(encoding="utf-8")


def interpreter() -> str | None:
    """The interpreter that is named, or that of an environment that was made to the end; None without one."""
    if named := os.environ.get(VARIABLE):
        return named
    stamp = ENVIRONMENT / "installed.txt"
    whole = stamp.is_file() and stamp.read_text(encoding="utf-8") == requirements()
    return str(ENVIRONMENT / "bin" / "python") if whole else None


def available() -> bool:
    """Whether there is one."""
    return interpreter() is not None


def prepare() -> None:
    """Make the environment unless there is one; where it cannot be made, say so in one line and go on without."""
    if available():
        return
    print(f"making an environment for Syne Tune in {ENVIRONMENT} (1.3 GB, minutes)", file=sys.stderr)
    try:
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        install = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "-q"]
        subprocess.run([*install, "install", "-r", str(REQUIREMENTS)], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"without Syne Tune: its environment could not be made ({error})", file=sys.stderr)
        return
    (ENVIRONMENT / "installed.txt").write_text(requirements(), encoding="utf-8")


@lru_cache(maxsize=1)
def _child() -> subprocess.Popen[str]:
    python = interpreter()
    if python is None:
        raise RuntimeError(f"there is no Syne Tune: make bench-search makes {ENVIRONMENT}, or set {VARIABLE}")
    return subprocess.Popen(
        [python, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )


def _talk(said: dict[str, Any]) -> dict[str, Any]:
    child = _child()
    pipes: tuple[IO[str] | None, IO[str] | None] = (child.stdin, child.stdout)
    if pipes[0] is None or pipes[1] is None:
        raise RuntimeError("the child of Syne Tune has no pipes")
    pipes[0].write(json.dumps(said) + "\n")
    pipes[0].flush()
    if not (answer := pipes[1].readline()):
        raise RuntimeError(f"{interpreter()} {CHILD} ended with {child.wait()}; run it by hand to see why")
    return dict(json.loads(answer))


class Flat:
    """A conditional space as a list of parameters, and pipelines as their values."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.items: dict[str, Parameter] = {"method": Choice(tuple(one.name for one in space.methods))}
        if space.language_models:
            self.items["language_model"] = Choice(tuple(space.language_models))
        for method in space.methods:
            self.items |= {f"{method.name}.{name}": item for name, item in method.parameters.items()}

    def domains(self) -> list[list[object]]:
        return [[name, *_domain(item)] for name, item in self.items.items()]

    def values(self, pipeline: Pipeline) -> list[object]:
        own: dict[str, object] = {
            f"{pipeline.method}.{name}": value for name, value in pipeline.hyperparameters.items()
        }
        own |= {"method": pipeline.method}
        own |= {} if pipeline.language_model is None else {"language_model": pipeline.language_model}
        return [own.get(name, _middle(item)) for name, item in self.items.items()]

    def pipeline(self, values: dict[str, Any]) -> Pipeline:
        method = self.space.method(values["method"])
        model = values["language_model"] if method.needs_language_model else None
        own = {name: values[f"{method.name}.{name}"] for name in method.parameters}
        return Pipeline(method.name, own, model, self.space.name)


def _domain(item: Parameter) -> tuple[str, list[object]]:
    if isinstance(item, Real):
        return "loguniform" if item.log else "uniform", [item.low, item.high]
    if isinstance(item, Integer):
        return "lograndint" if item.log else "randint", [item.low, item.high]
    return "choice", [[False, True] if isinstance(item, Flag) else list(item.options)]


def _middle(item: Parameter) -> object:
    if isinstance(item, Real | Integer):
        middle = (item.low * item.high) ** 0.5 if item.log else (item.low + item.high) / 2
        return round(middle) if isinstance(item, Integer) else middle
    return False if isinstance(item, Flag) else item.options[0]


class Syne:
    """One search with a scheduler of Syne Tune."""

    def __init__(self, name: str, space: Space, prior: Prior | None, seed: int, limit_s: float) -> None:
        self.flat, self.limit_s = Flat(space), limit_s
        memory = None if prior is None else prior.memory
        store: dict[str, tuple[list[Any], list[float]]] = {}
        for run in () if memory is None else memory.runs:
            if not space.contains(run.pipeline):
                continue
            rows, metrics = store.setdefault(run.task, ([], []))
            rows.append(self.flat.values(run.pipeline))
            metrics.append(-_worth(run, run.limits.wall_s or limit_s))
        _talk({"start": name, "space": self.flat.domains(), "store": store, "seed": seed})

    def ask(self) -> Pipeline:
        return self.flat.pipeline(_talk({"ask": True}))

    def tell(self, outcome: Outcome) -> None:
        _talk({"tell": -_worth(outcome, self.limit_s)})


def _worth(run: Evidence | Outcome, limit_s: float) -> float:
    """The area that a run dominates alone, in [0, 1]; a failure none."""
    if run.status != "ok" or run.score is None or run.seconds is None:
        return 0.0
    return run.score * max(0.0, 1 - run.seconds / limit_s)
