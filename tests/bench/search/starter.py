"""The gate on the starter experience, one task left out: samplers pick rows, the gate refuses some of them.

Knows the table of `bench_warm_start`; what a refused row would have given is in the table too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import numpy as np
from bench_warm_start import TABLE, Table, choose, metrics, outcome, read_table

from automl.engine import Engine
from automl.gate import Gate, GateOptions, contradicted
from automl.priors import build_prior
from automl.samplers import Setting
from automl.spaces.tunelore import tunelore
from automl.values import SKIPPED, Evidence, Outcome, Proposal, TaskView

SAMPLERS = ("random", "pge", "process")
PICKS = 8
COSTLY = 0.001


@dataclass
class Picks:
    """One search: hypervolume after each pick as a share of the whole table's, and the skips."""

    curve: list[float] = field(default_factory=list)
    skips: list[tuple[bool, bool]] = field(default_factory=list)
    """(contradicted by the truth, would have added hypervolume) each."""


def starter_rows(seeds: int, options: GateOptions) -> list[dict[str, Any]]:
    """Each sampler without and with the gate, over all tasks."""
    table, found = read_table(TABLE), []
    for sampler in SAMPLERS:
        where = [(task, seed) for task in table.tasks for seed in range(seeds)]
        plain = [pick_rows(table, task, sampler, seed, None) for task, seed in where]
        gated = [pick_rows(table, task, sampler, seed, options) for task, seed in where]
        skips = [skip for one in gated for skip in one.skips]
        found.append(
            {
                "sampler": sampler,
                **{f"hv_{at}": fmean(one.curve[at - 1] for one in plain) for at in (2, 4, 8)},
                **{f"gated_hv_{at}": fmean(_at(one.curve, at) for one in gated) for at in (2, 4, 8)},
                "skipped": len(skips) / len(gated),
                "wrong": sum(wrong for wrong, _ in skips) / max(len(skips), 1),
                "costly": sum(costly for _, costly in skips) / max(len(skips), 1),
            }
        )
    return found


def _at(curve: Sequence[float], at: int) -> float:
    """Where everything left was refused the curve ends early, and stays."""
    return curve[min(at, len(curve)) - 1] if curve else 0.0


def pick_rows(table: Table, task: str, sampler: str, seed: int, options: GateOptions | None) -> Picks:
    """One search on a left-out task, of at most `PICKS` rows that run."""
    own, space = table.tasks[task], tunelore(table.language_models)
    others = [row for other, rows in table.tasks.items() if other != task for row in rows]
    prior = build_prior(space, others, TaskView(task, own[0].metafeatures, limits=own[0].limits))
    settings = {"population": 2} if sampler == "pge" else {}
    engine = Engine(space, sampler, prior=prior, seed=seed, options=settings)
    gate = None if options is None else Gate(Setting(space, prior, seed=seed), options)
    rng, left, limit_s = np.random.default_rng([seed, 7]), list(own), own[0].limits.wall_s or 60.0
    whole = _volume([outcome(row, 1) for row in own], limit_s)
    found, number = Picks(), 0
    while left and len(found.curve) < PICKS:
        number += 1
        row = left.pop(choose(engine, left, (), rng))
        if gate is not None and _refused(gate, row, number, engine.history):
            found.skips.append(_truth(gate, row, engine.history, limit_s, whole))
            engine.tell(Outcome(number, row.pipeline, SKIPPED))
            continue
        engine.tell(outcome(row, number))
        found.curve.append(_volume(engine.history, limit_s) / whole)
    return found


def _refused(gate: Gate, row: Evidence, number: int, history: Sequence[Outcome]) -> bool:
    said = gate.verdict(Proposal(number, row.pipeline, "row"), history)
    return bool(said.rule) and not gate.audits(number)


def _truth(
    gate: Gate, row: Evidence, history: Sequence[Outcome], limit_s: float, whole: float
) -> tuple[bool, bool]:
    said = gate.verdict(Proposal(1, row.pipeline, "row"), history).to_dict("audit")
    ended = outcome(row, 1)
    gain = (_volume([*history, ended], limit_s) - _volume(history, limit_s)) / whole
    return bool(contradicted(said, ended)), gain > COSTLY


def _volume(history: Sequence[Outcome], limit_s: float) -> float:
    return metrics(history, limit_s)["hypervolume"]
