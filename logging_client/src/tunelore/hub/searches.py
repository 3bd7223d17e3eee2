"""A search on a hub, from here: launched, followed until it ends, cancelled, read. Knows the hub's addresses alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tunelore.hub.transport import HubError

if TYPE_CHECKING:
    from tunelore.hub import Hub

ENDED = frozenset({"done", "failed", "cancelled"})


class Search:
    """What was asked and where it stands, as of the last `refresh`. `document` is the hub's whole answer."""

    def __init__(self, hub: Hub, document: Mapping[str, Any]) -> None:
        self._hub = hub
        self.document = dict(document)

    def __repr__(self) -> str:
        done = f"{self.document.get('trials_done', 0)} of {self.document['budget']['trials']} trials"
        return f"<Search {self.id} {self.state}, {done}>"

    @property
    def id(self) -> str:
        return str(self.document["id"])

    @property
    def state(self) -> str:
        """queued, running, cancelling; or ended: done, failed, cancelled."""
        return str(self.document["state"])

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def best(self) -> dict[str, Any] | None:
        """The best trial so far: score, seconds, method, language model, hyper-parameters."""
        return self._report().get("best")

    @property
    def front(self) -> list[dict[str, Any]]:
        """The trials that no other beats in score and time at once."""
        return list(self._report().get("front") or [])

    def _report(self) -> dict[str, Any]:
        return dict(self.document.get("report") or {})

    def refresh(self) -> Search:
        """Ask where it stands now."""
        self.document = self._hub.transport.get(f"searches/{self.id}/")
        return self

    def follow(self, *, every_s: float = 2.0, timeout_s: float | None = None) -> Iterator[Search]:
        """The search itself, each time something about it has changed, until it has ended.

        HubError when it has not ended after `timeout_s` seconds; the search goes on without us.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        last: object = None
        while True:
            self.refresh()
            report = self._report()
            now = (self.state, report.get("by_state"), report.get("running"), report.get("best"))
            if now != last:
                last = now
                yield self
            if self.has_ended:
                return
            if until is not None and time.monotonic() + every_s > until:
                raise HubError(
                    f"search {self.id} is still {self.state} after {timeout_s:g} s; it goes on by itself"
                )
            time.sleep(every_s)

    def wait(self, *, every_s: float = 2.0, timeout_s: float | None = None) -> Search:
        """Until it has ended; HubError after `timeout_s` seconds."""
        for _ in self.follow(every_s=every_s, timeout_s=timeout_s):
            pass
        return self

    def trials(self) -> Iterator[dict[str, Any]]:
        """Every trial by number."""
        return self._hub.pages(f"searches/{self.id}/trials/")

    def prior(self) -> dict[str, Any]:
        """What the store said before the first trial."""
        return dict(self._hub.transport.get(f"searches/{self.id}/prior/"))

    def script(self, trial: int | None = None) -> str:
        """A Python script that runs one trial again, the best one when none is named."""
        address = self._hub.transport.address(f"searches/{self.id}/script/", {"trial": trial})
        with self._hub.transport.open("GET", address) as answer:
            return str(answer.read().decode())

    def cancel(self) -> Search:
        """Stop it; what has been learnt is kept. Again is harmless."""
        self.document = self._hub.transport.post(f"searches/{self.id}/cancel/", {})
        return self
