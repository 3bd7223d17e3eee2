"""`hub:` language models from a server that answers as the HF Hub does: pinned, whole, or refused in words."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from automl.errors import SourceError
from automl.sources.fetching import fetch_language_model, pinned_language_model
from automl.sources.hub.store import HubStore, Interrupted
from automl.sources.language_models import resolve
from tests.hf_hub import Hub

NAME = "lab/tiny-bert"
Left = Callable[[], list[str]]


def safetensors(weights: int = 4000) -> bytes:
    """A well-formed safetensors file of one tensor of `weights` float32 zeros."""
    entry = {"dtype": "F32", "shape": [weights], "data_offsets": [0, 4 * weights]}
    head = json.dumps({"embeddings.word_embeddings.weight": entry}).encode()
    return struct.pack("<Q", len(head)) + head + b"\0" * (4 * weights)


def files(**changes: bytes | None) -> dict[str, bytes]:
    """A checkpoint's files as repositories have them, with changes by name ("__" for ".")."""
    plain: dict[str, bytes | None] = {
        "README.md": b"# tiny",
        "config.json": json.dumps(
            {"model_type": "bert", "num_hidden_layers": 2, "hidden_size": 8, "max_position_embeddings": 16}
        ).encode(),
        "tokenizer.json": b"{}",
        "tokenizer_config.json": b"{}",
        "model.safetensors": safetensors(),
        "pytorch_model.bin": b"a pickle that nobody asked for",
        "modeling_tiny.py": b"raise SystemExit('code of the repository ran')",
    }
    plain |= {name.replace("__", "."): data for name, data in changes.items()}
    return {name: data for name, data in plain.items() if data is not None}


def fetched(key: str, store: HubStore) -> str:
    """The pinned key of a language model whose files are here."""
    pinned = pinned_language_model(key, store)
    fetch_language_model(pinned, store)
    return pinned


def refused(key: str, store: HubStore) -> SourceError:
    with pytest.raises(SourceError) as raised:
        fetched(key, store)
    return raised.value


def test_a_branch_becomes_a_commit_that_stays(hub: Hub, store: HubStore) -> None:
    repo = hub.model(NAME)
    first = repo.commit(files())
    assert pinned_language_model(f"hub:{NAME}", store) == f"hub:{NAME}@{first}"
    key = fetched(f"hub:{NAME}@main#layers=1", store)
    assert key == f"hub:{NAME}@{first}#layers=1"
    repo.commit(files(README__md=b"newer"))
    assert pinned_language_model(key, store) == key

    checkpoint = resolve(key, cache=store.cache)
    assert (checkpoint.key, checkpoint.layers, checkpoint.truncated) == (key, 1, 1)
    assert checkpoint.features["architecture"] == "bert"
    assert checkpoint.parameters == 4000


def test_what_is_here_is_not_asked_for_again(hub: Hub, store: HubStore) -> None:
    hub.model(NAME).commit(files())
    key = fetched(f"hub:{NAME}", store)
    asked = len(hub.seen)
    assert fetched(key, store) == key
    assert len(hub.seen) == asked


def test_only_configuration_tokenizer_and_safetensors_are_taken(
    hub: Hub, store: HubStore, left: Left
) -> None:
    hub.model(NAME).commit(files())
    fetched(f"hub:{NAME}", store)
    assert {Path(path).name for path in left()} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert not [one for one in hub.seen if one.path.endswith((".py", ".bin"))]


def test_pinning_takes_no_weights(hub: Hub, store: HubStore) -> None:
    hub.model(NAME).commit(files())
    key = pinned_language_model(f"hub:{NAME}", store)
    assert hub.asked_for("model.safetensors") == []
    with pytest.raises(SourceError, match="not on this machine") as raised:
        resolve(key, cache=store.cache)
    assert raised.value.code == "not_fetched"


