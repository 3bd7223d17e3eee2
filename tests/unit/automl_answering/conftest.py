"""Real questions of the shared data folder, and tiny language models with a tokenizer of their words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from automl.sources.answered.questions import Questions
from automl.sources.datasets import DatasetRef, load
from tests.tiny import make_reader

ROWS = 32


@pytest.fixture(scope="session")
def qa_data(shared_data: Path) -> Path:
    folder = shared_data / "qa"
    if not folder.is_dir():
        pytest.skip(f"the shared data folder has no qa ({folder})")
    return folder


@pytest.fixture(scope="session")
def thirty_two(qa_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Questions]:
    """The 32 questions of a set with the shortest contexts that differ in their first answers' places."""
    cache = str(tmp_path_factory.mktemp("cache"))

    def chosen(name: str) -> Questions:
        ref = DatasetRef("file", name, f"{name}/train.jsonl.gz", kind="question-answering")
        train = load(ref, roots=[str(qa_data)], cache=cache).train
        assert isinstance(train, Questions)
        answered = [one for one in train.items if one.answers]
        return Questions.of(sorted(answered, key=lambda one: (len(one.text), one.text))[:ROWS])

    return chosen


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Questions], str]:
    """The folder of a tiny language model of a family whose tokenizer was trained on the texts of these questions."""
    root = tmp_path_factory.mktemp("readers")

    def made(family: str, rows: Questions) -> str:
        if not (root / family).exists():
            texts = [text for one in rows.items for text in (one.text, *one.answers)]
            make_reader(root / family, family, [*texts, "question: context: answer:"])
        return str(root)

    return made
