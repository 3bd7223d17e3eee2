"""The datasets that every installation can build for itself, from the text of its pinned packages.

Knows nothing of users' files. Start from `builtin_datasets()` and `load_builtin()`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from automl.errors import SourceError
from automl.sources.cleaning import NearDuplicates, prose, squeeze, without_words
from automl.sources.harvest import Harvest, harvest, package_folder
from automl.sources.messages import translations
from automl.sources.rows import LabelledText, Rows

FORMAT = 1  # raised whenever the way of building changes: another revision of every dataset
SIZES = {"train": 3000, "validation": 600, "test": 600}
PACKAGES = {  # package -> distribution, all pinned in requirements.txt
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "transformers": "transformers",
    "peft": "peft",
    "accelerate": "accelerate",
    "huggingface_hub": "huggingface_hub",
    "django": "Django",
    "celery": "celery",
    "redis": "redis",
    "pyarrow": "pyarrow",
}
LIBRARY_WORDS = (
    "numpy", "np", "ndarray", "scipy", "sklearn", "scikit-learn", "scikit", "torch", "pytorch", "aten", "transformers",
    "transformer", "hugging face", "huggingface", "hf", "hub", "peft", "lora", "accelerate", "accelerator", "django",
    "celery", "kombu", "redis", "valkey", "pyarrow", "arrow", "parquet",
)  # fmt: skip
TYPES = {
    "bool": ("bool", "boolean"),
    "int": ("int", "integer"),
    "float": ("float", "scalar", "number"),
    "str": ("str", "string"),
    "array": ("array_like", "array-like", "ndarray", "array", "array_like of float", "sparse array"),
    "callable": ("callable", "function"),
    "dict": ("dict", "dictionary", "mapping"),
    "sequence": ("tuple", "list", "sequence"),
}
TYPE_WORDS = {word for words in TYPES.values() for word in words} | {
    "bools", "booleans", "ints", "integers", "floats", "scalars", "numbers", "strings", "arrays", "callables",
    "functions", "dictionaries", "dicts", "tuples", "lists", "sequences", "real", "array_likes",
}  # fmt: skip
EXCEPTIONS = (
    "ValueError", "TypeError", "RuntimeError", "NotImplementedError",
    "ImportError", "AttributeError", "ImproperlyConfigured", "AssertionError",
)  # fmt: skip
LANGUAGES = (
    "ca", "cs", "da", "de", "es", "et", "fi", "fr", "gl", "hr",
    "hu", "it", "lt", "nb", "nl", "pl", "pt", "ro", "sk", "sv",
)  # fmt: skip
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w*\}|<[^<>]{1,80}>")  # the same in every language


@dataclass(frozen=True)
class BuiltinInfo:
    """What a list of choices says of a builtin dataset."""

    name: str
    title: str
    classes: int
    languages: tuple[str, ...]
    domain: str


_INFOS = {
    info.name: info
    for info in (
        BuiltinInfo(
            "docstring-library", "Which library a docstring belongs to", 12, ("en",), "software documentation"
        ),
        BuiltinInfo(
            "docstring-kind", "The kind of object a docstring describes", 6, ("en",), "software documentation"
        ),
        BuiltinInfo(
            "parameter-type", "The declared type of a parameter", 8, ("en",), "software documentation"
        ),
        BuiltinInfo("exception-class", "The exception class from its message", 8, ("en",), "error messages"),
        BuiltinInfo(
            "message-language", "The language of an interface message", 20, LANGUAGES, "interface messages"
        ),
    )
}


def builtin_datasets() -> list[BuiltinInfo]:
    """The builtin datasets, in a fixed order; none of them needs to be built for this."""
    return list(_INFOS.values())


def load_builtin(name: str, cache: str) -> LabelledText:
    """A builtin dataset, built with its siblings at first use (seconds) and kept below the folder `cache`.

    The same versions of the packages give the same rows on every machine; `revision` names them.
    """
    info = _INFOS.get(name)
    if info is None:
        raise SourceError(
            message=f"unknown builtin dataset {name[:100]!r}; known: {', '.join(_INFOS)}",
            code="unknown_dataset",
            field="name",
        )
    revision = _revision()
    path = Path(cache) / "builtin" / revision / f"{name}.json"
    if not path.is_file():
        _build_all(path.parent)
    content = json.loads(path.read_text(encoding="utf-8"))
    parts = {part: Rows(content[part]["texts"], content[part]["labels"]) for part in SIZES}
    train, validation, test = (parts[part] for part in ("train", "validation", "test"))
    return LabelledText(train, validation, test, (), revision, info.languages, info.domain)


def _revision() -> str:
    versions = {distribution: _version(distribution) for distribution in PACKAGES.values()}
    state = json.dumps([FORMAT, versions], sort_keys=True)
    return hashlib.sha256(state.encode()).hexdigest()[:16]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution).partition("+")[0]  # torch 2.13.0+cpu has the same texts
    except metadata.PackageNotFoundError:
        raise SourceError(
            message=f"the builtin datasets are built from {distribution}, which is not installed; "
            "install the pinned requirements: python -m pip install -r requirements.txt",
            code="package_missing",
            field="dataset",
        ) from None


def _build_all(folder: Path) -> None:
    found = harvest(tuple(PACKAGES))
    builders: Mapping[str, Iterable[tuple[str, str]]] = {
        "docstring-library": _library_rows(found),
        "docstring-kind": _kind_rows(found),
        "parameter-type": _type_rows(found),
        "exception-class": _exception_rows(found),
        "message-language": _language_rows(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, candidates in builders.items():
        _write(folder / f"{name}.json", _split(candidates, name))


def _write(path: Path, content: object) -> None:
    """All or nothing, also with two processes at once: they write the same bytes, the last rename stays."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream, ensure_ascii=False)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _split(candidates: Iterable[tuple[str, str]], name: str) -> dict[str, dict[str, list[str]]]:
    """Candidates (text, label) without near-duplicates, classes as even as they can be, cut into three parts."""
    source = random.Random(name)  # noqa: S311 - a reproducible order, no secret
    rows = list(dict.fromkeys(candidates))
    source.shuffle(rows)
    fresh, groups = NearDuplicates(), dict[str, list[tuple[str, str]]]()
    for text, label in rows:
        if fresh.is_new(text):
            groups.setdefault(label, []).append((text, label))
    whole = sum(SIZES.values())
    most = _even_share([len(group) for group in groups.values()], whole)
    kept = [row for label in sorted(groups) for row in groups[label][:most]]
    source.shuffle(kept)
    scale = min(1.0, len(kept) / whole)
    parts: dict[str, dict[str, list[str]]] = {}
    for part, size in SIZES.items():
        taken, kept = kept[: int(size * scale)], kept[int(size * scale) :]
        parts[part] = {"texts": [text for text, _ in taken], "labels": [label for _, label in taken]}
    return parts


