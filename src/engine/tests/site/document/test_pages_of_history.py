"""Pages of a repository with twenty releases say what `status`, `history` and its tags say."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from site_history import Told

from html_tables import read_table
from tagship.formatting import moment, person
from tagship.gitops.status import history, status
from tagship.site.pages import write_site

NOT = "not recorded"


@pytest.fixture(scope="module")
def pages(told: Told, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("told-site")
    write_site(told.site, folder)
    (folder / "site.json").write_text(told.site.model_dump_json(), encoding="utf-8")
    return folder


def table(pages: Path, name: str, table_id: str) -> list[dict[str, str]]:
    return read_table((pages / name).read_text(encoding="utf-8"), table_id)


def version(release: str) -> str:
    return release.rpartition("/")[2]


def test_the_fleet_says_what_status_says(told: Told, pages: Path) -> None:
    rows = {
        (row["Model"].split()[0], row["Environment"]): row
        for row in table(pages, "index.html", "fleet")
    }
    for told_row in status(told.shop.snapshot()).rows:
        row = rows[told_row.model, told_row.environment]
        if told_row.runs == "?":
            assert "invalid" in row["Version"]
            continue
        assert row["Version"].split()[0] == (version(told_row.runs) if told_row.runs else "nothing")
        assert row["Rejected"] == ", ".join(map(version, told_row.rejected))
        if told_row.since:
            assert row["Since"] == moment(told_row.since)


def test_deployments_and_governance_say_what_history_and_tags_say(told: Told, pages: Path) -> None:
    snapshot = told.shop.snapshot()
    for model in ("churn", "fraud"):
        rows = {
            row["Deployment"]: row for row in table(pages, f"models/{model}.html", "deployments")
        }
        for event in history(snapshot, model):
            row = rows[event.name]
            assert row["Version"] == version(event.release)
            assert row["Action"] == event.action
            assert row["From"].startswith(moment(event.when))
            assert row["By"] == (person(event.actor) if event.actor else NOT)
            assert event.reason in row["Reason"]
    released = {
        (row["Model"], row["Version"]): row for row in table(pages, "governance.html", "governance")
    }
    assert {f"{model}/{number}" for model, number in released} == set(snapshot.history.releases)
    for name, release in snapshot.history.releases.items():
        model, number = name.split("/")
        row = released[model, number]
        assert row["Date"] == moment(release.date.isoformat())
        rows = table(pages, f"models/{model}.html", "registry")
        registry = {each["Version"].split()[0]: each for each in rows}
        assert registry[number]["Date"] == row["Date"]
        runs = [e for e in snapshot.environments
                if (now := snapshot.history.current(model, e)) and now.release == name]  # fmt: skip
        if not snapshot.history.stray(model, snapshot.first):
            assert set(registry[number]["Runs in"].replace(",", " ").split()) == set(runs)


def test_delivery_counts_the_tags_of_production(told: Told, pages: Path) -> None:
    rows = {row["Model"].split()[0]: row for row in table(pages, "delivery.html", "delivery")}
    snapshot = told.shop.snapshot()
    for model in ("churn", "fraud"):
        actions = [d.says("Action") for d in snapshot.history.deployments_of(model, "production")]
        assert int(rows[model]["Deployments"]) == actions.count("deploy")
        assert int(rows[model]["Rollbacks"]) == actions.count("rollback")


def test_they_open_in_a_browser_without_a_message_or_a_request(
    pages: Path, browser: Browser
) -> None:
    said: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page.on("console", lambda message: said.append(message.text))
    page.on("requestfailed", lambda request: said.append(request.url))
    for path in sorted(pages.rglob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path.name
    page.goto((pages / "index.html").as_uri())
    page.keyboard.press("/")
    page.keyboard.type("fraud")
    assert page.locator("#fleet tbody tr:visible").count() == 2
    page.close()
    assert said == []
