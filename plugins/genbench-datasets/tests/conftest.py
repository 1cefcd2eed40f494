"""A small world for data sets: a cache of its own, a mirror on this machine, files as published."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genbench_datasets.download import Source


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that genbench keeps things in: another one for every test."""
    folder = tmp_path_factory.mktemp("cache") / "genbench"
    monkeypatch.setenv("GENBENCH_CACHE", str(folder))
    return folder


class Mirror(http.server.ThreadingHTTPServer):
    """A real server of files, which can be told to be a bad one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        """Path and range of every request."""
        self.breaks_after: list[int] = []
        """Bytes after which it drops a connection: one for each of the next requests."""
        self.knows_ranges = True
        self.tells_length = True

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"

    def source(self, name: str, content: bytes, **changed: Any) -> Source:
        """Serve a file; return it as a data set would pin it."""
        self.files[f"/{name}"] = content
        pinned: dict[str, Any] = {
            "name": name,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "urls": (self.url(name),),
        }
        return Source(**(pinned | changed))


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if asked and self.server.knows_ranges:
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            start = 0
            self.send_response(200)
        if self.server.tells_length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = self.server.breaks_after.pop(0) if self.server.breaks_after else len(content)
        self.wfile.write(content[start : start + stop])

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A server of files."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Mirror() as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server that has gone."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Mirror() as gone:
        return gone.url("file")


@pytest.fixture
def idx() -> Callable[..., bytes]:
    """An IDX file of an array, plain or packed."""

    def made(array: np.ndarray, *, packed: bool = False, magic: bytes | None = None) -> bytes:
        begins = bytes((0, 0, 8, array.ndim)) if magic is None else magic
        content = begins + struct.pack(f">{array.ndim}I", *array.shape)
        content += array.astype(np.uint8).tobytes()
        return gzip.compress(content, mtime=0) if packed else content

    return made
