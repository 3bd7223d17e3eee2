"""The client stands alone: standard library only, quick to import, nothing started, one promise of names."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

CLIENT = Path(__file__).parents[2] / "logging_client"
SOURCES = sorted((CLIENT / "src" / "tunelore").rglob("*.py"))
# Not part of the standard library; may only be looked up lazily, by name.
LAZY = {"transformers", "torch", "sklearn", "numpy", "peft", "IPython"}


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name comes from"
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CLIENT / "src")))
def test_standard_library_only(path: Path) -> None:
    foreign = (
        imported(ast.parse(path.read_text(encoding="utf-8"))) - set(sys.stdlib_module_names) - {"tunelore"}
    )
    assert not foreign


def test_the_test_would_find_a_planted_import() -> None:
    assert imported(ast.parse("def f():\n    import requests.sessions")) - set(sys.stdlib_module_names) == {
        "requests"
    }


def python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_imports_without_site_packages() -> None:
    modules = "tunelore, tunelore.record, tunelore.describe, tunelore.cli, tunelore.hub"
    code = f"import sys; sys.path.insert(0, {str(CLIENT / 'src')!r}); import {modules}"
    python("-S", "-c", f"{code}; tunelore.TuneLoreCallback(task='x')")


@pytest.mark.parametrize(
    "module", ["tunelore", "tunelore.record", "tunelore.describe", "tunelore.callback", "tunelore.hub"]
)
def test_importing_starts_nothing_and_loads_nothing_heavy(module: str) -> None:
    code = (
        "import sys, threading, atexit, signal\n"
        "hook, term, handlers = sys.excepthook, signal.getsignal(signal.SIGTERM), atexit._ncallbacks()\n"
        f"import {module}\n"
        "assert threading.active_count() == 1\n"
        "assert sys.excepthook is hook and signal.getsignal(signal.SIGTERM) is term\n"
        f"assert not set(sys.modules) & {LAZY!r}\n"
        "print(atexit._ncallbacks() - handlers)\n"
    )
    # The standard library's own modules (weakref, logging) may register their clean-up; ours registers none.
    assert int(python("-c", code)) <= 2


def test_the_import_is_quick() -> None:
    """The best of five: what the import costs, not what else the machine does."""
    code = "import time; t = time.perf_counter(); import tunelore; print(time.perf_counter() - t)"
    assert min(float(python("-c", code)) for _ in range(5)) < 0.05


def test_the_promise_of_names() -> None:
    import tunelore
    from tunelore import describe, record

    assert tunelore.__all__ == ["Hub", "LoggedRun", "TuneLoreCallback", "__version__", "run", "wrap"]
    assert record.__all__ == [
        "KNOWN_SCHEMAS",
        "MAX_RECORD_BYTES",
        "SCHEMA_ID",
        "STATUSES",
        "Problem",
        "RecordError",
        "TaskIdentity",
        "canonical",
        "check",
        "check_run",
        "digest",
        "import_id",
        "language_model_key",
        "parse",
        "pipeline_digest",
        "schema",
        "system_digest",
        "task_identity",
        "uuid7",
        "validate",
    ]
    assert describe.__all__ == [
        "EXTRACTORS",
        "classification_metafeatures",
        "conditions",
        "current_threads",
        "device_speed",
        "devices",
        "label_metafeatures",
        "landmark_accuracy",
        "landmark_apart",
        "landmark_sample",
        "memory_bytes",
        "question_answering_metafeatures",
        "rows_fingerprint",
        "statistics_metafeatures",
        "system",
        "tokens_fingerprint",
    ]
    for module in (tunelore, record, describe):
        for name in module.__all__:
            assert getattr(module, name) is not None
    with pytest.raises(
        AttributeError, match="has no attribute 'Callback'; it exports Hub, LoggedRun, TuneLoreCallback"
    ):
        _ = tunelore.Callback  # type: ignore[attr-defined]


def test_the_distribution_builds_with_its_schema(tmp_path: Path) -> None:
    pytest.importorskip("build")
    pytest.importorskip("setuptools", minversion="77")
    copy = tmp_path / "client"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__", "build", "dist"))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "tunelore/record/experience.v1.schema.json" in names
    assert "tunelore/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    (source,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        assert any(name.endswith("README.md") for name in archive.getnames())
