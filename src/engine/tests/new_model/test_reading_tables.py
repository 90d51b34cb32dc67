"""Somebody's file, read before anything is declared about it."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from tagship.config.sources import JsonSource
from tagship.errors import TagshipError
from tagship.new_model.table_file import read_table

TABLE = pd.DataFrame({"x": [1.5, 2.5, -3.25], "name": ["Zoë", "b;c", "d"], "y": ["a", "b", "a"]})


def save(frame: pd.DataFrame, path: Path) -> None:
    match "".join(path.suffixes):
        case ".csv" | ".csv.gz" | ".csv.bz2" | ".csv.zip":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t")
        case ".parquet":
            frame.to_parquet(path)
        case ".jsonl" | ".jsonl.xz":
            frame.to_json(path, orient="records", lines=True)
        case _:
            frame.to_json(path, orient="records")


@pytest.mark.parametrize(
    "name",
    [
        *("t.csv", "t.csv.gz", "t.csv.bz2", "t.csv.zip", "t.tsv", "t.parquet"),
        *("t.json", "t.json.gz", "t.jsonl", "t.jsonl.xz"),
    ],
)
def test_the_kind_follows_the_ending(root: Path, name: str) -> None:
    save(TABLE, root / name)
    frame = read_table(name, root, root).frame
    assert frame["name"].tolist() == TABLE["name"].tolist()
    assert frame["x"].astype(float).tolist() == TABLE["x"].tolist()


def test_a_json_file_of_one_record_a_line_is_recognised(root: Path) -> None:
    TABLE.to_json(root / "t.json", orient="records", lines=True)
    source = read_table("t.json", root, root).source
    assert source == JsonSource(kind="json", path="t.json", lines=True)


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("x;n;y\n1,5;3;a\n2,25;4;b\n", ","),
        ('x,y\n"1,500",a\n"2,250",b\n', "."),
        ("x\ty\n73,048\ta\n720\tb\n", "."),
        ("x;y\n1,500;a\n2,250;b\n", ","),
        ("x;n;y\n57.399;12,50;a\n980;7,25;b\n", ","),
        ("x;y\n57.399;a\n980;b\n", ","),
        ("x;n;y\n57,399;12.50;a\n980;7.25;b\n", "."),
        ("x;y\n0.399;a\n1.250;b\n", "."),
        ("x\ty\n1.234,56\ta\n980\tb\n", ","),
        ("x;y\n1,234,567;a\n73,048;b\n", "."),
        ("x\ty\n0,399\ta\n1,250\tb\n", ","),
        ("x\tn\tz\n1,5\t1.5\ta\n2,5\t2.5\tb\n", "."),
        ("x;n;z\n1,5;1.5;a\n2,5;2.5;b\n", ","),
        ("x;y\n3;a\n4;b\n", "."),
        ("x;y\n1e-5;a\n1.5E3;b\n", "."),
        ("x;y\n01.02.2024;a\n03.02.2024;b\n", "."),
    ],
)
def test_a_decimal_comma_is_recognised_and_thousands_are_not_taken_for_it(
    root: Path, text: str, decimal: str
) -> None:
    (root / "a.csv").write_text(text)
    assert read_table("a.csv", root, root).decimal == decimal


def test_the_declared_path_is_relative_where_it_was_typed_so(root: Path, shared: Path) -> None:
    (root / "deep").mkdir()
    typed = {
        "../shared/customers.csv": root,
        "../../shared/customers.csv": root / "deep",
    }
    for location, here in typed.items():
        assert read_table(location, root, here).source.path == "../shared/customers.csv"
    assert read_table(str(shared), root, root).source.path == str(shared)
    TABLE.to_csv(root / "in.csv", index=False)
    assert read_table(str(root / "in.csv"), root, root).source.path == "in.csv"


def test_a_file_that_is_not_utf8_is_read_once_its_encoding_is_told(root: Path) -> None:
    (root / "t.csv").write_bytes("größe,y\n1,a\n2,b\n".encode("cp1252"))
    with pytest.raises(TagshipError, match="--encoding cp1252"):
        read_table("t.csv", root, root)
    reading = read_table("t.csv", root, root, "cp1252")
    assert list(reading.frame) == ["größe", "y"]
    assert reading.source.model_dump(exclude_defaults=True)["encoding"] == "cp1252"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "the file is empty"),
        ("t.json", b"\n", "the file is empty"),
        ("t.csv", b"x,y\n", "has no rows"),
        ("t.csv", b"x,x\n1,2\n", "two columns are named 'x'"),
        ("t.csv", b"x,,y\n1,2,3\n", "column 2 has no name"),
        ("t.csv", b"x:y\n1:2\n", "one column, 'x:y'"),
        ("t.csv", b"x,y\n1,2\n3,4\n1,2,3\n", "line 4 (row 3 of the data) has 3 values"),
        ("t.csv", b"x,y\n1,2\nx,y\n3,4\n", "line 3 is the header again"),
        ("t.csv", b"x,y\n\xff\xfe\xfa,2\n", "is not utf-8"),
        ("t.csv", b"x,y\n" + b"1,2\n" * 40_000 + b"\xff,2\n", "is not utf-8"),
        ("t.parquet", b"x,y\n1,2\n", "not a Parquet file"),
        ("t.json", b"[{]", "not JSON records"),
        ("t.json.gz", gzip.compress(b"[{]", mtime=0), "not JSON records"),
        ("t.docx", b"PK", "its ending does not say what it is"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_reason(
    root: Path, name: str, content: bytes, message: str
) -> None:
    (root / name).write_bytes(content)
    with pytest.raises(TagshipError) as refusal:
        read_table(name, root, root)
    assert message in str(refusal.value)


def test_a_missing_file_a_folder_and_a_password_are_refused(root: Path) -> None:
    for location, message in {
        "nowhere.csv": "no such file",
        "config": "is a folder",
        "https://me:secret@example.org/t.csv": "holds a password",
        "http://127.0.0.1:9/t.csv": "cannot be reached",
    }.items():
        with pytest.raises(TagshipError) as refusal:
            read_table(location, root, root)
        assert message in str(refusal.value)
        assert "secret" not in str(refusal.value)
