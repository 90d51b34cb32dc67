"""`tagship ui`: the site follows its repository, and a form asks a real service."""

import time
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser

from conftest import Running, git, ui
from html_tables import read_table
from projects import Project
from services import free_port
from tagship.contract.example import example_value
from tagship.gitops.tags import compose

RELEASED = {
    "Model": "tiny", "Release": "tiny/v1.0.0", "Model-SHA256": "a" * 64, "Lock-SHA256": "b" * 64,
    "Config-SHA256": "c" * 64, "Verdict": "pass", "Verdict-SHA256": "d" * 64,
}  # fmt: skip


def wait_for(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it never became true")


def example(running: Running) -> dict[str, object]:
    columns = running.project.files.data.request.items()
    return {name: example_value(column.model_dump(mode="json")) for name, column in columns}


def test_a_tag_that_is_pushed_while_it_runs_appears(running: Running) -> None:
    page = f"{running.address}/models/tiny.html"
    assert 'id="registry"' in httpx.get(page).text
    assert "tiny/v1.0.0" not in httpx.get(page).text
    message = compose("Release tiny v1.0.0", "", RELEASED)
    git(running.project, "tag", "-a", "-m", message, "--cleanup=verbatim", "tiny/v1.0.0")
    git(running.project, "push", "-q", "origin", "refs/tags/tiny/v1.0.0")
    wait_for(lambda: "tiny/v1.0.0" in httpx.get(page).text)
    [row] = read_table(httpx.get(page).text, "registry")
    assert "v1.0.0" in " ".join(row.values())


def test_a_changed_file_appears(running: Running) -> None:
    page = f"{running.address}/models/tiny.html"
    assert "who is asked" not in httpx.get(page).text
    with running.project.path("model").open("a") as config:
        config.write("card: {owner: who is asked}\n")
    wait_for(lambda: "who is asked" in httpx.get(page).text)


def test_the_form_shows_what_the_service_answers(running: Running, browser: Browser) -> None:
    direct = httpx.post(f"{running.service}/predict", json=example(running)).json()
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{running.address}/models/tiny.html")
    page.get_by_role("link", name="Fill in a form").click()
    page.get_by_role("button", name="Ask the service").click()
    answer = page.locator("#answer").inner_text()
    assert str(direct["prediction"]) in answer
    assert f"{direct['probability']}" in answer
    assert page.locator("[name=age]").input_value() == str(example(running)["age"])
    page.locator("[name=visits]").fill("999")
    page.get_by_role("button", name="Ask the service").click()
    refusal = page.locator("#answer").inner_text()
    assert "It refused: 422" in refusal
    assert "visits" in refusal
    assert said == []
    page.close()


def test_nothing_typed_is_null_and_text_stays_text_for_the_service_to_refuse(
    running: Running,
) -> None:
    typed = {name: str(value) for name, value in example(running).items()}
    page = f"{running.address}/try/tiny"
    assert 'id="answer"' in httpx.post(page, data=typed | {"age": ""}).text
    refused = httpx.post(page, data=typed | {"visits": "<b>many</b>"}).text
    assert "It refused: 422" in refused
    assert "<b>many" not in refused


def test_other_pages_and_other_names_get_nothing(running: Running) -> None:
    page, typed = f"{running.address}/try/tiny", {"age": "20"}
    assert httpx.get(running.address, headers={"Host": "evil.example:80"}).status_code == 403
    assert httpx.post(page, data=typed, headers={"Origin": "http://evil"}).status_code == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert httpx.post(page, data=typed, headers=cross).status_code == 403
    assert httpx.get(f"{running.address}/try/other").status_code == 404
    assert httpx.get(f"{running.address}/%2e%2e/%2e%2e/mlflow.db").status_code == 404
    assert httpx.post(running.address, data=typed).status_code == 400


def test_without_a_service_it_says_how_to_start_one(run_project: Project) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with ui(run_project, nowhere) as address:
        said = httpx.post(f"{address}/try/tiny", data={"age": "20"}).text
        assert f"no service answers at {nowhere}" in said
        assert "tagship serve tiny" in said
        assert "The remote was not asked" in httpx.get(address).text


@pytest.mark.parametrize("service", ["ftp://127.0.0.1", "127.0.0.1:3000", "http://u:p@127.0.0.1"])
def test_what_is_no_address_of_a_service_is_refused(project: Project, service: str) -> None:
    project.refused("ui", "--service", service, says="--service")
