"""Files of every format that is imported, each a little wrong: seeded, so that a case can be had again by its number.

A case is a folder of files. Half of the mutations change values in their place and leave the format whole, since what
stops at the parser tests nothing behind it.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import math
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from knowledgebase.experiences.importers import parquet
from tests import import_samples as samples
from tests.cast import RECORD

Random = random.Random
DEEP: Any = 1
for _ in range(40):
    DEEP = [DEEP]
HOSTILE: tuple[Any, ...] = (
    "", " ", "x" * 70, "x" * 300, "x" * 5_000, "nul\0here", "lone \ud800", "\u202eright to left", "\ufeffbom",
    "😀" * 90, "<script>alert(1)</script>", "'; DROP TABLE experiences_task; --", "{{ 7*7 }}", "=1+1",
    "../../etc/passwd", "C:\\Windows\\x", "/home/somebody/model", "__proto__", "NaN", "Infinity", "1e400",
    "2026-11-20T10:00:00Z", "2026-02-30", "null", "ok", "error", "COMPLETE", "FINISHED",
    0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**63, 10**30, 10**400, -5, 0.5, -0.0, 1.7, 1e-320, 1e308, -1e308,
    math.nan, math.inf, -math.inf, True, False, None, [], {}, [[]], {"": None}, {"a": {"b": {"c": 1}}}, DEEP,
    [None] * 70, list(range(300)), {f"k{place}": place for place in range(300)},
)  # fmt: skip


def record(rng: Random) -> dict[str, Any]:
    """A valid record of ours under a fresh id."""
    return {"id": fresh_id(rng), **copy.deepcopy(RECORD)}


def fresh_id(rng: Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-7{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def mutated_value(value: Any, rng: Random, times: int) -> Any:
    """The same JSON value with some members replaced, removed, doubled or renamed."""
    value = copy.deepcopy(value)
    for _ in range(times):
        holder, key = _somewhere(value, rng)
        if holder is None:
            return rng.choice(HOSTILE)
        _change(holder, key, rng)
    return value


def _somewhere(value: Any, rng: Random) -> tuple[Any, Any]:
    """A place in the value: its holder and key; deeper places as likely as shallow ones."""
    places: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        members = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, member in members:
            places.append((one, key))
            waiting.append(member)
    return rng.choice(places) if places else (None, None)


def _change(holder: Any, key: Any, rng: Random) -> None:
    how = rng.random()
    if how < 0.7:
        holder[key] = copy.deepcopy(rng.choice(HOSTILE))
    elif how < 0.85:
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[str(rng.choice(HOSTILE))[:400]] = holder.pop(key)


def mutated_bytes(data: bytes, rng: Random) -> bytes:
    """Some bytes changed, cut out, put in, doubled, or the end gone."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at, length = rng.randrange(len(found) + 1), rng.choice((1, 1, 2, 8, 40))
        how = rng.randrange(5)
        if how == 0:
            found[at : at + length] = rng.randbytes(len(found[at : at + length]))
        elif how == 1:
            del found[at : at + length]
        elif how == 2:
            found[at:at] = rng.choice(
                (b'"', b"{", b"}", b",", b"\0", b"\xff", b"NaN", b"1e999", b"\n", b"[" * 200)
            )
        elif how == 3:
            found[at:at] = found[max(0, at - length) : at]
        else:
            del found[at:]
    return bytes(found)


def _json(value: Any, rng: Random) -> bytes:
    """Mutated as a value mostly, as text sometimes, now and then not at all."""
    how = rng.random()
    changed = mutated_value(value, rng, rng.choice((1, 1, 2, 3))) if how < 0.75 else value
    data = json.dumps(changed, indent=rng.choice((None, 2))).encode()
    return mutated_bytes(data, rng) if 0.75 <= how < 0.95 else data


def jsonl(folder: Path, rng: Random) -> None:
    lines = [_json(record(rng), rng).replace(b"\n", b" ") for _ in range(rng.choice((1, 2, 4)))]
    data = b"\n".join(lines) + b"\n"
    if rng.random() < 0.2:
        packed = gzip.compress(data, 1)
        (folder / "a.jsonl.gz").write_bytes(mutated_bytes(packed, rng) if rng.random() < 0.3 else packed)
    else:
        (folder / "a.jsonl").write_bytes(data)


def table(folder: Path, rng: Random) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "a.parquet"
    if rng.random() < 0.7:
        texts = [_json(record(rng), rng).decode("utf-8", "replace") for _ in range(2)]
        pq.write_table(pa.table({"record": texts}), path)
    else:
        whole = io.BytesIO()
        parquet.write([record(rng)], whole)
        path.write_bytes(mutated_bytes(whole.getvalue(), rng))


