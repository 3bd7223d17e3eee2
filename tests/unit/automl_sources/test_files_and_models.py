"""Files of users and names of language models: read right, or refused with the reason."""

from __future__ import annotations

import gzip
import json

import pytest

from automl.errors import SourceError
from automl.sources.datasets import DatasetRef, load
from automl.sources.files import peek
from automl.sources.language_models import known_keys, resolve
from automl.sources.splitting import prepare


def file_ref(name: str, **more: object) -> DatasetRef:
    return DatasetRef("file", name, name, **more)  # type: ignore[arg-type]


ROWS = [(f"text number {number}", "even" if number % 2 == 0 else "odd") for number in range(40)]


@pytest.fixture
def folder(tmp_path):
    as_csv = "text,label\n" + "".join(f'"{text}",{label}\n' for text, label in ROWS)
    as_tsv = "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in ROWS)
    lines = "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS)
    (tmp_path / "a.csv").write_text(as_csv, encoding="utf-8")
    (tmp_path / "a.tsv").write_text(as_tsv, encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(lines, encoding="utf-8")
    with gzip.open(tmp_path / "a.csv.gz", "wt", encoding="utf-8") as packed:
        packed.write(as_csv)
    import pyarrow
    from pyarrow import parquet

    columns = {"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    return tmp_path


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.parquet"])
def test_every_format_gives_the_same_rows(folder, name):
    labelled = load(file_ref(name), roots=[str(folder)], cache="")
    assert list(labelled.train) == ROWS
    assert labelled.warnings == ()


def test_several_text_columns_are_joined_by_a_line_feed(folder):
    labelled = load(file_ref("a.csv", text_columns=("text", "label")), roots=[str(folder)], cache="")
    assert labelled.train.texts[0] == "text number 0\neven"


def test_peek_shows_columns_and_first_rows(folder):
    seen = peek("a.csv", [str(folder)])
    assert (seen.columns, len(seen.rows), seen.rows[1]["label"]) == (["text", "label"], 20, "odd")


@pytest.mark.parametrize(
    "name", ["../a.csv", "/etc/passwd", "link.csv", "nothing.csv", "a\0.csv", "sub/../../a.csv"]
)
def test_nothing_outside_the_allowed_folders_is_read(folder, name):
    (folder / "link.csv").symlink_to(folder / "a.csv")
    with pytest.raises(SourceError) as refused:
        load(file_ref(name), roots=[str(folder)], cache="")
    assert refused.value.code in ("path_refused", "path_unknown")


def test_without_an_allowed_folder_no_file_is_read(folder):
    with pytest.raises(SourceError, match="TUNELORE_DATA_ROOTS"):
        load(file_ref("a.csv"), roots=[], cache="")


EXPECTED = {
    "csv_missing_label_column.csv": ("label", "text"),
    "csv_ragged_rows.csv": ("8", "21", "3 fields"),
    "csv_one_class_only.csv": ("one class",),
    "csv_labels_missing.csv": ("no label in any row",),
    "csv_header_only.csv": ("no rows",),
    "empty_file.csv": ("empty file",),
    "csv_latin1.csv": ("byte 20", "line 2"),
    "csv_unclosed_quote.csv": ("line 6",),
    "csv_duplicate_ids_conflict.csv": ("sms-3157",),
    "csv_duplicate_column_names.csv": ("duplicate column name 'text'",),
    "tsv_named_csv.csv": ("tab",),
    "csv_nul_bytes.csv": ("NUL byte", "line 5"),
    "csv_single_row.csv": ("too few rows",),
    "csv_label_equals_text.csv": ("60 classes in 60 rows",),
    "jsonl_truncated_last_line.jsonl": ("line 60 is not complete JSON",),
    "jsonl_mixed_types.jsonl": ("line 4: text", "line 6: text", "line 8: text", "line 9: label"),
    "jsonl_is_one_array.jsonl": ("not JSON Lines",),
    "jsonl_duplicate_keys.jsonl": ("duplicate key", "line 2"),
    "jsonl_lone_surrogate.jsonl": ("line 1", "not valid Unicode"),
    "jsonl_huge_numbers.jsonl": ("line 1", "out of range"),
    "plain_text_named.jsonl.gz": ("not a gzip file",),
    "gzip_truncated.jsonl.gz": ("ends early",),
    "gzip_bomb_64MB.jsonl.gz": ("expands beyond the limit",),
    "parquet_truncated.parquet": ("not a complete Parquet file",),
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_malformed_files_are_refused_by_name_and_place(shared_data, name):
    with pytest.raises(SourceError) as refused:
        prepare(load(file_ref(name), roots=[str(shared_data / "malformed")], cache=""), None, 0)
    missing = [word for word in EXPECTED[name] if word not in refused.value.message]
    assert missing == [], refused.value.message


@pytest.mark.parametrize(
    ("name", "rows", "warning"),
    [
        ("csv_empty_texts.csv", 60, "30 of 60"),
        ("csv_utf8_bom.csv", 60, None),
        ("csv_utf16le_bom.csv", 60, None),
        ("csv_cr_only.csv", 60, None),
        ("csv_huge_cell.csv", 21, None),
        ("csv_label_variants.csv", 60, "case or blanks"),
    ],
)
def test_odd_but_readable_files_are_read(shared_data, name, rows, warning):
    labelled = load(file_ref(name), roots=[str(shared_data / "malformed")], cache="")
    assert len(labelled.train) == rows
    assert [warning in text for text in labelled.warnings] == ([True] if warning else [])
    assert not any("\0" in text for text in labelled.train.texts)


def test_a_cut_keeps_classes_and_keeps_equal_texts_on_one_side(folder):
    from automl.sources.rows import LabelledText, Rows

    doubled = Rows(
        [text for text, _ in ROWS for _ in range(3)], [label for _, label in ROWS for _ in range(3)]
    )
    splits = prepare(LabelledText(doubled), 40, seed=1)
    sides = [set(part.texts) for part in (splits.train, splits.validation, splits.test)]
    assert sides[0].isdisjoint(sides[1] | sides[2])
    assert sides[1].isdisjoint(sides[2])
    assert len(splits.train) == 40
    assert abs(splits.train.labels.count("even") - splits.train.labels.count("odd")) <= 4
    assert prepare(LabelledText(doubled), 40, seed=1) == splits


def test_unknown_language_models_are_answered_with_the_known_ones():
    for key in ("package:nobody/nothing@1", "hub:a/b/c", "", "x" * 1000):
        with pytest.raises(SourceError, match="untrained-tiny") as refused:
            resolve(key)
        assert refused.value.field == "language_model"


def test_truncations_are_smaller(checkpoint):
    sizes = [resolve(key).parameters for key in known_keys()]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 22_713_216
    with pytest.raises(SourceError):
        resolve(f"{checkpoint}#layers=7")


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (
            {
                "config.json": {"model_type": "bert", "auto_map": {"AutoModel": "evil.py"}},
                "model.safetensors": b"",
            },
            "remote_code",
        ),
        (
            {"config.json": {"model_type": "bert", "num_hidden_layers": 1}, "pytorch_model.bin": b"pickle"},
            "no_safetensors",
        ),
        ({"config.json": {"model_type": "bert"}, "model.safetensors": b"\xff" * 32}, "malformed"),
        ({"model.safetensors": b""}, "incomplete"),
    ],
)
def test_booby_trapped_folders_are_refused(tmp_path, files, code):
    folder = tmp_path / "trap"
    folder.mkdir()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name).write_bytes(data)
    with pytest.raises(SourceError) as refused:
        resolve("path:trap", roots=[str(tmp_path)])
    assert refused.value.code == code


def test_path_needs_an_allowed_folder():
    with pytest.raises(SourceError, match="TUNELORE_MODEL_ROOTS"):
        resolve("path:somewhere")
