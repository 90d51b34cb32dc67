"""The life of a model, driven through the workflows' own steps."""

import json
from pathlib import Path

import pytest
from argo_runs import runs
from hub import ROOT, Hub
from runner import load_workflow

from tagship.training.candidate_checks import TRIED_COLUMNS

pytestmark = pytest.mark.slow


def test_the_loop(staged: Hub) -> None:
    """Staging → pull request → merge → production → a better version → rollback."""
    assert runs(staged.remote, "tiny", "staging") == ("tiny/staging/1", "tiny/v1.0.0")
    assert runs(staged.remote, "tiny", "production") is None
    proposed = staged.pulls[0]
    assert proposed["head"] == "promote/tiny/v1.0.0"
    assert "`tiny/v1.0.0`" in proposed["body"]

    ran = staged.merge("promote/tiny/v1.0.0", "squash")
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "production") == ("tiny/production/1", "tiny/v1.0.0")
    assert "tiny/production/1: true" in ran.jobs["verify"][0].log

    ran = staged.merge(_better(staged))
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "production")[0] == "tiny/production/1"
    staged.release("v1.1.0")
    ran = staged.push_tag("release", "tiny/v1.1.0")
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "staging") == ("tiny/staging/2", "tiny/v1.1.0")
    ran = staged.merge("promote/tiny/v1.1.0")
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "production") == ("tiny/production/2", "tiny/v1.1.0")

    reason = 'slow "since" 14:00; $(touch /tmp/never) `id` 遅い'
    ran = staged.dispatch("rollback", model="tiny", environment="production", reason=reason, to="")
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "production") == ("tiny/production/3", "tiny/v1.0.0")
    assert reason.replace("`", "\\`") in staged.pulls[-1]["body"]
    assert staged.pulls[-1]["head"] == "rollback/tiny/production/3"
    ran = staged.merge("rollback/tiny/production/3")
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "production")[0] == "tiny/production/3"


def test_a_release_is_built_signed_and_attested_by_digest(staged: Hub) -> None:
    assert staged.edge.load("login", None) is None, "no registry but GitHub's gets its token"
    (signed,) = staged.edge.calls("cosign")
    assert "@sha256:" in signed[2]
    name, _, digest = signed[2].partition("@")
    for action in ("actions/attest-build-provenance", "actions/attest"):
        (asked,) = staged.edge.calls(action)
        assert (asked[0]["subject-name"], asked[0]["subject-digest"]) == (name, digest)
    (sbom,) = staged.edge.calls("anchore/sbom-action")
    assert sbom[0]["image"] == signed[2]
    assert digest in staged.project_file("production", staged.pulls[0]["head"])


def test_a_private_repository_with_a_registry_of_its_own(tagged: Hub) -> None:
    """No attestations, which GitHub would refuse; the registry's own login."""
    tagged.runner.private = True
    tagged.runner.secrets = {"TAGSHIP_REGISTRY_TOKEN": "t0ken"}
    ran = tagged.push_tag("release", "tiny/v1.0.0")
    assert ran.ok, ran.log
    assert tagged.edge.calls("cosign")
    assert not tagged.edge.calls("actions/attest")
    assert not tagged.edge.calls("actions/attest-build-provenance")
    assert tagged.edge.load("login", None)[2] == "t0ken"
    assert "t0ken" not in ran.log + str(tagged.edge.load("calls", []))


def test_a_release_run_again_does_nothing_new(staged: Hub) -> None:
    tags, pulls, (page,) = staged.tags, staged.pulls, staged.edge.load("releases", [])
    ran = staged.dispatch("release", tag="tiny/v1.0.0")
    assert ran.ok, ran.log
    assert (staged.tags, staged.pulls) == (tags, pulls)
    assert [each["body"] for each in staged.edge.load("releases", [])] == [page["body"]]


def test_a_release_has_a_page_with_its_card_report_sbom_and_lock(staged: Hub) -> None:
    (page,) = staged.edge.load("releases", [])
    assert (page["tag_name"], page["title"]) == ("tiny/v1.0.0", "tiny v1.0.0")
    files = page["files"]
    assert set(files) == {"model-card.md", "model.lock.yaml", "tiny.html", "sbom.spdx.json"}
    assert files["model-card.md"].endswith(page["body"].partition("\n")[2])
    (signed,) = staged.edge.calls("cosign")
    assert f"| image | `{signed[2]}` |" in page["body"]
    assert files["model.lock.yaml"] == staged.project.lock.read_text(encoding="utf-8")


