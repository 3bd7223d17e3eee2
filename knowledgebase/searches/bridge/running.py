"""A trial row to a run of the library in a child process, and its result to a record.

It knows no leases and writes nothing: services claim the trial before and finish it after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from uuid import UUID

from django.conf import settings
from tunelore import describe

from automl.runners.base import TrialProgress, TrialResult, TrialSpec
from automl.runners.fetched import fetch_and_run
from automl.runners.script import pipeline_script
from automl.values import Limits
from knowledgebase.searches.bridge.curves import stopping_of
from knowledgebase.searches.bridge.datasets import data_roots, dataset_ref
from knowledgebase.searches.bridge.engine import pipeline_of
from knowledgebase.searches.bridge.records import Ending, lost_record, result_record
from knowledgebase.searches.bridge.store import hub_store
from knowledgebase.searches.models import Trial

Progress = Mapping[str, object]
THREADS = 1


@dataclass(frozen=True)
class Machine:
    """The worker's machine, described once a process."""

    system: Mapping[str, object]
    device_speed: float | None


@lru_cache(maxsize=1)
def machine() -> Machine:
    """System and measured speed with the threads of one trial."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(THREADS):
        return Machine(describe.system(), describe.device_speed(THREADS))


def run_pipeline(trial_id: UUID, on_progress: Callable[[Progress], bool]) -> Ending:
    """Fetch what is not here yet, then train in a child process; until it ends or `on_progress` (about once a
    second) returns False."""
    trial = _trial(trial_id)
    here = machine()

    def report(progress: TrialProgress) -> bool:
        return on_progress(asdict(progress))

    spec = replace(trial_spec(trial), stopping=stopping_of(trial))
    result = fetch_and_run(spec, hub_store(), report, trial.search.objectives)
    return ending_of(trial, result, here)


def lost_ending(trial_id: UUID) -> Ending:
    """How a trial ends whose worker was lost too often."""
    trial = _trial(trial_id)
    return Ending(status="killed", cause="lost", record=lost_record(trial))


def trial_script(trial: Trial) -> str:
    """A Python script that runs this trial again on its own: same rows, same seed, same threads."""
    return pipeline_script(trial_spec(trial))


def trial_spec(trial: Trial) -> TrialSpec:
    """Everything the runner needs to know."""
    search = trial.search
    return TrialSpec(
        pipeline=pipeline_of(trial),
        dataset=dataset_ref(search.dataset),
        train_rows=search.train_rows,
        validation_rows=search.evaluation_rows,
        test_rows=search.evaluation_rows,
        seed=trial.seed,
        limits=Limits(wall_s=search.wall_s, host_memory_bytes=search.host_memory_bytes),
        threads=THREADS,
        device="cpu",
        cache=str(settings.CACHE_FOLDER),
        model_roots=tuple(str(root) for root in settings.MODEL_ROOTS),
        data_roots=tuple(data_roots(search.dataset)),
        powercap=settings.POWERCAP,
    )


def _trial(trial_id: UUID) -> Trial:
    return Trial.objects.select_related("search__dataset").get(pk=trial_id)


def ending_of(trial: Trial, result: TrialResult, here: Machine) -> Ending:
    """What the trial's row keeps of a result, and its record."""
    cost = result.cost or {}
    primary = result.primary
    return Ending(
        status=result.status,
        cause=result.cause or "",
        phase=result.phase or "",
        score=primary["value"] if primary else None,
        seconds=cost.get("evaluation_s"),
        # A system that tells no process's memory has it as 0.
        memory_bytes=cost.get("host_memory_bytes") or None,
        trainable_parameters=cost.get("trainable_parameters"),
        energy_j=cost.get("energy_j"),
        pruning=result.pruning,
        record=result_record(trial, result, here.system, here.device_speed),
    )