def test_the_token_stays_with_the_hub_that_it_is_for(
    hub: Hub, store: HubStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.model(NAME, gated=True).commit(files())
    monkeypatch.setenv("HF_TOKEN", hub.door)
    fetched(f"hub:{NAME}", store)
    redirected = [one for one in hub.seen if one.origin == "storage"]
    assert redirected
    assert not [one for one in redirected if "Authorization" in one.headers]


@pytest.mark.parametrize(
    ("how", "token", "code", "words"),
    [
        ({"gated": True}, None, "gated", ("Accept its terms at http://127.0.0.1", "HF_TOKEN")),
        ({"gated": True}, "hf_wrong", "gated", ("only approved accounts",)),
        ({"private": True}, None, "unknown_language_model", ("or it is private", "HF_TOKEN")),
        ({"private": True}, "hf_wrong", "unknown_language_model", ("Check the spelling",)),
    ],
)
def test_closed_doors_say_who_opens_them(
    hub: Hub,
    store: HubStore,
    left: Left,
    monkeypatch: pytest.MonkeyPatch,
    how: dict[str, bool],
    token: str | None,
    code: str,
    words: tuple[str, ...],
) -> None:
    hub.model(NAME, **how).commit(files())
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    error = refused(f"hub:{NAME}", store)
    assert error.code == code
    assert [word for word in words if word not in error.message] == [], error.message
    assert left() == []


def test_what_is_missing_is_named(hub: Hub, store: HubStore, left: Left) -> None:
    hub.model(NAME).commit(files())
    assert refused("hub:lab/nothing", store).code == "unknown_language_model"
    error = refused(f"hub:{NAME}@no-such-branch", store)
    assert (error.code, error.field) == ("unknown_revision", "language_model")
    assert "no such branch, tag or commit" in error.message
    assert left() == []


def test_a_rate_limit_is_waited_for_as_long_as_it_asks(hub: Hub, store: HubStore) -> None:
    hub.model(NAME).commit(files())
    hub.instead = {
        "/api/models": [(429, {"Retry-After": "0"})],
        "model.safetensors": [(429, {"Retry-After": "0"}), (503, {})],
    }
    fetched(f"hub:{NAME}", store)
    assert len(hub.asked_for("model.safetensors")) == 4  # refused, away, redirected, and there


def test_a_rate_limit_that_takes_too_long_is_said(hub: Hub, store: HubStore, left: Left) -> None:
    hub.model(NAME).commit(files())
    hub.instead = {"/api/models": [(429, {"Retry-After": "3600"})] * 9}
    error = refused(f"hub:{NAME}", store)
    assert (error.code, len(hub.seen)) == ("rate_limited", 1)
    assert "asks to wait 3600 s" in error.message
    assert left() == []


def test_a_cut_download_goes_on_where_it_broke_off(hub: Hub, store: HubStore) -> None:
    content = files()["model.safetensors"]
    hub.model(NAME).commit(files())
    hub.breaks = {"model.safetensors": [5000, 6000]}
    key = fetched(f"hub:{NAME}", store)
    ranges = [
        one.headers.get("Range") for one in hub.asked_for("model.safetensors") if one.origin == "storage"
    ]
    assert ranges == [None, "bytes=5000-", "bytes=11000-"]
    assert (resolve(key, cache=store.cache).folder / "model.safetensors").read_bytes() == content


def test_a_download_that_stays_cut_is_never_half_there(hub: Hub, store: HubStore, left: Left) -> None:
    commit = hub.model(NAME).commit(files())
    hub.breaks = {"model.safetensors": [5000, *[0] * 20]}
    error = refused(f"hub:{NAME}", store)
    assert error.code == "cut"
    assert f"after 5,000 of {len(files()['model.safetensors']):,} bytes" in error.message
    assert all(".parts" in path for path in left())
    with pytest.raises(SourceError):
        resolve(f"hub:{NAME}@{commit}", cache=store.cache)

    hub.breaks = {}
    before = len(hub.seen)
    fetched(f"hub:{NAME}", store)
    resumed = [one for one in hub.seen[before:] if one.path.endswith("model.safetensors")]
    assert resumed[-1].headers["Range"] == "bytes=5000-"
    assert not any(".parts" in path for path in left())


def test_what_is_always_sent_too_short_is_given_up(hub: Hub, store: HubStore) -> None:
    hub.model(NAME).commit(files())
    hub.lies = {"model.safetensors": b"too short, whole as it is"}
    assert refused(f"hub:{NAME}", store).code == "cut"
    assert len(hub.asked_for("model.safetensors")) < 20


def test_a_hub_out_of_reach_is_said_with_its_address(
    store: HubStore, monkeypatch: pytest.MonkeyPatch, left: Left
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # the discard port: nobody listens
    error = refused(f"hub:{NAME}", store)
    assert error.code == "unreachable"
    assert "http://127.0.0.1:9" in error.message
    assert "HF_ENDPOINT" in error.message
    assert left() == []


@pytest.mark.parametrize(
    ("lie", "code"), [(b"x" * 20_000, "too_large"), (b"y" * len(files()["model.safetensors"]), "checksum")]
)
def test_other_content_than_announced_is_refused(
    hub: Hub, store: HubStore, left: Left, lie: bytes, code: str
) -> None:
    hub.model(NAME).commit(files())
    hub.lies = {"model.safetensors": lie}
    assert refused(f"hub:{NAME}", store).code == code
    assert left() == []


CODE = json.dumps({"model_type": "bert", "auto_map": {"AutoModel": "modeling_tiny.Tiny"}}).encode()
QUANTISED = json.dumps({"model_type": "llama", "quantization_config": {"bits": 4}}).encode()


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"config__json": CODE}, "remote_code", "'auto_map'"),
        (
            {"tokenizer_config__json": b'{"auto_map": {"AutoTokenizer": ["t.T", null]}}'},
            "remote_code",
            "tokenizer_config.json",
        ),
        ({"model__safetensors": None}, "no_safetensors", "pytorch_model.bin: those can run code"),
        (
            {"model__safetensors": None, "model__safetensors__index__json": b"{}"},
            "sharded",
            "in several files",
        ),
        ({"model__safetensors": b"\x80\x04 a pickle by another name"}, "malformed", "not a safetensors file"),
        ({"config__json": None}, "incomplete", "no config.json"),
        ({"config__json": None, "adapter_config__json": b"{}"}, "adapter", "name the base"),
        ({"config__json": b"{not json"}, "malformed", "config.json is not JSON"),
        ({"config__json": b'{"model_type": "mamba"}'}, "unknown_architecture", "'mamba'"),
        ({"config__json": QUANTISED}, "quantised", "in 16 or 32 bits"),
        ({"tokenizer__json": None}, "incomplete", "no tokenizer"),
    ],
)
def test_booby_trapped_repositories_are_refused(
    hub: Hub, store: HubStore, left: Left, changes: dict[str, bytes | None], code: str, words: str
) -> None:
    hub.model(NAME).commit(files(**changes))
    error = refused(f"hub:{NAME}", store)
    assert (error.code, error.field) == (code, "language_model")
    assert words in error.message
    assert NAME in error.message or "safetensors file" in error.message
    assert left() == []
    assert not hub.asked_for(".py")
    assert not hub.asked_for(".bin")


