"""Number formats, outcomes and methods for templates; it does not know which page uses them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from knowledgebase.core import charts, formats

register = template.Library()


def known(form: Callable[[Any], str]) -> Callable[[Any], str]:
    """A name that a template does not find arrives as an empty text: not known, like None."""

    def shown(value: Any) -> str:
        return form(None if value == "" else value)

    return shown


FORMATS: dict[str, Callable[[Any], str]] = {
    "score": formats.score,
    "count": formats.count,
    "seconds": formats.seconds,
    "size": formats.size,
    "energy": formats.energy,
    "figure": formats.figure,
    "power": formats.power,
    "parameters": formats.parameters,
    "delta": formats.delta,
    "words": formats.words,
    "language_model": formats.language_model,
}
for _name, _format in FORMATS.items():
    register.filter(_name, known(_format))


@register.simple_tag
def share(part: float | None, whole: float | None, decimals: int = 0) -> str:
    """`part` of `whole` in per cent."""
    return formats.share(part, whole, decimals)


@register.simple_tag
def hyperparameter(name: str, value: object) -> str:
    """One hyper-parameter's value."""
    return formats.hyperparameter(name, value)


@register.filter
def coded(text: str) -> SafeString:
    """A text of the API's document: what stands between backticks as code, everything else escaped."""
    parts = text.replace("``", "`").split("`")
    shown = [format_html("<code>{}</code>" if at % 2 else "{}", part) for at, part in enumerate(parts)]
    return format_html_join("", "{}", ((one,) for one in shown))


@register.filter
def listed(value: object) -> str:
    """A value in words: the parts of a list with commas between."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@register.filter
def or_dash(text: object) -> SafeString:
    """A formatted value, the en dash of an unknown one muted and explained."""
    if text in (None, "", formats.DASH):
        return format_html('<span class="nil" title="not known or not applicable">{}</span>', formats.DASH)
    return format_html("{}", text)


@register.filter
def big(text: str) -> SafeString:
    """A figure of the stat row: its number large, its last unit small."""
    if text == formats.DASH:
        return or_dash(text)
    number, space, unit = text.rpartition(formats.NARROW)
    if not space:
        return format_html("{}", text)
    return format_html('{}<span class="unit">{}{}</span>', number, "\u00a0", unit)


@register.simple_tag
def outcome(status: str, words: str = "") -> SafeString:
    """An outcome or state: glyph and word, ok in plain ink."""
    glyph = charts.status_glyph(status)
    return format_html(
        '<span class="out {}"><svg viewBox="-6 -6 12 12" aria-hidden="true"><use href="#g-{}"/></svg>{}</span>',
        glyph,
        glyph,
        words or status,
    )


@register.simple_tag
def method(name: str) -> SafeString:
    """A method: its shape in its colour, and its word."""
    return format_html(
        '<span class="out"><svg viewBox="-6 -6 12 12" aria-hidden="true">'
        '<use href="#g-{}" class="{}"/></svg>{}</span>',
        charts.method_glyph(name),
        charts.method_tone(name),
        name,
    )


@register.simple_tag
def when(moment: datetime | None) -> SafeString:
    """A past moment in relative words, its UTC stamp in the title."""
    if moment is None:
        return or_dash(None)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(),
        formats.stamp(moment),
        formats.ago(moment, timezone.now()),
    )
