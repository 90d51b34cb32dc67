"""Files, URLs and databases: every kind gives the same table, however it is written."""

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy

from projects import Project, make_table
from tagship.config.contract import DataConfig
from tagship.config.sources import CsvSource, Source
from tagship.data.table import load_table
from tagship.errors import TagshipError
from tagship.sources.csv_dialect import sniff
from tagship.sources.fetching import identify_file, local_file, without_password
from tagship.sources.read import read_source
from tagship.training.train import train

TABLE = make_table()
CSV = TABLE.to_csv(index=False)


def _source(**declared: Any) -> Source:
    content = {"source": declared, "target": {"column": "y"}, "columns": {"x": {"dtype": "float"}}}
    return DataConfig.model_validate(content).source


def _write(folder: Path, kind: str) -> dict[str, Any]:
    """The table in one of many forms, and how data.yaml would declare it."""
    path = folder / f"table.{kind}"
    match kind:
        case "csv":
            path.write_text(CSV)
        case "csv.gz" | "csv.bz2" | "csv.xz" | "csv.zip":
            TABLE.to_csv(path, index=False)
        case "semicolon.csv" | "tab.csv" | "pipe.csv":
            delimiter = {"semicolon": ";", "tab": "\t", "pipe": "|"}[kind.partition(".")[0]]
            TABLE.to_csv(path, index=False, sep=delimiter)
        case "decimal.csv":
            TABLE.to_csv(path, index=False, sep=";", decimal=",")
            return {"kind": "csv", "path": path.name, "decimal": ","}
        case "bom.csv":
            path.write_text(CSV, encoding="utf-8-sig")
        case "utf16.csv":
            path.write_text(CSV, encoding="utf-16")
        case "crlf.csv":
            path.write_bytes(CSV.replace("\n", "\r\n").encode())
        case "quoted.csv":
            TABLE.to_csv(path, index=False, quoting=1)
        case "nulls.csv":
            TABLE.to_csv(path, index=False, na_rep="-999")
            return {"kind": "csv", "path": path.name, "nulls": ["-999"]}
        case "xlsx":
            TABLE.to_excel(path, index=False)
            return {"kind": "excel", "path": path.name}
        case "parquet":
            TABLE.to_parquet(path)
        case "arrow":
            TABLE.to_feather(path)
        case "stream.arrow":
            table = pa.Table.from_pandas(TABLE)
            with pa.ipc.new_stream(path, table.schema) as stream:
                stream.write_table(table, max_chunksize=100)
            return {"kind": "arrow", "path": path.name}
        case "orc":
            TABLE.to_orc(path)
        case "avro":
            _write_avro(path)
        case "json":
            TABLE.to_json(path, orient="records", double_precision=15)
        case "lines.json":
            TABLE.to_json(path, orient="records", lines=True, double_precision=15)
            return {"kind": "json", "path": path.name, "lines": True}
        case "sql":
            engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'table.db'}")
            TABLE.to_sql("visits", engine, index=False)
            engine.dispose()
            return {"kind": "sql", "url": "sqlite:///table.db", "query": "select * from visits"}
    return {"kind": kind.partition(".")[0] if "csv" not in kind else "csv", "path": path.name}


def _write_avro(path: Path) -> None:
    types = {"f": "double", "i": "long", "b": "boolean"}
    fields = [
        {"name": name, "type": ["null", types.get(TABLE[name].dtype.kind, "string")]}
        for name in TABLE
    ]
    rows = json.loads(TABLE.to_json(orient="records", double_precision=15))
    with path.open("wb") as file:
        fastavro.writer(file, {"type": "record", "name": "visit", "fields": fields}, rows)


FORMS = [
    *("csv", "csv.gz", "csv.bz2", "csv.xz", "csv.zip", "semicolon.csv", "tab.csv", "pipe.csv"),
    *("decimal.csv", "bom.csv", "utf16.csv", "crlf.csv", "quoted.csv", "nulls.csv"),
    *("parquet", "json", "lines.json", "sql"),
    *("xlsx", "arrow", "stream.arrow", "orc", "avro"),
]


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_has_the_same_hash_in_every_form(project: Project, form: str) -> None:
    expected = load_table(project.files).sha256
    declared = _write(project.root, form)
    text = ", ".join(f"{key}: {value!r}" for key, value in declared.items())
    project.edit("data", "{kind: csv, path: data/tiny.csv}", f"{{{text}}}".replace("True", "true"))
    assert load_table(project.files).sha256 == expected


