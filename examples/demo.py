"""TuneLore's main job, end to end, on real fine-tunings: ``make demo``.

It starts a hub with nothing configured, logs three ordinary Trainer runs (one of which does not fit its
memory limit), launches a search on another dataset that starts from what is known, and runs the best pipeline
it found as a script. Everything goes through the doors that a user has: command line, callback, REST API.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from demo_parts import ROOT, Api, DemoFailed, console, hub, manage, run_script
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

LOGGED_DATASET = "docstring-kind"
SEARCHED_DATASET = "parameter-type"
CHECKPOINT = "package:sentence-transformers/all-MiniLM-L6-v2@1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
SLOTS, LIMIT_S = 2, 60
# Enough to import torch and load the checkpoint, too little for a long batch with its activations.
TIGHT_MEMORY_BYTES = 1_000 * 2**20
RUNS = (
    ("one pass over the data", ["--learning-rate", "3e-4"], None),
    ("three passes over the data", ["--learning-rate", "3e-4", "--epochs", "3"], None),
    ("too large for its memory limit", ["--batch-size", "128", "--max-length", "256"], TIGHT_MEMORY_BYTES),
)


@dataclass(frozen=True)
class Plan:
    """What is searched: the dataset as the API names it, the language models (() for all that are here)."""

    dataset: dict[str, object]
    language_models: tuple[str, ...] = ()
    trials: int = 12
    train_rows: int = 600

    @property
    def title(self) -> str:
        return f"{self.dataset['name']}, demo"


HERE = Plan({"source": "builtin", "name": SEARCHED_DATASET})
# Small, published as safetensors; any other of the HF Hub is written in the same way.
FROM_HF_HUB = Plan(
    {
        "source": "hub",
        "name": "stanfordnlp/sst2",
        "text_columns": ["sentence"],
        "label_column": "label",
    },
    (
        "hub:sentence-transformers/paraphrase-MiniLM-L3-v2",
        "hub:sentence-transformers/all-MiniLM-L6-v2",
    ),
)
HF_HUB = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def step(number: int, title: str) -> None:
    console.print(f"\n[bold]{number}. {title}[/bold]")


def export_dataset(folder: Path) -> tuple[Path, Path]:
    """Write the dataset that the researcher has: two ordinary CSV files."""
    from automl.sources.datasets import DatasetRef, load

    cache = Path(os.environ.get("TUNELORE_HOME", ROOT / "var")) / "cache"
    labelled = load(DatasetRef(source="builtin", name=LOGGED_DATASET), cache=cache)
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "train.csv", folder / "validation.csv"
    for path, rows in zip(paths, (labelled.train, labelled.validation), strict=True):
        assert rows is not None
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows(zip(rows.texts, rows.labels, strict=True))
    return paths


def log_runs(api: Api, folder: Path, train_rows: int) -> None:
    """As a researcher: the same script three times, the last one with too little memory."""
    from automl.sources.language_models import resolve

    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    train, validation = export_dataset(folder)
    environment = {
        **os.environ,
        "TUNELORE_URL": api.address,
        "TUNELORE_TOKEN": api.token,
        "TUNELORE_SPOOL": str(folder / "spool"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": str(SLOTS),
    }
    base = ["examples/train_with_callback.py", "--train", str(train), "--validation", str(validation)]
    base += ["--model", str(resolve(CHECKPOINT).folder), "--language-model", CHECKPOINT]
    base += ["--task", LOGGED_DATASET, "--rows", str(train_rows), "--output", str(folder / "run")]
    console.print(f"  [dim]python {base[0]} --task {LOGGED_DATASET} --rows {train_rows} ...[/dim]")
    for title, options, memory in RUNS:
        prepare = (
            None
            if memory is None
            else lambda limit=memory: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        )
        done = run_script(base + options, environment, title, prepare)
        if (done.returncode != 0) != (memory is not None):
            raise DemoFailed(f"the run {title!r} ended with {done.returncode}:\n{done.stderr[-1500:]}")
    synced = subprocess.run(
        [str(Path(sys.executable).with_name("tunelore")), "sync"],
        env=environment,
        capture_output=True,
        text=True,
    )
    if synced.returncode:
        raise DemoFailed(f"tunelore sync: {synced.stdout}{synced.stderr}")
    arrived = api("experiences/?via=callback&limit=20")["results"]
    # Not what an interrupted demo had left on the disk, which is sent with these.
    show_logged([one for one in arrived if one["record"]["started_at"] >= began][: len(RUNS)])


def show_logged(newest: list[dict[str, Any]]) -> None:
    records = [item["record"] for item in reversed(newest)]
    statuses = [record["outcome"]["status"] for record in records]
    if statuses != ["ok", "ok", "oom"]:
        raise DemoFailed(f"expected two runs that went well and one out of memory, the hub has {statuses}")
    table = Table("what arrived", "outcome", "macro-F1", "seconds", "memory GiB", box=None, padding=(0, 1))
    for (title, _, _), record in zip(RUNS, records, strict=True):
        primary, cost = record.get("primary"), record.get("cost") or {}
        outcome = record["outcome"]["status"]
        phase = record["outcome"].get("phase")
        table.add_row(
            title,
            outcome if outcome == "ok" else f"[red]{outcome}[/red] ({phase})",
            f"{primary['value']:.4f}" if primary else "–",
            f"{cost.get('evaluation_s') or 0:.1f}",
            f"{(cost.get('host_memory_bytes') or 0) / 2**30:.1f}",
        )
    console.print(table)


def check_hf_hub() -> None:
    """Say at once that the HF Hub is out of reach, not after the runs."""
    try:
        urllib.request.urlopen(
            f"{HF_HUB}/api/models/{FROM_HF_HUB.language_models[0][4:]}", timeout=20
        ).close()
    except OSError as error:
        raise DemoFailed(
            f"the HF Hub ({HF_HUB}) does not answer: {error}. Without HUB=1 the demo needs no network; "
            "a mirror is named by HF_ENDPOINT"
        ) from error


def cancel_leftovers(api: Api, plan: Plan) -> None:
    """An interrupted demo leaves a search that this hub goes on with; two at once would share the slots."""
    for search in api("searches/?limit=50")["results"]:
        if search["title"] == plan.title and search["state"] in {"queued", "running"}:
            console.print("  Cancelling the search that an interrupted demo left")
            api(f"searches/{search['id']}/cancel/", {})


def launch(api: Api, plan: Plan) -> dict[str, Any]:
    dataset = api("datasets/", plan.dataset)
    body = {
        "dataset": dataset["id"],
        "title": plan.title,
        "language_models": plan.language_models,
        "budget": {"trials": plan.trials},
        "limits": {"wall_s": LIMIT_S, "host_memory_bytes": 2 * 2**30},
        "slots": SLOTS,
        "train_rows": plan.train_rows,
        "warm_start": True,
        "objectives": ["score", "seconds"],
        "seed": 42,
    }
    search: dict[str, Any] = api("searches/", body)
    console.print(f"  {api.address}/searches/{search['id']}/", soft_wrap=True)
    return search


def follow(api: Api, search: dict[str, Any]) -> dict[str, Any]:
    """Wait for the search, with what a person wants to see while waiting."""
    text = "{task.completed} of {task.total} trials, {task.fields[failed]} failed, "
    text += "best {task.fields[best]}, about {task.fields[left]} left"
    with Progress(
        TextColumn("  "),
        BarColumn(),
        TextColumn(text),
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=4,
    ) as bar:
        line = bar.add_task("search", total=search["budget"]["trials"], failed=0, best="–", left="?")
        while True:
            report: dict[str, Any] = api(f"searches/{search['id']}/")
            bar.update(line, completed=report["trials_done"], **progress_fields(report["report"]))
            if report["state"] in {"done", "failed", "cancelled"}:
                break
            time.sleep(1)
    if report["state"] != "done":
        raise DemoFailed(f"the search ended as {report['state']}: {report.get('problem')}")
    return report


def progress_fields(report: dict[str, Any]) -> dict[str, object]:
    best, left = report.get("best"), report.get("time_left_s")
    return {
        "failed": report["trials_failed"],
        "best": f"{best['score']:.4f}" if best else "–",
        "left": f"{left:.0f} s" if left is not None else "?",
    }


def short(key: str) -> str:
    """A language model's key without source and revision: "all-MiniLM-L6-v2#layers=4"."""
    return re.sub(r"@[^#]*", "", key).rpartition("/")[2]


