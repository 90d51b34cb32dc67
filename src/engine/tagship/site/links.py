"""Where a figure comes from: pages of the remote."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from tagship.site.document import Origin

_SCP = re.compile(r"(?:[^@/\s]+@)?([\w.-]{2,}):/?([^/\s].*)")
"""``git@host:owner/name.git``; a single letter before the colon is a drive."""


@dataclass(frozen=True)
class Links:
    """The pages of one repository, as GitHub names them."""

    repository: str | None
    commit: str | None
    """Whose files are linked unless another is named."""

    def file(self, path: str, commit: str | None = None) -> Origin:
        """A file of a commit."""
        at = commit or self.commit
        return Origin(
            text=f"{path} at {at[:12]}" if at else path,
            url=self._page("blob", f"{at}/{path}") if at else None,
        )

    def tag(self, name: str) -> Origin:
        """A tag."""
        return Origin(text=name, url=self._page("tree", name))

    def branch(self, name: str, path: str = "") -> Origin:
        """A branch, or a file of it."""
        text = f"{path} on the branch {name}" if path else f"the branch {name}"
        return Origin(text=text, url=self._page("tree", f"{name}/{path}".rstrip("/")))

    def change(self, path: str, commit: str) -> Origin:
        """What a commit did to a file."""
        return Origin(text=f"{path} at {commit[:12]}", url=self._page("commit", commit))

    def _page(self, kind: str, path: str) -> str | None:
        return f"{self.repository}/{kind}/{quote(path)}" if self.repository else None


def repository_page(address: str) -> str | None:
    """The page of a remote's address, without user, password and query; None for a path."""
    scheme, path = "https", ""
    if "://" in address:
        try:
            parts = urlsplit(address)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return None
        path = parts.path
        if parts.scheme in ("http", "https"):
            scheme, host = parts.scheme, f"{host}:{port}" if host and port else host
        elif parts.scheme not in ("ssh", "git", "git+ssh", "ssh+git"):
            return None
    else:
        match = _SCP.fullmatch(address)
        host, path = (match[1], match[2]) if match else ("", "")
    path = path.strip("/").removesuffix(".git")
    return f"{scheme}://{host}/{quote(path)}" if host and path else None
