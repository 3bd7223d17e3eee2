"""Scales, ticks and the glyphs of methods and outcomes; it does not know which chart uses them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

METHODS = ("full", "lora", "partial", "probe", "linear")
FAILURES = ("oom", "timeout", "diverged", "error")
STATUSES = ("ok", *FAILURES, "killed", "pruned", "unknown")
_TONES = {"ok": "c-ink", "timeout": "c-busy"} | dict.fromkeys(("oom", "diverged", "error"), "c-fail")
_LIVE = ("running", "queued")
# How a search ends, in the glyphs of how runs do.
_ENDS = {"done": "ok", "failed": "error", "cancelled": "killed"}
_TIME_TICKS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 900, 3600, 10800, 36000, 86400)

LEAST = 1e-300  # below it there are too few digits for powers of ten


@dataclass(frozen=True)
class Tick:
    """One mark of an axis: its position (per cent or pixels), its words, left out on a phone or not."""

    at: str
    label: str
    wide: bool = False


@dataclass(frozen=True)
class Axis:
    """Maps values in [low, high] to [start, start + length]; `log`: of their logarithm (values > 0)."""

    low: float
    high: float
    start: float
    length: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies, in the units of `start`; in the middle where the ends are too near or too far apart."""
        low, high, value = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        span = high - low
        share = (value - low) / span if span and math.isfinite(span) else 0.5
        return self.start + self.length * share

    def unit(self, value: float) -> int:
        """Where a value lies in the stretched box, 0 to 1000."""
        return round((self.at(value) - self.start) / self.length * 1000)


def percent(value: float) -> str:
    """A position as SVG wants it."""
    return f"{value:.2f}%"


def method_glyph(method: str) -> str:
    """The glyph of a method; methods without a shape of their own share one."""
    return method if method in METHODS else "other"


def method_tone(method: str) -> str:
    """The colour class of a method."""
    return f"c-{method}" if method in METHODS else "c-ref"


def status_glyph(status: str) -> str:
    """The glyph of an outcome or state; `unknown` for any word without a shape."""
    status = _ENDS.get(status, status)
    return status if status in STATUSES or status in _LIVE else "unknown"


def status_tone(status: str) -> str:
    """The colour class of an outcome in charts: ink, failed, time limit, or reference grey."""
    return _TONES.get(status, "c-ref")


def nice_step(span: float, parts: int = 4) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts `span` > 0 into at most `parts` pieces; 1 for no span."""
    raw = span / parts
    if not LEAST <= raw < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def round_values(low: float, high: float, parts: int = 4) -> list[float]:
    """Round values inside [low, high], ascending; none where the ends are too far apart to have a distance."""
    if not math.isfinite(high - low):
        return []
    step = nice_step(high - low, parts)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


def score_range(values: Sequence[float]) -> tuple[float, float]:
    """A range of scores with air around it, inside [0, 1]."""
    low, high = min(values), max(values)
    pad = max((high - low) * 0.12, 0.01)
    return max(0.0, low - pad), min(1.0, high + pad)


def time_values(low: float, high: float) -> list[float]:
    """Human moments (10 s, 1 min, 1 h) inside [low, high] seconds; three even ones where fewer fit."""
    inside = [value for value in _TIME_TICKS if low <= value <= high]
    if len(inside) >= 2:
        return [float(value) for value in inside]
    return [math.exp(math.log(low) + math.log(high / low) * part) for part in (0.15, 0.5, 0.85)]
