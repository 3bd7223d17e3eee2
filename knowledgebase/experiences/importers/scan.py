"""Files and folders as people name them, into sources that one reader takes together.

A file that somebody names is taken or refused with a reason; of a folder, what is of no known format is passed by.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from knowledgebase.experiences.importers.items import Refused, Source, Unreadable, place_of
from knowledgebase.experiences.importers.recognise import CARD, FORMATS, PICKLES, STATE, by_ending, recognised

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst", ".7z", ".rar")
_CHECKPOINT = re.compile(r"[a-z]*point[-_]?\d+", re.IGNORECASE)
File = tuple[str, Path]


def plan(paths: Iterable[Path], chosen: str | None = None) -> list[Source | Refused]:
    """The sources that these paths hold, in order; ``chosen`` leaves one format, and takes named files as that.

    Files that belong together come as one source: the checkpoints of a run, the store of an alias.
    """
    groups: dict[tuple[str, Path], dict[Path, None]] = {}
    refused: list[Refused] = []
    for path in paths:
        files = 0
        for each in _files(path, chosen):
            if isinstance(each, Refused):
                refused.append(each)
            else:
                groups.setdefault((each[0], _together(*each, path)), {})[each[1]] = None
            files += 1
        if not files:
            wanted = chosen or ", ".join(FORMATS)
            refused.append(Refused(path.name, f"holds nothing that is read here (formats: {wanted})"))
    return [*(_source(name, root, tuple(group)) for (name, root), group in groups.items()), *refused]


def _source(name: str, root: Path, paths: tuple[Path, ...]) -> Source:
    folder = root if root.is_dir() else root.parent
    # Places in the experience store are told with their alias, those of a run with its folder.
    return Source(name, paths, folder.parent if root.is_dir() else folder)


def _together(name: str, file: Path, named: Path) -> Path:
    """What a file's source is known by: its folder where several files make one source, else itself."""
    if name == "xautolm" and file.suffix == ".json":
        return file.parent.parent if _DATE.fullmatch(file.parent.name) else file.parent
    if name == "hf-trainer" and file.name == STATE:
        return run_folder(file, named)
    return file


def run_folder(state: Path, top: Path) -> Path:
    """The folder of the run that a state belongs to: above a checkpoint's, but not above what was named."""
    folder = state.parent
    within = folder != top and top in folder.parents
    return folder.parent if within and _CHECKPOINT.fullmatch(folder.name) else folder


def _files(path: Path, chosen: str | None) -> Iterator[File | Refused]:
    if path.is_symlink():
        yield Refused(path.name, "is a link; links are not followed")
    elif path.is_dir():
        for each in _inside(path):
            if isinstance(each, Refused) or chosen in (None, each[0]):
                yield each
    else:
        yield _named(path, chosen)


def _named(path: Path, chosen: str | None) -> File | Refused:
    if path.name.lower().endswith(tuple(f"{end}{more}" for end in PICKLES for more in ("", ".pickle"))):
        return Refused(path.name, "pickles are not read: loading one can run anything")
    if not path.is_file():
        return Refused(path.name, "is neither a file nor a folder")
    if path.name.lower().endswith(ARCHIVES):
        return Refused(path.name, "is an archive; unpack it and name the folder")
    try:
        name = chosen or recognised(path) or by_ending(path)
    except Unreadable as error:
        return Refused(path.name, str(error))
    if name is None:
        return Refused(path.name, f"is of no format that is read here ({', '.join(FORMATS)}; see --format)")
    return name, path


def _inside(top: Path) -> Iterator[File | Refused]:
    states: list[Path] = []
    cards: list[Path] = []
    for base, folders, names in os.walk(top):
        folders.sort()
        for path in (Path(base) / name for name in sorted((*names, *folders))):
            if path.is_symlink():
                yield Refused(place_of(path, top), "is a link; links are not followed")
            elif path.name == STATE:
                states.append(path)
            elif path.name.endswith(CARD):
                cards.append(path)
            elif path.is_file() and not path.name.endswith(PICKLES):
                yield from _look(path, top)
    yield from (("hf-trainer", path) for path in states)
    # A card beside a run's state belongs to that run.
    of_runs = {path.parent for path in states} | {run_folder(path, top) for path in states}
    for path in cards:
        if path.name != CARD or path.parent not in of_runs:
            yield from _look(path, top)


def _look(path: Path, top: Path) -> Iterator[File | Refused]:
    try:
        name = recognised(path)
    except (Unreadable, OSError) as error:
        yield Refused(place_of(path, top), str(error))
        return
    if name is not None:
        yield name, path
