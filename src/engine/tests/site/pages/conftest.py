"""The sample site as files."""

from pathlib import Path

import pytest
from sample_site import sample_site

from tagship.site.document import Site
from tagship.site.pages import write_site


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
