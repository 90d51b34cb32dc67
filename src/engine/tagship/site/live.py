"""The site served on this machine: built anew when files or tags change, and forms of models."""

import hashlib
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.gitops.git import Git
from tagship.site.document import Site
from tagship.site.folder import replace_site
from tagship.site.pages import form_page
from tagship.site.request_form import (
    NoService,
    ServiceAnswer,
    ask_service,
    form_fields,
    make_record,
)

_WATCHED = ("config", "deploy", "reports", ".tagship/monitor", ".tagship/models")
"""Each training, and each report, writes there; MLflow's store also changes when it is read."""
_LONGEST_FORM = 100_000
Gather = Callable[[], Site]


class LiveSite:
    """A site that follows its repository."""

    def __init__(self, root: Path, gather: Gather, service: str, say: Callable[[str], None]):
        self.root, self.service = root, service
        self._gather, self._say = gather, say
        self._git = Git(root)
        self._place = tempfile.TemporaryDirectory(prefix="tagship-ui-")
        self._built_from, self._count = "", 0
        self.folder: Path
        self.site: Site

    def refresh(self) -> bool:
        """Build the site anew where files, tags or branches changed; whether it was.

        Raises:
            TagshipError: it cannot be built; the last one stays.
        """
        state = self._state()
        if state == self._built_from:
            return False
        site = self._gather()
        self._count += 1
        folder = Path(self._place.name) / str(self._count)
        replace_site(site, folder, self.root / "reports", live=True)
        shutil.rmtree(folder.with_name(str(self._count - 2)), ignore_errors=True)
        self.site, self.folder, self._built_from = site, folder, state
        return True

    def follow(self, seconds: float, stopped: threading.Event) -> None:
        """Look for changes every so many seconds until it is stopped."""
        while not stopped.wait(seconds):
            try:
                if self.refresh():
                    self._say("built anew: reload the page")
            except TagshipError as error:
                self._say(f"not built anew: {error}")

    def close(self) -> None:
        """Remove what was built."""
        self._place.cleanup()

    def _state(self) -> str:
        """A hash of the refs, here and at the remote, and of the watched files' times and sizes."""
        digest = hashlib.sha256()
        commands: list[tuple[str, ...]] = [("for-each-ref",)]
        commands += [("ls-remote", self._git.remote)] if self._git.has_remote() else []
        for command in commands:
            answer = self._git.call(*command)
            digest.update(answer.stdout.encode(errors="surrogateescape"))
        for name in _WATCHED:
            top = self.root / name
            for path in sorted([top, *top.rglob("*")] if top.is_dir() else [top]):
                if path.is_file():
                    about = path.stat()
                    digest.update(f"{path}\0{about.st_mtime_ns}\0{about.st_size}\0".encode())
        return digest.hexdigest()


def make_server(live: LiveSite, host: str, port: int) -> ThreadingHTTPServer:
    """A server of the site's files and forms, not yet running.

    Raises:
        OSError: the address cannot be listened on.
    """

    class Handler(_Handler):
        site = live
        names = frozenset({host, "127.0.0.1", "localhost"})

    server = ThreadingHTTPServer((host, port), Handler)
    server.block_on_close = False  # a browser may hold a connection open that it never uses
    return server


class _Handler(SimpleHTTPRequestHandler):
    """Files of the site, and the forms under ``/try/``."""

    site: LiveSite
    names: frozenset[str]
    server_version, sys_version = "tagship", ""
    timeout = 30

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments, directory=str(self.site.folder))

    def do_GET(self) -> None:
        """A page, or a form filled with an example."""
        if not self._is_ours():
            return
        model = self._model()
        if model is None:
            super().do_GET()
        else:
            self._show(model, None)

    def do_POST(self) -> None:
        """The form again, with the service's answer."""
        if not self._is_ours():
            return
        model, length = self._model(), self.headers.get("Content-Length", "")
        if model is None or not length.isdecimal() or int(length) > _LONGEST_FORM:
            return self.send_error(HTTPStatus.BAD_REQUEST)
        body = self.rfile.read(int(length)).decode(errors="replace")
        self._show(model, dict(parse_qsl(body, keep_blank_values=True)))

    def _is_ours(self) -> bool:
        """Whether the request is for this address and from its own pages: another site's page in
        the same browser may neither read here nor send a record."""
        host = (self.headers.get("Host") or "").rpartition(":")[0].strip("[]")
        if host in self.names and (self.command == "GET" or self._is_from_here()):
            return True
        self.send_error(HTTPStatus.FORBIDDEN, "this address serves its own pages alone")
        return False

    def _is_from_here(self) -> bool:
        """What the browser says of where a form was: its pages send no referrer, so that the
        origin of old browsers alone, which send nothing else, is an address."""
        place = self.headers.get("Sec-Fetch-Site")
        if place is not None:
            return place in ("same-origin", "none")
        origin = self.headers.get("Origin")
        return origin is None or urlsplit(origin).netloc == self.headers.get("Host")

    def _model(self) -> str | None:
        path = unquote(urlsplit(self.path).path)
        name = path.removeprefix("/try/")
        active = {model.name for model in self.site.site.models if model.state == "active"}
        return name if path.startswith("/try/") and name in active else None

    def _show(self, model: str, typed: dict[str, str] | None) -> None:
        answer: ServiceAnswer | None = None
        problem = ""
        try:
            data = load_model(self.site.root, model).data
            fields = form_fields(data, typed)
            if typed is not None:
                answer = ask_service(self.site.service, model, make_record(data, typed))
        except NoService as error:
            problem = str(error)
        except TagshipError as error:
            fields, problem = [], str(error)
        page = form_page(self.site.site, model, self.site.service, fields, answer, problem)
        content = page.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        """Nothing is kept: the next request may be answered from a newer site."""
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def list_directory(self, path: Any) -> None:
        """Folders are not listed."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests are not logged."""

    def log_error(self, format: str, *arguments: Any) -> None:
        """One line on the error stream, which escapes control characters."""
        print("ui:", ascii(format % arguments)[1:-1], file=sys.stderr)
