"""Sheets as people make them: what is seen in their cells is what is read, or it is refused."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest

from tagship.config.sources import ExcelSource
from tagship.errors import TagshipError
from tagship.new_model.table_file import Reading, read_table
from tagship.sources.read import read_source

HEAD = ["id", "when", "size", "kind"]
ROWS: list[list[Any]] = [
    [1, date(2024, 1, 31), 2.5, "a"],
    [2, datetime(2024, 2, 1, 13, 30), 3, "b"],
    [30, date(2024, 3, 1), -1, "a"],
]
TEXTS = {
    "id": ["1", "2", "30"],
    "when": ["2024-01-31", "2024-02-01 13:30:00", "2024-03-01"],
    "size": ["2.5", "3", "-1"],
    "kind": ["a", "b", "a"],
}
ODS = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
<table:table table:name="a"><table:table-row><table:table-cell office:value-type="string">
<text:p>x</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>
</office:body></office:document-content>"""


def save(root: Path, change: Callable[[Any], None] = lambda _: None, above: Any = ()) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [*above, HEAD, *ROWS]:
        sheet.append(row)
    change(sheet)
    book.save(root / "t.xlsx")
    return root / "t.xlsx"


def read(root: Path, **options: Any) -> Reading:
    return read_table("t.xlsx", root, root, **options)


def _empty_cells_around(sheet: Any) -> None:
    sheet.cell(60, 12).number_format = "0.00"
    sheet.insert_cols(1, 2)
    sheet.insert_rows(4)


def _second_empty_sheet(sheet: Any) -> None:
    sheet.parent.create_sheet("Notes")


@pytest.mark.parametrize(
    ("change", "above", "skip"),
    [
        (lambda sheet: None, [], 0),
        (_empty_cells_around, [], 0),
        (_second_empty_sheet, [], 0),
        (lambda sheet: sheet.merge_cells("A1:D1"), [["Sizes of May"], []], 2),
        (lambda sheet: None, [["Made by", "Ann"], ["On", date(2024, 5, 1)], []], 3),
        (lambda sheet: None, [[], []], 0),
    ],
)
def test_a_sheet_is_read_as_it_is_seen(root: Path, change: Any, above: Any, skip: int) -> None:
    save(root, change, above)
    reading = read(root)
    assert reading.frame.to_dict("list") == TEXTS
    assert reading.source == ExcelSource(kind="excel", path="t.xlsx", skip=skip)
    again = read_source(reading.source, root, frozenset({"size"}))
    assert again["size"].tolist() == [2.5, 3.0, -1.0]


def test_errors_and_empty_cells_are_missing_and_values_keep_their_kind(root: Path) -> None:
    def change(sheet: Any) -> None:
        sheet["C2"], sheet["C2"].data_type = "#N/A", "e"
        sheet["D3"], sheet["D4"] = True, None
        sheet["A3"] = 12345678901234

    save(root, change)
    frame = read_source(ExcelSource(kind="excel", path="t.xlsx"), root, frozenset({"size"}))
    assert frame["size"].isna().tolist() == [True, False, False]
    assert frame["kind"].fillna("missing").tolist() == ["a", "true", "missing"]
    assert frame["id"].tolist() == ["1", "12345678901234", "30"]


def test_cells_that_are_merged_downwards_all_have_the_value(root: Path) -> None:
    save(root, lambda sheet: sheet.merge_cells("D2:D4"))
    assert read(root).frame["kind"].tolist() == ["a", "a", "a"]


@pytest.mark.parametrize("cells", ["C3:D3", "A1:B1", "B2:C4"])
def test_cells_that_are_merged_across_columns_are_refused(root: Path, cells: str) -> None:
    save(root, lambda sheet: sheet.merge_cells(cells))
    with pytest.raises(TagshipError, match=f"row {cells[1]} has one cell that is merged|no name"):
        read(root)


def test_which_of_several_sheets_is_asked(root: Path) -> None:
    def add(sheet: Any) -> None:
        sheet.title = "May"
        sheet.parent.create_sheet("June").append(["other", "columns"])

    save(root, add)
    with pytest.raises(TagshipError, match=r"which sheet\? There are 'May', 'June'") as refusal:
        read(root)
    assert refusal.value.hint == "say which: --sheet NAME"
    with pytest.raises(TagshipError, match="no sheet with cells is called 'may'"):
        read(root, sheet="may")
    reading = read(root, sheet="May")
    assert reading.frame.to_dict("list") == TEXTS
    assert reading.source == ExcelSource(kind="excel", path="t.xlsx", sheet="May")


def test_a_sum_below_the_rows_is_refused_by_its_row(root: Path) -> None:
    save(root, lambda sheet: sheet.append(["Total", None, 4.5]))
    with pytest.raises(TagshipError, match=r"line 5 is no row but a footer: Total, , 4\.5"):
        read(root)


def test_a_workbook_of_another_program_is_refused(root: Path) -> None:
    with ZipFile(root / "t.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", ODS)
    with pytest.raises(TagshipError, match="does not tell which cells are merged") as refusal:
        read_source(ExcelSource(kind="excel", path="t.ods"), root)
    assert refusal.value.hint == "save it as .xlsx"


def test_options_of_other_kinds_are_refused(root: Path) -> None:
    save(root)
    (root / "t.csv").write_text("x,y\n1,2\n")
    with pytest.raises(TagshipError, match="--sheet: csv has no sheets"):
        read_table("t.csv", root, root, sheet="May")
    with pytest.raises(TagshipError, match="--encoding: excel has none"):
        read(root, encoding="cp1252")
    book = openpyxl.Workbook()
    book.save(root / "t.xlsx")
    with pytest.raises(TagshipError, match="no sheet has cells"):
        read(root)