def test_too_large_is_said_before_anything_is_taken(hub: Hub, store: HubStore, left: Left) -> None:
    hub.model(NAME).commit(files())
    error = refused(f"hub:{NAME}", replace(store, max_bytes=10_000))
    assert error.code == "too_large"
    assert "at most 10,000" in error.message
    assert "TUNELORE_MAX_DOWNLOAD_BYTES" in error.message
    assert (left(), len(hub.seen)) == ([], 1)


@pytest.mark.parametrize(
    "key",
    ["hub:../../etc", "hub:a/b/c", "hub:lab/..", "hub:/lab", "hub:lab/x@../main", "hub:lab/x@a b", "hub:"],
)
def test_names_that_are_no_names_never_become_an_address(hub: Hub, store: HubStore, key: str) -> None:
    assert refused(key, store).code == "unknown_language_model"
    assert hub.seen == []


def test_nobody_waits_any_more(hub: Hub, store: HubStore, left: Left) -> None:
    hub.model(NAME).commit(files())
    hub.instead = {"/api/models": [(503, {})] * 9}
    with pytest.raises(Interrupted):
        fetched(f"hub:{NAME}", replace(store, go_on=lambda: len(hub.seen) < 2))
    assert left() == []


def test_two_at_once_fetch_it_once(hub: Hub, store: HubStore) -> None:
    hub.model(NAME).commit(files())
    key = pinned_language_model(f"hub:{NAME}", store)
    threads = [threading.Thread(target=fetch_language_model, args=(key, store)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert resolve(key, cache=store.cache).parameters == 4000
    assert len([one for one in hub.asked_for("model.safetensors") if one.origin == "storage"]) == 1


def test_offline_is_offline(hub: Hub, store: HubStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    hub.model(NAME).commit(files())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = refused(f"hub:{NAME}", store)
    assert (error.code, hub.seen) == ("offline", [])
    assert "HF_HUB_OFFLINE" in error.message
