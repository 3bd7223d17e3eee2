"""The encodings that an upload's text may be in, and its first rows in the one asked for or one that fits.

It knows no request and no columns. UTF-16 is known by its first bytes and needs no choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from knowledgebase.searches import bridge

USUAL, FALLBACK = "utf-8", "windows-1252"
ENCODINGS: Mapping[str, str] = {
    USUAL: "UTF-8",
    FALLBACK: "Windows-1252, Western European",
    "iso-8859-15": "ISO 8859-15, Western European",
    "windows-1250": "Windows-1250, Central European",
    "iso-8859-2": "ISO 8859-2, Central European",
    "windows-1251": "Windows-1251, Cyrillic",
    "koi8-r": "KOI8-R, Cyrillic",
    "shift_jis": "Shift JIS, Japanese",
    "gb18030": "GB 18030, Chinese",
    "big5": "Big5, Chinese",
    "euc-kr": "EUC-KR, Korean",
}


@dataclass(frozen=True)
class Reading:
    """The first rows, the encoding they were read in, and why it is not the one asked for ("" when it is)."""

    preview: bridge.Preview
    encoding: str
    problem: str = ""


def known_encoding(text: str) -> str:
    """One of ENCODINGS; the usual one for any other word."""
    return text if text in ENCODINGS else USUAL


def read_upload(stored: str, asked: str) -> Reading:
    """In the encoding asked for, else in the usual one, else in the fallback; Refused for what none of them mends."""
    refusals: list[bridge.Refused] = []
    for encoding in dict.fromkeys((asked, USUAL, FALLBACK)):
        try:
            preview = bridge.preview_upload(stored, encoding)
        except bridge.Refused as refusal:
            refusals.append(refusal)
            if encoding == USUAL and refusal.code != "not_utf8":
                raise
        else:
            return Reading(preview, encoding, refusals[0].detail if refusals else "")
    raise refusals[0]
