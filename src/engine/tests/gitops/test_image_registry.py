"""The registry: a clear yes, a clear no, models by their hash, and anything else refused."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from registries import Registry, docker_registry
from shop import sha
from tagship.errors import TagshipError
from tagship.files import sha256_of_bytes
from tagship.gitops.artifacts import RegistryArtifact, fetch_artifact, push_artifact
from tagship.gitops.image_registry import credentials, image_check
from tagship.training.lock import LockedArtifact

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


MODEL = RegistryArtifact(b"the model" * 1000, b"{}\n")
LOCKED = LockedArtifact(
    sha256=sha256_of_bytes(MODEL.model),
    bytes=len(MODEL.model),
    boundary_sha256=sha256_of_bytes(MODEL.boundary),
)


@pytest.fixture
def shop() -> Iterator[Registry]:
    with Registry().served() as served:
        yield served


def pushed(registry: Registry) -> str:
    image = f"{registry.host}/shop/churn"
    push_artifact(image, "v1.0.0.model", "churn/v1.0.0", MODEL)
    return image


def test_a_model_is_pushed_once_and_fetched_by_the_hashes_of_its_lock(shop: Registry) -> None:
    image = pushed(shop)
    assert fetch_artifact(image, LOCKED) == MODEL
    manifest = json.loads(shop.manifests["shop/churn", "v1.0.0.model"])
    assert manifest["artifactType"] == "application/vnd.tagship.model"
    uploads = [method for method, _, _ in shop.asked if method == "POST"]
    assert pushed(shop) == image
    assert [method for method, _, _ in shop.asked if method == "POST"] == uploads


def test_a_model_is_pushed_to_a_real_registry_and_fetched(tmp_path: Path) -> None:
    with docker_registry(tmp_path) as host:
        image = f"{host}/shop/churn"
        for _ in range(2):
            push_artifact(image, "v1.0.0.model", "churn/v1.0.0", MODEL)
        assert fetch_artifact(image, LOCKED) == MODEL
        gone = LOCKED.model_copy(update={"sha256": "0" * 64})
        assert fetch_artifact(image, gone) is None
        assert fetch_artifact(f"{host}/shop/other", LOCKED) is None


def test_a_login_is_asked_for_what_is_done_with_it(
    shop: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAGSHIP_REGISTRY_TOKEN", "t0ken")
    shop.login = True
    assert fetch_artifact(pushed(shop), LOCKED) == MODEL
    scopes = {path.rpartition("scope=")[2] for _, path, _ in shop.asked if "/token" in path}
    assert scopes == {"repository%3Ashop%2Fchurn%3Apull%2Cpush", "repository%3Ashop%2Fchurn%3Apull"}


def test_a_store_that_the_registry_redirects_to_gets_no_login(shop: Registry) -> None:
    image = pushed(shop)
    with Registry(blobs=shop.blobs).served() as store:
        shop.login, shop.elsewhere = True, f"http://{store.host}"
        assert fetch_artifact(image, LOCKED) == MODEL
        assert {said for _, _, said in store.asked} == {""}


def test_other_bytes_than_the_lock_names_are_refused(shop: Registry) -> None:
    image = pushed(shop)
    for sha256 in (LOCKED.sha256, LOCKED.boundary_sha256):
        key = ("shop/churn", f"sha256:{sha256}")
        true = shop.blobs[key]
        for other in (b"other bytes", true + b"and more", true[:-1]):
            shop.blobs[key] = other
            with pytest.raises(TagshipError, match="gave other bytes"):
                fetch_artifact(image, LOCKED)
        shop.blobs[key] = true


def test_a_lock_that_names_no_boundary_fetches_nothing(shop: Registry) -> None:
    without = LOCKED.model_copy(update={"boundary_sha256": None})
    assert fetch_artifact(pushed(shop), without) is None


def test_a_push_that_is_refused_says_how_to_log_in(
    shop: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.broken = True
    with pytest.raises(TagshipError, match="HTTP 500") as refused:
        pushed(shop)
    assert "TAGSHIP_REGISTRY_TOKEN" in str(refused.value)
    shop.broken, shop.elsewhere = False, "http://elsewhere.example/upload"
    with pytest.raises(TagshipError, match=r"wants the upload at http://elsewhere\.example"):
        pushed(shop)
    with pytest.raises(TagshipError, match="no clear answer"):
        push_artifact("127.0.0.1:1/shop/churn", "v1.0.0.model", "churn/v1.0.0", MODEL)


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
