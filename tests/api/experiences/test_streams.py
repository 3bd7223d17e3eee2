"""An export is bounded in every way: before it begins, in each statement, in all, in number, and by its reader."""

from __future__ import annotations

import gc
import json
import socket
import time
from itertools import islice
from urllib.parse import urlsplit

import pytest
from django.core.signals import request_finished
from django.db import OperationalError, close_old_connections, connection

from knowledgebase.core import streams
from knowledgebase.core.deadlines import is_too_slow
from knowledgebase.experiences import selectors
from knowledgebase.experiences.management.commands.make_experiences import invented
from knowledgebase.experiences.models import Experience
from knowledgebase.experiences.services import delete_experience, narrow_experience, record_experiences

URL = "/api/v1/experiences/export/"
MANY = 2000
transactional = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def all_places_are_free():
    # What other tests have thrown away half read gives its place back when it is collected, whenever that would be.
    gc.collect()
    yield
    assert streams._places._value == streams.AT_ONCE, "a stream kept its place"


@pytest.fixture
def many(owner):
    record_experiences(
        list(invented(MANY, 7, 20)), owner=owner.user, team=owner.team, is_checked=True, is_part=True
    )


def close(answer):
    """As a server does, but for the connection, which the test goes on with."""
    request_finished.disconnect(close_old_connections)
    answer.close()
    request_finished.connect(close_old_connections)


def whole(answer):
    return b"".join(answer.streaming_content)


@transactional
@pytest.mark.parametrize("address", [URL, "/api/v1/experiences/", "/experiences/"])
def test_an_order_that_takes_too_long_is_refused_before_anything_is_sent(owner, many, settings, address):
    # SQLite looks at the clock now and then, which any time is over for; 0 would mean no bound to PostgreSQL.
    settings.READ_TIMEOUT_S = 0.001 if connection.vendor == "postgresql" else 0.0
    reader = owner.pages if address == "/experiences/" else owner.api
    answer = reader.get(address, {"order": "-h.weight_decay"})
    assert answer.status_code == 422
    said = answer.content.decode()
    assert "Narrow it down" in said
    settings.READ_TIMEOUT_S = 60
    again = reader.get(address, {"order": "-h.weight_decay"})
    assert again.status_code == 200
    close(again)


@transactional
def test_each_statement_of_a_stream_ends(owner, many, monkeypatch):
    monkeypatch.setattr(selectors.streaming, "STATEMENT_S", 0.001)
    answer = owner.api.get(URL, {"order": "-h.weight_decay"})
    assert answer.status_code == 200
    with pytest.raises(OperationalError) as ended:
        list(answer.streaming_content)
    assert is_too_slow(ended.value)
    close(answer)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_a_stream_ends_when_its_time_is_over(owner, record, settings, caplog):
    record_experiences([record()], owner=owner.user, team=owner.team)
    caplog.set_level("WARNING", logger=streams.__name__)
    settings.EXPORT_TIMEOUT_S = -1
    answer = owner.api.get(URL)
    with pytest.raises(streams.TooLong):
        list(answer.streaming_content)
    close(answer)
    assert "was ended" in caplog.text


def test_streams_never_keep_all_threads(owner, record):
    record_experiences([record()], owner=owner.user, team=owner.team)
    open_ones = [owner.api.get(URL) for _ in range(streams.AT_ONCE)]
    refused = owner.api.get(URL)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert int(refused["Retry-After"]) >= streams.COME_BACK_S
    close(open_ones.pop())
    assert len(whole(owner.api.get(URL)).splitlines()) == 1
    for one in open_ones:
        close(one)


@transactional
def test_a_client_that_goes_away_ends_its_stream(live_server, owner, record):
    """Far more than fits between the two is never read."""
    sent = [record(extra={"text": "x" * 200_000}) for _ in range(100)]
    record_experiences(sent, owner=owner.user, team=owner.team, is_checked=True, is_part=True)
    place = urlsplit(live_server.url)
    with socket.create_connection((place.hostname, place.port)) as client:
        request = f"GET {URL} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {owner.token}\r\n\r\n"
        client.sendall(request.encode())
        assert client.recv(1_000).startswith(b"HTTP/1.1 200")
        assert streams._places._value == streams.AT_ONCE - 1
    until = time.monotonic() + 20
    while streams._places._value < streams.AT_ONCE:
        assert time.monotonic() < until, "it is still sent to nobody"
        time.sleep(0.02)


def test_the_order_of_a_stream_is_that_of_the_pages(owner, many):
    for order in ("", "-score", "seconds", "-h.weight_decay", "task"):
        streamed = [
            json.loads(line)["id"] for line in whole(owner.api.get(URL, {"order": order})).splitlines()
        ]
        assert len(streamed) == MANY
        page = owner.api.get("/api/v1/experiences/", {"order": order, "limit": 200}).json()["results"]
        assert streamed[:200] == [one["record"]["id"] for one in page]


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_what_goes_while_it_is_sent_is_left_out(owner, mate, record, monkeypatch, form):
    monkeypatch.setattr(selectors.streaming, "PART_ROWS", 1)
    sent = [record() for _ in range(4)]
    record_experiences(sent, owner=owner.user, team=owner.team)
    first, second, third, fourth = (row.pk for row in Experience.objects.order_by("-change_seq"))
    answer = mate.api.get(URL, {"as": form})
    pieces = iter(answer.streaming_content)
    began = b"".join(islice(pieces, 2 if form == "csv" else 1)).decode()
    assert str(first) in began
    delete_experience(second, actor=owner.user)
    narrow_experience(third, "private", actor=owner.user)
    rest = b"".join(pieces).decode()
    assert [str(pk) in rest for pk in (second, third, fourth)] == [False, False, True]


@pytest.mark.parametrize(("form", "factor"), [("ndjson", 1.25), ("csv", 1.25), ("parquet", 2.0)])
def test_the_length_is_estimated_within_the_factor_that_is_stated(owner, many, form, factor):
    for order in ("", "-score", "seconds"):
        answer = owner.api.get(URL, {"as": form, "order": order})
        length = len(whole(answer))
        assert length / factor <= int(answer["X-Length-Estimate"]) <= length * factor


def test_the_factors_are_stated():
    with open("docs/api.md") as file:
        said = file.read()
    assert "NDJSON and CSV by a quarter" in said
    assert "Parquet by a factor of two" in said