def _even_share(counts: list[int], whole: int) -> int:
    """The smallest number of rows a class may have at most so that the classes together reach `whole`."""
    share = whole // max(1, len(counts))
    while sum(min(count, share) for count in counts) < min(whole, sum(counts)):
        share += 1
    return share


def _library_rows(found: Harvest) -> Iterable[tuple[str, str]]:
    for each in found.docstrings:
        text = without_words(prose(each.text, 300), LIBRARY_WORDS)
        if len(text) >= 30:
            yield text, each.package


def _kind_rows(found: Harvest) -> Iterable[tuple[str, str]]:
    for each in found.docstrings:
        text = without_words(
            prose(each.text, 300), ("class", "module", "function", "method", "property", "exception", "error")
        )
        if len(text) >= 20:
            yield text, each.kind


def _type_rows(found: Harvest) -> Iterable[tuple[str, str]]:
    of = {word: label for label, words in TYPES.items() for word in words}
    for declared, description in found.parameters:
        label = of.get(declared.partition(",")[0].partition(" of ")[0].strip().lower())
        text = without_words(squeeze(description), TYPE_WORDS)[:300]
        if label and len(text) >= 20:
            yield text, label


def _exception_rows(found: Harvest) -> Iterable[tuple[str, str]]:
    for name, message in found.raised:
        text = without_words(squeeze(message), EXCEPTIONS)[:300]
        if name in EXCEPTIONS and len(text) >= 20:
            yield text, name


def _language_rows() -> Iterable[tuple[str, str]]:
    django = package_folder("django")
    for language in LANGUAGES:
        for path in sorted(django.glob(f"**/locale/{language}/LC_MESSAGES/*.mo")):
            for message in translations(path):
                text = squeeze(PLACEHOLDER.sub(" ", message))[:300]
                if len(text) >= 20:
                    yield text, language
