"""tune.yml's own steps against a bare remote: a pull request is opened, then updated, or not."""

import pytest
from hub import Hub

pytestmark = pytest.mark.slow

WORST = "params: {max_depth: 1, min_samples_leaf: 90}"
TUNE = """\
tune:
  candidate: tree
  trials: %d
  space: {max_depth: {int: [1, 8]}, min_samples_leaf: {int: [2, 100]}}
"""


def configure(hub: Hub, trials: int) -> None:
    text = hub.project.path("model").read_text().partition("tune:")[0]
    text = text.replace("params: {max_depth: 3}", WORST)
    hub.project.write("model", text + TUNE % trials)
    hub.commit("feat: what is searched")
    hub.git("push", "-q", "origin", "main")


def test_better_parameters_become_one_pull_request_that_is_updated(shipped: Hub) -> None:
    configure(shipped, 6)
    before = len(shipped.pulls)
    ran = shipped.dispatch("tune", model="tiny")
    assert ran.ok, ran.log
    (pull,) = shipped.pulls[before:]
    assert pull["head"] == "tune/tiny"
    for text in ("excludes 0", "\n+  ", "```mermaid", "### `tiny`: ", "6 trials"):
        assert text in pull["body"], text
    shipped.git("fetch", "-q", "origin")
    changed = shipped.git("diff", "--name-only", "origin/main", "origin/tune/tiny").split()
    assert {"config/tiny/model.lock.yaml", "config/tiny/model.yaml"} <= set(changed)
    assert all(path.startswith("config/tiny/") for path in changed)
    assert WORST not in shipped.git("show", "origin/tune/tiny:config/tiny/model.yaml")

    configure(shipped, 9)
    ran = shipped.dispatch("tune", model="tiny")
    assert ran.ok, ran.log
    pulls = shipped.pulls[before:]
    assert [each["url"] for each in pulls] == [pull["url"]]
    assert "9 trials" in pulls[0]["body"]


def test_nothing_is_proposed_where_nothing_improves_or_somebody_works_on_the_branch(
    shipped: Hub,
) -> None:
    configure(shipped, 1)
    before, tags = len(shipped.pulls), shipped.tags
    ran = shipped.dispatch("tune", model="tiny")
    assert ran.ok, ran.log
    assert "no improvement of tree" in ran.log
    assert len(shipped.pulls) == before
    shipped.branch("tune/tiny", lambda: shipped.project.write("NOTES.md", "mine\n"))
    ran = shipped.dispatch("tune", model="tiny")
    assert ran.results("search") == "failure"
    assert "was not made by `tagship tune`" in ran.log
    ran = shipped.dispatch("tune", model="tinny")
    assert ran.results("propose") == "skipped"
    assert "did you mean 'tiny'?" in ran.log
    assert (len(shipped.pulls), shipped.tags) == (before, tags)
