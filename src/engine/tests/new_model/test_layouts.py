"""Files whose rows do not begin under one plain header."""

from pathlib import Path

import pytest

from tagship.config.sources import CsvSource
from tagship.errors import TagshipError
from tagship.new_model.table_file import Reading, read_table
from tagship.sources.delimited import CsvFile
from tagship.sources.read import read_source

ROWS = "1.5,red\n2.5,blue\n-3.0,red\n"


def read(root: Path, text: str, header: bool | None = None) -> Reading:
    (root / "t.csv").write_text(text, encoding="utf-8")
    return read_table("t.csv", root, root, header=header)


def numbered(rows: str = ROWS, end: str = "") -> str:
    return "".join(f"{at},{row}{end}\n" for at, row in enumerate(rows.splitlines()))


@pytest.mark.parametrize(
    ("text", "columns", "remark"),
    [
        ("x,colour\n" + numbered(), ["unnamed", "x", "colour"], "first column has no name"),
        (",x,colour\n" + numbered(), ["unnamed", "x", "colour"], "first column has no name"),
        ("x,colour,\n" + ROWS.replace("\n", ",\n"), ["x", "colour"], "ends in a comma"),
        ("x,colour\n" + ROWS.replace("\n", ",\n"), ["x", "colour"], "ends in a comma"),
        ("x,colour,\n" + ROWS, ["x", "colour"], ""),
        ("Export of May\n\nx,colour\n" + ROWS, ["x", "colour"], "skip 2"),
        ("# by hand\n# twice, at least\nx,colour\n" + ROWS, ["x", "colour"], "skip 2"),
        ("x,colour\nkg,\n" + ROWS, ["x", "colour"], "a second header, kg"),
        ("\n\nx,colour\n" + ROWS, ["x", "colour"], ""),
        ("Export of May,\n,\nx,colour\n" + ROWS, ["x", "colour"], "skip 2"),
        ("x,colour\n" + ROWS + "# end\n", ["x", "colour"], "comment #: 1 line begins"),
        ("x,colour\n" + ROWS.replace("2.5", "# a, b, c\n#\n2.5"), ["x", "colour"], "2 lines begin"),
        ("x,colour\n" + ROWS + "# Total,7\n", ["x", "colour"], "comment #: 1 line begins"),
        ("# by hand\nx,colour\n" + ROWS + "# end\n", ["x", "colour"], "skip 1"),
    ],
)
def test_the_rows_and_names_are_those_a_person_sees(
    root: Path, text: str, columns: list[str], remark: str
) -> None:
    reading = read(root, text)
    assert list(reading.frame) == columns
    assert reading.frame["x"].tolist() == ["1.5", "2.5", "-3.0"]
    assert reading.frame["colour"].tolist() == ["red", "blue", "red"]
    assert remark in " ".join(reading.remarks)
    assert bool(remark) == bool(reading.remarks)
    again = read_source(reading.source, root, frozenset({"x"}))
    assert again["x"].tolist() == [1.5, 2.5, -3.0], "what data.yaml declares reads the same"
    assert isinstance(reading.source, CsvSource)
    batches = CsvFile.inspect(root / "t.csv", reading.source).batches()
    assert [v for batch in batches for v in batch.to_pydict()["colour"]] == ["red", "blue", "red"]


def test_years_are_names(root: Path) -> None:
    assert list(read(root, "who,2019,2020\na,1,2\nb,3,4\n").frame) == ["who", "2019", "2020"]


def test_a_person_says_whether_the_first_row_is_data(root: Path) -> None:
    text = "7.5,green\n" + ROWS
    with pytest.raises(TagshipError, match="--no-header"):
        read(root, text)
    assert list(read(root, text, header=True).frame) == ["7.5", "green"]
    reading = read(root, text, header=False)
    assert reading.frame["column_1"].tolist() == ["7.5", "1.5", "2.5", "-3.0"]
    assert isinstance(reading.source, CsvSource)
    assert not reading.source.header


def test_an_empty_last_column_with_a_value_further_down_is_refused(root: Path) -> None:
    text = "x,colour,\n" + ROWS.replace("\n", ",\n") * 40 + "1.5,red,9\n"
    with pytest.raises(TagshipError, match="column 3 has values and no name"):
        read(root, text)


@pytest.mark.parametrize("above", ["", "\n", "Report\n"])
def test_a_row_with_too_many_values_is_named_by_its_line(root: Path, above: str) -> None:
    with pytest.raises(TagshipError) as refusal:
        read(root, above + "x,colour\n" + ROWS + "1.5,red,extra\n" + ROWS)
    assert f"line {5 + len(above.splitlines())} (row 4 of the data) has 3 values" in str(
        refusal.value
    )


@pytest.mark.parametrize(
    ("last", "line"),
    [
        ("Total,,123", 6),
        ("3 rows exported", 6),
        ("\n\nSumme,,", 8),
        ("-,Total:,7", None),
        ("4,red,", None),
        ("4,total,2", None),
    ],
)
def test_a_footer_is_refused_by_its_line(root: Path, last: str, line: int | None) -> None:
    text = "id,colour,x\n1,red,2\n2,blue,2\n3,red,4\n" + "# a note, too\n" + last + "\n"
    if line is None:
        assert len(read(root, text).frame) == 4
        return
    with pytest.raises(TagshipError, match=f"line {line} ") as refusal:
        read(root, text)
    assert "take it out" in str(refusal.value.hint)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_comments_are_left_out_of_every_reading(root: Path, encoding: str) -> None:
    text = '# é\nx,colour\n1,"red\n# kept"\n# 2,out\n  #\n3,blü\n\n4\n5,x\n'
    (root / "t.csv").write_text(text, encoding=encoding)
    source = CsvSource(kind="csv", path="t.csv", comment="#", encoding=encoding)
    with pytest.raises(TagshipError, match=r"line 9 \(row 3 of the data\) has 1 values"):
        read_source(source, root)
    rows: list[tuple[int, int, int]] = []
    batches = CsvFile.inspect(root / "t.csv", source).batches(
        malformed=lambda *row: rows.append(row)
    )
    colours = [value for batch in batches for value in batch.to_pydict()["colour"]]
    assert colours == ["red\n# kept", "blü", "x"]
    assert rows == [(3, 1, 2)]


def test_what_begins_so_in_each_row_is_no_comment(root: Path) -> None:
    assert read(root, "#id,x\n#1,2\n#2,3\n").frame["#id"].tolist() == ["#1", "#2"]


def test_names_that_are_declared_count_the_columns(root: Path) -> None:
    (root / "t.csv").write_text(ROWS, encoding="utf-8")
    source = CsvSource(kind="csv", path="t.csv", header=False, names=["x", "colour", "more"])
    with pytest.raises(TagshipError, match=r"source.names: 3 names for 2 columns"):
        read_source(source, root)
    with pytest.raises(TagshipError, match="no row is left after 9"):
        read_source(CsvSource(kind="csv", path="t.csv", skip=9), root)
