"""The container files held against the code: commands, ports, paths, targets and environment variables."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from knowledgebase.web.management.commands.process import Command as Process
from knowledgebase.web.roles import ROLES
from tests.containers import COMPOSE, DOCKERFILE, FILES, ROOT, SERVICES, command_of, environment_of

SETTINGS = (ROOT / "knowledgebase" / "settings.py").read_text()
OURS = {name: one for name, one in SERVICES.items() if "build" in one}
FINAL = ("web", "worker", "worker-gpu")
# Variables of docs/deployment.md that compose.yml does not hand on, and why.
NOT_HANDED_ON = {
    "TUNELORE_HOME": "the images say it: the volume",
    "TUNELORE_SECRET_KEY_FILE": "an example of the form; compose.yml requires the key itself",
}


def targets() -> dict[str, str]:
    """Stage name -> its lines, behind those of the stage that it stands on."""
    parts = re.split(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, flags=re.MULTILINE)
    found: dict[str, str] = {}
    for base, name, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        found[name] = found.get(base, "") + body
    return found


def commands() -> list[list[str]]:
    """Every command line of ours in the container files."""
    found = [yaml.safe_load(text) for text in re.findall(r"^(?:.* )?CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    for service in OURS.values():
        found += [one for one in (service.get("command"), service.get("healthcheck", {}).get("test")) if one]
    return [[word for word in command if word != "CMD"] for command in found]


def filled(text: str) -> str:
    """Variables of a compose file with their defaults, or with something that can be."""
    return re.sub(r"\$\{\w+(?::-([^}]*))?(?::\?[^}]*)?\}", lambda match: match[1] or "1", text)


def test_there_are_the_targets_that_are_spoken_of() -> None:
    assert set(FINAL) <= targets().keys()
    named = [service["build"]["target"] for one in COMPOSE.values() for service in one["services"].values()
             if "build" in service]  # fmt: skip
    assert set(named) <= set(FINAL)
    assert set(COMPOSE["compose.gpu.yml"]["services"]) <= SERVICES.keys()
    assert {"web", "control", "trials", "database", "redis"} <= SERVICES.keys()


def test_the_gpu_worker_does_not_inherit_the_index_of_the_cpu_build() -> None:
    """Compose merges the arguments of a build: what the override leaves out stays as compose.yml says it."""
    base = SERVICES["trials"]["build"]["args"]
    args = base | COMPOSE["compose.gpu.yml"]["services"]["trials"]["build"].get("args", {})
    assert base["TORCH_INDEX"] != args["TORCH_INDEX"] == "${TORCH_GPU_INDEX:-}"


def test_what_is_copied_is_there_and_not_ignored() -> None:
    allowed = [line[1:] for line in (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
               if line.startswith("!")]  # fmt: skip
    for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
            assert any(Path(source).match(one) for one in allowed), f"{source} is ignored"


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_is_one_that_the_code_has(command: list[str]) -> None:
    assert command[:2] == ["python", "manage.py"]
    name, words = command[2], [filled(word) for word in command[3:]]
    assert name in {"process", "prepare", "health"}
    if name == "process":
        parsed = Process().create_parser("manage.py", name).parse_args(words)
        assert parsed.role in ROLES
    elif name == "health":
        assert words[0] in ROLES


def test_every_final_image_is_without_root_and_has_a_health_check() -> None:
    for name in FINAL:
        body = targets()[name]
        assert re.search(r"^USER tunelore$", body, re.MULTILINE), name
        assert body.index("USER tunelore") < body.index("CMD ["), name
        assert "HEALTHCHECK" in body, name
    assert "useradd" in targets()["base"]


def test_the_ports_are_the_ones_listened_on() -> None:
    default = Process().create_parser("manage.py", "process").parse_args(["web"]).port
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [str(default)]
    [published] = SERVICES["web"]["ports"]
    assert published.endswith(f":{default}")
    assert published.startswith("127.0.0.1:"), "open to the network only through the proxy"


def test_every_variable_is_one_that_is_read() -> None:
    read = set(re.findall(r'"(TUNELORE_\w+)"', SETTINGS))
    texts = [DOCKERFILE, *((ROOT / "docker" / name).read_text() for name in FILES)]
    example = set(re.findall(r"^(\w+)=", (ROOT / "docker" / "env.example").read_text(), re.MULTILINE))
    only_compose = {
        "TUNELORE_PORT",
        "TUNELORE_SLOTS",
        "TUNELORE_DATABASE_PASSWORD",
        "TUNELORE_REDIS_PASSWORD",
    }
    for text in texts:
        assert set(re.findall(r"\b(TUNELORE_\w+)", text)) <= read | only_compose
    required = set(re.findall(r"\$\{(\w+):\?", "".join(texts)))
    assert required <= example, "what has to be set stands in env.example"


def test_the_documented_variables_are_read() -> None:
    read = set(re.findall(r'"(TUNELORE_\w+)"', SETTINGS))
    read |= {"TUNELORE_SECRET_KEY_FILE", "HF_ENDPOINT", "HF_TOKEN"}
    assert documented() - read == set()


def documented() -> set[str]:
    """The variables that docs/deployment.md names."""
    text = (ROOT / "docs" / "deployment.md").read_text()
    return set(re.findall(r"\b((?:TUNELORE|HF)_[A-Z_]+)\b", text))


@pytest.mark.parametrize("service", ["prepare", "web", "control", "trials"])
def test_the_documented_variables_reach_the_containers(service: str) -> None:
    handed_on = SERVICES[service]["environment"]
    assert documented() - set(handed_on) == NOT_HANDED_ON.keys()
    for name in handed_on.keys() & documented() - {"TUNELORE_DATABASE_URL", "TUNELORE_BEHIND_PROXY"}:
        assert "${" in handed_on[name], f"{name} is the same whatever .env says"


def test_an_empty_variable_is_as_if_it_were_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Compose sets to "" what .env does not name."""
    for name in [name for name in os.environ if name.startswith("TUNELORE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TUNELORE_HOME", str(tmp_path))

    def values() -> dict[str, Any]:
        return {
            name: value
            for name, value in runpy.run_path(str(ROOT / "knowledgebase" / "settings.py")).items()
            if name.isupper()
        }

    unset = values()
    for name in sorted(documented() - NOT_HANDED_ON.keys()):
        monkeypatch.setenv(name, "")
    assert values() == unset
    assert unset["UPLOAD_DAYS"] == 90


def test_the_web_image_starts_by_its_own_command() -> None:
    assert command_of("web")[:4] == ["python", "manage.py", "process", "web"]
    assert "--workers" in command_of("web")
    assert command_of("trials")[2:] == ["process", "trials", "--slots", "1"]


def test_all_state_lies_in_the_volume() -> None:
    assert "TUNELORE_HOME=/data" in DOCKERFILE
    for name in ("web", "control", "trials", "prepare"):
        assert "data:/data" in SERVICES[name]["volumes"]


@pytest.mark.parametrize("service", ["web", "control", "trials"])
def test_the_deployment_checks_have_nothing_to_say(service: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=environment_of(service, tmp_path / "home"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNINGS" not in done.stderr
