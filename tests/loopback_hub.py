"""A hub on a loopback port. In: repositories as files. Out: an address that speaks as much of the hub as its client asks.

Commits are the SHA-1 of what a repository holds, so that a changed one has another.
"""

from __future__ import annotations

import hashlib
import json
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

LARGE = (".safetensors", ".parquet")
TEMPLATE = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"


@dataclass
class Repository:
    """What one repository holds and how it behaves."""

    files: dict[str, bytes]
    gated: bool = False
    busy: int = 0
    """How many times it answers 429 before it answers."""
    retry_after: str = "0"
    cut: str = ""
    """A file whose answers end early."""
    answer: bytes | None = None
    """What the API says instead of the truth."""
    stated: str = ""
    """The commit that file answers name instead of the true one."""

    @property
    def commit(self) -> str:
        parts = [name.encode() + data for name, data in sorted(self.files.items())]
        return hashlib.sha1(b"\0".join(parts)).hexdigest()


@dataclass
class Served:
    """What a server holds, by `models/owner/name` or `datasets/owner/name`, and what it was asked."""

    repositories: dict[str, Repository]
    address: str = ""
    asked: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    """Bytes sent of each file."""
    keys: set[str] = field(default_factory=set)


class Handler(BaseHTTPRequestHandler):
    served: Served

    def do_HEAD(self) -> None:
        self.respond(False)

    def do_GET(self) -> None:
        self.respond(True)

    def respond(self, body: bool) -> None:
        path = unquote(self.path.split("?")[0])
        self.served.asked.append(path)
        self.served.keys.add(self.headers.get("Authorization", ""))
        kind, name, rest = located(path)
        repository = self.served.repositories.get(f"{kind}/{name}")
        if repository is None:
            self.refuse(401, "RepoNotFound")
        elif repository.busy:
            repository.busy -= 1
            self.refuse(429, "", {"Retry-After": repository.retry_after})
        elif path.startswith("/api/"):
            self.describe(repository, name, rest, body)
        else:
            self.send(repository, rest, body)

    def describe(self, repository: Repository, name: str, revision: str, body: bool) -> None:
        if revision not in ("main", repository.commit):
            self.refuse(404, "RevisionNotFound")
            return
        said = repository.answer
        if said is None:
            siblings = [sibling(file, data) for file, data in sorted(repository.files.items())]
            said = json.dumps({"id": name, "sha": repository.commit, "siblings": siblings}).encode()
        self.reply(200, said, body, {})

    def send(self, repository: Repository, rest: str, body: bool) -> None:
        revision, _, file = rest.partition("/")
        if repository.gated:
            self.refuse(403, "GatedRepo")
        elif revision not in ("main", repository.commit):
            self.refuse(404, "RevisionNotFound")
        elif file not in repository.files:
            self.refuse(404, "EntryNotFound")
        else:
            self.file(repository, file, body)

    def file(self, repository: Repository, file: str, body: bool) -> None:
        data = repository.files[file]
        etag = hashlib.sha256(data).hexdigest() if file.endswith(LARGE) else hashlib.sha1(data).hexdigest()
        headers = {
            "X-Repo-Commit": repository.stated or repository.commit,
            "ETag": f'"{etag}"',
            "Accept-Ranges": "bytes",
        }
        status, asked = 200, self.headers.get("Range")
        if asked and body:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            end = min(int(last) + 1 if last else len(data), len(data))
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
            status, data = 206, data[int(first) : end]
        if body:
            self.served.sent[file] = self.served.sent.get(file, 0) + len(data)
        self.reply(status, data, body, headers, cut=repository.cut == file)

    def refuse(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        self.reply(status, b"{}", self.command == "GET", {"X-Error-Code": code, **(headers or {})})

    def reply(self, status: int, data: bytes, body: bool, headers: dict[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data[: len(data) // 2] if cut else data)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


def located(path: str) -> tuple[str, str, str]:
    """Return kind, repository, and what follows `revision/` or `resolve/`."""
    parts = path.removeprefix("/api").strip("/").split("/")
    kind = parts.pop(0) if parts[0] in ("models", "datasets") else "models"
    return kind, "/".join(parts[:2]), "/".join(parts[3:])


def sibling(file: str, data: bytes) -> dict[str, object]:
    described: dict[str, object] = {"rfilename": file, "size": len(data), "blobId": hashlib.sha1(data).hexdigest()}
    if file.endswith(LARGE):
        described["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 100}
    return described


@contextmanager
def serve(repositories: dict[str, Repository]) -> Iterator[Served]:
    """Serve repositories on a loopback port."""
    served = Served(repositories)
    handler = type("Served", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    served.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


# --- small repositories ---------------------------------------------------------------------------------------------


def safetensors(shapes: dict[str, tuple[int, ...]]) -> bytes:
    """Return a weight file of zeros."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        size = 4
        for each in shape:
            size *= each
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(end)


def model(template: str | None = TEMPLATE, licence: str = "apache-2.0", hidden: int = 8) -> Repository:
    """Return a very small model of eight tokens with untied embeddings."""
    config = {
        "model_type": "llama",
        "hidden_size": hidden,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 8,
    }
    vocabulary = {"model": {"vocab": {f"t{i}": i for i in range(6)}}, "added_tokens": [
        {"id": 6, "content": "<|a|>", "special": True},
        {"id": 7, "content": "<|b|>", "special": True},
    ]}  # fmt: skip
    files = {
        "config.json": json.dumps(config).encode(),
        "tokenizer.json": json.dumps(vocabulary).encode(),
        "tokenizer_config.json": b"{}",
        "model.safetensors": safetensors({"model.embed_tokens.weight": (8, hidden), "lm_head.weight": (8, hidden)}),
        "README.md": f"---\nlicense: {licence}\n---\n# A model\n".encode(),
        "pytorch_model.bin": b"pickle",
    }
    if template is not None:
        files["chat_template.jinja"] = template.encode()
    return Repository(files)


def lines(*rows: dict[str, object]) -> bytes:
    """Return JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()
