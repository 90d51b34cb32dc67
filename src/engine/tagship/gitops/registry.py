"""Whether an image registry still holds a digest. Anything but a clear answer is a refusal."""

import base64
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable

from tagship.errors import TagshipError

ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1", "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2",
    )
)  # fmt: skip
_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_REFERENCE = re.compile(r"([^/@\s]+)/([^@\s]+)@(sha256:[0-9a-f]{64})")


def image_check(kind: str = "") -> Callable[[str], bool]:
    """The check named ``http``, ``skopeo`` or ``none``; else the one in TAGSHIP_REGISTRY_CHECK.

    Raises:
        TagshipError: no such check.
    """
    chosen = kind or os.environ.get("TAGSHIP_REGISTRY_CHECK", "http")
    checks: dict[str, Callable[[str], bool]] = {
        "http": by_http,
        "skopeo": by_skopeo,
        "none": lambda reference: True,
    }
    if chosen not in checks:
        raise TagshipError(f"no registry check '{chosen}'", f"one of: {', '.join(checks)}")
    return checks[chosen]


def by_skopeo(reference: str) -> bool:
    """Ask with ``skopeo inspect``, which knows the logins of docker and podman."""
    host = split_reference(reference)[0]
    tls = ["--tls-verify=false"] if host.split(":")[0] in _LOCAL else []
    command = ["skopeo", "inspect", "--raw", *tls, f"docker://{reference}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise _unclear(reference, str(error)) from None
    if done.returncode == 0:
        return True
    if "manifest unknown" in done.stderr or "name unknown" in done.stderr:
        return False
    raise _unclear(reference, done.stderr.strip()[-300:])


def by_http(reference: str) -> bool:
    """Ask the registry's v2 API, with its ``credentials`` where it wants a login."""
    host, name, digest = split_reference(reference)
    scheme = "http" if host.rsplit(":", 1)[0] in _LOCAL or host in _LOCAL else "https"
    url = f"{scheme}://{host}/v2/{urllib.parse.quote(name)}/manifests/{digest}"
    try:
        try:
            return _head(url, "")
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
            return _head(url, _login(error.headers.get("WWW-Authenticate", ""), scheme, host))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        raise _unclear(reference, f"HTTP {error.code}") from None
    except (OSError, ValueError, KeyError) as error:
        raise _unclear(reference, str(error)) from None


def _head(url: str, authorization: str) -> bool:
    headers = {"Accept": ACCEPT} | ({"Authorization": authorization} if authorization else {})
    request = urllib.request.Request(url, method="HEAD", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return bool(answer.status == 200)


def credentials(host: str) -> tuple[str, str]:
    """User and token for a registry; empty where none are known.

    TAGSHIP_REGISTRY_USER and TAGSHIP_REGISTRY_TOKEN. Without them GitHub's own registry, and no
    other, gets GITHUB_TOKEN.
    """
    token = os.environ.get("TAGSHIP_REGISTRY_TOKEN", "")
    if token or host != "ghcr.io":
        return os.environ.get("TAGSHIP_REGISTRY_USER", ""), token
    return os.environ.get("GITHUB_ACTOR", ""), os.environ.get("GITHUB_TOKEN", "")


def _login(challenge: str, scheme: str, host: str) -> str:
    user, token = credentials(host)
    basic = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode() if token else ""
    if not challenge.lower().startswith("bearer"):
        return basic
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = fields.pop("realm")
    if not realm.startswith(f"{scheme}://"):
        raise ValueError(f"the registry sends logins to {realm}")
    url = f"{realm}?{urllib.parse.urlencode(fields)}"
    headers = {"Authorization": basic} if basic else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        content = json.load(answer)
    return "Bearer " + str(content.get("token") or content["access_token"])


def split_reference(reference: str) -> tuple[str, str, str]:
    """Host, name and digest of an image.

    Raises:
        TagshipError: it is not pinned by digest.
    """
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise TagshipError(f"{reference}: not pinned by digest", "write <name>@sha256:<64 digits>")
    return match.group(1), match.group(2), match.group(3)


def _unclear(reference: str, why: str) -> TagshipError:
    return TagshipError(
        f"{reference}: the registry gives no clear answer: {why}",
        "log in or try again; TAGSHIP_REGISTRY_CHECK=none goes on without asking",
    )
