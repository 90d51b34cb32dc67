"""The service's page in a real browser: it shows every route, and asks nobody else."""

import json
import subprocess
from urllib.parse import urlsplit

import pytest

from tools import find_program


@pytest.fixture(scope="module")
def opened(served, tmp_path_factory):
    """The page as the browser shows it, and every address that it asked for."""
    folder = tmp_path_factory.mktemp("page")
    browser = find_program("chromium", "chromium-browser", "google-chrome")
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--dump-dom",
        "--virtual-time-budget=20000", f"--user-data-dir={folder / 'profile'}",
        f"--log-net-log={folder / 'net.json'}", "--net-log-capture-mode=Everything",
    ]  # fmt: skip
    done = subprocess.run(
        [browser, *flags, f"{served[0]}/"], capture_output=True, text=True, timeout=300, check=True
    )
    log = (folder / "net.json").read_text(encoding="utf-8", errors="replace")
    try:
        events = json.loads(log)["events"]
    except ValueError:  # the browser ended before it closed the list
        events = json.loads(log.rstrip().rstrip(",") + "]}")["events"]
    starts = [event["params"] for event in events if "initiator" in event.get("params", {})]
    return done.stdout, {each["url"] for each in starts if each["initiator"] == served[0]}


def test_every_route_is_shown(opened, served):
    shown, _ = opened
    for path in ("/predict", "/feedback", "/info", "/readyz"):
        assert f'data-path="{path}"' in shown
    assert "tiny" in shown


def test_no_request_leaves_the_service(opened, served):
    _, asked = opened
    assert {f"{served[0]}/docs.json", f"{served[0]}/docs.js"} <= asked
    web = {url for url in asked if urlsplit(url).scheme != "data"}
    assert {urlsplit(url).netloc for url in web} == {urlsplit(served[0]).netloc}
