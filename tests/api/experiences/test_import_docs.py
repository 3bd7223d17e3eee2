"""docs/import-export.md tells what the commands take and what came of the collected files."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import load_command_class

from knowledgebase.experiences.importers import FORMATS, READERS
from tests.bench.bench_shared_imports import MARKS, entries, row_of, table

PAGE = Path(__file__).resolve().parents[3] / "docs" / "import-export.md"
OF_EVERY_COMMAND = {
    "--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color", "--force-color",
    "--skip-checks",
}  # fmt: skip


@pytest.mark.parametrize("name", ["import_experiences", "export_experiences"])
def test_the_page_names_every_option(name):
    parser = load_command_class("knowledgebase.experiences", name).create_parser("manage.py", name)
    options = {
        option for action in parser._actions for option in action.option_strings if option.startswith("--")
    }
    told = PAGE.read_text(encoding="utf-8")
    assert [
        option
        for option in options - OF_EVERY_COMMAND
        if f"`{option}`" not in told and f"{option} " not in told
    ] == []


def test_every_format_has_a_reader_and_a_line_in_the_page():
    assert set(FORMATS) == set(READERS)
    told = PAGE.read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"| `{name}` |" not in told] == []


@pytest.mark.django_db
@pytest.mark.shared_data
def test_the_table_is_what_the_importer_does(shared_data):
    """Made again by `python tests/bench/bench_shared_imports.py --write`."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    assert rest.partition(MARKS[1])[0] == table([row_of(path, shared_data) for path in entries(shared_data)])
