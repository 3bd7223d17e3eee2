"""`tunelore check`: what it looks at, and what it says where something is wrong."""

from __future__ import annotations

import ssl
import subprocess
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tunelore import record
from tunelore.cli import look, main

GOOD = {
    "version": "0.1.0",
    "records": list(record.KNOWN_SCHEMAS),
    "user": "olga",
    "team": "olgas",
    "scopes": ["experiences:read", "experiences:write"],
}


def looked(capsys: pytest.CaptureFixture[str], client: Path, *arguments: str) -> tuple[int, dict[str, str]]:
    """Exit code, and each line by what it is about."""
    code = main(["check", "--spool", str(client), *arguments])
    lines = capsys.readouterr().out.splitlines()
    return code, {line.split()[1]: line for line in lines}


def test_everything_as_it_should_be(client: Path, hub: Any, capsys: pytest.CaptureFixture[str]) -> None:
    hub.about = (200, {}, GOOD)
    code, lines = looked(capsys, client, "--url", hub.url, "--token", "tl_secret")
    assert code == 0
    assert list(lines) == ["client", "mode", "spool", "hub", "clock", "records", "token"]
    assert {line[:2] for line in lines.values()} == {"ok"}
    assert "of olga, team olgas, scopes experiences:read, experiences:write" in lines["token"]
    assert "tl_secret" not in str(lines)
    assert list(client.iterdir()) == []
    ((path, headers, _),) = hub.requests
    assert (path, headers["Authorization"]) == ("/api/v1/about/", "Bearer tl_secret")


@pytest.mark.parametrize(
    ("about", "what", "words"),
    [
        ((200, {}, {**GOOD, "scopes": ["experiences:read"]}), "token", "lacks experiences:write"),
        ((401, {}, {}), "token", "expired or revoked"),
        ((200, {}, {**GOOD, "records": ["tunelore.experience/2"]}), "records", "update the older"),
        ((200, {}, b"<html>log in</html>"), "hub", "not as a TuneLore hub does"),
        ((302, {"Location": "/login"}, {}), "hub", "a redirect"),
        ((503, {}, {}), "hub", "answers 503"),
        ((200, {"Date": formatdate(time.time() + 3600, usegmt=True)}, GOOD), "clock", "s behind the hub's"),
        ((200, {"Date": formatdate(time.time() - 3600, usegmt=True)}, GOOD), "clock", "s ahead of the hub's"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    client: Path, hub: Any, capsys: pytest.CaptureFixture[str], about: Any, what: str, words: str
) -> None:
    hub.about = about
    code, lines = looked(capsys, client, "--url", hub.url, "--token", "tl_x")
    assert code == 1
    assert [name for name, line in lines.items() if line.startswith("BAD")] == [what]
    assert words in lines[what]


def test_no_hub_no_token_no_disk(
    client: Path, hub: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, lines = looked(capsys, client)
    assert code == 1
    assert "set TUNELORE_URL" in lines["hub"]
    hub.about = (200, {}, {**GOOD, "user": None, "team": None, "scopes": None})
    assert "set TUNELORE_TOKEN" in looked(capsys, client, "--url", hub.url)[1]["token"]
    assert "does not answer" in looked(capsys, client, "--url", "http://127.0.0.1:1")[1]["hub"]
    monkeypatch.setenv("TUNELORE_MODE", "offline")
    assert "runs wait until tunelore sync" in looked(capsys, client)[1]["mode"]
    client.rmdir()
    client.write_text("in the way")
    assert "set TUNELORE_SPOOL" in looked(capsys, client)[1]["spool"]


@pytest.mark.parametrize(
    ("mode", "blocked", "waits"), [("", "", True), ("disabled", "", False), ("", "x", False)]
)
def test_the_last_line_promises_no_more_than_the_disk(
    client: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    blocked: str,
    waits: bool,
) -> None:
    monkeypatch.setenv("TUNELORE_MODE", mode)
    if blocked:
        client.write_text(blocked)
    assert main(["check", "--spool", str(client)]) == 1
    assert ("runs wait on disk" in capsys.readouterr().err) is waits


def test_a_hub_that_does_not_tell_its_version(
    client: Path, hub: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.about = (200, {}, GOOD)
    assert ", version 0.1.0" in looked(capsys, client, "--url", hub.url, "--token", "tl_x")[1]["hub"]
    hub.about = (200, {}, {**GOOD, "version": ""})
    code, lines = looked(capsys, client, "--url", hub.url, "--token", "tl_x")
    assert (code, "version" in lines["hub"]) == (0, False)


def test_a_certificate_that_nobody_vouches_for(
    client: Path, tmp_path: Path, hub: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    try:
        subprocess.run(
            [*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs openssl to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hub.wrap(context)
    _, lines = looked(capsys, client, "--url", hub.url.replace("http:", "https:"))
    assert "certificate" in lines["hub"]
    assert "SSL_CERT_FILE" in lines["hub"]
    assert "clock is right" in lines["hub"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://hub.example:8000", True),
        ("http://127.0.0.1:8000", False),
        ("http://localhost", False),
        ("https://hub.example", False),
    ],
)
def test_a_token_over_plain_http_to_another_machine(
    client: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, url: str, shown: bool
) -> None:
    monkeypatch.setattr(look.Hub, "get", lambda *_: look.Answer(0, reason="away"))  # no such machine is asked
    _, lines = looked(capsys, client, "--url", url, "--token", "tl_secret")
    assert ("address" in lines) is shown
    assert "address" not in looked(capsys, client, "--url", url)[1]
    if shown:
        assert lines["address"].startswith("BAD")
        assert "give the hub's https:// address" in lines["address"]
