"""The documentation as a site: built strictly, asking no other host, searched without a server."""

import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tagship.config.root import find_root
from tools import find_program

ROOT = find_root(Path(__file__))


def build(config: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    files = ["--config-file", str(config), "--site-dir", str(site)]
    return subprocess.run([*command, *files], capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documentation")
    done = build(ROOT / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site_and_no_program_is(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in ROOT.glob("docs/**/*.md")}
    built = {path.relative_to(site).with_suffix("") for path in site.glob("**/*.html")}
    assert built - pages == {Path("404")}
    assert pages <= built
    assert [path.name for path in site.glob("*.py")] == []


@pytest.mark.parametrize(
    ("page", "text", "said"),
    [
        ("index.md", "[gone](how-to/gone.md)", "how-to/gone.md"),
        ("index.md", "[gone](how-to/serve.md#gone)", "does not contain an anchor '#gone'"),
        ("index.md", "[outside](../README.md)", "../README.md"),
        ("how-to/unlisted.md", "# In no part of the navigation", "how-to/unlisted.md"),
    ],
)
def test_what_leads_nowhere_stops_the_build(
    page: str, text: str, said: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    with (tmp_path / "docs" / page).open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode == 1
    assert said in done.stderr + done.stdout


class Loaded(HTMLParser):
    """What a page loads by itself: scripts, styles, images and frames; not what a click opens."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [values["src"] or ""] if "src" in values else []
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.addresses.append(values.get("href") or "")


def test_no_page_asks_another_host(site: Path) -> None:
    addresses = []
    for path in site.glob("**/*.html"):
        page = Loaded()
        page.feed(path.read_text(encoding="utf-8"))
        assert any(address.endswith(".js") for address in page.addresses), path
        addresses += page.addresses
    for path in site.glob("**/*.css"):
        addresses += re.findall(r"(?:url\(|@import )[\"']?([^\"')]+)", path.read_text("utf-8"))
    away = [each for each in addresses if re.match(r"(\w+:)?//", each)]
    assert away == []


def open_in_browser(page: str, folder: Path) -> tuple[str, list[str]]:
    """What stands in a page after its scripts ran, and what it asked for."""
    log = folder / "net.json"
    browser = find_program("chromium", "chromium-browser", "google-chrome")
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=20000", f"--log-net-log={log}", "--dump-dom",
    ]  # fmt: skip
    done = subprocess.run(
        [browser, *flags, page], capture_output=True, text=True, timeout=300, check=True
    )
    net: dict[str, Any] = json.loads(log.read_text(encoding="utf-8"))
    start = net["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    asked = [each.get("params", {}) for each in net["events"] if each["type"] == start]
    return done.stdout, [
        each["url"] for each in asked if each.get("initiator") not in (None, "not an origin")
    ]


def test_search_finds_a_page_in_a_folder_without_a_server(site: Path, tmp_path: Path) -> None:
    text, asked = open_in_browser(f"{(site / 'index.html').as_uri()}?q=fairness", tmp_path)
    assert re.search(r'md-search-result__item.*?href="[^"]*explanation/verdict\.html', text, re.S)
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_what_is_a_list_on_github_is_one_here(site: Path) -> None:
    """Markdown of the site wants an empty line before a list, and four spaces inside of an item."""
    for path in site.glob("**/*.html"):
        paragraphs = re.findall(r"<p>(.*?)</p>", path.read_text(encoding="utf-8"), re.DOTALL)
        text = [each for each in paragraphs if re.search(r"\n *(-|\d+\.|```) ?", each)]
        assert text == [], path.name