@pytest.mark.parametrize("tag", ["--help", "--version", "-h"])
def test_a_tag_spelt_like_an_option_is_checked_as_a_tag(staged: Hub, tag: str) -> None:
    """Or the check would print its help, succeed, and let a job with a writing token go on."""
    for workflow, job in (("release", "check"), ("verify", "verify")):
        ran = staged.dispatch(workflow, tag=tag)
        assert ran.results(job) == "failure"
        assert "is no tag of this grammar" in ran.log
    assert ran.results("verify") == "failure"


def test_new_manifests_reach_staging_and_are_proposed_to_production(staged: Hub) -> None:
    assert staged.merge("promote/tiny/v1.0.0").ok

    def more_memory() -> None:
        staged.project.edit("deploy/base/deployment.yaml", "768Mi", "900Mi")

    staged.branch("more-memory", more_memory)
    for _ in range(2):
        asked = staged.pull_request("more-memory")
        assert asked.ok, asked.log
        assert asked.results("judge") == "skipped"
    (comment,) = staged.comments
    assert "900Mi" in comment
    ran = staged.merge("more-memory")
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "staging")[0] == "tiny/staging/2"
    assert runs(staged.remote, "tiny", "production")[0] == "tiny/production/1"
    ran = staged.merge(staged.pulls[-1]["head"])
    assert ran.ok, ran.log
    assert runs(staged.remote, "tiny", "production")[0] == "tiny/production/2"


def test_the_gate_judges_a_changed_model_and_comments(founded: Hub) -> None:
    ran = founded.pull_request(_better(founded))
    assert ran.ok, ran.log
    assert "### `tiny`: pass" in ran.summary
    (comment,) = founded.comments
    assert comment.startswith("<!-- tagship:gate -->")
    assert "### `tiny`: pass" in comment


CANDIDATES = """\
task: binary
select: {metric: roc_auc, folds: 3}
candidates:
  centre: {estimator: features.counted.NearestCentre, params: {sharpness: 0.5}, scale: true}
"""
CHAMPION = "champion: {metric: roc_auc, max_drop: 0.5, test: none}\n"


