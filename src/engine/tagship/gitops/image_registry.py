"""An image registry's v2 API: whether it holds a digest, and blobs by their SHA-256.

Anything but a clear answer is a refusal.
"""

import base64
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException

from tagship.errors import TagshipError, suggest
from tagship.files import sha256_of_bytes

ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1", "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2",
    )
)  # fmt: skip
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_REFERENCE = re.compile(r"([^/@\s]+)/([^@\s]+)@(sha256:[0-9a-f]{64})")
_ASK = "log in or try again; TAGSHIP_REGISTRY_CHECK=none goes on without asking"
_LOGIN = "TAGSHIP_REGISTRY_USER and TAGSHIP_REGISTRY_TOKEN are its login; then run this again"
_SECONDS = 30
_MOST_SECONDS = 600
"""Seconds for a blob, which may be large."""


def image_check(kind: str = "") -> Callable[[str], bool]:
    """The check named ``http``, ``skopeo`` or ``none``; else the one in TAGSHIP_REGISTRY_CHECK.

    Raises:
        TagshipError: no such check.
    """
    name = kind or os.environ.get("TAGSHIP_REGISTRY_CHECK", "http")
    registry_checks: dict[str, Callable[[str], bool]] = {
        "http": by_http,
        "skopeo": by_skopeo,
        "none": lambda reference: True,
    }
    if name not in registry_checks:
        raise TagshipError(f"no registry check '{name}'", suggest(name, registry_checks))
    return registry_checks[name]


