"""What the importer makes of every file of the shared data folder: the table of docs/import-export.md.

`python tests/bench/bench_shared_imports.py [--write]` imports each file or run folder by itself into an empty store
and takes it back again, so no row depends on another. Prints the table, writes build/bench/shared-imports.json, and
with --write puts the table between its two marks in the page.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from tests.bench import results  # noqa: E402

PAGE = ROOT / "docs" / "import-export.md"
MARKS = ("<!-- imports: begin -->\n", "<!-- imports: end -->")
# Folders told as one row, since their files are one store; all others file by file or folder by folder.
ALONE = ("xautolm-store-sample", "foreign/mlflow/mlruns")
RUN_FOLDERS = ("hf-trainer-states", "hf-trainer-generated")
# No runs in them: rows to train on, and tables about language models.
NO_RUNS = ("classification", "qa", "finetune-records", "transfergraph")
IGNORED = ("README.md", "SHA256SUMS", "index.json", "MANIFEST.json")
REASON = 110


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    path: str
    read: int
    imported: int
    merged: int
    refused: int
    reasons: tuple[str, ...]

    def markdown(self) -> str:
        told = "; ".join(reason.replace("|", "\\|").replace("<", "&lt;") for reason in self.reasons)
        return f"| `{self.path}` | {self.read} | {self.imported} | {self.merged} | {self.refused} | {told} |"


def entries(data: Path) -> list[Path]:
    """What gets a line of its own, in the order of the names."""
    found: list[Path] = []
    for path in sorted(data.iterdir()):
        if path.name in IGNORED:
            continue
        if path.name in (*ALONE, *NO_RUNS) or path.is_file():
            found.append(path)
        elif path.name in RUN_FOLDERS:
            found += sorted(one for one in path.iterdir() if one.is_dir())
        else:
            found += _files(path, data)
    return found


def _files(folder: Path, data: Path) -> list[Path]:
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.relative_to(data).as_posix() in ALONE or (path.is_file() and path.name not in IGNORED):
            found.append(path)
        elif path.is_dir():
            found += _files(path, data)
    return found


def row_of(path: Path, data: Path) -> Row:
    """Import one path, and take it back."""
    from knowledgebase.experiences.importers import plan
    from knowledgebase.experiences.services import Owner, import_sources

    report = import_sources(plan([path]), Owner(None, None), dry_run=True)
    return Row(
        path.relative_to(data).as_posix() + ("/" if path.is_dir() else ""),
        report.read,
        report.imported,
        report.merged,
        report.refused,
        tuple(reasons(report.reasons)),
    )


def reasons(told: Counter[str]) -> list[str]:
    """Each kind of reason once, without the place it stands at."""
    kinds: Counter[str] = Counter()
    for reason, count in told.items():
        kinds[re.sub(r"\b[0-9a-f]{32}\b", "...", reason.split(": ", 1)[-1])[:REASON].strip()] += count
    return [f"{count} x {reason}" if count > 1 else reason for reason, count in kinds.most_common(4)]


def table(rows: list[Row]) -> str:
    """The table, and a line of sums."""
    head = "| of the shared data folder | read | imported | merged | refused | why |\n|---|---|---|---|---|---|\n"
    total = [sum(getattr(row, name) for row in rows) for name in ("read", "imported", "merged", "refused")]
    last = f"| **together** | {' | '.join(f'{count:,}' for count in total)} | |\n"
    return head + "".join(row.markdown() + "\n" for row in rows) + last


def written(page: str, content: str) -> str:
    """The page with this table between its marks."""
    before, _, rest = page.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return before + MARKS[0] + content + MARKS[1] + after


def set_up(home: str) -> None:
    os.environ |= {"DJANGO_SETTINGS_MODULE": "knowledgebase.settings", "TUNELORE_HOME": home}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    data = Path(os.environ.get("TUNELORE_SHARED", ROOT.parent / "shared")) / "data"
    if not data.is_dir():
        print("no shared data folder here; name it with TUNELORE_SHARED")
        return 1
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tunelore-bench-") as home:
        set_up(home)
        rows = [row_of(path, data) for path in entries(data)]
    content = table(rows)
    print(content)
    if options.write:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), content), encoding="utf-8")
    found: dict[str, Any] = {
        "machine": {"platform": platform.platform()},
        "versions": {"python": platform.python_version()},
        "seeds": [],
        "rows": [row.__dict__ for row in rows],
        "bars": {"shared_imports_s": round(time.monotonic() - began, 1)},
    }
    target = ROOT / "build" / "bench" / "shared-imports.json"
    results.write(found, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
