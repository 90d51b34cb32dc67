"""The pages in a real browser: they render, fit a narrow window, and ask for nothing."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from html_pages import assert_self_contained
from PIL import Image
from playwright.sync_api import sync_playwright
from report_models import HOSTILE, HOSTILE_CARD, Trained
from test_report_html import report

from projects import Project
from tagship.comparison.document import Comparison
from tagship.comparison.page import comparison_html
from tagship.config.project_files import ModelFiles
from tagship.reports.describe_html import description_html
from tagship.reports.describe_model import describe_model
from tagship.reports.html import write_html
from tools import find_program

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
]  # fmt: skip


@pytest.fixture
def browser() -> str:
    return find_program("chromium", "chromium-browser", "google-chrome")


def open_page(browser: str, page: Path, folder: Path) -> tuple[Image.Image, list[str]]:
    """What a window of 1280 by 1400 shows, and the URLs that the page asks for."""
    shot, log = folder / f"{page.stem}.png", folder / f"{page.stem}-net.json"
    flags = [
        *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}",
        "--window-size=1280,1400", f"--screenshot={shot}",
    ]  # fmt: skip
    subprocess.run([browser, *flags, page.as_uri()], capture_output=True, timeout=300, check=True)
    with Image.open(shot) as image:
        return image.convert("RGB"), requested_urls(json.loads(log.read_text(encoding="utf-8")))


def requested_urls(log: dict[str, Any]) -> list[str]:
    """The URLs in Chromium's network log that a page asked for, not the browser by itself."""
    start = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    requests = [event.get("params", {}) for event in log["events"] if event["type"] == start]
    own = (None, "not an origin")
    return [request["url"] for request in requests if request.get("initiator") not in own]


def inner_width(browser: str, page: Path, folder: Path, width: int) -> int:
    """How wide the page's content is in a frame of ``width``: it may not be wider."""
    frame = folder / "frame.html"
    (folder / "probe.html").write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
    frame.write_text(
        f"<iframe id=f src=probe.html style='width:{width}px;height:900px;border:0'></iframe>"
        "<script>onload=()=>{document.title='w='+document.getElementById('f')"
        ".contentDocument.documentElement.scrollWidth}</script>"
    )
    flags = [
        *FLAGS, "--allow-file-access-from-files", f"--user-data-dir={folder / 'frame'}",
        "--dump-dom",
    ]  # fmt: skip
    done = subprocess.run(
        [browser, *flags, frame.as_uri()], capture_output=True, text=True, timeout=300, check=True
    )
    return int(done.stdout.partition("<title>w=")[2].partition("<")[0])


def console_messages(browser: str, page: Path, folder: Path) -> list[str]:
    """What the page's console says while it opens."""
    flags = [
        *FLAGS,
        f"--user-data-dir={folder / 'console'}",
        "--enable-logging=stderr",
        "--dump-dom",
    ]
    done = subprocess.run(
        [browser, *flags, "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_the_report_renders(browser: str, trained: Trained, tmp_path: Path) -> None:
    path = write_html(tmp_path, "shop", report(trained))
    assert inner_width(browser, path, tmp_path, 400) <= 400
    if trained.files.model.task == "binary":  # one screenshot is enough, each takes seconds
        image, urls = open_page(browser, path, tmp_path)
        assert image.size == (1280, 1400)
        assert len(image.getcolors(1 << 22) or []) > 100
        assert urls == []


def test_the_report_breaks_no_rule_of_accessibility(
    browser: str, trained: Trained, tmp_path: Path
) -> None:
    path = write_html(tmp_path, "shop", report(trained))
    with sync_playwright() as playwright:
        page = playwright.chromium.launch(executable_path=browser).new_page()
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme="light" if width > 1000 else "dark")
            violations = Axe().run(page, options={"preload": False}).response["violations"]
            assert [rule["id"] for rule in violations] == [], width


def test_the_description_renders(browser: str, binary_files: ModelFiles, tmp_path: Path) -> None:
    path = write_html(tmp_path, "data", description_html(describe_model(binary_files)))
    image, urls = open_page(browser, path, tmp_path)
    assert len(image.getcolors(1 << 22) or []) > 100
    assert urls == []
    assert inner_width(browser, path, tmp_path, 400) <= 400


def test_the_comparison_renders(browser: str, run_project: Project, tmp_path: Path) -> None:
    assert run_project.tagship("compare", "--learning-curve").code == 0
    path = run_project.path("reports/comparison.json")
    comparison = Comparison.model_validate_json(path.read_text(encoding="utf-8"))
    renamed = {HOSTILE: comparison.models["tiny"], "a" * 40: comparison.models["tiny"]}
    hostile = {"models": renamed, "removed": {HOSTILE: 2}, "notes": [HOSTILE_CARD, "b" * 300]}
    html = comparison_html(comparison.model_copy(update=hostile))
    page = write_html(tmp_path, "comparison", html)
    shown = assert_self_contained(page.read_text(encoding="utf-8"))
    assert HOSTILE in shown.text
    assert HOSTILE_CARD in shown.text
    assert inner_width(browser, page, tmp_path, 390) <= 390
    assert console_messages(browser, page, tmp_path) == []
    assert open_page(browser, page, tmp_path)[1] == []


def test_a_page_that_asks_for_something_or_fails_is_seen(browser: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<img src=http://127.0.0.1:9/x.png><script>no()</script>", encoding="utf-8")
    assert open_page(browser, page, tmp_path)[1] == ["http://127.0.0.1:9/x.png"]
    assert console_messages(browser, page, tmp_path)
