"""Language models of the HF Hub: which files are taken, which repositories are refused. It loads nothing.

`pin` takes the small files and is quick, so that a name can be answered; `fetch` takes the weights too.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from automl.errors import SourceError
from automl.sources.architectures import architecture_of
from automl.sources.checkpoints import read_config
from automl.sources.folders import check_layers, checkpoint_in
from automl.sources.hub.requests import RemoteFile, RemoteRepo, look_up
from automl.sources.hub.store import COMMIT, HubStore, place, publish, staging
from automl.sources.hub.transfer import download

WEIGHTS = "model.safetensors"
# Nothing else is fetched: no code, no pickles, no weights of other libraries.
CONFIGURATION = ("config.json", "tokenizer_config.json")
TOKENIZER = (
    "tokenizer.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
    "spiece.model", "tokenizer.model", "sentencepiece.bpe.model",
)  # fmt: skip
VOCABULARIES = frozenset(
    {
        "tokenizer.json",
        "vocab.txt",
        "vocab.json",
        "spiece.model",
        "tokenizer.model",
        "sentencepiece.bpe.model",
    }
)
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".h5", ".msgpack")
MAX_SMALL_BYTES = 64 * 2**20


def pin(store: HubStore, name: str, revision: str | None, layers: int | None = None) -> str:
    """The commit that `revision` means now; SourceError when its files cannot be a language model here, or have
    no variant of the first `layers` layers."""
    if revision and COMMIT.fullmatch(revision) and place(store.cache, "model", name, revision).is_dir():
        check_layers(f"hub:{name}", read_config(place(store.cache, "model", name, revision)), layers)
        return revision
    repo = look_up(store, "model", name, revision)
    final = place(store.cache, "model", name, repo.commit)
    if not final.is_dir():
        with staging(store, final) as folder:
            _take_small(store, repo, folder)
            check_layers(repo.spelled, read_config(folder), layers)
    else:
        check_layers(repo.spelled, read_config(final), layers)
    return repo.commit


def fetch(store: HubStore, name: str, revision: str) -> Path:
    """The folder with all files of a language model, fetched where it is not there yet; quick for a commit that is."""
    final = place(store.cache, "model", name, revision)
    if COMMIT.fullmatch(revision) and final.is_dir():
        return final
    repo = look_up(store, "model", name, revision)
    final = place(store.cache, "model", name, repo.commit)
    with staging(store, final) as folder:
        if final.is_dir():  # another process was quicker
            shutil.rmtree(folder)
            return final
        _take_small(store, repo, folder)
        download(store, repo, _weights(repo), folder / WEIGHTS)
        checkpoint_in(folder, f"hub:{name}@{repo.commit}", None)
        publish(folder, final)
    return final


def _take_small(store: HubStore, repo: RemoteRepo, folder: Path) -> None:
    _check_files(store, repo)
    for path in (*CONFIGURATION, *TOKENIZER):
        file = repo.file(path)
        if file is not None:
            download(store, repo, file, folder / path)
        if path == CONFIGURATION[-1]:
            # Before anything large: a configuration that names code ends it here.
            _check_configuration(repo, folder)


def _check_configuration(repo: RemoteRepo, folder: Path) -> None:
    try:
        architecture_of(read_config(folder).get("model_type"))
    except SourceError as error:
        message = error.message.replace(repr(folder.name), repr(repo.spelled))
        if repo.spelled not in message:
            message = f"{repo.spelled}: {message}"
        raise SourceError(error.code, error.field, message) from error


def _check_files(store: HubStore, repo: RemoteRepo) -> None:
    paths = {file.path for file in repo.files}
    if "config.json" not in paths:
        adapter = "adapter_config.json" in paths
        raise _refuse(
            "adapter" if adapter else "incomplete",
            f"{repo.spelled} holds an adapter; name the base that it was trained on"
            if adapter
            else f"{repo.spelled} has no config.json; it is no Transformers checkpoint",
        )
    weights = _weights(repo)
    if not paths & VOCABULARIES:
        raise _refuse("incomplete", f"{repo.spelled} has no tokenizer (tokenizer.json or a vocabulary)")
    small = [file for file in repo.files if file.path in (*CONFIGURATION, *TOKENIZER)]
    too_large = next((file for file in small if file.size > MAX_SMALL_BYTES), None)
    total = weights.size + sum(file.size for file in small)
    if too_large is not None:
        message = (
            f"{too_large.path} of {repo.spelled} has {too_large.size:,} bytes, at most {MAX_SMALL_BYTES:,} "
        )
        raise _refuse("too_large", message + "are fetched")
    if total > store.max_bytes:
        message = (
            f"{repo.spelled} has {total:,} bytes, at most {store.max_bytes:,} are fetched; choose a smaller "
        )
        raise _refuse("too_large", message + "one, or the operator raises TUNELORE_MAX_DOWNLOAD_BYTES")


def _weights(repo: RemoteRepo) -> RemoteFile:
    weights = repo.file(WEIGHTS)
    if weights is not None:
        return weights
    paths = sorted(file.path for file in repo.files)
    if f"{WEIGHTS}.index.json" in paths:
        message = f"{repo.spelled} keeps its weights in several files; only a single {WEIGHTS} is read"
        raise _refuse("sharded", message)
    pickles = [path for path in paths if path.endswith(PICKLES)]
    reason = f" but {', '.join(pickles[:5])}: those can run code and are not read" if pickles else ""
    raise _refuse("no_safetensors", f"{repo.spelled} has no {WEIGHTS}{reason}; choose one in safetensors")


def _refuse(code: str, message: str) -> SourceError:
    return SourceError(code, "language_model", message)
