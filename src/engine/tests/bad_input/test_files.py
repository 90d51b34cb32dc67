"""Files that are missing, out of reach, not what was declared, or no table."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from projects import Project, make_table

CSV = make_table().to_csv(index=False)


class _Answers(BaseHTTPRequestHandler):
    """Answers every request with the status that its path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/").partition(".")[0]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as answering:
        threading.Thread(target=answering.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{answering.server_port}"
        answering.shutdown()


def _declare(project: Project, source: str) -> None:
    project.edit("data", "{kind: csv, path: data/tiny.csv}", source)


def test_a_missing_file_is_named(run_project: Project) -> None:
    run_project.path("data/tiny.csv").unlink()
    run_project.refused(
        "train",
        "tiny",
        says=("config/tiny/data.yaml", "source.path: data/tiny.csv: no such file", "paths start"),
    )


def test_a_folder_is_no_file(run_project: Project) -> None:
    _declare(run_project, "{kind: csv, path: data}")
    run_project.refused("train", "tiny", says="source.path: data: is a folder")


def test_a_page_that_is_not_there_is_a_404(run_project: Project, server: str) -> None:
    _declare(run_project, f'{{kind: csv, path: "{server}/404.csv"}}')
    run_project.refused(
        "train", "tiny", says=(f"source.path: {server}/404.csv: not found (404)", "check the URL")
    )


@pytest.mark.parametrize("status", [403, 500])
def test_a_server_that_refuses_is_quoted(run_project: Project, server: str, status: int) -> None:
    _declare(run_project, f'{{kind: csv, path: "{server}/{status}.csv"}}')
    run_project.refused("train", "tiny", says=(f"HTTP {status}", "credentials"))


def test_a_refused_connection_is_no_404(run_project: Project) -> None:
    _declare(run_project, '{kind: csv, path: "http://127.0.0.1:9/tiny.csv"}')
    message = run_project.refused(
        "train", "tiny", says=("http://127.0.0.1:9/tiny.csv: the server cannot be reached", "URL")
    )
    assert "404" not in message


@pytest.mark.parametrize(
    ("url", "way_out"),
    [("gopher://host/tiny.csv", "use file, http, s3"), ("gs://bucket/tiny.csv", "uv add gcsfs")],
)
def test_a_protocol_without_its_library_says_what_to_install(
    run_project: Project, url: str, way_out: str
) -> None:
    _declare(run_project, f'{{kind: csv, path: "{url}"}}')
    run_project.refused("train", "tiny", says=(url, way_out))


def test_another_file_than_the_declared_sha256_is_refused(run_project: Project) -> None:
    wrong = "a" * 64
    _declare(run_project, f"{{kind: csv, path: data/tiny.csv, sha256: {wrong}}}")
    run_project.refused(
        "train",
        "tiny",
        says=("source.sha256: data/tiny.csv", f"expected {wrong}", "found ", "restore the file"),
    )


@pytest.mark.parametrize("content", ["", "\n\n \n"])
def test_an_empty_file_is_refused(run_project: Project, content: str) -> None:
    run_project.write("data/tiny.csv", content)
    run_project.refused("train", "tiny", says=("tiny.csv", "the file is empty", "export it again"))


def test_a_header_without_rows_is_refused(run_project: Project) -> None:
    run_project.write("data/tiny.csv", CSV.splitlines()[0] + "\n")
    run_project.refused("train", "tiny", says=("data/tiny.csv", "has no rows"))


def test_a_wrong_delimiter_names_the_right_one(run_project: Project) -> None:
    _declare(run_project, '{kind: csv, path: data/tiny.csv, delimiter: ";"}')
    run_project.refused("train", "tiny", says=("source.delimiter", "';'", "set `delimiter: ','`"))


def test_a_delimiter_that_is_not_sniffed_must_be_declared(run_project: Project) -> None:
    run_project.write("data/tiny.csv", CSV.replace(",", "^"))
    run_project.refused(
        "train", "tiny", says=("the header is one column", "visitor^age", "declare what stands")
    )
    _declare(run_project, '{kind: csv, path: data/tiny.csv, delimiter: "^"}')
    assert run_project.tagship("validate", "tiny").code == 0


@pytest.mark.parametrize("key", ["delimiter", "decimal"])
def test_a_delimiter_or_decimal_is_one_character(run_project: Project, key: str) -> None:
    _declare(run_project, f'{{kind: csv, path: data/tiny.csv, {key}: ",,"}}')
    run_project.refused("train", "tiny", says=(f"source.{key}", '",,"', "at most 1 character"))


@pytest.mark.parametrize("copies", [1, 30], ids=["in the first lines", "far down"])
def test_a_file_that_is_not_utf8_is_refused(run_project: Project, copies: int) -> None:
    header, _, rows = CSV.partition("\n")
    text = f"{header}\n{rows * copies}last,30,3,plüs,no\n"
    run_project.write("data/tiny.csv", text.encode("latin-1"))
    run_project.refused(
        "train", "tiny", says=("source.encoding", "tiny.csv is not utf-8", "encoding: latin-1")
    )


def test_an_unknown_encoding_is_refused(run_project: Project) -> None:
    _declare(run_project, "{kind: csv, path: data/tiny.csv, encoding: utf-99}")
    run_project.refused("train", "tiny", says=("source.encoding", "unknown encoding: utf-99"))


@pytest.mark.parametrize("line", ["v9,30\n", 'v9,30,4,"free,yes\n'], ids=["short", "open quote"])
def test_a_line_with_other_columns_is_shown(run_project: Project, line: str) -> None:
    run_project.write("data/tiny.csv", CSV + line)
    says = (f"data/tiny.csv: line {len(CSV.splitlines()) + 1} (row ", "values, the header 5")
    run_project.refused("train", "tiny", says=says)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tiny.csv.gz", b"not compressed"),
        ("tiny.csv.gz", gzip.compress(CSV.encode())[:-900]),
        ("tiny.csv.zip", b"not compressed"),
        ("tiny.csv.bz2", b"not compressed"),
        ("tiny.csv.xz", b"not compressed"),
    ],
)
def test_a_damaged_archive_is_refused(run_project: Project, name: str, content: bytes) -> None:
    run_project.write(f"data/{name}", content)
    _declare(run_project, f"{{kind: csv, path: data/{name}}}")
    run_project.refused("train", "tiny", says=(f"{name}: cannot be read", "is it complete"))


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("parquet", CSV, "not a Parquet file"),
        ("json", CSV, "not JSON records"),
        ("json", '{"a": 1}', "not JSON records"),
        ("json", "[1, 2, 3]", "its rows do not name their columns"),
        ("json", '[{"a": 1}]\n[', "not JSON records"),
        ("json", '[{"a": "\xfc"}]'.encode("latin-1"), "JSON is UTF-8"),
        ("json", "[]", "has no rows"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    run_project: Project, kind: str, content: str | bytes, reason: str
) -> None:
    run_project.write("data/other", content)
    _declare(run_project, f"{{kind: {kind}, path: data/other}}")
    run_project.refused("train", "tiny", says=("data/other", reason, "→"))


@pytest.mark.parametrize(
    ("url", "query", "reason"),
    [
        ("sqlite:///data/none.db", "select 1", "sqlite:///data/none.db: no such file"),
        ("postgresql+none://ann:${DB_PASSWORD}@127.0.0.1/shop", "select 1", "Can't load plugin"),
        ("no url", "select 1", "no url: no URL of a database"),
        ("sqlite://", "select 1 from nowhere", "no such table: nowhere"),
    ],
)
def test_a_database_that_does_not_answer_is_explained(
    run_project: Project, monkeypatch: pytest.MonkeyPatch, url: str, query: str, reason: str
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "s3cret")
    _declare(run_project, f'{{kind: sql, url: "{url}", query: {query}}}')
    message = run_project.refused("train", "tiny", says=(reason, "→"))
    assert "s3cret" not in message
    assert not run_project.path("data/none.db").exists()
