"""Turns numbers into the words of the pages: times, sizes, scores, dates; it knows neither HTML nor rows.

Every function takes `None` for "unknown or not applicable" and then answers an en dash; zero is written as 0.
Units follow a narrow no-break space, so that a figure never breaks from its unit.
"""

import math
from datetime import UTC, datetime

DASH = "–"
NARROW = "\u202f"
MINUS = "−"
GIB = 1024**3
MIB = 1024**2

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _unit(number: str, unit: str) -> str:
    return f"{number}{NARROW}{unit}"


def score(value: float | None, decimals: int = 4) -> str:
    """A score in [0, 1]: 4 decimals in tables, 3 on charts."""
    return DASH if value is None else f"{value:.{decimals}f}"


def count(value: int | None) -> str:
    """A count with comma groups."""
    return DASH if value is None else f"{value:,}"


def share(part: float | None, whole: float | None, decimals: int = 0) -> str:
    """`part` of `whole` in per cent; an en dash where there is no whole."""
    if part is None or not whole:
        return DASH
    return _unit(f"{100 * part / whole:.{decimals}f}", "%")


def seconds(value: float | None) -> str:
    """A duration in seconds, in the words of its size: "30 ms", "4.1 s", "71 s", "4 min 06 s", "1 h 35 min"."""
    if value is None:
        return DASH
    if value <= 0:
        return _unit("0", "s")
    if value < 0.0995:
        return _unit(f"{max(1, round(1000 * value))}", "ms")
    if round(value, 1) < 10:
        return _unit(f"{value:.1f}", "s")
    return _long_duration(value)


def _long_duration(value: float) -> str:
    whole, minutes = round(value), round(value / 60)
    if whole < 120:
        return _unit(str(whole), "s")
    if whole < 600:
        return f"{_unit(str(whole // 60), 'min')} {_unit(f'{whole % 60:02d}', 's')}"
    if minutes < 120:
        return _unit(str(minutes), "min")
    if minutes < 48 * 60:
        return f"{_unit(str(minutes // 60), 'h')} {_unit(f'{minutes % 60:02d}', 'min')}"
    return _unit(f"{round(value / 3600):,}", "h")


def size(value: float | None) -> str:
    """Bytes in GiB with one decimal, under 0.1 GiB in MiB."""
    if value is None:
        return DASH
    if value >= 0.1 * GIB:
        return _unit(f"{value / GIB:.1f}", "GiB")
    return _unit(figure(value / MIB), "MiB")


def energy(value: float | None) -> str:
    """Joules in kJ from 10,000 on."""
    if value is None:
        return DASH
    return _unit(figure(value / 1000), "kJ") if value >= 10_000 else _unit(figure(value), "J")


def figure(value: float | None) -> str:
    """Any other number with 3 significant figures, never in powers of ten between 0.001 and 10 million."""
    if value is None:
        return DASH
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    if float(value).is_integer() and abs(value) < 1e7:
        return f"{int(value):,}".replace("-", MINUS)
    if not 1e-3 <= abs(value) < 1e7:
        return power(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".replace("-", MINUS)


def power(value: float | None) -> str:
    """A number written as learning rates are: 2.8e-4."""
    if value is None:
        return DASH
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def parameters(value: float | None) -> str:
    """A number of weights in thousands (k), millions (M) or billions (B)."""
    if value is None:
        return DASH
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return _unit(figure(round(value / limit, 2 if value < 10 * limit else 1)), unit)
    return count(int(value))


def delta(value: float | None, decimals: int = 4) -> str:
    """A signed difference of scores, with a true minus."""
    if value is None:
        return DASH
    text = f"{abs(value):.{decimals}f}"
    return text if float(text) == 0 else f"{'+' if value > 0 else MINUS}{text}"


def hyperparameter(name: str, value: object) -> str:
    """One hyper-parameter's value; learning rates and other very small numbers as powers."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and (name.endswith("learning_rate") or 0 < abs(value) < 1e-3):
        return power(value)
    if isinstance(value, int | float):
        return figure(value)
    if isinstance(value, list):
        return ", ".join(hyperparameter(name, item) for item in value)
    return str(value)


def span(text: str) -> str:
    """A range such as "1e-05 to 0.000316" with its ends as numbers are written here; any other text as it is."""
    ends = text.split(" to ")
    try:
        numbers = [figure(float(end)) for end in ends]
    except ValueError:
        return text
    # Ends of a range are exact: 0.0100 says no more than 0.01.
    plain = [one if "e" in one or "." not in one else one.rstrip("0").rstrip(".") for one in numbers]
    return " to ".join(plain) if len(plain) == 2 else text


def words(name: str) -> str:
    """A field's name as words: `learning_rate` is "learning rate"."""
    return name.replace("_", " ").replace(".", " ").strip()


def ago(moment: datetime | None, now: datetime) -> str:
    """A past moment: relative up to 7 days, then the day, with its year where that is another."""
    if moment is None:
        return DASH
    passed = (now - moment).total_seconds()
    if passed < 60:
        return "just now" if passed < 10 else f"{_unit(str(int(passed)), 's')} ago"
    if passed < 3600:
        return f"{_unit(str(int(passed // 60)), 'min')} ago"
    if passed < 86400:
        return f"{_unit(str(int(passed // 3600)), 'h')} ago"
    days = int(passed // 86400)
    if days < 7:
        return "yesterday" if days == 1 else f"{days} days ago"
    return day(moment, now)


def day(moment: datetime, now: datetime) -> str:
    """The day of a moment in UTC: "18 November", with the year where it is not this one."""
    local = moment.astimezone(UTC)
    text = f"{local.day} {_MONTHS[local.month - 1]}"
    return text if local.year == now.astimezone(UTC).year else f"{text} {local.year}"


def stamp(moment: datetime) -> str:
    """A moment to the second, in UTC, for titles."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(moment: datetime) -> str:
    """Hour and minute in UTC."""
    return moment.astimezone(UTC).strftime("%H:%M")


def language_model(key: str | None) -> str:
    """The short name of a language model's key: `package:org/name@rev#layers=2` is "name, layers=2"."""
    if not key:
        return DASH
    body, _, variant = key.partition("#")
    name = body.partition(":")[2] or body
    short = name.split("@", 1)[0].rsplit("/", 1)[-1] or key
    return f"{short}, {variant}" if variant else short


def plural(number: int, one: str, many: str | None = None) -> str:
    """A count with its noun: "1 trial", "12 trials"."""
    return f"{count(number)} {one if number == 1 else (many or one + 's')}"