def test_author_pull_request_and_release_train_once_each(
    shipped: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimator itself counts: whatever fits it to all training rows is one training."""
    counter = tmp_path / "fits"
    monkeypatch.setenv("FITS", str(counter))
    page = (ROOT / "docs/how-to/own-estimator.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    fit = "        self.classes_ = np.unique(y)\n"
    count = '        print(*X.shape, file=open(os.environ["FITS"], "a"))\n'
    assert fit in code
    code = code.replace("import numpy", "import os\n\nimport numpy").replace(fit, count + fit)

    def trainings() -> int:
        lines = counter.read_text().splitlines() if counter.is_file() else []
        counter.unlink(missing_ok=True)
        made_up = str(TRIED_COLUMNS)  # rows by which parameters are tried
        fits = [rows for rows, columns in map(str.split, lines) if columns != made_up]
        assert set(fits) <= {"160", "240"}, "240 of the 300 rows are not the holdout"
        return fits.count("240")

    def counted() -> None:
        shipped.project.write("src/features/counted.py", code)
        shipped.project.write("model", CANDIDATES)
        gates = shipped.project.path("thresholds").read_text()
        shipped.project.write("thresholds", gates + CHAMPION)
        shipped.train()

    def sharper() -> None:
        shipped.project.edit("model", "sharpness: 0.5", "sharpness: 0.6")
        shipped.train()

    for version, change in (("v1.1.0", counted), ("v1.2.0", sharper)):
        shipped.branch(version, change)
        assert trainings() == 1, "the author's"
        asked = shipped.pull_request(version)
        assert asked.ok, asked.log
        assert trainings() == 1, "the pull request's"
        assert shipped.merge(version).ok
        assert "not trained again" in shipped.release(version)
        assert trainings() == 0, "the author's has proven it"
        ran = shipped.push_tag("release", f"tiny/{version}")
        assert ran.ok, ran.log
        assert trainings() == 1, "the release's"
        for log in (asked.log, ran.log):
            assert ": fetched from 127.0.0.1" in log, "the champion is scored, not trained"
        assert shipped.merge(f"promote/tiny/{version}").ok
        assert trainings() == 0, "reconciling trains nothing"


def test_the_gate_of_a_fork_says_the_same_without_a_comment(founded: Hub) -> None:
    def document() -> None:
        founded.project.write("NOTES.md", "words")

    founded.branch("words", document)
    ran = founded.pull_request("words", fork=True)
    assert ran.ok, ran.log
    assert ran.results("comment") == "skipped"
    assert ran.results("gate") == "success"


@pytest.mark.parametrize("what", ["worse", "stale"])
def test_the_gate_refuses(founded: Hub, what: str) -> None:
    """A model that fails a gate, and a lock that is not what training gives."""

    def spoil() -> None:
        if what == "worse":
            founded.project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.999")
        else:
            founded.project.edit("model", "max_depth: 3", "max_depth: 1")

    founded.branch("spoiled", spoil)
    ran = founded.pull_request("spoiled")
    assert ran.results("gate") == "failure"
    (comment,) = founded.comments
    assert ("### `tiny`: fail" in comment) == (what == "worse")
    assert ("The lock of `tiny` is refused." in comment) == (what == "stale")
    assert ("tiny: recorded, its verdict is fail" in ran.log) == (what == "worse")


def test_a_tag_on_an_unreviewed_commit_is_refused_before_its_code_runs(tagged: Hub) -> None:
    def evil() -> None:
        tagged.project.write("Makefile", "setup:\n\ttouch /tmp/owned\n")

    head = tagged.branch("evil", evil)
    body = tagged.git("tag", "-l", "--format=%(contents)", "tiny/v1.0.0") or tagged.git(
        "cat-file", "-p", "tiny/v1.0.0"
    )
    tagged.git("tag", "-am", body.replace("v1.0.0", "v1.0.1"), "tiny/v1.0.1", head)
    tagged.git("push", "-q", "origin", "refs/tags/tiny/v1.0.1")
    ran = tagged.push_tag("release", "tiny/v1.0.1")
    assert ran.results("check") == "failure"
    assert "is not on main" in ran.log
    assert {ran.results(job) for job in ("train", "build", "reconcile", "propose", "verify")} == {
        "skipped"
    }
    assert tagged.edge.calls("docker") == []


@pytest.mark.parametrize("name", ["model.onnx", "boundary.json", "record.json"])
def test_bytes_that_are_not_the_lock_s_are_not_pushed(tagged: Hub, name: str) -> None:
    """The training job hands over what it likes; the one that may push compares it first."""
    edit = {
        "model.onnx": 'echo x >> "$HELD/model.onnx"',
        "boundary.json": 'echo >> "$HELD/boundary.json"',
        "record.json": "sed -i '/model_sha256/s/: \"..../: \"0000/' $HELD/record.json",
    }[name]
    workflow = load_workflow("release")
    held = "HELD=$(echo .tagship/bentoml/bentos/tiny/*/src/artifact)"
    workflow["jobs"]["build"]["steps"].insert(4, {"run": f"{held}\n{edit}"})
    tagged.runner.workflows["release"] = workflow
    ran = tagged.push_tag("release", "tiny/v1.0.0")
    assert ran.results("train") == "success", ran.log
    assert ran.results("build") == "failure"
    said = "its record" if name == "record.json" else name
    assert f"{said} says " in ran.log
    assert tagged.edge.load("pushed", {}) == {}
    assert ran.results("reconcile") == "skipped"


def test_an_image_that_the_registry_does_not_have_is_not_deployed(tagged: Hub) -> None:
    program = tagged.edge.bin / "docker"
    text = program.read_text(encoding="utf-8")
    program.write_text(text.replace('load("pushed.json", {})[name]', '"sha256:" + "0" * 64'))
    ran = tagged.push_tag("release", "tiny/v1.0.0")
    assert ran.results("reconcile") == "failure", ran.log
    assert "the registry does not have it" in ran.log
    assert tagged.tags == ["tiny/v1.0.0"]


def test_a_digest_changed_in_review_is_refused(staged: Hub) -> None:
    staged.git("fetch", "-q", "origin", "promote/tiny/v1.0.0")
    staged.git("switch", "-q", "-c", "tampered", "FETCH_HEAD")
    for name in ("release", "kustomization"):
        path = f"deploy/tiny/production/{name}.yaml"
        text = staged.project.path(path).read_text(encoding="utf-8")
        digest = text[text.index("sha256:") :][:71]
        staged.project.edit(path, digest, "sha256:" + "a" * 64)
    staged.commit("fix: another image")
    staged.git("push", "-q", "origin", "tampered")
    staged.git("switch", "-q", "main")
    ran = staged.merge("tampered")
    assert not ran.ok
    assert "a release is one image" in ran.log
    assert runs(staged.remote, "tiny", "production") is None


def test_what_no_pull_request_brought_does_not_reach_production(staged: Hub) -> None:
    staged.git("fetch", "-q", "origin", "promote/tiny/v1.0.0")
    staged.git("push", "-q", "origin", "FETCH_HEAD:refs/heads/main")
    ran = staged.push_main()
    assert not ran.ok
    assert "without a pull request" in ran.log

    def document() -> None:
        staged.project.write("NOTES.md", "words")

    staged.branch("words", document)
    ran = staged.merge("words")
    assert "without a pull request" in ran.log
    assert runs(staged.remote, "tiny", "production") is None


def test_a_moved_deployment_tag_is_reported(staged: Hub) -> None:
    commit = staged.git("rev-parse", "main")
    staged.git("tag", "-fam", "by hand", "tiny/staging/2", commit)
    staged.git("push", "-q", "origin", "refs/tags/tiny/staging/2")
    ran = staged.push_tag("verify", "tiny/staging/2")
    assert not ran.ok
    assert "NOT what it claims" in ran.log


MISTAKES = {
    "reconcile: the wrong commit": (
        "reconcile",
        '--commit="$GITHUB_SHA"',
        '--commit="$GITHUB_SHA~1"',
    ),
    "reconcile: no token to ask with": ("reconcile", "pull-requests: read", "issues: read"),
    "reconcile: outputs of nothing": ("reconcile", "--json > outcomes", "> outcomes"),
    "reconcile: a shallow clone": ("reconcile", "fetch-depth: 0", "fetch-depth: 1"),
    "rollback: the reason is lost": ("rollback", "REASON: ${{ inputs.reason }}", "REASON: ''"),
    "rollback: no pull request": ("rollback", "ci propose", "ci outputs"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_step_is_noticed(staged: Hub, mistake: str) -> None:
    """Each is one wrong word in a step: the loop does not come to its end with it."""
    workflow, right, wrong = MISTAKES[mistake]
    staged.plant(workflow, right, wrong)
    with pytest.raises((AssertionError, IndexError, TypeError)):
        _short_loop(staged)


def test_a_gate_that_looks_at_nothing_is_noticed(founded: Hub) -> None:
    """With this mistake a model that fails its gates would be merged."""

    def worse() -> None:
        founded.project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.999")

    founded.branch("worse", worse)
    founded.plant("gate", '--base="$BASE" --json', "--base=HEAD --json")
    ran = founded.pull_request("worse")
    with pytest.raises(AssertionError):
        assert ran.results("judge") == "failure"


def test_the_short_loop_is_sound_without_a_mistake(staged: Hub) -> None:
    _short_loop(staged)


def _short_loop(hub: Hub) -> None:
    """Production runs v1.0.0; other manifests are deployed; they are rolled back."""
    ran = hub.merge("promote/tiny/v1.0.0")
    assert ran.ok, ran.log
    assert runs(hub.remote, "tiny", "production")[0] == "tiny/production/1"

    def more_memory() -> None:
        hub.project.edit(
            "deploy/tiny/production/kustomization.yaml",
            "resources:",
            "commonAnnotations: {more: words}\nresources:",
        )

    hub.branch("more", more_memory)
    assert hub.merge("more").ok
    assert hub.merge(hub.pulls[-1]["head"]).ok
    assert runs(hub.remote, "tiny", "production")[0] == "tiny/production/2"
    ran = hub.dispatch("rollback", model="tiny", environment="production", reason="slow", to="")
    assert ran.ok, ran.log
    assert runs(hub.remote, "tiny", "production")[0] == "tiny/production/3"
    assert hub.pulls[-1]["head"] == "rollback/tiny/production/3"
    assert json.dumps(hub.pulls[-1])


def _better(hub: Hub) -> str:
    """A branch with another winner, trained and locked."""

    def change() -> None:
        hub.project.edit("model", "scale: true}", "scale: true, params: {C: 0.5}}")
        hub.train()

    hub.branch("better", change)
    return "better"
