"""Image registries for the tests: a small one in this process, and docker's own."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Registry:
    """The part of the v2 API that images and models need; its state may be tampered with."""

    folders: list[Path] = field(default_factory=list)
    """Where the recorded docker of ``workflows/edge.py`` says what it pushed."""
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By the repository's name and the digest."""
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By the repository's name and the tag."""
    login: bool = False
    """Whether it wants a token, which is good for one scope."""
    broken: bool = False
    """Whether it answers everything with 500."""
    elsewhere: str = ""
    """Another place to which it sends whoever fetches a blob or begins an upload."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and authorization of each request."""
    host: str = ""

    @contextlib.contextmanager
    def served(self) -> Iterator["Registry"]:
        """Answer on 127.0.0.1 meanwhile."""
        handler = type("Handler", (_Handler,), {"registry": self})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def pushed(self, name: str, digest: str) -> bool:
        """Whether the recorded docker pushed an image."""
        for folder in self.folders:
            path = folder / "pushed.json"
            images = json.loads(path.read_text()) if path.is_file() else {}
            for image, held in images.items():
                if image.startswith(f"{self.host}/{name}:") and held == digest:
                    return True
        return False


class _Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = self.headers.get("Authorization", "")
        self.registry.asked.append((self.command, self.path, said))
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        if path == "/token":
            return self._send(200, json.dumps({"token": asked["scope"]}).encode())
        if self.registry.broken:
            return self._send(500)
        match = re.fullmatch(r"/v2/(.+)/(blobs|manifests)/(.+)", path)
        assert match, path
        name, kind, place = match.groups()
        wanted = "pull" if self.command in ("GET", "HEAD") else "push"
        if self.registry.login and not (f":{name}:" in said and wanted in said):
            realm = f"http://{self.headers['Host']}/token"
            return self._send(401, WWW_Authenticate=f'Bearer realm="{realm}",service="s"')
        if self.command == "PUT":
            return self._put(name, kind, place, body, asked)
        if self.command == "POST":
            there = self.registry.elsewhere or f"/v2/{name}/blobs/uploads/7?state=x"
            return self._send(202, Location=there)
        if kind == "manifests":
            return self._send(200 if self.registry.pushed(name, place) else 404)
        content = self.registry.blobs.get((name, place))
        if content is not None and self.registry.elsewhere and self.command == "GET":
            return self._send(307, Location=f"{self.registry.elsewhere}{self.path}")
        self._send(404 if content is None else 200, content or b"")

    def _put(self, name: str, kind: str, place: str, body: bytes, asked: dict[str, str]) -> None:
        registry = self.registry
        if kind == "blobs":
            if asked["digest"] != digest_of(body):
                return self._send(400)
            registry.blobs[name, asked["digest"]] = body
        else:
            manifest = json.loads(body)
            parts = [manifest["config"], *manifest["layers"]]
            if any(len(registry.blobs.get((name, p["digest"]), b"")) != p["size"] for p in parts):
                return self._send(400)
            registry.manifests[name, place] = body
        self._send(201)

    def _send(self, code: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def docker_registry(folder: Path) -> Iterator[str]:
    """Docker's own registry, with its data in a folder; gives its host."""
    if not shutil.which("docker-registry"):
        if os.environ.get("TAGSHIP_REQUIRE_TOOLS") == "1":
            pytest.fail("docker-registry is not installed")
        pytest.skip("docker-registry is not installed")
    port, config = free_port(), folder / "config.yml"
    about = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    config.write_text(yaml.safe_dump(about))
    with (folder / "log").open("w") as log:
        command = ["docker-registry", "serve", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
        process.terminate()
        process.wait()
