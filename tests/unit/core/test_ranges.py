"""Ranges of a prior, with their ends written as numbers are written on the pages."""

from __future__ import annotations

import pytest

from knowledgebase.core import formats


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1e-05 to 0.000316", "1.0e-5 to 3.2e-4"),
        ("0.01 to 0.1", "0.01 to 0.1"),
        ("10 to 100", "10 to 100"),
        ("word", "word"),
        ("3", "3"),
        ("up to date", "up to date"),
    ],
)
def test_ends_are_numbers_or_the_text_stays(text: str, shown: str) -> None:
    assert formats.span(text) == shown
