"""The sample site as files, and a real browser to open them in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright
from sample_site import sample_site

from tagship.site.document import Site
from tagship.site.pages import write_site
from tools import find_program


@pytest.fixture(scope="session")
def site() -> Site:
    return sample_site()


@pytest.fixture(scope="session")
def folder(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample site as files, with a report beside it."""
    reports = tmp_path_factory.mktemp("reports")
    report = "<!doctype html><html lang=en><title>Report</title><main><h1>Report</h1></main>"
    (reports / "churn.html").write_text(report, encoding="utf-8")
    folder = tmp_path_factory.mktemp("site")
    write_site(site, folder, reports)
    (folder / "site.json").write_text(site.model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = find_program("chromium", "chromium-browser", "google-chrome")
    expect.set_options(timeout=60_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()
