"""A finished trial as a Python script that a user keeps: same rows, same seed, same threads, same score."""

from __future__ import annotations

from pprint import pformat

from automl.runners.base import TrialSpec

TEMPLATE = '''"""{title}

Runs the pipeline again as TuneLore ran it, on one machine, and prints its validation score. Needs the same
environment: torch, transformers, scikit-learn (and peft for lora) and TuneLore's `automl` package, whose checkout
must be on PYTHONPATH. Everything that decides the run stands in SPEC: change a value, run again.
`automl.runners.execute` holds the training itself, in short readable functions.
"""

import os

THREADS = {threads}
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(THREADS)
{offline}os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from automl.runners.base import TrialSpec
from automl.runners.execute import execute, warm_up
{imports}
SPEC = {spec}


def main():
    spec = TrialSpec.from_dict(SPEC)
{fetch}    warm_up(spec.pipeline.method)
    if spec.pipeline.method != "linear":
        import torch

        torch.set_num_threads(THREADS)
    result = execute(spec)
    if result.status != "ok":
        raise SystemExit(f"the run ended as {{result.status}} ({{result.exception}}) in {{result.phase}}")
    for split, scores in result.metrics.items():
        for metric, value in scores.items():
            print(f"{{split:10}} {{metric:10}} {{value:.4f}}")
    print(f"seconds {{result.cost['evaluation_s']:.1f}}")
    print(f"{{result.primary['metric']}} {{result.primary['value']:.9f}}")


if __name__ == "__main__":
    main()
'''

OFFLINE = {"offline": 'os.environ.setdefault("HF_HUB_OFFLINE", "1")\n', "imports": "", "fetch": ""}
FETCHING = {
    "offline": "",
    "imports": "from automl.runners.fetched import fetch\nfrom automl.sources.hub.store import HubStore\n",
    "fetch": "    # What is pinned in SPEC and not below its `cache` yet comes from the HF Hub.\n"
    "    fetch(spec, HubStore(cache=spec.cache))\n",
}


def pipeline_script(spec: TrialSpec) -> str:
    """Python source. Values are written as literals by repr, so no text of a record becomes code."""
    pipeline = spec.pipeline
    model = f" of {pipeline.language_model}" if pipeline.language_model else ""
    title = f"{pipeline.method}{model} on {spec.dataset.name}".replace("\\", "/").replace('"', "'")
    plain = " ".join(title.split())[:160]
    return TEMPLATE.format(
        title=plain,
        threads=int(spec.threads),
        spec=pformat(spec.to_dict(), width=100, sort_dicts=False),
        **(FETCHING if names_hub(spec) else OFFLINE),
    )


def names_hub(spec: TrialSpec) -> bool:
    """Whether a run needs files of the HF Hub; a script of any other asks nobody."""
    return spec.dataset.source == "hub" or str(spec.pipeline.language_model).startswith("hub:")
