"""Virtual environments beside the main one, for versions that cannot live in it; kept under build/ between runs.

What an environment does not bring itself (torch above all) it takes from the main one, which is never changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build" / "environments"
BUILD_SECONDS = 600


def environment(name: str, *pins: str) -> Path:
    """The interpreter of an environment with these distributions; a skip that says why where it cannot be made."""
    python, reason = build(name, *pins)
    if python is None:
        message = f"the environment {name!r} cannot be built: {reason}"
        if os.environ.get("TUNELORE_REQUIRE_PARTS"):
            pytest.fail(message)
        pytest.skip(message)
    return python


def build(name: str, *pins: str) -> tuple[Path | None, str]:
    """The interpreter, or None with the reason; made once for these pins, this Python and this main environment."""
    main = sysconfig.get_path("purelib")
    key = hashlib.sha256("\n".join([*pins, sys.version, main]).encode()).hexdigest()[:12]
    folder = FOLDER / f"{name}-{key}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python, ""
    making = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    try:
        making.mkdir(parents=True)
        _make(making, main, pins)
        shutil.rmtree(folder, ignore_errors=True)
        making.rename(folder)
    except subprocess.CalledProcessError as error:
        lines = [line for line in (error.stderr or "").splitlines() if "ERROR" in line]
        return None, (lines[-1] if lines else f"{error.cmd[0]} ended with {error.returncode}")[:300]
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, f"{type(error).__name__}: {error}"[:300]
    finally:
        shutil.rmtree(making, ignore_errors=True)
    (folder / "complete").touch()
    return python, ""


def _make(folder: Path, main: str, pins: tuple[str, ...]) -> None:
    _run(sys.executable, "-m", "venv", str(folder))
    python = str(folder / "bin" / "python")
    own = _run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # At the end of the path: what is installed here comes first.
    (Path(own) / "zz-main-environment.pth").write_text(main + "\n")
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pins)


def _run(*command: str) -> str:
    # Only the interpreter itself: the client under test would otherwise count as installed.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=BUILD_SECONDS, env=variables
    )
    return done.stdout
