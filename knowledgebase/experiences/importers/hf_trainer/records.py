"""One run of a Trainer as a record, from its states and the files beside them. It reads no file.

What none of them says stays missing: when it ran, on which machine, whether layers were frozen, which data it saw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunelore import record as records

from knowledgebase.experiences.importers import hugging_face, scores
from knowledgebase.experiences.importers.hf_trainer import cards
from knowledgebase.experiences.importers.hf_trainer.cards import Card
from knowledgebase.experiences.importers.hf_trainer.states import State, doubts, in_percent
from knowledgebase.experiences.importers.hugging_face import DEFAULTS, SETTINGS
from knowledgebase.experiences.importers.values import (
    CLIENT,
    at_least_zero,
    fitted,
    hyperparameters,
    kept,
    last_part,
    number,
    text,
    thinned,
    whole,
    without_nothing,
)

VIA = "import:hf-trainer"
MOST_POINTS = 800
ENDLESS = 2**53  # the Trainer's number of epochs where it was given steps
# Said by the cost, or the same in every entry of the log.
_NO_METRIC = re.compile(
    r"(?:.*_)?(?:runtime|samples|samples_per_second|steps_per_second|preparation_time|jit_compilation_time)"
    r"|epoch|step|total_flos|(?:.*_)?mem_(?:cpu|gpu)_.*"
)
# Shown elsewhere in the record, of no use beyond the Trainer, or a name of somebody's folder or label.
_STATE_SAID = (
    "log_history", "global_step", "epoch", "max_steps", "num_train_epochs", "train_batch_size", "trial_params",
    "stateful_callbacks", "is_local_process_zero", "is_world_process_zero", "best_model_checkpoint",
)  # fmt: skip


@dataclass(frozen=True)
class Beside:
    """What stands beside the states: results, config, adapter and card; empty where there is none."""

    results: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    adapter: Mapping[str, Any] = field(default_factory=dict)
    card: Card = field(default_factory=Card)


def record_of_run(states: Sequence[State], beside: Beside) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record of a run, its last state first, and what is odd about it."""
    last, results, card = states[0], beside.results, beside.card
    measured = _measured(last, results)
    metrics, rest = scores.by_split(measured)
    outcome = _outcome(last, bool(metrics))
    named, left = hyperparameters(_settings(last, beside))
    runtime = results.get("train_runtime", _last_value(last, "train_runtime"))
    ok = outcome["status"] == "ok"
    record = {
        "schema": "tunelore.experience/1",
        "id": records.import_id("hf-trainer", last.sha),
        "started_at": None,
        "finished_at": None,
        **_common(beside, named),
        "fidelity": {
            "train_rows": whole(results.get("train_samples")),
            "epochs": at_least_zero(last.content.get("epoch")),
        },
        "outcome": outcome,
        "metrics": metrics,
        "primary": scores.primary(metrics) if ok and not in_percent(last) else None,
        "cost": without_nothing(
            {
                "train_s": at_least_zero(runtime),
                "predict_s": at_least_zero(results.get("eval_runtime", _last_value(last, "eval_runtime"))),
                "steps": last.step,
                "batch_size_effective": whole(card.settings.get("total_train_batch_size")),
            }
        ),
        "curve": thinned(_curve(last), MOST_POINTS),
        "provenance": _provenance(card, last),
        "extra": {"hf-trainer": _extra(states, beside, {**left, **rest})},
    }
    record, notes = fitted(record)
    if len(last.log) > MOST_POINTS:
        notes = (f"curve of {len(last.log):,} entries thinned to {MOST_POINTS}", *notes)
    if outcome["status"] == "diverged":
        notes = ("a loss was not finite: imported as diverged", *notes)
    return record, (*doubts(last), *notes)


