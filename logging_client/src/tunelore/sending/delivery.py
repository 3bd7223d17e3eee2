"""Batches of records to a hub, and which of them are done with. Decides; waits for nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunelore.record import RecordError, canonical
from tunelore.sending.hub import EXPERIENCES, TIMEOUT_S, Answer, Hub
from tunelore.spool.outbox import Parcel

MAX_BATCH = 25
MAX_BATCH_BYTES = 1_500_000
DELIVERED, DROPPED, REJECTED, KEPT = "delivered", "dropped", "rejected", "kept"
# Only these, said of the record itself, mean that sending it again is no use.
REFUSALS = (400, 409, 413, 422)


@dataclass
class Report:
    """What became of each parcel of a batch; `wait_s` is what the hub asked for; `reason` why some were kept."""

    verdicts: list[tuple[Parcel, str, dict[str, Any]]] = field(default_factory=list)
    wait_s: float | None = None
    reason: str = ""
    status: int = 0

    def of(self, verdict: str) -> list[tuple[Parcel, dict[str, Any]]]:
        """The parcels with this verdict and the answers that led to it."""
        return [(parcel, answer) for parcel, found, answer in self.verdicts if found == verdict]


def batches(parcels: Sequence[Parcel]) -> list[list[tuple[Parcel, bytes]]]:
    """The parcels with their canonical bytes, cut so that no request is too large."""
    found: list[list[tuple[Parcel, bytes]]] = []
    size = MAX_BATCH_BYTES + 1
    for parcel in parcels:
        try:
            body = canonical(parcel.record)
        except RecordError:
            body = b'{"id":"%b"}' % parcel.id.encode(
                "ascii", "replace"
            )  # the hub's refusal will say what is wrong
        if size + len(body) > MAX_BATCH_BYTES or len(found[-1]) >= MAX_BATCH:
            found.append([])
            size = 0
        found[-1].append((parcel, body))
        size += len(body)
    return found


def deliver(hub: Hub, batch: Sequence[tuple[Parcel, bytes]], timeout_s: float = TIMEOUT_S) -> Report:
    """Send one batch; when the hub refuses it as a whole, each record by itself."""
    answer = hub.post(EXPERIENCES, b"[" + b",".join(body for _, body in batch) + b"]", timeout_s)
    report = Report(wait_s=answer.retry_after_s, status=answer.status)
    if answer.status in (*REFUSALS, 410):
        if len(batch) == 1:
            report.verdicts.append((batch[0][0], _verdict(answer.status), _told(answer.status, answer.body)))
            return report
        for one in batch:
            _merge(report, deliver(hub, [one], timeout_s))
        return report
    items = _items(answer) if 200 <= answer.status < 300 else None
    if items is None:
        report.reason = reason_of(answer)
        report.verdicts = [(parcel, KEPT, {}) for parcel, _ in batch]
        return report
    for number, (parcel, _) in enumerate(batch):
        item = items.get(parcel.id.lower()) or items.get(f"#{number}") or {}
        status = _status(item)
        report.verdicts.append((parcel, _verdict(status), _told(status, item)))
    if report.of(KEPT):
        report.reason = "the hub did not say what became of every record"
    return report


def _merge(report: Report, other: Report) -> None:
    report.verdicts += other.verdicts
    report.wait_s = max((wait for wait in (report.wait_s, other.wait_s) if wait is not None), default=None)
    report.reason = report.reason or other.reason


def _items(answer: Answer) -> dict[str, Mapping[str, Any]] | None:
    """The answer's items by id and by place; None where this is not a hub's answer (a log-in page, for example)."""
    found = (
        answer.body.get("results", answer.body.get("items")) if isinstance(answer.body, dict) else answer.body
    )
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        return None
    items: dict[str, Mapping[str, Any]] = {}
    for number, item in enumerate(found):
        items[f"#{number}"] = item
        if isinstance(item.get("id"), str):
            items[item["id"].lower()] = item
    return items


def _status(item: Mapping[str, Any]) -> int:
    status = item.get("status")
    return status if isinstance(status, int) else 0


def _verdict(status: int) -> str:
    if status in (200, 201):
        return DELIVERED
    if status == 410:
        return DROPPED
    return REJECTED if status in REFUSALS else KEPT


def _told(status: int, body: Any) -> dict[str, Any]:
    return {"status": status, "body": body if isinstance(body, (dict, list)) else None}


def reason_of(answer: Answer) -> str:
    """Why an answer that is about no single record keeps all of them, and what to do about it."""
    if answer.status == 0:
        return f"no answer ({answer.reason})"
    if answer.status in (401, 403):
        return f"the hub answered {answer.status}: is TUNELORE_TOKEN right, with the scope experiences:write?"
    if 300 <= answer.status < 400:
        return f"the hub answered {answer.status}, a redirect: give its final address as TUNELORE_URL"
    if answer.status < 300:
        return f"the answer {answer.status} is not a hub's; is TUNELORE_URL the address of a TuneLore hub?"
    return f"the hub answered {answer.status}"
