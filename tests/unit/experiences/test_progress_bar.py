"""The bar: one line that changes on a terminal, a line now and then elsewhere, nothing that breaks either."""

from __future__ import annotations

import io

import pytest
from django.core.management.base import OutputWrapper

from knowledgebase.experiences.management import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(progress, "TERMINAL_SECONDS", 0.0)


def test_a_terminal_gets_one_line_that_changes():
    out = Terminal()
    bar = progress.Bar(OutputWrapper(out))
    for done in (0.0, 0.5, 1.0, 7.0):
        bar.show(done, "runs")
    bar.close()
    lines = out.getvalue().split("\r")
    assert lines[2].startswith("[" + "#" * 15 + "." * 15 + "]  50% runs")
    assert lines[4].startswith("[" + "#" * 30 + "] 100% runs")
    assert out.getvalue().count("\n") == 1


def test_a_log_gets_a_line_now_and_then(monkeypatch):
    out = io.StringIO()
    bar = progress.Bar(OutputWrapper(out))
    bar.show(0.1, "too soon")
    bar.close()
    assert out.getvalue() == ""
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    bar = progress.Bar(OutputWrapper(out))
    bar.show(0.25, "runs")
    bar.close()
    assert out.getvalue() == "[" + "#" * 8 + "." * 22 + "]  25% runs\n"
