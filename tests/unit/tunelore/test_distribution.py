"""The distribution as a stranger meets it: its wheel, an empty environment, the oldest Python it promises."""

from __future__ import annotations

import ast
import json
import re
import runpy
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import tunelore

CLIENT = Path(__file__).parents[3] / "logging_client"
SOURCES = sorted((CLIENT / "src" / "tunelore").rglob("*.py"))
# Of the standard library, but younger than Python 3.10.
YOUNGER = {"tomllib"}
YOUNGER_NAMES = {
    "typing": {
        "Self",
        "Never",
        "LiteralString",
        "Required",
        "NotRequired",
        "Unpack",
        "TypeVarTuple",
        "override",
    },
    "datetime": {"UTC"},
    "enum": {"StrEnum", "verify"},
    "itertools": {"batched"},
    "contextlib": {"chdir"},
    "hashlib": {"file_digest"},
    "collections.abc": {"Buffer"},
}
YOUNGER_CALLS = {"add_note", "batched", "file_digest", "UTC", "StrEnum"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "client"
    shutil.copytree(CLIENT, copy, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__", "build", "dist"))
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return next(folder.glob("*.whl"))


def test_the_wheel_is_small_and_whole(wheel: Path) -> None:
    assert wheel.stat().st_size < 98_000  # 100 kB is the promise; headroom is kept on purpose
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {str(path.relative_to(CLIENT / "src")) for path in SOURCES} <= names
    assert "tunelore/py.typed" in names
    assert not [name for name in names if "test" in name or name.endswith((".pyc", ".jsonl"))]


def without_docstrings(source: str) -> str:
    """What the interpreter sees, docstrings and a lone `pass` aside."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
            kept = node.body[1:] if ast.get_docstring(node) is not None else node.body
            node.body = [one for one in kept if not isinstance(one, ast.Pass)]
    return ast.dump(tree, include_attributes=False)


def test_the_wheels_code_is_the_sources_code(wheel: Path) -> None:
    """Comments and internal docstrings are left out; lines keep their numbers, so that tracebacks fit."""
    archive = zipfile.ZipFile(wheel)
    for path in SOURCES:
        source = path.read_text(encoding="utf-8")
        built = archive.read(str(path.relative_to(CLIENT / "src"))).decode()
        assert without_docstrings(built) == without_docstrings(source), path
        assert len(built.splitlines()) == len(source.splitlines()), path
    callback = archive.read("tunelore/callback.py").decode()
    assert "Give it to a Trainer" in callback
    assert "No answer: the address, the network" in archive.read("tunelore/hub/transport.py").decode()


def test_the_wheels_schema_is_the_sources_schema(wheel: Path) -> None:
    name = "tunelore/record/experience.v1.schema.json"
    assert json.loads(zipfile.ZipFile(wheel).read(name)) == json.loads((CLIENT / "src" / name).read_text())


def test_it_installs_alone_into_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / "bin" / "python"
    target = next((tmp_path / "empty" / "lib").glob("python*/site-packages"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, "--target", str(target), str(wheel)], check=True, capture_output=True, timeout=120)
    assert {path.name.split("-")[0] for path in target.iterdir()} <= {"tunelore", "bin", "__pycache__"}
    script = """
import sys, tunelore
assert tunelore.__file__.startswith(sys.prefix), tunelore.__file__
with tunelore.run("alone", "hub:a/b", "full", spool="spool") as run:
    run.log(loss=1.0)
    run.finish({"accuracy": 0.5})
from tunelore import exits
exits.close_all(20)
assert not {"numpy", "torch", "sklearn", "transformers"} & set(sys.modules)
"""
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run([python, "-I", "-c", script], cwd=tmp_path, env=clean, check=True, timeout=60)
    command = [python, "-I", "-m", "tunelore.cli", "show", "--spool", str(tmp_path / "spool")]
    shown = subprocess.run(command, env=clean, check=True, capture_output=True, text=True, timeout=60)
    assert '"accuracy": 0.5' in shown.stdout
    metadata = next(target.glob("tunelore-*.dist-info"))
    assert "tunelore = tunelore.cli:main" in (metadata / "entry_points.txt").read_text()
    described = (metadata / "METADATA").read_text()
    assert "Requires-Dist" not in described
    readme = (CLIENT / "README.md").read_text(encoding="utf-8")
    assert readme.partition("## The dataset")[0] in described  # install, use, commands, what is recorded
    assert "## Limits" not in described


@pytest.mark.parametrize(
    "line",
    [
        "a = -1 if b is not None else - -c",
        "print(f'{a = } {b:>{width}} , {{}}', *d, ** e)",
        "x: int = 1 .real + 1. + .5 ; y = [i for i in (1, 2) if i != 3]",
        "def f(a, /, b: str = 'x  y', *, c = 1 @ 2) -> None: return lambda *k : k [1 : : 2]",
        "\u00e4 = not(a) or 'x' 'y' in b  and b'z' or rb'q' if '\u00e4' else \u00e4",
    ],
)
def test_blanks_go_and_meaning_stays(line: str) -> None:
    tight: Callable[[str], str] = runpy.run_path(str(CLIENT / "setup.py"))["_tight"]
    assert ast.dump(ast.parse(tight(line + "\n"))) == ast.dump(ast.parse(line))
    assert len(tight(line + "\n")) < len(line)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(CLIENT / "src")))
def test_syntax_and_names_are_those_of_the_oldest_python(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))
    for node in ast.walk(tree):
        assert not isinstance(node, getattr(ast, "TryStar", ())), "except* is of 3.11"
        if isinstance(node, ast.ImportFrom):
            names = {name.name for name in node.names}
            assert not names & YOUNGER_NAMES.get(node.module or "", set()), f"line {node.lineno}"
            assert node.module not in YOUNGER
        if isinstance(node, ast.Import):
            assert not {name.name for name in node.names} & YOUNGER
        if isinstance(node, ast.Attribute):
            assert node.attr not in YOUNGER_CALLS, f"line {node.lineno}"


def test_version_and_changelog_agree() -> None:
    project = (CLIENT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{tunelore.__version__}"' in project
    assert 'requires-python = ">=3.10"' in project
    changelog = (CLIENT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(tunelore.__version__)} ", changelog, re.MULTILINE)


@pytest.mark.parametrize("name", ["TuneLoreCallback", "run", "wrap"])
def test_an_import_brings_no_network_and_starts_nothing(name: str) -> None:
    """By what is imported, since a clock says more of the machine: most of an import's time is ssl, http and email."""
    code = f"from tunelore import {name}"
    command = [sys.executable, "-X", "importtime", "-S", "-c", code]
    environment = {"PYTHONPATH": str(CLIENT / "src"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    found = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "tunelore.runs.run" in found
    heavy = {"ssl", "http.client", "urllib.request", "email.message", "importlib.metadata", "zipfile"}
    assert found & {*heavy, "numpy", "torch", "tunelore.session", "multiprocessing"} == set()