def show_prior(prior: dict[str, Any]) -> None:
    console.print(f"  The prior comes from {len(prior['experiences'])} experiences of the nearest tasks.")
    table = Table("nearest task", "distance", box=None, padding=(0, 2))
    for neighbour in prior["neighbours"][:5]:
        table.add_row(neighbour["name"] or neighbour["task"][:18], f"{neighbour['distance']:.3f}")
    console.print(
        table if prior["neighbours"] else "  The store knows no task of this kind yet: a cold start."
    )
    for decision in ("method", "language_model"):
        table = Table(decision.replace("_", " "), "prior", "uniform", "", box=None, padding=(0, 2))
        uniform = prior["uniform"].get(decision, {})
        for name, share in sorted(
            prior["distributions"].get(decision, {}).items(), key=lambda item: -item[1]
        ):
            table.add_row(short(name), f"{share:.3f}", f"{uniform[name]:.3f}", "█" * round(40 * share))
        console.print(table)


def show_front(report: dict[str, Any]) -> None:
    if not report["report"]["front"]:
        raise DemoFailed("no trial has a score; look at them with make serve")
    table = Table("trial", "macro-F1", "seconds", "method", "language model", box=None, padding=(0, 2))
    for point in report["report"]["front"]:
        table.add_row(
            str(point["trial"]), f"{point['score']:.4f}", f"{point['seconds']:.2f}", point["method"],
            short(point["language_model"]) or "–",
        )  # fmt: skip
    console.print(table)


