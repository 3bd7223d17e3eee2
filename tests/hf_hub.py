"""A small server that answers as the HF Hub does, over real HTTP on loopback, with files that a test puts there.

It knows repositories, commits and branches, large files behind a redirect to another origin, closed doors, and
can be told to break off, to ask for patience or to lie. It knows no test.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".parquet", ".bin")


@dataclass
class Repo:
    """One repository; `gated` and `private` ones open for the token `door`."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    private: bool = False

    def commit(self, files: dict[str, bytes], *branches: str) -> str:
        """Add a commit and move the branches (main when none is named) to it; its id."""
        state = json.dumps([sorted((path, sha256(data)) for path, data in files.items()), len(self.commits)])
        commit = hashlib.sha1(state.encode(), usedforsecurity=False).hexdigest()
        self.commits[commit] = dict(files)
        for branch in branches or ("main",):
            self.refs[branch] = commit
        return commit


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    origin: str


@dataclass
class Hub:
    """The server's content and moods. `door` is the one token that it knows."""

    models: dict[str, Repo] = field(default_factory=dict)
    datasets: dict[str, Repo] = field(default_factory=dict)
    door: str = "hf_right"
    seen: list[Seen] = field(default_factory=list)
    #: What the next answers are instead: (status, headers) in order, for paths that hold the text.
    instead: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    #: Bytes after which the next transfers of a file break off, in order, by its name's ending.
    breaks: dict[str, list[int]] = field(default_factory=dict)
    #: Content that is sent in place of the announced one.
    lies: dict[str, bytes] = field(default_factory=dict)
    #: Transfers stop half-way until the event is set, by the file's ending.
    gates: dict[str, threading.Event] = field(default_factory=dict)
    url: str = ""
    storage_url: str = ""

    def model(self, name: str, **how: Any) -> Repo:
        return self.models.setdefault(name, Repo(**how))

    def dataset(self, name: str, **how: Any) -> Repo:
        return self.datasets.setdefault(name, Repo(**how))

    def asked_for(self, ending: str, method: str = "GET") -> list[Seen]:
        return [
            one for one in self.seen if one.method == method and one.path.partition("?")[0].endswith(ending)
        ]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@contextmanager
def serving(hub: Hub | None = None) -> Iterator[Hub]:
    """The server, and beside it the one that large files are redirected to, until the block ends."""
    hub = hub or Hub()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler(hub, origin)) for origin in ("hub", "storage")]
    hub.url, hub.storage_url = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def handler(hub: Hub, origin: str) -> type[BaseHTTPRequestHandler]:
    class Handler(Answers):
        content = hub
        role = origin

    return Handler


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    content: Hub
    role: str

    def log_message(self, *_: Any) -> None:
        """Silent: the requests are kept in `seen`."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.content.seen.append(Seen(self.command, self.path, dict(self.headers), self.role))
        for text, answers in self.content.instead.items():
            if text in self.path and answers:
                status, headers = answers.pop(0)
                return self.answer(status, b"", headers)
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if self.role == "storage":
            return self.stored(parts)
        if parts[0] == "api":
            return self.information(parts[1], parts[2:])
        kind = "datasets" if parts[0] == "datasets" else "models"
        return self.resolve(kind, parts[1:] if kind == "datasets" else parts)

    def information(self, kind: str, parts: list[str]) -> None:
        """/api/{models,datasets}/<owner>/<name>[/revision/<revision>]"""
        at = parts.index("revision") if "revision" in parts else len(parts)
        repo = self.door(kind, "/".join(parts[:at]), is_file=False)
        if repo is None:
            return
        commit = self.commit(repo, "/".join(parts[at + 1 :]) or "main")
        if commit is None:
            return
        blobs = parse_qs(urlsplit(self.path).query).get("blobs")
        siblings = [described(path, data, bool(blobs)) for path, data in sorted(repo.commits[commit].items())]
        body = {"id": "/".join(parts[:at]), "sha": commit, "private": repo.private, "gated": repo.gated}
        self.answer(200, json.dumps(body | {"siblings": siblings, "tags": []}).encode(), JSON)

    def resolve(self, kind: str, parts: list[str]) -> None:
        """/[datasets/]<owner>/<name>/resolve/<revision>/<path>"""
        at = parts.index("resolve")
        repo = self.door(kind, "/".join(parts[:at]), is_file=True)
        commit = self.commit(repo, parts[at + 1]) if repo is not None else None
        if repo is None or commit is None:
            return
        path = "/".join(parts[at + 2 :])
        data = repo.commits[commit].get(path)
        if data is None:
            return self.answer(404, b"Entry not found", {"X-Error-Code": "EntryNotFound"})
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_sha1(data)}"'}
        if path.endswith(LARGE):
            headers |= {"X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{sha256(data)}"'}
            where = f"{self.content.storage_url}/{kind}/{'/'.join(parts[:at])}/{commit}/{path}"
            return self.answer(302, b"", {**headers, "Location": where})
        self.send_file(path, data, headers)

    def stored(self, parts: list[str]) -> None:
        """/<kind>/<owner>/<name>/<commit>/<path> of the other origin: no token, ranges allowed."""
        repos = self.content.models if parts[0] == "models" else self.content.datasets
        at = next(place for place, part in enumerate(parts) if len(part) == 40)
        path = "/".join(parts[at + 1 :])
        self.send_file(path, repos["/".join(parts[1:at])].commits[parts[at]][path], {})

    def door(self, kind: str, name: str, *, is_file: bool) -> Repo | None:
        """The repository, or an answer why not. What is missing or private looks the same to strangers."""
        repo = (self.content.models if kind == "models" else self.content.datasets).get(name)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if repo is None or (repo.private and token != self.content.door):
            code = 404 if token else 401
            self.answer(
                code, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}
            )
            return None
        if repo.gated and is_file and token != self.content.door:
            code = 403 if token else 401
            self.answer(code, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
            return None
        return repo

    def commit(self, repo: Repo, revision: str) -> str | None:
        found = repo.refs.get(revision) or (revision if revision in repo.commits else None)
        if found is None:
            self.answer(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
        return found

    def send_file(self, path: str, data: bytes, headers: dict[str, str]) -> None:
        data = next((lie for ending, lie in self.content.lies.items() if path.endswith(ending)), data)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start >= len(data) > 0:
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        status = 206 if "Range" in self.headers else 200
        if status == 206:
            headers = {**headers, "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        cuts = next((cuts for ending, cuts in self.content.breaks.items() if path.endswith(ending)), [])
        cut = cuts.pop(0) if cuts and self.command == "GET" else None
        gate = next((gate for ending, gate in self.content.gates.items() if path.endswith(ending)), None)
        self.answer(status, data[start:], {**headers, "Accept-Ranges": "bytes"}, cut, gate)

    def answer(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str],
        cut: int | None = None,
        gate: threading.Event | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if gate is not None:
            half = len(body) // 2
            self.wfile.write(body[:half])
            self.wfile.flush()
            gate.wait(120)
            body = body[half:]
        with contextlib.suppress(ConnectionError):  # who asked may be gone by now
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True


JSON = {"Content-Type": "application/json"}


def described(path: str, data: bytes, with_sizes: bool) -> dict[str, Any]:
    """A file as the HF Hub lists it."""
    if not with_sizes:
        return {"rfilename": path}
    if not path.endswith(LARGE):
        return {"rfilename": path, "size": len(data), "blobId": git_sha1(data)}
    large = {"sha256": sha256(data), "size": len(data), "pointerSize": 134}
    return {"rfilename": path, "size": len(data), "blobId": git_sha1(b"pointer"), "lfs": large}
