"""What is wrong with a record, as data. Knows neither the schema nor where the record came from."""

from __future__ import annotations

from dataclasses import dataclass

SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `pointer` is a JSON Pointer (RFC 6901), "" is the whole document."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or '(record)'}: {self.message}"


class RecordError(ValueError):
    """Text or a record that is refused; `problems` holds everything that was found, never empty."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems[:20]))


def child(pointer: str, key: str | int) -> str:
    """The pointer one level down; ~ and / in a key are escaped, a very long key is cut."""
    text = str(key)
    if len(text) > SHOWN_CHARACTERS:
        text = text[:SHOWN_CHARACTERS] + "..."
    return f"{pointer}/{text.replace('~', '~0').replace('/', '~1')}"


def shown(value: object) -> str:
    """The offending value for a message: its kind for containers, else its text, shortened and printable."""
    if isinstance(value, dict):
        return f"an object with {len(value)} members"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and value.bit_length() > 256:
        return f"an integer of {value.bit_length()} bits"
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    if len(text) <= SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}... ({len(text)} characters)"
