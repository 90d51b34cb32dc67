"""The registry check: a clear yes, a clear no, and anything else refused."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from shop import sha

from tagship.errors import TagshipError
from tagship.gitops.registry import credentials, image_check

DIGESTS = {name: f"sha256:{sha(name)}" for name in ("there", "gone", "broken", "private")}


class Handler(BaseHTTPRequestHandler):
    """The manifest part of the v2 API, with a token for what is private."""

    def do_HEAD(self) -> None:
        name = next((n for n, digest in DIGESTS.items() if self.path.endswith(digest)), "gone")
        code = {"there": 200, "gone": 404, "broken": 500, "private": 401}[name]
        if name == "private" and self.headers.get("Authorization") == "Bearer t0ken":
            code = 200
        self.send_response(code)
        if code == 401:
            realm = f"http://{self.headers['Host']}/token"
            self.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="s",scope="x"')
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"token": "t0ken"}')

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""


@pytest.fixture
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}/shop/churn"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("name", "answer"), [("there", True), ("gone", False), ("private", True)])
def test_the_registry_is_asked_for_the_digest(registry: str, name: str, answer: bool) -> None:
    assert image_check("http")(f"{registry}@{DIGESTS[name]}") is answer


def test_no_clear_answer_is_refused_not_guessed(
    registry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TagshipError, match="no clear answer: HTTP 500"):
        image_check("http")(f"{registry}@{DIGESTS['broken']}")
    with pytest.raises(TagshipError, match="no clear answer"):
        image_check("http")(f"127.0.0.1:1/x@{DIGESTS['there']}")
    with pytest.raises(TagshipError, match="not pinned by digest"):
        image_check("http")(f"{registry}:latest")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TagshipError, match="no clear answer"):
        image_check("skopeo")(f"{registry}@{DIGESTS['there']}")


def test_githubs_token_goes_to_githubs_registry_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    monkeypatch.setenv("GITHUB_TOKEN", "writes")
    assert credentials("ghcr.io") == ("ada", "writes")
    for host in ("registry.example", "ghcr.io.example", "127.0.0.1:5000"):
        assert credentials(host) == ("", "")
    monkeypatch.setenv("TAGSHIP_REGISTRY_USER", "robot")
    monkeypatch.setenv("TAGSHIP_REGISTRY_TOKEN", "its own")
    assert credentials("ghcr.io") == credentials("registry.example") == ("robot", "its own")


def test_the_check_is_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAGSHIP_REGISTRY_CHECK", "none")
    assert image_check()("anything")
    with pytest.raises(TagshipError, match="no registry check 'maybe'"):
        image_check("maybe")