def by_skopeo(reference: str) -> bool:
    """Ask with ``skopeo inspect``, which knows the logins of docker and podman."""
    host = split_reference(reference)[0]
    tls = ["--tls-verify=false"] if is_local(host) else []
    command = ["skopeo", "inspect", "--raw", *tls, f"docker://{reference}"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise _unclear(reference, str(error)) from None
    if result.returncode == 0:
        return True
    if "manifest unknown" in result.stderr or "name unknown" in result.stderr:
        return False
    raise _unclear(reference, result.stderr.strip()[-300:])


def by_http(reference: str) -> bool:
    """Ask the registry's v2 API, with its ``credentials`` where it wants a login."""
    host, name, digest = split_reference(reference)
    return Repository(f"{host}/{name}").has(f"manifests/{digest}")


class Repository:
    """One image's repository in a registry, such as ``ghcr.io/owner/shop-churn``."""

    def __init__(self, image: str, push: bool = False) -> None:
        self.image = image
        self._way = _LOGIN if push else _ASK
        self._host, _, self._name = image.partition("/")
        self._scheme = "http" if is_local(self._host) else "https"
        self._base = f"{self._scheme}://{self._host}/v2/{urllib.parse.quote(self._name)}/"
        self._scope = f"repository:{self._name}:{'pull,push' if push else 'pull'}"
        self._authorization = ""

    def has(self, path: str) -> bool:
        """Whether there is a blob or a manifest: ``blobs/<digest>``, ``manifests/<digest>``.

        Raises:
            TagshipError: the registry gives no clear answer.
        """
        return self._ask("HEAD", self._base + path) is not None

    def fetch(self, sha256: str, most: int) -> bytes | None:
        """A blob of at most ``most`` bytes; None when it is not there.

        Raises:
            TagshipError: other bytes than the hash names, or no clear answer.
        """
        answer = self._ask("GET", f"{self._base}blobs/sha256:{sha256}", most=most)
        if answer is None:
            return None
        if sha256_of_bytes(answer[0]) != sha256:
            raise TagshipError(
                f"{self.image}: the registry gave other bytes for sha256:{sha256[:12]}…:"
                " they are not used"
            )
        return answer[0]

    def push_blob(self, content: bytes) -> str:
        """Upload a blob unless it is there; gives its digest.

        Raises:
            TagshipError: the registry refuses it.
        """
        digest = f"sha256:{sha256_of_bytes(content)}"
        if self.has(f"blobs/{digest}"):
            return digest
        answer = self._ask("POST", f"{self._base}blobs/uploads/", b"")
        place = urllib.parse.urljoin(self._base, (answer or (b"", {}))[1].get("location", ""))
        if not place.startswith(f"{self._scheme}://{self._host}/"):
            raise TagshipError(f"{self.image}: the registry wants the upload at {place}")
        joint = "&" if "?" in place else "?"
        self._ask("PUT", f"{place}{joint}{urllib.parse.urlencode({'digest': digest})}", content)
        return digest

    def push_manifest(self, tag: str, content: bytes, kind: str) -> None:
        """Upload a manifest of a media type under a tag.

        Raises:
            TagshipError: the registry refuses it.
        """
        self._ask("PUT", f"{self._base}manifests/{tag}", content, kind)

    def _ask(
        self,
        method: str,
        url: str,
        content: bytes | None = None,
        kind: str = "application/octet-stream",
        most: int = 1 << 20,
    ) -> tuple[bytes, Mapping[str, str]] | None:
        """The answer's bytes and headers; None when what was asked for is not there."""
        try:
            try:
                return self._send(method, url, content, kind, most)
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    raise
                challenge = error.headers.get("WWW-Authenticate", "")
                self._authorization = self._login(challenge)
                return self._send(method, url, content, kind, most)
        except urllib.error.HTTPError as error:
            if error.code == 404 and content is None:
                return None
            raise _unclear(self.image, f"HTTP {error.code} to {method}", self._way) from None
        except (OSError, ValueError, KeyError, HTTPException) as error:
            raise _unclear(self.image, str(error), self._way) from None

    def _send(
        self, method: str, url: str, content: bytes | None, kind: str, most: int
    ) -> tuple[bytes, Mapping[str, str]]:
        headers = {"Accept": ACCEPT} if "/manifests/" in url else {}
        if content is not None:
            headers["Content-Type"] = kind
        request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310
        if self._authorization:  # not for the store that a registry may redirect to
            request.add_unredirected_header("Authorization", self._authorization)
        large = _MOST_SECONDS if content or method == "GET" else _SECONDS
        with urllib.request.urlopen(request, timeout=large) as answer:  # noqa: S310
            answer_headers = {key.lower(): value for key, value in answer.headers.items()}
            return answer.read(most + 1), answer_headers

    def _login(self, challenge: str) -> str:
        user, token = credentials(self._host)
        basic = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode() if token else ""
        if not challenge.lower().startswith("bearer"):
            return basic
        fields = {**dict(re.findall(r'(\w+)="([^"]*)"', challenge)), "scope": self._scope}
        realm = fields.pop("realm")
        if not realm.startswith(f"{self._scheme}://"):
            raise ValueError(f"the registry sends logins to {realm}")
        headers = {"Authorization": basic} if basic else {}
        url = f"{realm}?{urllib.parse.urlencode(fields)}"
        request = urllib.request.Request(url, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            content = json.load(answer)
        return "Bearer " + str(content.get("token") or content["access_token"])


def is_local(host: str) -> bool:
    """Whether a registry is on this machine, where it needs no TLS."""
    return host in _LOCAL or host.rpartition(":")[0] in _LOCAL


def credentials(host: str) -> tuple[str, str]:
    """User and token for a registry; empty where none are known.

    TAGSHIP_REGISTRY_USER and TAGSHIP_REGISTRY_TOKEN. Without them GitHub's own registry, and no
    other, gets GITHUB_TOKEN.
    """
    token = os.environ.get("TAGSHIP_REGISTRY_TOKEN", "")
    if token or host != "ghcr.io":
        return os.environ.get("TAGSHIP_REGISTRY_USER", ""), token
    return os.environ.get("GITHUB_ACTOR", ""), os.environ.get("GITHUB_TOKEN", "")


def split_reference(reference: str) -> tuple[str, str, str]:
    """Host, name and digest of an image.

    Raises:
        TagshipError: it is not pinned by digest.
    """
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise TagshipError(f"{reference}: not pinned by digest", "write <name>@sha256:<64 digits>")
    return match.group(1), match.group(2), match.group(3)


def _unclear(reference: str, why: str, way: str = _ASK) -> TagshipError:
    return TagshipError(f"{reference}: the registry gives no clear answer: {why}", way)