def run_best(api: Api, report: dict[str, Any], folder: Path) -> None:
    script = api.text(f"searches/{report['id']}/script/")
    path = folder / "best_pipeline.py"
    path.write_text(script, encoding="utf-8")
    console.print(f"  {path.relative_to(ROOT)}, its first lines:")
    console.print("\n".join(f"    [dim]{line}[/dim]" for line in script.splitlines()[:12]), soft_wrap=True)
    done = run_script([str(path)], {**os.environ, "PYTHONPATH": str(ROOT)}, "running it once, one thread")
    if done.returncode:
        raise DemoFailed(
            f"the script of the best pipeline ended with {done.returncode}:\n{done.stderr[-1500:]}"
        )
    score, again = report["report"]["best"]["score"], float(done.stdout.strip().splitlines()[-1].split()[-1])
    console.print(f"  trial {score:.9f}, script {again:.9f}, difference {abs(score - again):.1e}")
    if abs(score - again) > 1e-6:
        raise DemoFailed("the script did not reproduce the trial")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--hub", action="store_true", help="search on a dataset and language models of the HF Hub"
    )
    parser.add_argument("--trials", type=int, default=HERE.trials)
    parser.add_argument("--rows", type=int, default=HERE.train_rows, help="training rows of every run")
    options, began = parser.parse_args(), time.monotonic()
    plan = replace(FROM_HF_HUB if options.hub else HERE, trials=options.trials, train_rows=options.rows)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Also where a shell started the demo with interrupts ignored.
        signal.signal(number, signal.default_int_handler)
    folder = ROOT / "build" / "demo"
    try:
        if options.hub:
            check_hf_hub()
        step(1, "A hub on its embedded default")
        with hub(options.port, SLOTS) as address:
            token = manage(
                "create_token",
                "--name",
                "demo",
                "--scopes",
                "experiences:write,experiences:read,searches:write",
            )
            api = Api(address, token.splitlines()[-1].strip())
            cancel_leftovers(api, plan)
            step(2, "A researcher logs three runs with the callback")
            log_runs(api, folder, plan.train_rows)
            step(3, f"A search on {plan.dataset['name']}, which no experience is about")
            search = follow(api, launch(api, plan))
            step(4, "What it knew, and what it found")
            show_prior(api(f"searches/{search['id']}/prior/"))
            show_front(search)
            step(5, "The best pipeline as a script")
            run_best(api, search, folder)
            where = f"{address}/searches/{search['id']}/"
        console.print(f"\nDone in {time.monotonic() - began:.0f} s; nothing is left running.")
        console.print(f"To look at it: [bold]make serve[/bold], then {where}", soft_wrap=True)
    except KeyboardInterrupt:
        console.print(
            "\nInterrupted; nothing is left running. make demo starts again, make serve shows what is there."
        )
        return 130
    except DemoFailed as error:
        console.print(f"\n[red]The demo stopped:[/red] {error}", soft_wrap=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