@pytest.mark.parametrize("kept", ["shuffled", "filtered", "named", "id", "repeated"])
def test_the_index_that_parquet_keeps_orders_nothing(project: Project, kept: str) -> None:
    table = TABLE.sample(frac=1, random_state=1)
    match kept:
        case "filtered":
            table = table[table["visits"] > 3]
        case "named":
            table.index.name = "age"
            table = table.drop(columns="age").set_index(TABLE["age"].reindex(table.index))
        case "id":
            table = table.set_index("visitor")
        case "repeated":
            table.index = pd.Index([0] * len(table))
    table.reset_index(drop=kept not in ("named", "id")).to_csv(
        project.path("data/tiny.csv"), index=False
    )
    text = train(project.files).lock
    table.to_parquet(project.path("data/tiny.parquet"))
    project.edit(
        "data", "{kind: csv, path: data/tiny.csv}", "{kind: parquet, path: data/tiny.parquet}"
    )
    binary = train(project.files).lock
    assert (binary.data, binary.artifact, binary.metrics) == (
        text.data,
        text.artifact,
        text.metrics,
    )


def test_columns_named_by_numbers_are_named_by_text(tmp_path: Path) -> None:
    pd.DataFrame([[1, "a"], [2, "b"]]).to_parquet(tmp_path / "t.parquet")
    frame = read_source(_source(kind="parquet", path="t.parquet"), tmp_path)
    assert list(frame.columns) == ["0", "1"]


@pytest.mark.parametrize(
    ("declared", "value", "shown"),
    [
        ("delimiter: ';', decimal: ','", "57.399", "'57.399 (decimal: ,)'"),
        ("delimiter: ';', decimal: ','", "1.234,5", "'1.234,5 (decimal: ,)'"),
        ("delimiter: ';'", "57,399", "'57,399'"),
    ],
)
def test_thousands_are_no_numbers(project: Project, declared: str, value: str, shown: str) -> None:
    decimal = "," if "decimal" in declared else "."
    text = TABLE.to_csv(index=False, sep=";", decimal=decimal)
    project.write("data/tiny.csv", text + f"v99999;{value};3;pro;yes\n")
    project.edit("data", "path: data/tiny.csv", f"path: data/tiny.csv, {declared}")
    project.refused("train", "tiny", says=("age     a number  1      ", shown, "301"))


@pytest.mark.parametrize(
    ("text", "encoding", "delimiter"),
    [
        (b"a,b\n1,2\n", "utf-8", ","),
        (b"a;b\n1,5;2\n", "utf-8", ";"),
        (b"a\tb\n1\t2\n", "utf-8", "\t"),
        (b'"a,b";c\n1;2\n', "utf-8", ";"),
        ("a,b\n1,2\n".encode("utf-8-sig"), "utf-8-sig", ","),
        ("a;b\n1;2\n".encode("utf-16"), "utf-16", ";"),
    ],
)
def test_encoding_and_delimiter_are_sniffed(
    tmp_path: Path, text: bytes, encoding: str, delimiter: str
) -> None:
    (tmp_path / "a.csv").write_bytes(text)
    assert sniff(tmp_path / "a.csv", CsvSource(kind="csv", path="")) == (encoding, delimiter)


def test_a_declared_encoding_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("stadt,x\nKöln,1\n".encode("cp1252"))
    frame = read_source(_source(kind="csv", path="a.csv", encoding="cp1252"), tmp_path)
    assert frame["stadt"][0] == "Köln"


def test_a_header_may_hold_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    names = ["a, b", 'c "d"', "e\nf", "名"]
    pd.DataFrame([[1, 2, 3, 4]], columns=names).to_csv(tmp_path / "a.csv", index=False)
    assert list(read_source(_source(kind="csv", path="a.csv"), tmp_path).columns) == names


@pytest.mark.parametrize(
    ("table", "target", "rows"),
    [
        ("iris", "species", 150),
        ("wine", "cultivar", 178),
        ("breast_cancer", "diagnosis", 569),
        ("diabetes", "progression", 442),
    ],
)
def test_the_tables_of_scikit_learn_have_a_named_target(
    tmp_path: Path, table: str, target: str, rows: int
) -> None:
    frame = read_source(_source(kind="sklearn", table=table), tmp_path)
    assert len(frame) == rows
    assert target in frame.columns