def experience_store(folder: Path, rng: Random) -> None:
    makers: tuple[Callable[..., dict[str, Any]], ...] = (
        samples.evaluation,
        samples.new_evaluation,
        samples.failed_evaluation,
        samples.worst_evaluation,
    )
    alias = f"alias {rng.randrange(10**9)}"
    contents = [rng.choice(makers)(alias=alias) for _ in range(rng.choice((1, 2, 3)))]
    if rng.random() < 0.3:
        contents[0]["algorithms"] = samples.CLASSIC
    for path, content in zip(samples.write_store(folder, *contents), contents, strict=True):
        path.write_bytes(_json(content, rng))


def trainer_run(folder: Path, rng: Random) -> None:
    state = samples.trainer_state(epoch=rng.random())
    run = samples.write_run(folder / "run", _json(state, rng))
    beside = {
        "config.json": {
            "model_type": "bert",
            "architectures": ["BertForSequenceClassification"],
            "n_layer": 2,
        },
        "adapter_config.json": {"peft_type": "LORA", "r": 8, "target_modules": ["a", "b"]},
        "all_results.json": {"train_runtime": 3.5, "eval_accuracy": 0.5, "train_samples": 30},
    }
    for name, value in beside.items():
        if rng.random() < 0.5:
            (run / name).write_bytes(_json(value, rng))
    if rng.random() < 0.5:
        card = samples.CARD.encode()
        (run / "README.md").write_bytes(mutated_bytes(card, rng) if rng.random() < 0.8 else card)


def peft_result(folder: Path, rng: Random) -> None:
    content = samples.peft_result(train_time=rng.random() * 1000)
    (folder / "result.json").write_bytes(_json(content, rng))


def mlflow_files(folder: Path, rng: Random) -> None:
    samples.write_mlruns(folder, samples.MlflowRun(key=f"{rng.getrandbits(128):032x}"))
    for path in rng.sample(paths := sorted(folder.rglob("*")), min(3, len(paths))):
        if not path.is_file():
            continue
        if rng.random() < 0.6:
            line = str(rng.choice(HOSTILE)).encode("utf-8", "surrogatepass")
            path.write_bytes(
                line if path.parent.name in ("params", "tags") else mutated_bytes(path.read_bytes(), rng)
            )
        else:
            path.unlink()


def _mutated_database(path: Path, rng: Random) -> None:
    if rng.random() < 0.2:
        path.write_bytes(mutated_bytes(path.read_bytes(), rng))
        return
    with closing(sqlite3.connect(path)) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        ]
        for _ in range(rng.choice((1, 1, 2, 3))):
            name = rng.choice(tables)
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            value = rng.choice(HOSTILE)
            if isinstance(value, dict | list):
                value = json.dumps(value)
            if isinstance(value, int) and abs(value) >= 2**63:
                value = str(value)
            if isinstance(value, str):
                value = value.encode("utf-8", "surrogatepass")
            how = "CAST(? AS TEXT)" if isinstance(value, bytes) and rng.random() < 0.9 else "?"
            with closing(db.cursor()) as cursor:
                try:
                    cursor.execute(f'UPDATE {name} SET "{rng.choice(columns)}" = {how}', (value,))
                except sqlite3.IntegrityError:
                    cursor.execute(f"DELETE FROM {name}")
        db.commit()


def mlflow_database(folder: Path, rng: Random) -> None:
    run = samples.MlflowRun(key=f"{rng.getrandbits(128):032x}")
    _mutated_database(samples.write_mlflow_db(folder / "mlflow.db", run), rng)


def optuna_database(folder: Path, rng: Random) -> None:
    path = samples.write_optuna_db(folder / "optuna.db", state=rng.choice(("COMPLETE", "FAIL", "PRUNED")))
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE studies SET study_name = ?", (f"study {rng.randrange(10**9)}",))
        db.commit()
    _mutated_database(path, rng)


def optuna_journal(folder: Path, rng: Random) -> None:
    lines = samples.journal_lines()
    lines[0]["study_name"] = f"study {rng.randrange(10**9)}"
    place = rng.randrange(len(lines))
    written = [json.dumps(line).encode() for line in lines]
    written[place] = _json(lines[place], rng).replace(b"\n", b" ")
    (folder / "optuna.journal").write_bytes(b"\n".join(written) + b"\n")


# How many of a hundred cases each format gets.
KINDS: dict[str, tuple[int, Callable[[Path, Random], None]]] = {
    "jsonl": (22, jsonl),
    "parquet": (8, table),
    "xautolm": (20, experience_store),
    "hf-trainer": (20, trainer_run),
    "peft": (4, peft_result),
    "mlflow files": (6, mlflow_files),
    "mlflow database": (6, mlflow_database),
    "optuna database": (6, optuna_database),
    "optuna journal": (8, optuna_journal),
}


def case(number: int, seed: int, folder: Path) -> str:
    """Write case ``number`` into an empty folder; gives its kind. The same number and seed, the same files."""
    rng = Random(f"{seed} {number}")
    names = list(KINDS)
    [kind] = rng.choices(names, [KINDS[name][0] for name in names])
    KINDS[kind][1](folder, rng)
    return kind
