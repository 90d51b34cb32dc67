"""The pages in a real browser, from plain files: with script and without, by mouse and by keys."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from html_tables import read_table
from tagship.site.document import Site

HOSTILE_PAGE = f"models/h{'a' * 38}z.html"
PAGES = [
    "index.html", "models/churn.html", "models/housing.html", "models/iris.html",
    "models/legacy.html", HOSTILE_PAGE, "governance.html", "delivery.html",
]  # fmt: skip
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, folder: Path) -> Iterator[Open]:
    """Open a page of the site; in the end none may have complained or asked for anything."""
    problems: list[str] = []
    contexts = []

    def ask(url: str) -> None:
        if not url.startswith(folder.as_uri()):
            problems.append(f"asks for {url}")

    def open_page(name: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: problems.append(f"{name}: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"{name}: {error}"))
        page.on("request", lambda request: ask(request.url))
        page.goto((folder / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def rows(page: Page, id: str) -> list[dict[str, str]]:
    """The rows of a table that are shown."""
    html = page.evaluate(
        "(id) => { const table = document.getElementById(id).cloneNode(true);"
        " table.querySelectorAll('[hidden]').forEach((row) => row.remove());"
        " return table.outerHTML; }",
        id,
    )
    return read_table(html, id)


def run_axe(page: Page) -> list[dict[str, Any]]:
    """The rules that a page breaks; it is not asked to load its style sheet again."""
    violations: list[dict[str, Any]]
    violations = Axe().run(page, options={"preload": False}).response["violations"]
    return violations


@pytest.mark.parametrize("name", PAGES)
def test_no_page_breaks_a_rule_of_accessibility(name: str, open_page: Open) -> None:
    page = open_page(name)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for viewport in (DESKTOP, PHONE):
            page.set_viewport_size(viewport)
            violations = run_axe(page)
            assert [
                (rule["id"], node["target"], node["failureSummary"])
                for rule in violations
                for node in rule["nodes"]
            ] == [], f"{scheme}, {viewport}"
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= viewport["width"], f"{name} is {width} pixels wide"


def test_a_rule_that_is_broken_is_seen(open_page: Open) -> None:
    page = open_page("index.html")
    page.evaluate("document.querySelector('.lead').style.color = '#f0f0f0'")
    assert [rule["id"] for rule in run_axe(page)] == ["color-contrast"]


def test_every_page_is_reached_by_clicks(folder: Path, open_page: Open) -> None:
    page = open_page("index.html")
    seen: set[str] = set()
    waiting = [page.url]
    while waiting:
        url = waiting.pop()
        seen.add(url)
        page.goto(url)
        links = page.locator("a").evaluate_all("(all) => all.map((a) => a.href.split('#')[0])")
        waiting += {link for link in links if link.endswith(".html")} - seen - {*waiting}
    assert seen == {path.as_uri() for path in folder.rglob("*.html")}
    page.goto((folder / "index.html").as_uri())
    page.get_by_role("link", name="churn", exact=True).first.click()
    page.get_by_role("link", name="9 Registry").click()
    page.wait_for_url("**/churn.html#registry")


def test_the_fleet_is_searched_and_filtered(open_page: Open) -> None:
    page = open_page("index.html")
    everything = rows(page, "fleet")
    page.keyboard.press("/")
    page.keyboard.type("churn v1.1")
    assert [row["Environment"] for row in rows(page, "fleet")] == ["production"]
    assert page.locator("output").inner_text() == f"1 of {len(everything)}"
    page.keyboard.press("Escape")
    assert rows(page, "fleet") == everything
    page.get_by_label("Environment").select_option("staging")
    assert {row["Environment"] for row in rows(page, "fleet")} == {"staging"}
    page.get_by_label("Environment").select_option("all")
    page.get_by_label("Show").select_option("waits for review")
    assert [row["Waits for review"] for row in rows(page, "fleet")] == ["v1.3.0"]
    page.get_by_label("Show").select_option("rejected")
    assert [row["Rejected"] for row in rows(page, "fleet")] == ["v1.2.0"]


def test_what_ran_on_a_date_is_answered(open_page: Open) -> None:
    page = open_page("governance.html")
    today = {(row["Deployment"], row["Rests on"]) for row in rows(page, "ran")}
    assert ("churn/staging/5", "the tag's own date alone") in today
    assert ("churn/production/4", "tag and scheduled record") in today
    assert not any("churn/staging/6" in name for name, _ in today), "it is invalid"
    page.locator("#date").fill("2026-05-30")
    assert [
        (row["Environment"], row["Version"]) for row in rows(page, "ran") if row["Model"] == "churn"
    ] == [("staging", "v1.2.0"), ("production", "v1.2.0")]
    page.locator("#clock").fill("09:30")
    assert [row["Deployment"] for row in rows(page, "ran") if row["Model"] == "churn"] == [
        "churn/staging/4", "churn/production/2",
    ]  # fmt: skip
    page.locator("#date").fill("2020-01-01")
    assert page.locator("#answer").inner_text() == "Nothing ran then, as far as tags say."
    page.locator("#date").fill("")
    assert page.locator("#answer").inner_text() == "Choose a date."


def test_the_theme_follows_the_system_until_somebody_chooses(open_page: Open) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    page = open_page("index.html", color_scheme="light")
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(colour)
    assert light != dark
    page.get_by_role("button", name="Light", exact=True).click()
    assert page.evaluate(colour) == light
    page.get_by_role("link", name="Delivery", exact=True).click()
    page.wait_for_url("**/delivery.html")
    assert page.evaluate(colour) == light, "it is remembered"
    page.get_by_role("button", name="Dark", exact=True).click()
    assert page.evaluate(colour) == dark


def test_the_page_is_used_by_keyboard_alone(open_page: Open) -> None:
    page = open_page("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    focused = "(() => { const at = document.activeElement; const style = getComputedStyle(at);"
    focused += " return [at.textContent, style.outlineStyle, style.outlineWidth]; })()"
    assert page.evaluate(focused) == ["churn", "solid", "2px"]
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/churn.html")
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Steps as a table":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#steps")).to_be_visible()


def test_a_command_is_copied(open_page: Open) -> None:
    page = open_page("index.html", permissions=["clipboard-read", "clipboard-write"])
    button = page.locator(".copy").first
    button.click()
    expect(button).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "tagship history churn"
    page.keyboard.press("Tab")
    expect(button).not_to_contain_text("Copied")
    page.goto(page.url.replace("index.html", "models/churn.html"))
    page.locator("[data-copy-from=python]").click()
    expect(page.locator("[data-copy-from=python]")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("import json\n")


def test_a_command_is_copied_where_the_clipboard_is_closed(open_page: Open) -> None:
    page = open_page("index.html")
    page.evaluate("navigator.clipboard.writeText = async () => { throw new Error('closed'); }; 0")
    button = page.locator(".copy").first
    button.click()
    expect(button).to_contain_text("Copied")


def test_charts_are_drawn_and_say_their_numbers_where_the_pointer_is(open_page: Open) -> None:
    page = open_page("models/churn.html")
    charts = page.locator(".over-time canvas")
    assert charts.count() == 3
    page.locator(".over-time .u-over").first.hover()
    values = page.locator(".over-time").first.locator(".u-legend .u-value")
    expect(values.first).to_have_text(re.compile(r"2026-\d\d-\d\d \d\d:\d\d"))
    shown = values.all_inner_texts()
    assert [float(text) for text in shown[1:]] == [pytest.approx(0.5, abs=0.2), 1.0]
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.querySelector('.over-time .uplot').offsetWidth < 390")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_as_much_without_script(name: str, site: Site, open_page: Open) -> None:
    with_script = open_page(name)
    without = open_page(name, java_script_enabled=False)
    assert (
        not without.locator("[data-filter], .copy, #theme, #question").filter(visible=True).count()
    )
    tables = with_script.locator("table[id]:not(#ran)").evaluate_all(
        "(all) => all.map((t) => t.id)"
    )
    for id in tables:
        assert read_table(without.content(), id) == rows(with_script, id)
    if name == "models/churn.html":
        assert without.locator(".over-time svg").filter(visible=True).count() == 3


def test_texts_of_strangers_run_nothing(open_page: Open) -> None:
    for name in ("index.html", "governance.html", HOSTILE_PAGE):
        page = open_page(name)
        page.on("dialog", lambda dialog: pytest.fail(dialog.message))
        assert page.locator("img").count() == 0
        addresses = page.locator("a").evaluate_all("(all) => all.map((a) => a.protocol)")
        assert set(addresses) <= {"file:", "https:", "http:"}
