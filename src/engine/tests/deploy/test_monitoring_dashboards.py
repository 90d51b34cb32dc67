"""The dashboards as files: sound in structure, and alike in what they ask.

That each query has an answer is shown with a real Prometheus in ``tests/monitoring``. No Grafana
renders them here.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_tools import MONITORING, run
from rendering import Render

BOARDS = sorted((MONITORING / "dashboards").glob("*.json"))
every_board = pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
KINDS = {"row", "stat", "table", "timeseries", "heatmap", "state-timeline"}
BUILT_IN = {"__rate_interval", "__data"}


def read(path: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return board


@every_board
def test_panels_have_ids_of_their_own_and_do_not_overlap(path: Path) -> None:
    panels = read(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        mine = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & mine, panel["title"]
        cells |= mine


@every_board
def test_each_panel_is_of_a_known_kind_and_asks_the_chosen_source(path: Path) -> None:
    for panel in read(path)["panels"]:
        assert panel["type"] in KINDS
        assert panel["title"]
        targets = panel.get("targets", [])
        assert bool(targets) == (panel["type"] != "row")
        assert len({target["refId"] for target in targets}) == len(targets)
        for target in targets:
            assert target["expr"]
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@every_board
def test_each_variable_that_is_used_is_defined_and_the_other_way_round(path: Path) -> None:
    board = read(path)
    defined = [variable["name"] for variable in board["templating"]["list"]]
    text = json.dumps({key: value for key, value in board.items() if key != "templating"})
    text += "".join(variable.get("definition", "") for variable in board["templating"]["list"])
    used = set(re.findall(r"\$\{?(\w+)", text)) - BUILT_IN
    assert used == set(defined)


def test_links_between_boards_lead_somewhere() -> None:
    boards = {read(path)["uid"]: read(path) for path in BOARDS}
    assert len(boards) == len(BOARDS)
    links = re.findall(r"/d/([\w-]+)\?([^\"]+)", " ".join(p.read_text("utf-8") for p in BOARDS))
    assert {uid for uid, _ in links} == set(boards)
    for uid, query in links:
        defined = {variable["name"] for variable in boards[uid]["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) == defined


def test_kustomize_packs_every_board_and_rule(render: Render) -> None:
    resources = render(MONITORING)
    board_map = next(r for r in resources if r["kind"] == "ConfigMap")
    assert board_map["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert board_map["metadata"]["name"] == "tagship-dashboards"
    packed = {name: json.loads(text) for name, text in board_map["data"].items()}
    assert packed == {path.name: read(path) for path in BOARDS}
    rules = [r["metadata"]["name"] for r in resources if r["kind"] == "PrometheusRule"]
    assert len(rules) == 2


@every_board
def test_promtool_can_parse_every_query(path: Path, tmp_path: Path) -> None:
    queries = [t["expr"] for panel in read(path)["panels"] for t in panel.get("targets", ())]
    rules = [
        {"record": f"q:{number}", "expr": re.sub(r"\$__rate_interval", "5m", query)}
        for number, query in enumerate(queries)
    ]
    groups = {"groups": [{"name": "queries", "rules": rules}]}
    (tmp_path / "rules.yaml").write_text(json.dumps(groups), encoding="utf-8")
    done = run("promtool", "check", "rules", "rules.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
