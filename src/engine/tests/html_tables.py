"""Reading the tables of a page as a person does: by the text of their cells under each header."""

from html.parser import HTMLParser

_ASIDE = {"sub", "hidden", "copy"}
"""Classes of what stands beside a cell's value: notes below it, and buttons."""
_VOID = {"wbr", "meta", "img", "br", "link", "input", "hr"}


class _TableReader(HTMLParser):
    def __init__(self, id: str) -> None:
        super().__init__(convert_charrefs=True)
        self.id = id
        self.open: list[tuple[str, bool]] = []
        self.depth: int | None = None
        self.rows: list[list[str]] = []
        self.exists = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "table" and values.get("id") == self.id:
            assert not self.exists, f"two tables have the id {self.id}"
            self.exists, self.depth = True, len(self.open)
        if tag in _VOID:
            return
        aside = bool(_ASIDE & set((values.get("class") or "").split())) or "aria-hidden" in values
        self.open.append((tag, aside))
        if self.depth is not None and tag == "tr":
            self.rows.append([])
        if self.depth is not None and tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.open, f"{tag} is closed where nothing is open"
            assert self.open.pop()[0] == tag, f"{tag} is closed where it is not open"
        if self.depth is not None and len(self.open) == self.depth:
            self.depth = None

    def handle_data(self, data: str) -> None:
        aside = any(aside for _, aside in self.open)
        in_cell = any(tag in ("td", "th") for tag, _ in self.open)
        if self.depth is not None and in_cell and not aside:
            self.rows[-1][-1] += data


def read_table(html: str, id: str) -> list[dict[str, str]]:
    """The rows of the table with this id, each as text by header, without notes and symbols.

    Raises:
        AssertionError: there is no such table, two, or a row with more or fewer cells.
    """
    reader = _TableReader(id)
    reader.feed(html)
    assert reader.exists, f"no table has the id {id}"
    head, *rows = ([" ".join(cell.split()) for cell in row] for row in reader.rows)
    return [dict(zip(head, row, strict=True)) for row in rows]