def record_of_card(card: Card, sha: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record of a model card alone: what was reached is said, how the run ended is not."""
    beside = Beside(card=card)
    named, left = hyperparameters(_settings(None, beside))
    metrics: scores.Splits = {}
    for split, name, value in card.metrics:
        where = scores.named(f"{split}_{name}")[0] if split else scores.UNSAID
        if name and len(name) <= scores.MOST:
            metrics.setdefault(where, {})[scores.canonical_name(name)] = number(value)
    record = {
        "schema": "tunelore.experience/1",
        "id": records.import_id("hf-trainer", sha),
        "started_at": None,
        "finished_at": None,
        **_common(beside, named),
        "outcome": {"status": "unknown"},
        "metrics": metrics,
        "primary": None,
        "provenance": _provenance(card, None),
        "extra": {"hf-trainer": without_nothing({"card": _card_rest(card), **kept(left)})},
    }
    return fitted(record)


def _common(beside: Beside, named: Mapping[str, Any]) -> dict[str, Any]:
    card = beside.card
    method, _ = hugging_face.method(beside.adapter)
    base = card.front.get("base_model")
    base = base[0] if isinstance(base, list) and len(base) == 1 else base
    return {
        "task": {
            "kind": card.task or hugging_face.kind(beside.config, beside.adapter) or "unknown",
            "name": text(card.dataset.get("name"), 200),
            "languages": cards.languages(card),
            "dataset": cards.dataset(card),
        },
        "system": None,
        "language_model": hugging_face.base_model(beside.config, beside.adapter, base),
        "pipeline": {"method": method, "space": None, "hyperparameters": dict(named)},
    }


def _outcome(last: State, measured: bool) -> dict[str, Any]:
    """ok where the Trainer summed up, or every step was done; a run that simply stops says nothing of why."""
    broken = last.first_infinite()
    if broken is not None:
        return {"status": "diverged", "phase": "train", "step": whole(broken.get("step"))}
    steps = whole(last.content.get("max_steps"))
    complete = last.summed_up or (steps is not None and 0 < steps <= last.step)
    return {"status": "ok"} if complete and measured else {"status": "unknown", "step": last.step}


def _measured(last: State, results: Mapping[str, Any]) -> dict[str, Any]:
    """The last value of each metric by the log; the files of results are later and win."""
    found: dict[str, Any] = {}
    for entry in last.log:
        found.update(
            {
                ("train_loss" if name == "loss" else name): value
                for name, value in entry.items()
                if _is_metric(name, value)
            }
        )
    found.update({name: value for name, value in results.items() if _is_metric(name, value)})
    return {name: value for name, value in found.items() if scores.named(name)[0] != scores.UNSAID}


def _is_metric(name: str, value: Any) -> bool:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and _NO_METRIC.fullmatch(name) is None


def _last_value(last: State, name: str) -> Any:
    return next((entry[name] for entry in reversed(last.log) if name in entry), None)


def _settings(last: State | None, beside: Beside) -> list[tuple[str, Any]]:
    """Hyper-parameters by name, the surest source last: the state, the card, the trial of a search, the adapter."""
    found: dict[str, Any] = {}
    if last is not None:
        epochs = number(last.content.get("num_train_epochs"))
        endless = epochs is None or epochs >= ENDLESS
        told = {"max_steps": last.content.get("max_steps")} if endless else {"epochs": epochs}
        found |= without_nothing({**told, "batch_size": whole(last.content.get("train_batch_size"))})
    trial = last.content.get("trial_params") if last is not None else None
    for source in (beside.card.settings, trial if isinstance(trial, dict) else {}):
        is_trial = source is trial
        for name, value in source.items():
            if name in SETTINGS or is_trial:
                found[SETTINGS.get(name, name)] = value
    found |= hugging_face.method(beside.adapter)[1]
    return [(name, value) for name, value in found.items() if DEFAULTS.get(name, ...) != value]


def _curve(last: State) -> list[dict[str, Any]]:
    points = []
    for entry in last.log:
        values = {name[:200]: number(value) for name, value in entry.items() if _is_metric(name, value)}
        if values and "train_runtime" not in entry:
            points.append(
                {
                    "step": whole(entry.get("step")),
                    "epoch": at_least_zero(entry.get("epoch")),
                    "values": dict(list(values.items())[:100]),
                }
            )
    return points


def _provenance(card: Card, last: State | None) -> dict[str, Any]:
    seed = number(card.settings.get("seed"))
    name = str(last.content.get("trial_name") or "") if last is not None else ""
    trial = re.fullmatch(r"(?:trial|run)-(\d{1,9})", name)
    return {
        "client": CLIENT,
        "via": VIA,
        "seed": int(seed) if seed is not None and float(seed).is_integer() else None,
        "trial": int(trial[1]) if trial else None,
    }


def _extra(states: Sequence[State], beside: Beside, left: Mapping[str, Any]) -> dict[str, Any]:
    last = states[0]
    state = {name: value for name, value in last.content.items() if name not in _STATE_SAID}
    state["best_model_checkpoint"] = last_part(last.content.get("best_model_checkpoint"))
    state["max_steps"] = last.content.get("max_steps")
    results = {name: value for name, value in beside.results.items() if not _is_metric(name, value)}
    steps = sorted({one.step for one in states})
    return without_nothing(
        {
            "state": kept(without_nothing(state)),
            "results": kept(
                {**results, "run_name": last_part(results.get("run_name"))}
                if "run_name" in results
                else results
            ),
            "checkpoints": steps[-200:] if len(states) > 1 else None,
            "transformers": text(beside.config.get("transformers_version"), 40),
            "card": _card_rest(beside.card),
            "not_named": kept(dict(left)),
        }
    )


def _card_rest(card: Card) -> dict[str, Any]:
    """The card beyond what is named: licence, tags, further results; without texts for a page's widgets."""
    front = {
        name: value for name, value in card.front.items() if name not in ("widget", "language", "base_model")
    }
    unnamed = {
        name: value for name, value in card.settings.items() if name not in SETTINGS and name != "seed"
    }
    more = list(card.more)
    return without_nothing(
        {
            "front": kept(front),
            "settings": kept(unnamed),
            "dataset": kept(dict(card.dataset)),
            "more_results": kept(more),
        }
    )
