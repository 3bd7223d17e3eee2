"""Deliveries to a real HTTP server: what leaves the spool, what stays, and for how long."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tunelore import trouble
from tunelore.cli import main
from tunelore.record import uuid7
from tunelore.sending.hub import DELIVERED, DROPPED, KEPT, MAX_BATCH, REJECTED, Hub, batches, deliver
from tunelore.sending.sender import Sender
from tunelore.spool.file import SpoolWriter
from tunelore.spool.outbox import Parcel, parcels


def parcel(one: dict[str, Any]) -> Parcel:
    name = uuid7()
    return Parcel(name, {**one, "id": name}, None)


def verdicts(hub: Any, sent: list[Parcel]) -> list[str]:
    (batch,) = batches(sent)
    return [verdict for _, verdict, _ in deliver(Hub(hub.url, "tl_secret"), batch).verdicts]


def test_a_batch_is_one_request_with_the_token(hub: Any, ok_record: dict[str, Any]) -> None:
    sent = [parcel(ok_record) for _ in range(3)]
    assert verdicts(hub, sent) == [DELIVERED] * 3
    ((path, headers, body),) = hub.requests
    assert path == "/api/v1/experiences/"
    assert headers["Authorization"] == "Bearer tl_secret"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("tunelore/")
    assert body == [one.record for one in sent]


def test_each_item_has_its_own_verdict(hub: Any, ok_record: dict[str, Any]) -> None:
    sent = [parcel(ok_record) for _ in range(9)]
    statuses = [201, 200, 409, 410, 413, 422, 400, 500, 429]
    results = [{"id": one.id, "status": status} for one, status in zip(sent, statuses, strict=True)]
    hub.answers = [(200, {}, results)]
    assert verdicts(hub, sent) == [
        DELIVERED,
        DELIVERED,
        REJECTED,
        DROPPED,
        REJECTED,
        REJECTED,
        REJECTED,
        KEPT,
        KEPT,
    ]


@pytest.mark.parametrize(
    ("is_guess", "code", "expected"),
    [(True, "other_content", DELIVERED), (True, "other_owner", REJECTED), (False, "other_content", REJECTED)],
)
def test_a_guess_that_the_hub_knows_better_than_is_done_with(
    hub: Any, ok_record: dict[str, Any], is_guess: bool, code: str, expected: str
) -> None:
    """The run itself told the hub how it ended, before another machine, which took it for lost."""
    sent = replace(parcel(ok_record), is_guess=is_guess)
    hub.answers = [(200, {}, {"results": [{"id": sent.id, "status": 409, "problem": {"code": code}}]})]
    assert verdicts(hub, [sent]) == [expected]


@pytest.mark.parametrize(
    "status", [301, 302, 307, 400, 401, 403, 404, 408, 409, 410, 413, 422, 429, 500, 502, 503]
)
def test_everything_else_keeps_the_record(hub: Any, ok_record: dict[str, Any], status: int) -> None:
    hub.answers = [(status, {"Location": f"{hub.url}/elsewhere"}, {})]
    assert verdicts(hub, [parcel(ok_record)]) == [KEPT]
    assert len(hub.requests) == 1  # no redirect is followed


@pytest.mark.parametrize(
    "answer", [b"<html>log in</html>", {}, {"results": "x"}, [1], {"results": [{"id": "other"}]}]
)
def test_an_answer_that_is_no_hubs_keeps_the_record(
    hub: Any, ok_record: dict[str, Any], answer: object
) -> None:
    hub.answers = [(200, {}, answer)]
    assert verdicts(hub, [parcel(ok_record)]) == [KEPT]


def problem(status: int, code: str) -> dict[str, Any]:
    """As the hub writes one (RFC 9457)."""
    return {
        "type": f"urn:tunelore:problem:{code}",
        "title": "x",
        "status": status,
        "code": code,
        "detail": "x",
    }


def test_a_whole_request_that_is_gone_is_no_deletion(hub: Any, ok_record: dict[str, Any]) -> None:
    """The hub answers item by item, so this is a proxy, a retired address, or another service."""
    hub.answers = [(410, {}, problem(410, "deleted"))] * 2
    assert verdicts(hub, [parcel(ok_record) for _ in range(3)]) == [KEPT] * 3
    assert verdicts(hub, [parcel(ok_record)]) == [KEPT]


@pytest.mark.parametrize(
    "body", [b"", b"<h1>Bad request</h1>", {"code": "invalid"}, problem(422, "query_too_slow"), [1]]
)
@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_refusal_that_is_not_the_hubs_keeps_the_record(
    hub: Any, ok_record: dict[str, Any], status: int, body: object
) -> None:
    hub.answers = [(status, {}, body)]
    assert verdicts(hub, [parcel(ok_record)]) == [KEPT]


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_batch_refused_as_a_whole_is_sent_one_by_one(
    hub: Any, ok_record: dict[str, Any], status: int
) -> None:
    sent = [parcel(ok_record) for _ in range(3)]
    hub.answers = [
        (status, {}, {}),
        (200, {}, [{"id": sent[0].id, "status": 201}]),
        (status, {}, problem(status, "malformed_json")),
    ]
    assert verdicts(hub, sent) == [DELIVERED, REJECTED, DELIVERED]
    assert [len(body) for body in hub.uploads()] == [3, 1, 1, 1]


def test_batches_are_bounded_in_number_and_size(ok_record: dict[str, Any]) -> None:
    many = batches([parcel(ok_record) for _ in range(2 * MAX_BATCH + 1)])
    assert [len(batch) for batch in many] == [MAX_BATCH, MAX_BATCH, 1]
    large = {**ok_record, "extra": {"text": "x" * 200_000}}
    assert (
        max(sum(len(body) for _, body in batch) for batch in batches([parcel(large) for _ in range(20)]))
        < 1_600_000
    )
    assert batches([]) == []


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), ("999999", 3600, 3600), ("-3", 0, 0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0)],
)
def test_retry_after(hub: Any, header: str, low: float, high: float) -> None:
    hub.answers = [(503, {"Retry-After": header}, {})]
    answer = Hub(hub.url).post("/api/v1/experiences/", b"[]")
    assert answer.retry_after_s is not None
    assert low <= answer.retry_after_s <= high


def test_a_date_to_come_back_at_is_one_of_the_hubs_clock(hub: Any) -> None:
    """It may be an hour off ours."""
    clock = time.time() + 3600
    hub.answers = [
        (503, {"Date": formatdate(clock, usegmt=True), "Retry-After": formatdate(clock + 7, usegmt=True)}, {})
    ]
    assert Hub(hub.url).post("/api/v1/experiences/", b"[]").retry_after_s == 7


@pytest.mark.parametrize("header", ["soon", "", "nan"])
def test_a_retry_after_without_sense_is_none(hub: Any, header: str) -> None:
    hub.answers = [(503, {"Retry-After": header}, {})]
    assert Hub(hub.url).post("/api/v1/experiences/", b"[]").retry_after_s is None


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1", "http://nowhere.invalid", "http://[::1", "https://127.0.0.1:1", "http://x y"],
)
def test_no_hub_is_an_answer_not_an_exception(url: str) -> None:
    answer = Hub(url).post("/api/v1/runs/", b"{}", timeout_s=3)
    assert answer.status == 0
    assert answer.reason


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        start = time.monotonic()
        answer = Hub(f"http://127.0.0.1:{listener.getsockname()[1]}").post("/x", b"{}", timeout_s=0.3)
        assert answer.status == 0
        assert time.monotonic() - start < 10


def test_a_server_that_speaks_no_http() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        assert Hub(f"http://127.0.0.1:{listener.getsockname()[1]}").post("/x", b"{}", timeout_s=5).status == 0
        thread.join()


def stored(folder: Path, one: dict[str, Any]) -> tuple[SpoolWriter, Parcel]:
    writer = SpoolWriter(folder)
    name = uuid7()
    whole = {**one, "id": name}
    writer.append({"kind": "end", "run": name, "record": whole})
    return writer, Parcel(name, whole, writer.path)


def test_the_sender_tries_again_until_the_hub_is_back(
    hub: Any, client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble.raise_errors = False
    monkeypatch.setattr("tunelore.sending.sender.FIRST_WAIT_S", 0.05)
    hub.answers = [(503, {}, {}), (401, {}, {}), (429, {"Retry-After": "0.1"}, {})]
    writer, one = stored(client, ok_record)
    sender = Sender(Hub(hub.url), client, list)
    sender.start()
    sender.send(one)
    hub.wait_for(lambda: len(hub.uploads()) == 4)
    assert sender.flush(time.monotonic() + 10)
    sender.stop()
    assert parcels(client) == []
    assert trouble.counts == {"network": 3}
    writer.close()


def test_the_sender_obeys_retry_after_even_at_the_end(
    hub: Any, client: Path, ok_record: dict[str, Any]
) -> None:
    trouble.raise_errors = False
    hub.answers = [(429, {"Retry-After": "600"}, {})]
    writer, one = stored(client, ok_record)
    sender = Sender(Hub(hub.url), client, list)
    sender.start()
    sender.send(one)
    hub.wait_for(lambda: len(hub.uploads()) == 1)
    start = time.monotonic()
    sender.flush(start + 5)
    assert time.monotonic() - start < 4
    assert len(hub.uploads()) == 1
    assert [waiting.id for waiting in parcels(client)] == [one.id]
    sender.stop()
    writer.close()


def test_the_end_cuts_our_own_back_off_short(
    hub: Any, client: Path, ok_record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trouble.raise_errors = False
    monkeypatch.setattr("tunelore.sending.sender.FIRST_WAIT_S", 500.0)
    hub.answers = [(503, {}, {})]
    writer, one = stored(client, ok_record)
    sender = Sender(Hub(hub.url), client, list)
    sender.start()
    sender.send(one)
    hub.wait_for(lambda: len(hub.uploads()) == 1)
    sender.flush(time.monotonic() + 10)
    hub.wait_for(lambda: len(hub.uploads()) == 2)
    sender.stop()
    writer.close()


def test_a_refused_record_goes_to_rejected_with_the_answer(
    hub: Any, client: Path, ok_record: dict[str, Any]
) -> None:
    trouble.raise_errors = False
    writer, one = stored(client, ok_record)
    hub.answers = [
        (200, {}, {"results": [{"id": one.id, "status": 422, "problem": {"code": "invalid_record"}}]})
    ]
    sender = Sender(Hub(hub.url), client, list)
    sender.start()
    sender.send(one)
    hub.wait_for(lambda: len(hub.uploads()) == 1)
    assert sender.flush(time.monotonic() + 10)
    sender.stop()
    assert parcels(client) == []
    text = (client / "rejected" / f"{one.id}.json").read_text()
    assert "invalid_record" in text
    assert one.record["pipeline"]["method"] in text
    assert trouble.counts["rejected"] == 1
    writer.close()


def test_what_was_refused_can_be_sent_again(
    hub: Any, client: Path, ok_record: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    writer, one = stored(client, ok_record)
    writer.close()
    command = ["sync", "--spool", str(client), "--url", hub.url]
    hub.answers = [(200, {}, [{"id": one.id, "status": 422}])] * 2
    assert main(command) == 1
    assert main(command) == 0
    assert len(hub.uploads()) == 1
    assert main([*command, "--refused"]) == 1
    assert (client / "rejected" / f"{one.id}.json").exists()
    assert main([*command, "--refused"]) == 0
    assert hub.uploads() == [[one.record]] * 3
    assert list((client / "rejected").iterdir()) == []
    assert "1 delivered" in capsys.readouterr().out


def test_a_record_that_a_proxy_refuses_keeps_no_other_from_the_hub(
    hub: Any, client: Path, ok_record: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(MAX_BATCH + 2):
        stored(client, ok_record)[0].close()
    hub.answers = [(413, {}, b""), (413, {}, b"")]
    assert main(["sync", "--spool", str(client), "--url", hub.url]) == 1
    assert len(parcels(client)) == 1
    assert "1 run stays" in capsys.readouterr().err


def test_a_running_run_is_announced(hub: Any, client: Path, ok_record: dict[str, Any]) -> None:
    partial = {
        key: value for key, value in ok_record.items() if key not in ("outcome", "metrics", "primary", "cost")
    }
    sender = Sender(Hub(hub.url), client, lambda: [partial])
    sender.start()
    hub.wait_for(lambda: bool(hub.requests))
    assert hub.requests[0][0] == "/api/v1/runs/"
    assert hub.requests[0][2] == partial
    sender.stop()


def test_a_hub_that_never_answers_is_not_waited_for_at_the_end(
    client: Path, ok_record: dict[str, Any]
) -> None:
    """It had its time while training went on; the record waits on disk."""
    trouble.raise_errors = False
    partial = {
        key: ok_record[key] for key in ("schema", "id", "started_at", "task", "pipeline", "provenance")
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        writer, one = stored(client, ok_record)
        hub = Hub(f"http://127.0.0.1:{listener.getsockname()[1]}")
        sender = Sender(hub, client, lambda: [partial])
        sender.start()
        connection, _ = listener.accept()
        assert connection.recv(65_536)
        sender.send(one)
        began = time.monotonic()
        assert not sender.flush(began + 30)
        assert time.monotonic() - began < 5
        sender.stop()
        began = time.monotonic()
        assert not sender.flush(began + 30)  # a second end waits for nobody
        assert time.monotonic() - began < 5
        assert [waiting.id for waiting in parcels(client)] == [one.id]
        connection.close()
    assert sender._thread is not None
    sender._thread.join(30)  # what it still has to say is none of the next test's
    writer.close()


@pytest.mark.parametrize("status", [401, 403, 404, 302, 503])
def test_trouble_with_the_hub_is_said_at_the_start(
    hub: Any, client: Path, ok_record: dict[str, Any], status: int
) -> None:
    """Not after hours of training; once, and with what to do."""
    trouble.raise_errors = False
    partial = {
        key: ok_record[key] for key in ("schema", "id", "started_at", "task", "pipeline", "provenance")
    }
    hub.runs = (status, {}, {})
    sender = Sender(Hub(hub.url), client, lambda: [partial])
    sender.start()
    hub.wait_for(lambda: len(hub.requests) == 1)
    end = time.monotonic() + 10
    while not trouble.counts["network"] and time.monotonic() < end:
        time.sleep(0.01)
    sender.stop()
    assert trouble.counts == {"network": 1}
