"""Of which format a file is, by a look at its beginning. It reads no more than that, and follows no link."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path

from knowledgebase.experiences.importers.items import Unreadable
from knowledgebase.experiences.importers.sqlite_file import table_names

FORMATS = ("jsonl", "parquet", "xautolm", "hf-trainer", "peft", "mlflow", "optuna")
LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
DATABASES = (".db", ".sqlite", ".sqlite3")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
STATE, CARD = "trainer_state.json", "README.md"
PEEK_BYTES = 16_384
_EXPERIENCE = re.compile(rb'"algorithms"\s*:')
_EXPERIENCE_NAME = re.compile(r"\d\d[:_]\d\d[:_]\d\d-[0-9a-f]{8}-[0-9a-f-]{27}\.json")
_PACKED = re.compile(rb'\s*\{"path"\s*:\s*"[^"]*",\s*"content"\s*:')
_RECORD = re.compile(rb'"schema"\s*:\s*"tunelore\.')
_STATE = re.compile(rb'"(?:log_history|best_model_checkpoint|is_hyper_param_search)"\s*:')
_JOURNAL = re.compile(rb'\s*\{"op_code"\s*:')
_RESULT = re.compile(rb'"(?:run_info|train_info)"\s*:\s*\{')
_RUN = re.compile(rb"^run_(?:id|uuid):", re.MULTILINE)


def recognised(path: Path) -> str | None:
    """The format, None for what says nothing; Unreadable for a database that is none."""
    name = path.name.lower()
    if name.endswith(DATABASES):
        return _database(path)
    if name.endswith(".parquet"):
        return "parquet" if b"record" in _end(path) else None
    if name.endswith(".json"):
        return _document(name, peek(path))
    if name.endswith((*LINES, ".journal", ".log")):
        return _lines(peek(path))
    if name.endswith((".yaml", ".yml")):
        return "mlflow" if _RUN.search(peek(path)) else None
    return "hf-trainer" if name.endswith(CARD.lower()) and b"model-index:" in peek(path) else None


def by_ending(path: Path) -> str | None:
    """What a file that somebody names is taken for where its content says nothing."""
    name = path.name.lower()
    if name.endswith((*LINES, ".json")):
        return None if _of_another_tool(path) else "jsonl"
    if name.endswith(".parquet"):
        return "parquet"
    return "mlflow" if name.endswith((".yaml", ".yml")) else None


def peek(path: Path) -> bytes:
    """The beginning of a file, unpacked where it is gzip; nothing where it cannot be read."""
    try:
        with path.open("rb") as raw:
            if path.suffix == ".gz":
                with gzip.open(raw) as file:
                    return file.read(PEEK_BYTES)
            return raw.read(PEEK_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""


def _document(name: str, start: bytes) -> str | None:
    if _EXPERIENCE_NAME.fullmatch(name):
        return "xautolm"
    if _EXPERIENCE.search(start) and (b"_features" in start or b'"alias"' in start):
        return "xautolm"
    if _RESULT.search(start):
        return "peft"
    if name.startswith("trainer_state") or _STATE.search(start):
        return "hf-trainer"
    return "jsonl" if _RECORD.search(start) else None


def _lines(start: bytes) -> str | None:
    if _JOURNAL.match(start):
        return "optuna"
    if _PACKED.match(start):
        return "xautolm"
    if _RESULT.search(start):
        return "peft"
    return "jsonl" if _RECORD.search(start) else None


def _of_another_tool(path: Path) -> bool:
    """A JSON object with neither a record's schema nor its outcome; a list may hold records."""
    start = peek(path)
    return (
        path.suffix == ".json"
        and start.lstrip()[:1] == b"{"
        and b'"outcome"' not in start
        and b'"schema"' not in start
    )


def _database(path: Path) -> str:
    tables = table_names(path)
    if {"runs", "params", "metrics"} <= tables:
        return "mlflow"
    if {"studies", "trials"} <= tables:
        return "optuna"
    raise Unreadable("is a database of neither MLflow nor Optuna")


def _end(path: Path) -> bytes:
    """The end of a file, where Parquet names its columns."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - PEEK_BYTES))
        return file.read()
