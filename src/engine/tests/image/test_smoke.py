"""The smoke test against a service that says what it should, and against others."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tagship.contract.boundary import Boundary, Field
from tagship.contract.example import example_value
from tagship.contract.json_records import RecordReader
from tagship.serving.smoke import Difference, check, read_record

RECORD = {"model": "tiny", "release": "tiny/v1.0.0", "model_sha256": "ab" * 32}
BOUNDARY = {"fields": [{"name": "age", "dtype": "float"}], "classes": ["no", "yes"]}


@pytest.fixture
def service() -> Iterator[tuple[str, dict[str, Any]]]:
    """An address, and the answers that it gives."""
    answers: dict[str, Any] = {
        "/info": dict(RECORD),
        "/predict": {"prediction": "yes", "release": "tiny/v1.0.0"},
    }

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers[self.path]
            self.send_response(200 if answer else 422)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers
    server.shutdown()
    server.server_close()


def test_it_passes_what_is_as_recorded(service: tuple[str, dict[str, Any]]) -> None:
    assert "predicts 'yes'" in check(service[0], RECORD, BOUNDARY)


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/info", {**RECORD, "release": "tiny/v0.9.0"}, "release: the record says tiny/v1.0.0"),
        ("/info", {**RECORD, "model_sha256": "cd" * 32}, "model_sha256"),
        ("/info", {}, "HTTP 422"),
        ("/predict", {"prediction": "yes", "release": "tiny/v0.9.0"}, "is of tiny/v0.9.0"),
        ("/predict", {"prediction": "maybe", "release": "tiny/v1.0.0"}, "'maybe'"),
        ("/predict", {}, "HTTP 422"),
    ],
)
def test_it_names_every_difference(
    service: tuple[str, dict[str, Any]], path: str, answer: Any, says: str
) -> None:
    service[1][path] = answer
    with pytest.raises(Difference, match=says):
        check(service[0], RECORD, BOUNDARY)


def test_a_record_without_a_release_is_no_match(service: tuple[str, dict[str, Any]]) -> None:
    with pytest.raises(Difference, match="release"):
        check(service[0], {"model": "tiny"}, BOUNDARY)


def test_a_record_is_read_quoted_or_plain(tmp_path: Path) -> None:
    path = tmp_path / "release.yaml"
    path.write_text('# words\nmodel: tiny\nrelease: "tiny/v1.0.0"\n', encoding="utf-8")
    assert read_record(path) == {"model": "tiny", "release": "tiny/v1.0.0"}


def test_the_contract_takes_every_example_value() -> None:
    fields = (
        Field("a", "float", min=0.5, max=2),
        Field("b", "float", max=-3),
        Field("c", "int", min=0.5),
        Field("d", "int"),
        Field("e", "category", values=("x", "y")),
        Field("f", "bool"),
        Field("g", "string", feature=False),
        Field("h", "datetime", feature=False),
    )
    boundary = json.loads(Boundary("binary", fields, classes=("no", "yes")).to_json())
    example = {field["name"]: example_value(field) for field in boundary["fields"]}
    RecordReader(Boundary("binary", fields)).read([example])
