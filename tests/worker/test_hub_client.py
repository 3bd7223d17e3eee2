"""`tunelore.Hub` against the real application over a real socket: read, export, ask, launch and follow a search."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tunelore
from django.db import connections
from tunelore.hub import HubError, HubRefused, HubUnreachable
from tunelore.hub.transport import multipart

from knowledgebase.searches import services
from knowledgebase.searches.models import Search
from tests.cast import Person

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = [f"{word} {number % 7},{word}" for number in range(80) for word in ("red", "blue")]


@pytest.fixture(autouse=True)
def folders(settings: Any, tmp_path: Path) -> None:
    settings.UPLOADS_FOLDER = tmp_path / "uploads"
    settings.CACHE_FOLDER = tmp_path / "cache"


@pytest.fixture
def hub(live_server: Any, owner: Person) -> tunelore.Hub:
    return tunelore.Hub(live_server.url, owner.token, patience_s=0)


def test_send_list_get_and_delete(hub: tunelore.Hub, record: Callable[..., dict[str, Any]]) -> None:
    sent = [record() for _ in range(5)]
    assert [one["status"] for one in hub.send(sent)] == [201] * 5
    assert [one["status"] for one in hub.send(sent[:1])] == [200]
    listed = list(hub.experiences("method = full", page=2, task=["weather", "other"]))
    assert [one["record"] for one in listed] == sent[::-1]
    assert next(hub.experiences(fields=["score", "h.epochs"], page=1)) == {
        "id": sent[-1]["id"], "score": 0.8, "h.epochs": 2,
    }  # fmt: skip
    assert hub.experience(sent[0]["id"])["record"] == sent[0]
    hub.delete(sent[0]["id"])
    with pytest.raises(HubRefused) as refused:
        hub.experience(sent[0]["id"])
    assert (refused.value.status, refused.value.code) == (404, "not_found")
    assert refused.value.request_id
    assert hub.statistics()["experiences"] == 4


def test_what_has_not_changed_comes_from_here(hub: tunelore.Hub, record: Any, monkeypatch: Any) -> None:
    [sent] = [record()]
    hub.send([sent])
    first = hub.experience(sent["id"])
    monkeypatch.setattr(
        type(hub.transport), "value_of", staticmethod(lambda _answer: pytest.fail("sent again"))
    )
    assert hub.experience(sent["id"]) == first


@pytest.mark.parametrize("name", ["all.ndjson", "all.csv", "all.parquet"])
def test_exports_are_whole_files(hub: tunelore.Hub, record: Any, tmp_path: Path, name: str) -> None:
    hub.send([record() for _ in range(3)])
    done = hub.export(tmp_path / name, "score > 0.5", order="-score")
    assert (done.rows, done.is_exact, done.bytes) == (3, True, (tmp_path / name).stat().st_size)
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == [name]
    if name.endswith("csv"):
        assert len(list(csv.DictReader(done.path.read_text().splitlines()))) == 3
    if name.endswith("ndjson"):
        assert {json.loads(line)["outcome"]["status"] for line in done.path.read_text().splitlines()} == {
            "ok"
        }
    with pytest.raises(HubRefused, match="invalid_filter"):
        hub.export(tmp_path / "none.csv", "score >")
    assert not (tmp_path / "none.csv").exists()


def test_neighbours_priors_and_leaderboards(hub: tunelore.Hub, record: Any) -> None:
    hub.send([record() for _ in range(3)])
    [task] = hub.tasks()
    assert hub.task(task["digest"])["experiences"] == 3
    near = hub.neighbours(metafeatures={"instances": 500, "classes": 3})
    assert [one["task"] for one in near] == [task["digest"]]
    assert hub.neighbours(task["digest"]) == []
    assert hub.neighbours(statistics={"class_counts": {"a": 10, "b": 5}})[0]["name"] == "weather"
    assert "method" in hub.prior(metafeatures={"instances": 500}, k=3)["distributions"]
    assert hub.leaderboard(task["digest"], limit=2)["compared"] == 3
    assert len(list(hub.language_models())) == len(list(hub.systems())) == 1


def test_a_search_is_launched_followed_and_ended(hub: tunelore.Hub, tmp_path: Path) -> None:
    file = tmp_path / 'colours "1".csv'
    file.write_text("text,label\n" + "\n".join(ROWS) + "\n")
    dataset = hub.upload_dataset(file, text_columns=["text"], label_column="label")
    assert dataset["name"] == "colours 1"
    search = hub.launch(dataset, trials=2, methods=["linear"], sampler="random", seed=1, idempotency_key="k")
    assert hub.launch(dataset, trials=2, methods=["linear"], idempotency_key="k").id == search.id
    assert not search.has_ended

    def work() -> None:
        services.resolve_dataset(Search.objects.get().dataset_id)
        list(services.drain_searches([Search.objects.get().pk], "test"))
        connections.close_all()

    worker = threading.Thread(target=work)
    worker.start()
    states = [one.state for one in search.follow(every_s=0.05, timeout_s=120)]
    worker.join()
    assert states[-1] == "done"
    assert len(states) >= 3
    assert search.best is not None
    assert search.best["score"] > 0.9
    assert search.front
    assert [one["state"] for one in search.trials()] == ["done", "done"]
    assert "tunelore" in search.script()
    assert search.prior()["neighbours"] == []
    assert [one.id for one in hub.searches()] == [hub.search(search.id).id] == [search.id]
    assert hub.experience(search.best["trial_id"])["record"]["provenance"]["via"] == "search"


def test_waiting_ends_and_the_search_can_be_cancelled(hub: tunelore.Hub) -> None:
    search = hub.launch(hub.add_dataset("parameter-type"), trials=2)
    with pytest.raises(HubError, match=r"still queued after 0\.1 s"):
        search.wait(every_s=0.05, timeout_s=0.1)
    assert search.cancel().state in ("cancelling", "cancelled")
    assert "Search" in repr(search)


class Moody(BaseHTTPRequestHandler):
    """Busy twice, then well; sends whoever asks for `away` elsewhere."""

    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        Moody.asked.append(self.headers.get("Authorization", ""))
        if "away" in self.path:
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/")
        else:
            self.send_response(200 if len(Moody.asked) > 2 else 503)
            self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def moody() -> Iterator[str]:
    Moody.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_busy_hub_is_asked_again_and_a_dead_one_is_told(moody: str) -> None:
    assert tunelore.Hub(moody, "tl_x", patience_s=20).statistics() == {}
    assert Moody.asked == ["Bearer tl_x"] * 3
    Moody.asked.clear()
    with pytest.raises(HubRefused, match="503"):
        tunelore.Hub(moody, patience_s=0).statistics()
    with pytest.raises(HubUnreachable, match="does not answer"):
        tunelore.Hub("http://127.0.0.1:9", patience_s=0).statistics()


def test_a_token_stays_with_its_hub(moody: str) -> None:
    hub = tunelore.Hub(moody, "tl_secret", patience_s=0)
    with pytest.raises(HubRefused, match="302"):
        hub.transport.get("away/")
    with pytest.raises(HubError, match="the token stays here"):
        hub.transport.open("GET", "http://127.0.0.1:9/api/v1/stats/")
    assert "tl_secret" not in repr(hub) + str(vars(hub))
    for wrong in ("", "ftp://host", "host:80"):
        with pytest.raises(HubError, match="address"):
            tunelore.Hub(wrong or " ")


def test_a_form_cannot_be_broken_out_of(tmp_path: Path) -> None:
    file = tmp_path / 'a"b.csv'
    file.write_bytes(b"x")
    body, kind = multipart({"columns": ["a", "b"]}, {"file": file})
    assert body.count(b'name="columns"') == 2
    assert b'filename="ab.csv"' in body
    assert body.endswith(b"--" + kind.partition("boundary=")[2].encode() + b"--\r\n")
