"""The sources of docs/examples: a real server that answers in pages, and the real Feast."""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from projects import Project, make_table
from tools import find_program

EXAMPLES = Path(__file__).parents[4] / "docs/examples"
TOKEN = "s3cret"
ROWS = json.loads(make_table().rename(columns={"visitor": "order_id"}).to_json(orient="records"))
SIZE = 100


@dataclass
class Shop:
    """An API of orders in pages, for who has the token."""

    address: str = ""
    failures: dict[int, int] = field(default_factory=dict)
    """How often a page, by its first row, answers 503 before it answers."""
    next: dict[int, str] = field(default_factory=dict)
    """Other links than those to the next page, by the page's first row."""
    asked: Counter[int] = field(default_factory=Counter)
    """How often a page was asked for."""

    def answer(self, start: int, token: str | None) -> tuple[int, object]:
        """The status and content of a page."""
        self.asked[start] += 1
        if token != f"Bearer {TOKEN}":
            return 403, {}
        if self.asked[start] <= self.failures.get(start, 0):
            return 503, {}
        more = f"/orders?start={start + SIZE}" if start + SIZE < len(ROWS) else None
        return 200, {"orders": ROWS[start : start + SIZE], "next": self.next.get(start, more)}


class _Pages(BaseHTTPRequestHandler):
    shop: Shop

    def do_GET(self) -> None:
        start = int(parse_qs(urlsplit(self.path).query).get("start", ["0"])[0])
        status, content = self.shop.answer(start, self.headers["Authorization"])
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    served = Shop()
    handler = type("Handler", (_Pages,), {"shop": served})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served.address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("SHOP_API", served.address)
        monkeypatch.setenv("SHOP_TOKEN", TOKEN)
        yield served
        server.shutdown()


def use(project: Project, example: str, name: str, arguments: str) -> None:
    """An example as the source of ``tiny``."""
    project.write(f"src/sources/{name}.py", (EXAMPLES / example).read_text())
    source = f"{{kind: python, function: sources.{name}:table, arguments: {arguments}}}"
    project.edit("data", "{kind: csv, path: data/tiny.csv}", source)


@pytest.fixture
def orders(project: Project, shop: Shop) -> Project:
    """A project that reads the shop's orders."""
    use(project, "rest_source.py", "orders", '{until: "2026-11-01"}')
    project.edit("data", "visitor", "order_id")
    return project


def validated(project: Project) -> dict[str, object]:
    ran = project.tagship("validate", "tiny", "--json")
    assert ran.code == 0, ran.err
    answer: dict[str, object] = json.loads(ran.out)[0]
    return answer


def test_all_pages_are_read_and_one_that_fails_for_a_moment_is_asked_for_again(
    orders: Project, shop: Shop
) -> None:
    before = validated(orders)
    assert before["rows"] == len(ROWS)
    assert shop.asked == {0: 1, SIZE: 1, 2 * SIZE: 1}
    shop.asked.clear()
    shop.failures = {SIZE: 2}
    assert validated(orders) == before
    assert shop.asked == {0: 1, SIZE: 3, 2 * SIZE: 1}


def test_a_page_that_keeps_failing_is_named_without_the_token(orders: Project, shop: Shop) -> None:
    shop.failures = {SIZE: 99}
    says = (f"{shop.address}/orders?start={SIZE}", "too many 503 error responses", "SHOP_TOKEN")
    assert TOKEN not in orders.refused("validate", "tiny", says=says)
    assert shop.asked[SIZE] == 4


def test_another_token_is_refused_at_once(
    orders: Project, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "an-older-token")
    message = orders.refused("validate", "tiny", says=("403", "SHOP_TOKEN good?"))
    assert "an-older-token" not in message
    assert shop.asked == {0: 1}


@pytest.mark.parametrize(
    ("link", "says"),
    [("http://127.0.0.1:9/orders", "at another server"), ("/orders?start=100", "was read before")],
)
def test_a_link_that_leads_elsewhere_or_back_is_not_followed(
    link: str, says: str, orders: Project, shop: Shop
) -> None:
    shop.next = {SIZE: link}
    orders.refused("validate", "tiny", says=says)
    assert shop.asked == {0: 1, SIZE: 1}


FEATURES = """
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource
from feast.types import Float64, Int64, String
from feast.value_type import ValueType

customer = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
visits = FeatureView(
    name="visits",
    entities=[customer],
    ttl=timedelta(days=30),
    schema=[
        Field(name="age", dtype=Float64),
        Field(name="visits", dtype=Int64),
        Field(name="plan", dtype=String),
    ],
    source=FileSource(
        path="PATH", timestamp_field="event_timestamp", created_timestamp_column="created"
    ),
)
service = FeatureService(name="bought", features=[visits])
"""
STORE = """
project: shop
provider: local
registry: registry.db
offline_store: {type: file}
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
"""
NOON = pd.Timestamp("2026-03-01T12:00Z")
HOUR = pd.Timedelta(hours=1)


@pytest.fixture(scope="module")
def feast() -> Path:
    """The Python of the environment that has Feast."""
    return Path(find_program("feast")).resolve().with_name("python")


