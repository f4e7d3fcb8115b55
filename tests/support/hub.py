"""A small hub on 127.0.0.1 for the real hub client, with a log of every request it gets.

with serving_hub(tmp_path / "cache") as hub:
    hub.add("org/model", {"config.json": b"{}"})
    AutoConfig.from_pretrained("org/model")
    assert hub.paths() == [...]
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from huggingface_hub import constants, file_download

_API = re.compile(
    r"/api/models/([^/]+(?:/[^/]+)??)(?:/(revision|preupload|commit|branch)/([^/]+))?"
)
LARGE = (".safetensors", ".bin")
"""Files that the hub keeps by their sha256."""
_FILE = re.compile(r"/([^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """Files by commit, commits by branch or tag, and who may read them."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False
    token: str | None = None
    pushes: list[dict[str, object]] = field(default_factory=list)


@dataclass
class FakeHub:
    """The server's state: change it at any time."""

    endpoint: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    status: int | None = None
    cut_after: int | None = None
    busy: list[int] = field(default_factory=list)
    """Statuses of the next answers; then all is well."""
    busy_methods: tuple[str, ...] = ("GET", "HEAD", "POST")
    retry_after: str | None = None
    lies: int = 0
    """How many of the next large files have another byte than was announced."""
    delay: float = 0.0
    """Seconds before each answer."""

    def add(
        self,
        repo_id: str,
        files: dict[str, bytes],
        *,
        revision: str = "main",
        gated: bool = False,
        token: str | None = None,
    ) -> str:
        """Add a commit with exactly these files to a branch, and return it."""
        repository = self.repositories.setdefault(repo_id, Repository())
        content = repr((repo_id, sorted(files.items()), len(repository.commits)))
        commit = hashlib.sha1(content.encode()).hexdigest()
        repository.commits[commit] = dict(files)
        repository.refs[revision] = commit
        repository.gated, repository.token = gated, token
        return commit

    def add_folder(self, repo_id: str, folder: Path, **options: object) -> str:
        """Add a commit with the files of a folder."""
        files = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
        return self.add(repo_id, files, **options)  # type: ignore[arg-type]

    def paths(self, method: str | None = None) -> list[str]:
        """Return the paths asked for since the last `forget`, all or of one method."""
        return [path for verb, path in self.requests if method in (None, verb)]

    def forget(self) -> None:
        self.requests.clear()


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        return

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.startswith("/api/agent-"):  # the client's own question, once a process
            return self._refuse(404, "")
        self.hub.requests.append((self.command, path))
        if self.hub.delay:
            time.sleep(self.hub.delay)
        if self.hub.busy and self.command in self.hub.busy_methods:
            wait = {} if self.hub.retry_after is None else {"Retry-After": self.hub.retry_after}
            return self._answer(self.hub.busy.pop(0), b"{}", wait)
        if self.hub.status is not None:
            return self._answer(self.hub.status, b"{}")
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if match := _API.fullmatch(path):
            return self._api(*match.groups(), body)
        if match := _FILE.fullmatch(path):
            return self._file(*map(unquote, match.groups()))
        return self._refuse(404, "")

    def _repository(self, repo_id: str, *, content: bool) -> Repository | None:
        repository = self.hub.repositories.get(repo_id)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if repository is None or (
            repository.token and not repository.gated and token != repository.token
        ):
            self._refuse(401, "RepoNotFound")
            return None
        if content and repository.gated and (not token or token != repository.token):
            self._refuse(403 if token else 401, "GatedRepo")
            return None
        return repository

    def _commit(self, repository: Repository, revision: str) -> str | None:
        commit = repository.refs.get(revision, revision)
        if commit in repository.commits:
            return commit
        self._refuse(404, "RevisionNotFound")
        return None

    def _create(self, wanted: dict[str, object]) -> None:
        repo_id = f"{wanted.get('organization') or 'someone'}/{wanted['name']}"
        if repo_id in self.hub.repositories:
            return self._json({"url": f"{self.hub.endpoint}/{repo_id}"}, 409)
        self.hub.repositories[repo_id] = Repository()
        self.hub.add(repo_id, {})
        return self._json({"url": f"{self.hub.endpoint}/{repo_id}", "name": repo_id})

    def _api(self, repo_id: str, action: str | None, revision: str | None, body: bytes) -> None:
        repository = self._repository(repo_id, content=False)
        if repository is None:
            return None
        name = unquote(revision or "main")
        if action == "branch":
            repository.refs.setdefault(name, repository.refs["main"])
            return self._json({})
        commit = self._commit(repository, name)
        if commit is None:
            return None
        if action == "preupload":
            files = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False}
                for f in json.loads(body)["files"]
            ]
            return self._json({"files": files})
        if action == "commit":
            return self._push(repo_id, repository, name, commit, body)
        return self._json(
            {
                "_id": "0",
                "id": repo_id,
                "modelId": repo_id,
                "sha": commit,
                "private": bool(repository.token),
                "gated": repository.gated,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": [
                    {"rfilename": file, **(_details(file, data) if "blobs=" in self.path else {})}
                    for file, data in repository.commits[commit].items()
                ],
            }
        )

    def _push(
        self, repo_id: str, repository: Repository, branch: str, commit: str, body: bytes
    ) -> None:
        files = dict(repository.commits[commit])
        for line in body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "header":
                repository.pushes.append(entry["value"])
            elif entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "deletedFile":
                del files[entry["value"]["path"]]
        new = self.hub.add(
            repo_id, files, revision=branch, gated=repository.gated, token=repository.token
        )
        url = f"{self.hub.endpoint}/{repo_id}"
        self._json(
            {
                "commitUrl": f"{url}/commit/{new}",
                "commitOid": new,
                "commitMessage": "",
                "pullRequestUrl": f"{url}/discussions/1" if "create_pr" in self.path else None,
            }
        )

    def _file(self, repo_id: str, revision: str, path: str) -> None:
        repository = self._repository(repo_id, content=True)
        if repository is None:
            return None
        commit = self._commit(repository, revision)
        if commit is None:
            return None
        content = repository.commits[commit].get(path)
        if content is None:
            return self._refuse(404, "EntryNotFound", commit)
        headers = {
            "X-Repo-Commit": commit,
            "ETag": f'"{_git_blob(content)}"',
            "Accept-Ranges": "bytes",
        }
        if path.endswith(LARGE):
            headers["X-Linked-Etag"] = f'"{hashlib.sha256(content).hexdigest()}"'
            headers["X-Linked-Size"] = str(len(content))
            if self.command == "GET" and self.hub.lies:
                self.hub.lies -= 1
                content = content[:-1] + bytes([content[-1] ^ 1])
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if wanted and content:
            begin = int(wanted[1])
            end = min(int(wanted[2] or len(content) - 1), len(content) - 1)
            headers["Content-Range"] = f"bytes {begin}-{end}/{len(content)}"
            return self._answer(206, content[begin : end + 1], headers)
        return self._answer(200, content, headers)

    def _refuse(self, status: int, code: str, commit: str | None = None) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code}
        if commit:
            headers["X-Repo-Commit"] = commit
        self._answer(status, b"{}", headers)

    def _json(self, value: object, status: int = 200) -> None:
        self._answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            cut = self.hub.cut_after if status in (200, 206) else None
            self.wfile.write(body[:cut])
            if cut is not None and cut < len(body):
                self.close_connection = True


