"""`python -m automl.estimators evaluate | feasibility | fit`: what estimators are worth, from the command line.

Knows files and arguments; the work is in `evaluation`, `pool` and `snapshots`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # many small systems: threads only wait for one another

from automl.errors import EstimatorError  # noqa: E402
from automl.estimators import snapshots  # noqa: E402
from automl.estimators.evaluation.feasible import LEFT_OUT  # noqa: E402
from automl.estimators.evaluation.folds import FOLDS  # noqa: E402
from automl.estimators.evaluation.report import evaluate, feasibility, feasible_lines, lines_of  # noqa: E402
from automl.estimators.pool import ESTIMATORS, fit  # noqa: E402
from automl.estimators.reading import STARTER, Experience, read_records  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 2 with a message for what cannot be used."""
    asked = _parser().parse_args(arguments)
    try:
        found: int = asked.run(asked)
    except EstimatorError as error:
        print(error, file=sys.stderr)
        return 2
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m automl.estimators", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, run, text in (
        (
            "evaluate",
            _evaluate,
            "leave out rows, tasks and language models, and judge what is predicted of them",
        ),
        ("feasibility", _feasibility, "how far off first principles with corrections are, on runs left out"),
        ("fit", _fit, "fit an estimator and write it to a file"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        command.add_argument(
            "--experience",
            nargs="+",
            type=Path,
            metavar="FILE",
            help="records as JSON Lines, plain or .gz (default: the starter experience)",
        )
        if name != "feasibility":
            many = name == "evaluate"
            command.add_argument(
                "--estimator",
                action="append" if many else "store",
                required=not many,
                metavar="NAME",
                help=f"{'again for more, default all of' if many else 'one of'} {', '.join(ESTIMATORS)}",
            )
        if name == "evaluate":
            command.add_argument("--left-out", action="append", choices=FOLDS, help="default all")
        if name == "fit":
            command.add_argument(
                "--to", type=Path, required=True, metavar="FILE", help="the snapshot to write"
            )
        else:
            command.add_argument("--json", action="store_true", help="print JSON and no tables")
    return parser


def _experience(asked: argparse.Namespace) -> Experience:
    if asked.experience is None and not STARTER.exists():
        raise EstimatorError(f"there is no starter experience at {STARTER}; name files with --experience")
    return read_records(asked.experience or [STARTER])


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _evaluate(asked: argparse.Namespace) -> int:
    experience = _experience(asked)
    names, folds = asked.estimator or tuple(ESTIMATORS), tuple(asked.left_out or FOLDS)
    report = evaluate(experience, names, _progress, folds=folds)
    report["feasibility"] = feasibility(experience, tuple(LEFT_OUT), _progress)
    print(json.dumps(report, indent=1) if asked.json else "\n".join(lines_of(report)))
    return 0


def _feasibility(asked: argparse.Namespace) -> int:
    rows = feasibility(_experience(asked), tuple(LEFT_OUT), _progress)
    print(json.dumps(rows, indent=1) if asked.json else "\n".join(feasible_lines(rows)[1:]))
    return 0


def _fit(asked: argparse.Namespace) -> int:
    experience = _experience(asked)
    estimator = fit(asked.estimator, experience.runs, experience.facts, sources=experience.sources)
    snapshots.save(estimator, asked.to)
    said = estimator.fitted_on
    print(
        f"{asked.to}: {estimator.name}, fitted on {said.runs} runs of {len(said.tasks)} tasks, {said.digest[:12]}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