@pytest.fixture(scope="module")
def shelf(feast: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feature store in files: tiny's customers at noon, and what became of some of them."""
    folder = tmp_path_factory.mktemp("feast")
    table = make_table().rename(columns={"visitor": "customer_id"}).drop(columns="bought")
    at_noon = table.assign(event_timestamp=NOON, created=NOON)
    first = table["customer_id"] == "v00000"
    later = at_noon[first].assign(visits=41, event_timestamp=NOON + 2 * HOUR)
    corrected = at_noon[first].assign(visits=42, created=NOON + 3 * HOUR)
    old = at_noon.assign(event_timestamp=NOON - pd.Timedelta(days=60))
    rows = [at_noon[table["customer_id"] != "v00001"], later, corrected, old[1:2]]
    pd.concat(rows).to_parquet(folder / "visits.parquet")
    (folder / "features.py").write_text(FEATURES.replace("PATH", str(folder / "visits.parquet")))
    apply_features(feast, folder)
    return folder


def apply_features(feast: Path, folder: Path) -> None:
    """Make a feature store of the folder's features.py."""
    (folder / "feature_store.yaml").write_text(STORE)
    command = [str(feast.with_name("feast")), "apply"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def labels(folder: Path, times: object, customers: list[str]) -> Path:
    path = folder / "labels.parquet"
    table = make_table().set_index("visitor").loc[customers, "bought"]
    frame = pd.DataFrame({"customer_id": customers, "event_timestamp": times})
    frame.assign(bought=table.to_numpy()).to_parquet(path)
    return path


def asking(feast: Path, shelf: Path, path: Path) -> list[str]:
    out = path.with_name("rows.parquet")
    return [
        str(feast),
        str(EXAMPLES / "feast_source.py"),
        str(shelf),
        "bought",
        str(path),
        str(out),
    ]


def ask(feast: Path, shelf: Path, path: Path) -> pd.DataFrame:
    command = asking(feast, shelf, path)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return pd.read_parquet(command[-1])


def test_a_label_gets_the_values_that_were_known_at_its_time(
    feast: Path, shelf: Path, tmp_path: Path
) -> None:
    """By hour: before the first value, after it, after the next, and after the late correction."""
    times = [NOON + hours * HOUR for hours in (-1, 1, 2.5, 4)]
    rows = ask(feast, shelf, labels(tmp_path, times, ["v00000"] * 4))
    at_noon = int(make_table()["visits"][0])
    assert at_noon not in (41, 42)
    assert rows["event_timestamp"].to_list() == times
    assert rows["visits"].isna().to_list() == [True, False, False, False], "no row is lost"
    assert rows["visits"].to_list()[1:] == [at_noon, 41, 41]


def test_a_value_that_is_too_old_is_missing_and_the_label_stays(
    feast: Path, shelf: Path, tmp_path: Path
) -> None:
    rows = ask(feast, shelf, labels(tmp_path, [NOON + HOUR] * 2, ["v00002", "v00001"]))
    assert rows["customer_id"].to_list() == ["v00001", "v00002"]
    assert rows["plan"].isna().to_list() == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize(
    "times",
    [
        ["2026-03-01T13:30", "2026-03-01T13:30Z", "2026-03-01T15:30+02:00"],
        [pd.Timestamp("2026-03-01T13:30")] * 3,
        [pd.Timestamp("2026-03-01T15:30+02:00")] * 3,
    ],
)
def test_a_time_with_a_zone_is_that_moment_and_one_without_is_utc(
    times: list[object], feast: Path, shelf: Path, tmp_path: Path
) -> None:
    rows = ask(feast, shelf, labels(tmp_path, times, ["v00000", "v00002", "v00003"]))
    assert rows["event_timestamp"].to_list() == [pd.Timestamp("2026-03-01T13:30Z")] * 3
    assert rows["visits"].to_list() == make_table()["visits"][[0, 2, 3]].to_list()


@pytest.mark.slow
def test_a_view_whose_entity_was_not_applied_is_refused_and_not_joined_with_every_row(
    feast: Path, shelf: Path, tmp_path: Path
) -> None:
    """Feast applies what stands at the top of a module, and not what is inside of something."""
    text = (shelf / "features.py").read_text().replace("customer = ", "inside = ")
    hidden = text.replace("ValueType.STRING)\n", "ValueType.STRING),\n")
    assert hidden != text
    (tmp_path / "features.py").write_text(hidden.replace("[customer]", "list(inside)"))
    apply_features(feast, tmp_path)
    command = asking(feast, tmp_path, labels(tmp_path, [NOON + HOUR], ["v00000"]))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "check if you have applied your entities" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_a_model_is_trained_and_verified_on_features_from_feast(
    project: Project, feast: Path, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers = make_table()["visitor"].drop(1).to_list()
    path = labels(tmp_path, [NOON + HOUR] * len(customers), customers)
    monkeypatch.setenv("FEAST_PYTHON", str(feast))
    arguments = f"{{store: {shelf}, service: bought, labels: {path}}}"
    use(project, "feast_source.py", "customers", arguments)
    project.edit("data", "id: visitor", "id: customer_id")
    project.edit(
        "data", "columns:\n", "columns:\n  event_timestamp: {dtype: datetime, feature: false}\n"
    )
    project.relock()
    assert project.tagship("lock", "verify", "tiny").code == 0
    assert "rows: 299" in project.lock.read_text()
    project.edit("data", "service: bought", "service: bougth")
    project.refused("train", "tiny", says=("customers:table raised", "bougth", "does not exist"))
