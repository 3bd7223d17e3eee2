"""What the commands share: exit codes and how things are said."""

from __future__ import annotations

DONE, LEFT, WRONG_USE = 0, 1, 2


def runs(number: int) -> str:
    """1 run, 2 runs."""
    return f"{number:,} run" if number == 1 else f"{number:,} runs"


def printable(text: str) -> str:
    """A name cannot write to the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))[:60]