def test_a_name_with_wildcards_is_one_file(tmp_path: Path) -> None:
    name = "a [1] b*c?.csv"
    (tmp_path / name).write_text(CSV)
    assert len(read_source(_source(kind="csv", path=name), tmp_path)) == len(TABLE)


def test_secrets_come_from_the_environment_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = _source(kind="sql", url="sqlite:///${FOLDER}/none.db", query="select 1")
    with pytest.raises(TagshipError, match="FOLDER is not set"):
        read_source(source, tmp_path)
    monkeypatch.setenv("FOLDER", "s3cret")
    with pytest.raises(TagshipError, match="no such file") as refused:
        read_source(source, tmp_path)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@host/db", "postgresql://ann:…@host/db"),
        ("postgresql://ann:s3/c:r@host/db", "postgresql://ann:…@host/db"),
        ("postgresql://host/db?password=s3cret&x=1", "postgresql://host/db?password=…&x=1"),
        ("https://host:80/a.csv", "https://host:80/a.csv"),
        ("a/b@c:d.csv", "a/b@c:d.csv"),
    ],
)
def test_a_password_in_a_url_is_masked(url: str, shown: str) -> None:
    assert without_password(url) == shown


class _Files(SimpleHTTPRequestHandler):
    """Serves a folder with an ETag per file, and keeps what was asked."""

    asked: list[tuple[str, str]]

    def __init__(self, *given: Any, asked: list[tuple[str, str]], **named: Any) -> None:
        self.asked = asked
        super().__init__(*given, **named)

    def send_response(self, code: int, message: str | None = None) -> None:
        super().send_response(code, message)
        self.asked.append((self.command, self.path))
        path = Path(self.translate_path(self.path))
        if path.is_file():
            self.send_header("ETag", hashlib.sha256(path.read_bytes()).hexdigest())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path, list[tuple[str, str]]]]:
    """A server's address, its folder, and what was asked of it."""
    folder, asked = tmp_path / "web", list[tuple[str, str]]()
    folder.mkdir()
    handler = partial(_Files, directory=str(folder), asked=asked)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", folder, asked
        server.shutdown()


Web = tuple[str, Path, list[tuple[str, str]]]


def test_a_url_is_fetched_once_while_its_etag_stays(web: Web, tmp_path: Path) -> None:
    address, folder, asked = web
    (folder / "a.csv").write_text(CSV)
    first = local_file(f"{address}/a.csv", tmp_path)
    assert first.read_text() == CSV
    gets = [path for method, path in asked if method == "GET"]
    assert local_file(f"{address}/a.csv", tmp_path) == first
    assert [path for method, path in asked if method == "GET"] == gets


def test_a_url_is_fetched_again_when_its_etag_changes(web: Web, tmp_path: Path) -> None:
    address, folder, _ = web
    (folder / "a.csv").write_text(CSV)
    local_file(f"{address}/a.csv", tmp_path)
    changed = CSV.replace("free", "plus")
    (folder / "a.csv").write_text(changed)
    assert local_file(f"{address}/a.csv", tmp_path).read_text() == changed


def test_a_url_with_its_sha256_is_not_asked_for_again(web: Web, tmp_path: Path) -> None:
    address, folder, asked = web
    (folder / "a.csv").write_text(CSV)
    sha256 = hashlib.sha256(CSV.encode()).hexdigest()
    identify_file(f"{address}/a.csv", tmp_path, sha256)
    asked.clear()
    assert identify_file(f"{address}/a.csv", tmp_path, sha256)[0].read_text() == CSV
    assert asked == []


def test_a_url_whose_file_is_not_the_declared_one_is_refused(web: Web, tmp_path: Path) -> None:
    address, folder, _ = web
    (folder / "a.csv").write_text(CSV)
    with pytest.raises(TagshipError, match=r"source\.sha256: .* expected a{64}, found"):
        identify_file(f"{address}/a.csv", tmp_path, "a" * 64)
    assert not list((tmp_path / ".tagship").rglob("*.part"))


def test_a_compressed_url_is_read(web: Web, tmp_path: Path) -> None:
    address, folder, _ = web
    (folder / "a.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    source = _source(kind="csv", path=f"{address}/a.csv.gz")
    assert len(read_source(source, tmp_path)) == len(TABLE)
