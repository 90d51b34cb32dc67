"""Objects within records: one level becomes columns, in every kind of file that may have them."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from tagship.errors import TagshipError
from tagship.new_model.table_file import read_table
from tagship.sources.read import read_portions
from tagship.sources.typed_files import open_typed

RECORDS: list[dict[str, Any]] = [
    {"id": 1, "customer": {"age": 30, "city": "Bonn"}, "y": "a"},
    {"id": 2, "customer": None, "y": "b"},
    {"id": 3, "customer": {"age": 50, "city": None}, "y": "a"},
]
CUSTOMER = {
    "type": "record",
    "name": "customer",
    "fields": [{"name": "age", "type": "int"}, {"name": "city", "type": ["null", "string"]}],
}
SCHEMA = {
    "type": "record",
    "name": "order",
    "fields": [
        {"name": "id", "type": "int"},
        {"name": "customer", "type": ["null", CUSTOMER]},
        {"name": "y", "type": "string"},
    ],
}


def save(path: Path, records: list[dict[str, Any]] = RECORDS) -> None:
    table = pa.Table.from_pylist(records) if path.suffix[1:4] != "jso" else None
    match path.suffix:
        case ".json":
            path.write_text(json.dumps(records))
        case ".jsonl":
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        case ".parquet":
            pq.write_table(table, path)
        case ".feather" | ".arrow":
            pyarrow.feather.write_feather(table, path)
        case ".orc":
            pyarrow.orc.write_table(table, path)
        case ".avro":
            with path.open("wb") as file:
                fastavro.writer(file, SCHEMA, records)


@pytest.mark.parametrize("ending", ["json", "jsonl", "parquet", "feather", "orc", "avro"])
def test_one_level_becomes_columns(tmp_path: Path, ending: str) -> None:
    save(tmp_path / f"t.{ending}")
    frame = read_table(f"t.{ending}", tmp_path, tmp_path).frame
    assert list(frame) == ["id", "customer.age", "customer.city", "y"]
    assert frame["customer.age"].fillna(0).tolist() == [30, 0, 50]
    assert frame["customer.city"].fillna("").tolist() == ["Bonn", "", ""]
    if ending not in ("json", "jsonl"):
        (portion,) = read_portions(f"t.{ending}", tmp_path, 10)
        assert list(portion) == list(frame)


def test_records_in_lines_are_told_although_they_hold_objects(tmp_path: Path) -> None:
    save(tmp_path / "t.jsonl")
    (tmp_path / "t.jsonl").rename(tmp_path / "t.json")
    assert len(read_table("t.json", tmp_path, tmp_path).frame) == 3


@pytest.mark.parametrize(
    ("ending", "value", "says"),
    [
        ("json", {"address": {"lines": ["a"]}}, "customer.address.lines in record 3 lies deeper"),
        ("jsonl", {"age": 30, "phones": ["1"]}, "customer.phones in record 3 is a list"),
        ("json", ["Ann"], "customer is an object in record 1 and none in record 3"),
        ("json", "Ann", "customer is an object in record 1 and none in record 3"),
        ("parquet", {"age": 30, "phones": ["1"]}, "customer.phones is of type list"),
        ("feather", {"age": 30, "address": {"zip": "1"}}, "customer.address is of type struct"),
    ],
)
def test_what_lies_deeper_is_refused_by_its_path(
    tmp_path: Path, ending: str, value: Any, says: str
) -> None:
    save(tmp_path / f"t.{ending}", [*RECORDS[:2], {"id": 3, "customer": value, "y": "a"}])
    with pytest.raises(TagshipError, match=re.escape(says)) as refusal:
        read_table(f"t.{ending}", tmp_path, tmp_path)
    assert "customer.age" in str(refusal.value.hint)


@pytest.mark.parametrize("ending", ["parquet", "arrow", "orc"])
def test_batches_hold_the_columns_that_are_needed(tmp_path: Path, ending: str) -> None:
    records = [record | {"a.b": at} for at, record in enumerate(RECORDS)]
    save(tmp_path / f"t.{ending}", records)
    with open_typed(ending, tmp_path / f"t.{ending}") as file:
        assert file.names == ["id", "customer.age", "customer.city", "y", "a.b"]
        batches = list(file.select(2, ["customer.city", "a.b"]))
    assert [batch.num_rows for batch in batches] == [2, 1]
    assert batches[1].to_pydict() == {"customer.city": [None], "a.b": [2]}


WITHOUT = """
import sys
from pathlib import Path

class Hider:
    def find_spec(self, name, path=None, target=None):
        if name in ("fastavro", "python_calamine"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hider())
from tagship.errors import TagshipError
from tagship.new_model.table_file import read_table
try:
    read_table(sys.argv[1], Path(), Path())
except TagshipError as error:
    print(error)
"""


@pytest.mark.parametrize("ending", ["xlsx", "avro"])
def test_a_reader_that_is_not_installed_is_named(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"t.{ending}").write_bytes(b"some")
    command = [sys.executable, "-c", WITHOUT, f"t.{ending}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "need" in ran.stdout
    assert 'uv add "tagship[files]"' in ran.stdout


@pytest.mark.parametrize("ending", ["arrow", "orc", "avro"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, ending: str) -> None:
    for content in (b"", b"id,y\n1,a\n", b"ARROW1 and no more"):
        (tmp_path / f"t.{ending}").write_bytes(content)
        with pytest.raises(TagshipError, match=r"not an \w+ file"):
            read_table(f"t.{ending}", tmp_path, tmp_path)
