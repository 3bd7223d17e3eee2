"""When a training is stopped because its evaluation curve will not reach the front of its search.

Knows curves, scores and seconds; knows no trainer, no search and no clock. Start at `Stopping`. The rules were
compared on the curves of the starter experience (tests/bench/bench_stopping.py); `median` is that of Golovin et al.,
"Google Vizier" (2017), section 3.2.

    share    how much of its planned epochs a run has had, in (0, 1]
    reached  its best validation score so far: a lower bound of its final one, because the best epoch is kept
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

#: "ceiling" first: it stopped more and nothing that would have been on the front.
RULES = ("ceiling", "median")
#: Finished runs with a curve that a comparison needs, and the share before which nothing is stopped.
LEAST_PEERS, EARLIEST = 3, 0.25
#: A run that has had nearly all of its epochs is left to end.
ALMOST = 0.999


@dataclass(frozen=True)
class Peer:
    """A run of the same search that ended well, with its curve: shares ascending, scores the best so far."""

    shares: tuple[float, ...]
    scores: tuple[float, ...]
    score: float
    """What it ended with."""

    def at(self, share: float) -> float:
        """The best score at this share of its epochs, straight lines between evaluations, 0 at the start."""
        before, height = 0.0, 0.0
        for there, score in zip(self.shares, self.scores, strict=True):
            if there >= share:
                return height + (score - height) * (share - before) / (there - before)
            before, height = there, score
        return height


@dataclass(frozen=True)
class Stopping:
    """A rule with what it compares; ValueError for an unknown rule.

    `front` holds (score, seconds) of every run that ended well; `objectives` are "score", "seconds" or both.
    """

    rule: str
    peers: tuple[Peer, ...] = ()
    front: tuple[tuple[float, float], ...] = ()
    objectives: tuple[str, ...] = ("score", "seconds")

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(
                f"there is no rule {self.rule!r} of early stopping; use one of {', '.join(RULES)}"
            )

    def verdict(self, curve: Sequence[tuple[float, float]], seconds: float) -> dict[str, Any] | None:
        """Why a run shall end after its latest evaluation, as JSON data; None when it shall go on.

        `curve` is (share, best score so far) of each evaluation; `seconds` what the run has cost.
        """
        if not curve or len(self.peers) < LEAST_PEERS:
            return None
        share, reached = curve[-1]
        if not EARLIEST <= share < ALMOST:
            return None
        said = {"rule": self.rule, "share": share, "reached": reached, "seconds": seconds}
        if self.rule == "median":
            return self._below_median(said)
        return self._below_front(said, curve)

    def _below_median(self, said: dict[str, Any]) -> dict[str, Any] | None:
        """Below the median of the others' best at the same share."""
        middle = median(peer.at(said["share"]) for peer in self.peers)
        if said["reached"] >= middle:
            return None
        return {**said, "peers": len(self.peers), "median": round(middle, 6)}

    def _below_front(
        self, said: dict[str, Any], curve: Sequence[tuple[float, float]]
    ) -> dict[str, Any] | None:
        """Whatever it can still gain, some run that ended well is at least as good and was as quick."""
        top = self.ceiling(curve)
        rival = next((one for one in self.front if self._beats(one, top, said["seconds"])), None)
        if rival is None:
            return None
        return {
            **said,
            "peers": len(self.peers),
            "ceiling": round(top, 6),
            "front_score": rival[0],
            "front_seconds": rival[1],
        }

    def ceiling(self, curve: Sequence[tuple[float, float]]) -> float:
        """What the run may reach at most, in [0, 1]: it gains no more than any peer did from the same share on, nor
        more than it would by rising on as steeply as of late (learning slows down, as a power law does)."""
        (share, reached), before = curve[-1], curve[-2] if len(curve) > 1 else (0.0, 0.0)
        others = max(peer.score - peer.at(share) for peer in self.peers)
        own = (reached - before[1]) / (share - before[0]) * (1 - share)
        return min(1.0, reached + max(others, own, 0.0))

    def _beats(self, rival: tuple[float, float], top: float, seconds: float) -> bool:
        """Seconds only grow: what was quicker than this run is by now stays quicker."""
        as_good, as_quick = rival[0] >= top, rival[1] <= seconds
        return (as_good or "score" not in self.objectives) and (as_quick or "seconds" not in self.objectives)

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        peers = [[list(one.shares), list(one.scores), one.score] for one in self.peers]
        return {
            "rule": self.rule,
            "peers": peers,
            "front": [list(one) for one in self.front],
            "objectives": list(self.objectives),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Stopping:
        """The inverse; KeyError, TypeError or ValueError for data of another shape."""
        peers = tuple(Peer(tuple(shares), tuple(scores), score) for shares, scores, score in data["peers"])
        front = tuple((score, seconds) for score, seconds in data["front"])
        return cls(data["rule"], peers, front, tuple(data["objectives"]))


def best_so_far(points: Sequence[Mapping[str, Any]], metric: str, epochs: float) -> list[tuple[float, float]]:
    """(share, best score so far) of each evaluation of a curve as the record has it; [] where there is none."""
    found: list[tuple[float, float]] = []
    for point in points:
        score, epoch = (point.get("values") or {}).get(f"eval_{metric}"), point.get("epoch")
        if score is None or not epoch or epochs <= 0:
            continue
        found.append((epoch / epochs, max(score, found[-1][1] if found else 0.0)))
    return found


def peer_of(points: Sequence[Mapping[str, Any]], metric: str, epochs: float, score: float) -> Peer | None:
    """A finished run as others are compared with it; None without evaluations."""
    curve = best_so_far(points, metric, epochs)
    if not curve:
        return None
    return Peer(tuple(share for share, _ in curve), tuple(best for _, best in curve), score)
