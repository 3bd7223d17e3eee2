"""A hub's store and searches from Python: `Hub(url, token)`. Standard library alone; nothing runs in the background.

What goes wrong is a `HubError`: `HubUnreachable` without an answer, `HubRefused` with the hub's reason.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tunelore.hub.searches import Search
from tunelore.hub.transport import HubError, HubRefused, HubUnreachable, Transport, multipart

__all__ = ["Export", "Hub", "HubError", "HubRefused", "HubUnreachable", "Search"]
BATCH = 200
READ_BYTES = 2**20
Document = dict[str, Any]


@dataclass(frozen=True)
class Export:
    """A finished export: the file, its size, and how many rows the hub said (`is_exact`: not an estimate)."""

    path: Path
    bytes: int
    rows: int
    is_exact: bool


class Hub:
    """One hub. Without arguments TUNELORE_URL and TUNELORE_TOKEN say which; the token never appears in a text.

    Reads are repeated for `patience_s` seconds while the hub is away or busy (it says how long to wait).
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        patience_s: float = 30.0,
    ) -> None:
        self.transport = Transport(url, token, timeout_s=timeout_s, patience_s=patience_s)

    def __repr__(self) -> str:
        return f"<Hub {self.transport.url}>"

    def pages(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[Document]:
        """Every result of a list, page by page as they are taken."""
        answer, first = self.transport.get(path, query), self.transport.address(path)
        while True:
            yield from answer["results"]
            if not answer.get("next"):
                return
            # Of the address only what stands behind "?": a proxy in front may know the hub by another name.
            with self.transport.open("GET", f"{first}?{urlsplit(answer['next']).query}") as opened:
                answer = self.transport.value_of(opened)

    # --- the store ---------------------------------------------------------------------------------------

    def experiences(
        self,
        filter: str = "",
        *,
        order: str = "",
        fields: Sequence[str] = (),
        page: int = 100,
        **filters: Any,
    ) -> Iterator[Document]:
        """Experiences you may see, newest first: `{"record": ..., "hub": ...}`, or flat objects of `fields`.

        `filter` is the filter language (`method = lora and score > 0.8`); `filters`: task, method, language_model,
        status, team, via, since, q; lists mean any of them.
        """
        query = {"filter": filter, "order": order, "fields": list(fields), "limit": page, **filters}
        return self.pages("experiences/", query)

    def experience(self, id: str) -> Document:
        """One experience: the record as it was sent, what the hub knows beside it, its duplicates."""
        return dict(self.transport.get(f"experiences/{uuid.UUID(str(id))}/"))

    def send(self, records: Iterable[Mapping[str, Any]], *, visibility: str = "team") -> list[Document]:
        """Store records; one result each, in order: id, status (201 new, 200 there already), problem.

        `visibility`: `team` or `private`.
        """
        results: list[Document] = []
        batch: list[Mapping[str, Any]] = []
        for record in [*records, None]:
            if record is not None:
                batch.append(record)
            if batch and (record is None or len(batch) == BATCH):
                path = f"experiences/?visibility={visibility}"
                results += self.transport.post(path, batch)["results"]
                batch = []
        return results

    def export(
        self, path: str | os.PathLike[str], filter: str = "", *, form: str = "", order: str = "",
        fields: Sequence[str] = (), **filters: Any,
    ) -> Export:  # fmt: skip
        """Everything the filters find, into a file: ndjson, csv or parquet, by `form` or the file's ending.

        The file appears when it is whole: what breaks off leaves nothing behind.
        """
        target = Path(path)
        form = form or {".csv": "csv", ".parquet": "parquet"}.get(target.suffix.lower(), "ndjson")
        query = {"as": form, "filter": filter, "order": order, "fields": list(fields), **filters}
        address = self.transport.address("experiences/export/", query)
        with self.transport.open("GET", address) as answer:
            handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
            try:
                size = 0
                with os.fdopen(handle, "wb") as file:
                    while piece := answer.read(READ_BYTES):
                        size += file.write(piece)
                os.replace(draft, target)
            except BaseException as error:
                os.unlink(draft)
                if isinstance(error, OSError) or not isinstance(error, Exception):
                    raise
                raise HubUnreachable(f"the export broke off after {size:,} bytes: {error}") from error
            rows, exactness = answer.headers.get("X-Row-Count"), answer.headers.get("X-Row-Count-Is")
            return Export(target, size, int(rows or 0), exactness == "exact")

    def delete(self, id: str) -> None:
        """Delete one of your experiences for good."""
        self.transport.delete(f"experiences/{uuid.UUID(str(id))}/")

    def tasks(self) -> Iterator[Document]:
        """Tasks with an experience that you may see."""
        return self.pages("tasks/")

    def task(self, digest: str) -> Document:
        """One task with its nearest ones."""
        return dict(self.transport.get(f"tasks/{digest}/"))

    def leaderboard(self, digest: str, *, metric: str = "", split: str = "", limit: int = 20) -> Document:
        """The best experiences of one metric and split on a task, and their Pareto front."""
        query = {"metric": metric, "split": split, "limit": limit}
        return dict(self.transport.get(f"tasks/{digest}/leaderboard/", query))

    def language_models(self) -> Iterator[Document]:
        """Language models with an experience that you may see."""
        return self.pages("language-models/")

    def systems(self) -> Iterator[Document]:
        """Systems with an experience that you may see."""
        return self.pages("systems/")

    def statistics(self) -> Document:
        """Counts and sums over what you may see."""
        return dict(self.transport.get("stats/"))

    # --- what the store says of a task -------------------------------------------------------------------

    def neighbours(
        self, task: str | None = None, *, metafeatures: Mapping[str, float | None] | None = None,
        statistics: Mapping[str, Any] | None = None, k: int = 10, **more: Any,
    ) -> list[Document]:  # fmt: skip
        """The nearest tasks with distance and why, to one by digest, by meta-features or by dataset statistics."""
        body = around(task, metafeatures, statistics, k=k, **more)
        return list(self.transport.post("neighbours/", body)["neighbours"])

    def prior(
        self, task: str | None = None, *, metafeatures: Mapping[str, float | None] | None = None,
        statistics: Mapping[str, Any] | None = None, k: int = 5, **more: Any,
    ) -> Document:  # fmt: skip
        """What the store would try first there: shares beside uniform, and the experiences that moved them."""
        return dict(self.transport.post("priors/", around(task, metafeatures, statistics, k=k, **more)))

    # --- searches ----------------------------------------------------------------------------------------

    def datasets(self) -> Iterator[Document]:
        """Datasets you may see, newest first."""
        return self.pages("datasets/")

    def add_dataset(self, name: str, *, source: str = "builtin", **more: Any) -> Document:
        """Name a built-in dataset, or one of the HF Hub (`source="hub"`, text_columns, label_column)."""
        return dict(self.transport.post("datasets/", {"source": source, "name": name, **more}, again=False))

    def upload_dataset(
        self, path: str | os.PathLike[str], *, text_columns: Sequence[str], label_column: str, **more: Any
    ) -> Document:
        """Upload a file of labelled rows: CSV, TSV, JSON Lines or Parquet."""
        fields = {"text_columns": list(text_columns), "label_column": label_column, **more}
        data, kind = multipart(fields, {"file": Path(path)})
        address = self.transport.address("datasets/")
        with self.transport.open("POST", address, data, {"Content-Type": kind}, again=False) as answer:
            return dict(self.transport.value_of(answer))

    def launch(
        self, dataset: str | Mapping[str, Any], *, trials: int, seconds: float | None = None, **options: Any
    ) -> Search:
        """Launch a search on a dataset (its id or document). Repeated by itself it is still one search.

        `options`: title, methods, language_models, objectives, sampler, warm_start, slots, limits, seed, ...
        """
        known = dataset["id"] if isinstance(dataset, Mapping) else dataset
        key = str(options.pop("idempotency_key", "") or uuid.uuid4())
        body = {"dataset": str(known), "budget": {"trials": trials, "seconds": seconds}, **options}
        return Search(self, self.transport.post("searches/", body, headers={"Idempotency-Key": key}))

    def search(self, id: str) -> Search:
        """A search by its id."""
        return Search(self, self.transport.get(f"searches/{uuid.UUID(str(id))}/"))

    def searches(self) -> Iterator[Search]:
        """Searches you may see, newest first."""
        return (Search(self, document) for document in self.pages("searches/"))


def around(
    task: str | None,
    metafeatures: Mapping[str, float | None] | None,
    statistics: Mapping[str, Any] | None,
    **more: Any,
) -> Document:
    """The body that says what to look around; the hub says what is wrong with it."""
    given = {"task": task, "metafeatures": metafeatures, "statistics": statistics, **more}
    return {name: value for name, value in given.items() if value is not None}
