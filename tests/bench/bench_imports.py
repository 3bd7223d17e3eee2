"""Mutated imports: 100,000 files that are a little wrong, of every format, through the importer into a real store.

`python tests/bench/bench_imports.py [--cases 100000] [--seed 1] [--first 0]`. After every case the store must have
grown by exactly what the report calls imported; every 500 cases each new row is checked to be a whole and valid
record, and no task, system, language model or pipeline may stand without a run. The first exception ends the run and
names its case.
Prints a table and writes build/bench/imports.json. On SQLite in a fresh home, or where TUNELORE_DATABASE_URL says.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from tests.bench import results  # noqa: E402

CHECK_EVERY = 500
MEMORY = Path("/dev/shm")


def set_up(home: str) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "knowledgebase.settings",
        "TUNELORE_HOME": home,
        "TUNELORE_LOG_LEVEL": "ERROR",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def import_case(number: int, seed: int, folder: Path, counts: dict[str, Counter[str]]) -> None:
    """Write one case, import it, and look at what the store holds then."""
    from knowledgebase.experiences.importers import plan
    from knowledgebase.experiences.models import Experience
    from knowledgebase.experiences.services import Owner, import_sources
    from tests.mutations import case

    kind = case(number, seed, folder)
    before = Experience.objects.count()
    report = import_sources(plan([folder]), Owner(None, None), unfinished=number % 2 == 0)
    grown = Experience.objects.count() - before
    assert grown == report.imported, f"{grown} rows, but {report.imported} imported"
    assert report.read == report.imported + report.merged + report.refused, report
    assert sum(report.reasons.values()) == report.refused, report
    count = counts[kind]
    count.update(
        cases=1,
        parsed=report.found > 0,
        read=report.read,
        imported=report.imported,
        merged=report.merged,
        refused=report.refused,
    )


def check_store(after: int) -> int:
    """Every row since change number ``after`` is whole; nothing stands alone. Gives the last change number."""
    from tunelore import record as records

    from knowledgebase.experiences.models import Experience, LanguageModel, Pipeline, System, Task

    for row in Experience.objects.filter(change_seq__gt=after).order_by("change_seq").iterator():
        assert records.check(row.record) == [], row.pk
        assert records.digest(row.record) == row.digest, row.pk
        assert row.record["outcome"]["status"] == row.status, row.pk
        after = row.change_seq
    for model in (Task, System, Pipeline):
        alone = model._default_manager.filter(experiences=None).count()
        assert alone == 0, f"{alone} rows of {model.__name__} without a run"
    assert LanguageModel.objects.filter(experiences=None, pipelines=None).count() == 0
    return after


def run(options: argparse.Namespace) -> dict[str, Any]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    began, after = time.monotonic(), 0
    base = tempfile.mkdtemp(prefix="tunelore-imports-", dir=MEMORY if MEMORY.is_dir() else None)
    try:
        for number in range(options.first, options.first + options.cases):
            folder = Path(base) / "case"
            folder.mkdir()
            try:
                import_case(number, options.seed, folder, counts)
            except BaseException:
                print(f"\ncase {number} of seed {options.seed} failed", flush=True)
                raise
            shutil.rmtree(folder)
            done = number - options.first + 1
            if done % CHECK_EVERY == 0 or done == options.cases:
                after = check_store(after)
                rate = done / (time.monotonic() - began)
                print(f"{done:,} of {options.cases:,}, {rate:,.0f} a second", flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return table(counts, options, time.monotonic() - began)


def table(counts: dict[str, Counter[str]], options: argparse.Namespace, seconds: float) -> dict[str, Any]:
    total: Counter[str] = Counter()
    rows = []
    names = ("cases", "parsed", "read", "imported", "merged", "refused")
    print("".join(f"{name:>17}" for name in ("format", *names)))
    for kind in sorted(counts):
        total.update(counts[kind])
        rows.append({"format": kind, **{name: counts[kind][name] for name in names}})
    rows.append({"format": "all", **{name: total[name] for name in names}})
    for row in rows:
        print("".join(f"{row[name]:>17}" for name in ("format", *names)))
    share = total["parsed"] / max(total["cases"], 1)
    print(f"{share:.1%} of the cases came past the parser; no crash, no partial row; {seconds:,.0f} s")
    from django.db import connection

    return {
        "machine": {"platform": platform.platform(), "database": connection.vendor},
        "versions": {"python": platform.python_version()},
        "seeds": [options.seed],
        "rows": rows,
        "bars": {"import_fuzz_cases": total["cases"], "import_fuzz_parsed_share": round(share, 4)},
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case, to have one again")
    parser.add_argument("--quick", action="store_true", help="2,000 cases")
    options = parser.parse_args()
    if options.quick:
        options.cases = 2_000
    with tempfile.TemporaryDirectory(prefix="tunelore-bench-") as home:
        set_up(home)
        found = run(options)
    target = ROOT / "build" / "bench" / "imports.json"
    results.write(found, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