def _git_blob(content: bytes) -> str:
    """Return what git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _details(file: str, content: bytes) -> dict[str, object]:
    """Return what the hub says of a file that is asked for details."""
    found: dict[str, object] = {"size": len(content), "blobId": _git_blob(content)}
    if file.endswith(LARGE):
        digest = hashlib.sha256(content).hexdigest()
        found["lfs"] = {"size": len(content), "sha256": digest, "pointerSize": 134}
    return found


@contextmanager
def serving_hub(cache: Path) -> Iterator[FakeHub]:
    """Serve a hub, point the hub client of this process to it, and give it an own cache.

    Other processes are pointed to it by ``environment(hub, cache)``.
    """
    hub = FakeHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    changed = {
        "ENDPOINT": hub.endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_PROGRESS_BARS": True,
        "HF_TOKEN_PATH": str(cache / "no-token"),
    }
    modules = [vars(module) for module in (constants, file_download)]
    before = [{name: module[name] for name in changed if name in module} for module in modules]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        for module, names in zip(modules, before, strict=True):
            module.update({name: changed[name] for name in names})
        yield hub
    finally:
        for module, names in zip(modules, before, strict=True):
            module.update(names)
        server.shutdown()
        thread.join()
        server.server_close()


def environment(hub: FakeHub, cache: Path) -> dict[str, str]:
    """Return the variables that point the hub client of another process to the server."""
    return {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_CACHE": str(cache),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_OFFLINE": "0",
    }


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """A hub on this machine, empty, with a cache in ``tmp_path / "cache"``."""
    with serving_hub(tmp_path / "cache") as server:
        yield server
