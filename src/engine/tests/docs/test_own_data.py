"""The sources that docs/how-to/own-data.md shows do what it says."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from projects import Project, make_table

PAGE = Path(__file__).parents[4] / "docs/how-to/own-data.md"
TABLE = make_table().rename(columns={"visitor": "order_id"})
ROWS = json.loads(TABLE.to_json(orient="records"))


def use(project: Project, name: str, arguments: str) -> None:
    """The page's module of that name as the source of ``tiny``."""
    blocks = re.findall(r"`src/sources/(\w+)\.py`:\n\n```python\n(.*?)```", PAGE.read_text(), re.S)
    project.write(f"src/sources/{name}.py", dict(blocks)[name])
    source = f"{{kind: python, function: sources.{name}:table, arguments: {arguments}}}"
    project.edit("data", "{kind: csv, path: data/tiny.csv}", source)


class Shop(BaseHTTPRequestHandler):
    """Orders in pages of 200, for who has the token."""

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Bearer s3cret"
        self.send_response(200 if known else 403)
        self.end_headers()
        start = int(self.path.partition("&start=")[2] or 0)
        host = f"http://127.0.0.1:{self.server.server_address[1]}"
        more = f"{host}/orders?until=x&start={start + 200}" if start + 200 < len(ROWS) else None
        content = {"orders": ROWS[start : start + 200], "next": more}
        self.wfile.write(json.dumps(content if known else {}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_api_is_a_source(project: Project, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API", shop)
    monkeypatch.setenv("SHOP_TOKEN", "s3cret")
    before = json.loads(project.tagship("validate", "tiny", "--json").out)
    project.edit("data", "visitor", "order_id")
    use(project, "orders", '{until: "2026-11-01"}')
    ran = project.tagship("validate", "tiny", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)[0]["rows"] == before[0]["rows"]
    monkeypatch.setenv("SHOP_TOKEN", "other")
    project.refused("validate", "tiny", says=("orders:table raised HTTPError: 403", "mend it"))


def test_what_the_consumer_of_a_queue_keeps_is_a_source(project: Project) -> None:
    before = json.loads(project.tagship("validate", "tiny", "--json").out)
    visits = make_table()
    for day, rows in {"01": visits[:200], "02": visits[150:], "03": visits[:5]}.items():
        text = rows.to_json(orient="records", lines=True, double_precision=15)
        project.write(f"data/visits/2026-11-{day}.jsonl", text)
    use(project, "visits", '{folder: data/visits, until: "2026-11-03"}')
    assert json.loads(project.tagship("validate", "tiny", "--json").out) == before
