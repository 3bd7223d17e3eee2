"""`hub:` datasets: Parquet files of a repository at a commit, splits by their names, scripts never run."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from automl.errors import SourceError
from automl.sources.datasets import DatasetRef, load
from automl.sources.fetching import fetch_dataset
from automl.sources.hub.store import HubStore
from tests.hf_hub import Hub

NAME = "lab/reviews"
Left = Callable[[], list[str]]


def table(rows: int = 20, start: int = 0, **more: list[Any]) -> bytes:
    """A Parquet file with an index, a sentence and a numbered label, as SST-2 has them."""
    numbers = range(start, start + rows)
    columns: dict[str, list[Any]] = {
        "idx": list(numbers),
        "sentence": [f"a film of {number} scenes" for number in numbers],
        "label": [number % 2 for number in numbers],
    }
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.table({**columns, **more}), buffer)
    return buffer.getvalue()


def sst2() -> dict[str, bytes]:
    """The files as the real repository has them; its test rows carry -1 in place of a label."""
    return {
        "README.md": b"---\nconfigs: []\n---",
        "data/train-00000-of-00002.parquet": table(20),
        "data/train-00001-of-00002.parquet": table(20, start=20),
        "data/validation-00000-of-00001.parquet": table(10, start=100),
        "data/test-00000-of-00001.parquet": table(10, start=200, label=[-1] * 10),
    }


def ref(name: str = NAME, **more: Any) -> DatasetRef:
    columns = {"text_columns": ("sentence",), "label_column": "label"}
    return DatasetRef("hub", name, **{**columns, **more})


def refused(wanted: DatasetRef, store: HubStore) -> SourceError:
    with pytest.raises(SourceError) as raised:
        load(fetch_dataset(wanted, store), cache=store.cache)
    return raised.value


def test_splits_and_shards_of_a_commit(hub: Hub, store: HubStore) -> None:
    repo = hub.dataset(NAME)
    commit = repo.commit(sst2())
    found = fetch_dataset(ref(), store)
    assert (found.revision, found.config) == (commit, "")
    labelled = load(found, cache=store.cache)
    assert labelled.revision == commit
    assert labelled.train.texts[:1] + labelled.train.texts[-1:] == [
        "a film of 0 scenes",
        "a film of 39 scenes",
    ]
    assert labelled.train.labels[:2] == ["0", "1"]
    assert labelled.validation is not None
    assert len(labelled.validation) == 10
    assert labelled.test is None
    assert labelled.warnings == (
        "test: none of its labels ('-1') stands in the training rows; it is not used.",
    )

    repo.commit({"data/train-00000-of-00001.parquet": table(12)})
    asked = len(hub.seen)
    assert load(fetch_dataset(found, store), cache=store.cache) == labelled
    assert len(hub.seen) == asked, "a pinned dataset is not asked for again"
    assert len(load(fetch_dataset(ref(), store), cache=store.cache).train) == 12


def test_a_repository_of_several_parts_asks_which(hub: Hub, store: HubStore, left: Left) -> None:
    parts = {f"{config}/train-00000-of-00001.parquet": table() for config in ("cola", "sst2")}
    hub.dataset(NAME).commit(parts | {"sst2/validation/0000.parquet": table(10, start=50)})
    error = refused(ref(), store)
    assert (error.code, error.field) == ("unknown_config", "config")
    assert "name one of: cola, sst2" in error.message
    assert refused(ref(config="mnli"), store).message.startswith(f"hub:{NAME} has no configuration 'mnli'")
    assert left() == []
    found = fetch_dataset(ref(config="sst2"), store)
    assert len(load(found, cache=store.cache).validation or ()) == 10
    assert all("/sst2/" in path for path in left())


def test_the_hubs_own_conversion_is_taken_where_there_is_no_parquet(hub: Hub, store: HubStore) -> None:
    repo = hub.dataset(NAME)
    repo.commit({"reviews.py": b"raise SystemExit('ran')", "train.jsonl": b"{}"})
    error = refused(ref(), store)
    assert error.code == "no_parquet"
    assert "loading script (reviews.py), and code of a repository is never run" in error.message
    commit = repo.commit({"default/train/0000.parquet": table()}, "refs/convert/parquet")
    assert fetch_dataset(ref(), store).revision == commit
    assert not hub.asked_for(".py")


def test_names_of_files_never_become_paths(hub: Hub, store: HubStore, left: Left) -> None:
    hub.dataset(NAME).commit(
        {
            "../../train-00000-of-00001.parquet": table(),
            "a/../train.parquet": table(),
            "train.parquet": table(),
        }
    )
    load(fetch_dataset(ref(), store), cache=store.cache)
    assert [path.rpartition("/")[2] for path in left()] == ["train-00000.parquet"]
    for config in ("..", "../..", "a/b", "/etc"):
        assert refused(ref(config=config), store).code == "unknown_config"


def test_wrong_columns_name_those_that_are_there(hub: Hub, store: HubStore) -> None:
    hub.dataset(NAME).commit(sst2())
    error = refused(ref(text_columns=("text",)), store)
    assert (error.code, error.field) == ("missing_column", "text_columns")
    assert "'idx', 'sentence', 'label'" in error.message


def test_only_the_wanted_columns_are_read(hub: Hub, store: HubStore) -> None:
    pictures = [{"bytes": b"x" * 1000}] * 20
    hub.dataset(NAME).commit({"train.parquet": table(image=pictures)})
    assert len(load(fetch_dataset(ref(), store), cache=store.cache).train) == 20


@pytest.mark.parametrize(("kind", "code"), [("gated", "gated"), ("private", "unknown_dataset")])
def test_closed_datasets(hub: Hub, store: HubStore, left: Left, kind: str, code: str) -> None:
    hub.dataset(NAME, **{kind: True}).commit(sst2())
    error = refused(ref(), store)
    assert (error.code, error.field) == (code, "dataset")
    assert "HF_TOKEN" in error.message
    assert left() == []


def test_missing_datasets_and_revisions(hub: Hub, store: HubStore) -> None:
    hub.dataset(NAME).commit(sst2())
    assert refused(ref("lab/nothing"), store).code == "unknown_dataset"
    assert refused(ref(revision="v9"), store).code == "unknown_revision"


def test_too_large_is_said_before_anything_is_taken(hub: Hub, store: HubStore, left: Left) -> None:
    hub.dataset(NAME).commit(sst2())
    error = refused(ref(), replace(store, max_bytes=1000))
    assert (error.code, len(hub.seen)) == ("too_large", 1)
    assert left() == []


def test_a_cut_split_goes_on(hub: Hub, store: HubStore) -> None:
    hub.dataset(NAME).commit(sst2())
    hub.breaks = {"train-00001-of-00002.parquet": [700]}
    assert len(load(fetch_dataset(ref(), store), cache=store.cache).train) == 40


def test_the_same_megabyte_a_thousand_times_is_counted_before_it_is_written_out(
    hub: Hub, store: HubStore
) -> None:
    buffer = io.BytesIO()
    texts = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([0] * 1000, pyarrow.int32()), ["a" * 2**20, "b"]
    )
    labels = [number % 2 for number in range(1000)]
    parquet.write_table(pyarrow.table({"sentence": texts, "label": labels}), buffer, compression="zstd")
    assert len(buffer.getvalue()) < 2**21
    hub.dataset(NAME).commit({"train.parquet": buffer.getvalue()})
    error = refused(ref(), store)
    assert error.code == "expands"
    assert "1,048,584,125 bytes of text" in error.message
