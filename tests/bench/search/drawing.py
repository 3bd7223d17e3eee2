"""Curves of searches as one SVG: hypervolume and best score after so many trials, and after so many limits of seconds.

Knows the rows of a result; knows no search.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

#: Who is drawn, in which colour.
SHOWN = {
    "random": "#999999",
    "high-liar": "#c08000",
    "tpe": "#8844aa",
    "syne-zero-shot": "#22aaaa",
    "tpe-neighbours": "#cc5599",
    "tpe-portfolio": "#554433",
    "replay": "#2277bb",
    "process-cold": "#55aa55",
    "process-fast": "#dd7744",
    "process": "#bb2222",
}
#: What a row of panels shows, and where a result has it by trials and by seconds.
MEASURES = (("hypervolume", "curve", "clock"), ("best score", "best_curve", "best_clock"))
WIDTH, HEIGHT, LEFT, TOP, GAP = 300, 210, 40, 24, 60


def svg(result: Mapping[str, Any], regime: str = "helpful") -> str:
    """Four panels and a legend; ValueError when the result has no such regime."""
    rows = {row["arm"]: row for row in result["rows"] if row["regime"] == regime and row["arm"] in SHOWN}
    if not rows:
        raise ValueError(f"the result has no searches of {regime!r} to draw")
    budget = float(result["budget"])
    whole, high = LEFT + 2 * WIDTH + GAP + 130, TOP + 2 * HEIGHT + GAP + 40
    found = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {high}" role="img"'
        f' font-family="sans-serif" font-size="11"><title>Hypervolume and best score of searches, {regime} stores'
        f'</title><rect width="{whole}" height="{high}" fill="#ffffff"/>'
    ]
    for place, (words, by_trials, by_seconds) in enumerate(MEASURES):
        top = TOP + place * (HEIGHT + GAP)
        trials = {
            name: [(at / budget, value) for at, value in enumerate(row[by_trials], start=1)]
            for name, row in rows.items()
        }
        ticks = [(at / budget, str(at)) for at in (1, 10, 25, 50)]
        found += _panel((LEFT, top), trials, ticks, f"{words}, by trials")
        last = max(float(at) for row in rows.values() for at in row[by_seconds])
        clock = {
            name: [(_log(float(at), last), value) for at, value in row[by_seconds].items()]
            for name, row in rows.items()
        }
        ticks = [(_log(float(at), last), at) for at in next(iter(rows.values()))[by_seconds]]
        found += _panel((LEFT + WIDTH + GAP, top), clock, ticks, f"{words}, by seconds in time limits")
    return "\n".join([*found, *_legend(list(rows)), "</svg>"]) + "\n"


def _log(at: float, last: float) -> float:
    return math.log(at) / math.log(last)


def _panel(
    corner: tuple[int, int],
    curves: Mapping[str, Sequence[tuple[float, float]]],
    ticks: Sequence[tuple[float, str]],
    words: str,
) -> list[str]:
    """The corner is the upper left one; curves and ticks have their place in [0, 1] across."""
    x, bottom = corner[0], corner[1] + HEIGHT
    found = [
        f'<rect x="{x}" y="{corner[1]}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#777777"/>'
    ]
    for level in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - level * HEIGHT
        found.append(f'<line x1="{x}" x2="{x + WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        found.append(f'<text x="{x - 5}" y="{y + 4:.1f}" text-anchor="end">{level:g}</text>')
    for place, text in ticks:
        found.append(
            f'<text x="{x + place * WIDTH:.1f}" y="{bottom + 14}" text-anchor="middle">{text}</text>'
        )
    found.append(f'<text x="{x + WIDTH / 2}" y="{bottom + 30}" text-anchor="middle">{words}</text>')
    for name, points in curves.items():
        path = " ".join(f"{x + at * WIDTH:.1f},{bottom - value * HEIGHT:.1f}" for at, value in points)
        width = 2.5 if name == "process" else 1.5
        found.append(f'<polyline points="{path}" fill="none" stroke="{SHOWN[name]}" stroke-width="{width}"/>')
    return found


def _legend(names: Sequence[str]) -> list[str]:
    x, found = LEFT + 2 * WIDTH + GAP + 12, list[str]()
    for place, name in enumerate(one for one in SHOWN if one in names):
        y = TOP + 12 + 18 * place
        found.append(
            f'<line x1="{x}" x2="{x + 18}" y1="{y}" y2="{y}" stroke="{SHOWN[name]}" stroke-width="2.5"/>'
        )
        found.append(f'<text x="{x + 24}" y="{y + 4}">{name}</text>')
    return found
