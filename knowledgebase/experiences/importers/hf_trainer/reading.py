"""The folders that a Trainer leaves, as files. It decides which file is read, and makes no record itself.

Pickles (training_args.bin, optimizer.pt) and weights are never opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from knowledgebase.experiences.importers.hf_trainer.cards import Card, card
from knowledgebase.experiences.importers.hf_trainer.records import Beside, record_of_card, record_of_run
from knowledgebase.experiences.importers.hf_trainer.states import State, runs, state
from knowledgebase.experiences.importers.items import Found, Item, Refused, Source, Unreadable, place_of
from knowledgebase.experiences.importers.recognise import CARD, STATE
from knowledgebase.experiences.importers.texts import json_value, read_bytes

RESULTS = (
    "train_results.json",
    "eval_results.json",
    "test_results.json",
    "predict_results.json",
    "all_results.json",
)
CONFIG, ADAPTER = "config.json", "adapter_config.json"
MAX_BESIDE_BYTES = 4 * 1024 * 1024


def read(source: Source) -> Iterator[Item]:
    """One record a run of the folder, or the record of one card; a state that is none is refused by itself."""
    if source.paths[0].name.endswith(CARD):
        yield _card_alone(source)
        return
    states: list[State] = []
    for place, path in enumerate(source.paths, start=1):
        try:
            states.append(state(path, read_bytes(path)))
        except Unreadable as error:
            yield Refused(place_of(path, source.root), str(error), share=place / (len(source.paths) + 1))
    for group in runs(states):
        yield _run(group, source)


def _run(group: list[State], source: Source) -> Item:
    place = place_of(group[0].path, source.root)
    try:
        beside, troubles = _beside(group, source.root)
        record, notes = record_of_run(group, beside)
    except Unreadable as error:
        return Refused(place, str(error))
    return Found(place, record, notes=(*troubles, *notes))


def _card_alone(source: Source) -> Item:
    [path] = source.paths
    try:
        data = read_bytes(path)
        record, notes = record_of_card(card(data), hashlib.sha256(data).hexdigest())
    except Unreadable as error:
        return Refused(place_of(path, source.root), str(error))
    return Found(place_of(path, source.root), record, notes=notes)


def _beside(group: list[State], root: Path) -> tuple[Beside, tuple[str, ...]]:
    """The files of the run's folder, else of its last checkpoint; of a state under another name there are none."""
    last = group[0].path
    if last.name != STATE:
        return Beside(), ()
    folders = [last.parent]
    if last.parent.parent != root and root in last.parent.parent.parents:
        # A run without a final state: only what no other run of the folder can mean.
        folders.append(last.parent.parent)
    troubles: list[str] = []
    results: dict[str, Any] = {}
    for name in RESULTS:
        results.update(_object(folders[0] / name, troubles))
    config: Mapping[str, Any] = {}
    adapter: Mapping[str, Any] = {}
    for folder in folders:
        config = config or _object(folder / CONFIG, troubles)
        adapter = adapter or _object(folder / ADAPTER, troubles)
    return Beside(results, config, adapter, _card_of(folders[0], troubles)), tuple(troubles)


def _object(path: Path, troubles: list[str]) -> Mapping[str, Any]:
    """A JSON object beside a state; nothing where there is none, and a note where it cannot be read."""
    if not path.exists() or path.is_symlink():
        return {}
    try:
        value = json_value(read_bytes(path, MAX_BESIDE_BYTES))
        if not isinstance(value, dict):
            raise Unreadable("must be an object")
    except Unreadable as error:
        troubles.append(f"{path.name} beside it is left out: {error}")
        return {}
    return value


def _card_of(folder: Path, troubles: list[str]) -> Card:
    path = folder / CARD
    if not path.exists() or path.is_symlink():
        return Card()
    try:
        return card(read_bytes(path))
    except Unreadable as error:
        troubles.append(f"{CARD} beside it is left out: {error}")
        return Card()
