"""The whole loop in a temporary folder with a bare remote, told step by step.

It calls what the workflows call: models are trained, proven and judged for real. Only GitHub's
buttons are played: opening and merging a pull request is a branch and a merge; pushing an image
is a digest in a set.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tagship.config.model import Task, higher_is_better
from tagship.config.project_files import load_model, load_project
from tagship.config.yaml_file import dump_yaml, read_yaml
from tagship.errors import TagshipError
from tagship.files import write_atomically
from tagship.gates.lock_verifier import LockVerifier, judge
from tagship.gitops.deployment_records import overlay
from tagship.gitops.deployment_rules import Verifier
from tagship.gitops.git import Git
from tagship.gitops.propose import propose
from tagship.gitops.reconcile import reconcile
from tagship.gitops.reconcile_release import reconcile_release
from tagship.gitops.release import release
from tagship.gitops.rollback import lift, rollback
from tagship.gitops.snapshot import fetch_snapshot
from tagship.gitops.status import history, status
from tagship.gitops.verify import verify
from tagship.sources.fetching import borrow_data
from tagship.training.bundle import lock_bundle
from tagship.training.fingerprint import changes, current_inputs
from tagship.training.lock import Lock, read_lock
from tagship.training.train import train

Say = Callable[[str], None]
How = Literal["better", "worse"]


@dataclass
class Demo:
    """One telling, in a project made by ``prepare``."""

    root: Path
    model: str
    say: Say
    step: int = 0
    images: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        lock = LockVerifier(self.root)
        self.verifier = Verifier(lock.verify_lock, lock.gate, self.images.__contains__)

    def tell(self) -> None:
        """The story from the first release to the history of it all."""
        environment = fetch_snapshot(self.root).environments[-1]
        self._mend_lock()
        self._title("Release v1.0.0: its image is deployed to staging, production is proposed")
        self._ship("v1.0.0")
        self._title("A better model, judged against the champion: v1.1.0 goes the same way")
        self._change("better")
        self._ship("v1.1.0")
        self._title("A worse model is refused by its gates, so it never becomes a release")
        self._change("worse")
        self._refused(lambda: self._release("v1.2.0"))
        self._title("Rollback: no build, no force, the next number on the commit that ran before")
        reason = "complaints about offers to loyal customers"
        back = rollback(self.root, self.model, environment, reason, self.verifier)
        self.say(f"{back.tag.name}: {environment} runs {back.release}; rejected: {back.rejects}")
        first = f"{self.model}/{environment}/1"
        self._merge(back.branch)
        self._title("The rejected version cannot be proposed again …")
        self._refused(lambda: propose(self.root, self.model, "v1.1.0", environment))
        self._title("… until someone lifts the rejection with a reason")
        for tag in lift(self.root, self.model, "v1.1.0", "the offer was wrong", self.verifier):
            self.say(f"{tag.name}: v1.1.0 may be proposed again")
        again = propose(self.root, self.model, "v1.1.0", environment, dry_run=True)
        self.say(f"tagship propose would push {again.branch}")
        self._title("What runs, what ran, and whether it is true")
        self._report(environment)
        self._compare(first, back.tag.name, overlay(self.model, environment))

    def _ship(self, version: str) -> None:
        environments = fetch_snapshot(self.root).environments
        self._release(version)
        image = self._build(version)
        name = f"{self.model}/{version}"
        deployed = reconcile_release(self.root, name, self.verifier, image)[0]
        self.say(f"{deployed.detail}: {deployed.environment} runs {name}")
        for environment in environments[1:]:
            proposal = propose(self.root, self.model, version, environment)
            self.say(f"pull request from {proposal.branch}: {proposal.title}")
            self._merge(proposal.branch)
            for outcome in reconcile(self.root, self.verifier, models=(self.model,)):
                if outcome.state in ("deployed", "refused"):
                    self.say(f"merged: {outcome.environment} {outcome.state}: {outcome.detail}")

    def _release(self, version: str) -> None:
        tag = release(self.root, self.model, version, self.verifier, push=True)
        self.say(f"{tag.name} on {tag.commit[:12]}: lock verified, verdict passed, tag pushed")

    def _build(self, version: str) -> str:
        project = load_project(self.root)
        digest = hashlib.sha256(f"{self.model}/{version}".encode()).hexdigest()
        image = f"{project.registry}/{project.name}-{self.model}@sha256:{digest}"
        self.images.add(image)
        return image

    def _mend_lock(self) -> None:
        """Make the lock in this copy where the project's own is missing or stale."""
        files = load_model(self.root, self.model)
        why = ["there is none"]
        if files.lock_path.is_file():
            why = changes(read_lock(files.lock_path), current_inputs(files))
        if why:
            self.say(f"the committed lock is stale ({'; '.join(why)}): made again in this copy")
            lock_bundle(files, train(files))
            self._commit(f"feat({self.model}): lock")

    def _change(self, how: How) -> None:
        """Edit model.yaml until retraining gives a model that the gates pass, or refuse."""
        files = load_model(self.root, self.model)
        before = read_lock(files.lock_path)
        path = files.folder / "model.yaml"
        champion = fetch_snapshot(self.root).champion(self.model)
        for candidates in _candidates(how, files.model.task, before):
            content = read_yaml(path).root
            content["candidates"] = candidates
            write_atomically(path, dump_yaml(content))
            files = load_model(self.root, self.model)
            bundle = train(files)
            verdict = judge(self.root, files, bundle, champion)
            if (verdict.status == "fail") == (how == "worse"):
                break
        else:
            raise TagshipError(f"no edit of {path.name} gave a {how} model", "try another model")
        lock_bundle(files, bundle)
        metric = files.model.select.metric
        old, new = before.metrics[metric].value, bundle.lock.metrics[metric].value
        gain = new - old if higher_is_better(metric) else old - new
        word = "better" if gain > 0 else "worse" if gain < 0 else "as before"
        [name] = candidates
        self.say(
            f"model.yaml: `{name}` instead of `{before.winner.candidate}`:"
            f" {metric} {old:.4f} → {new:.4f} on the holdout, {word}; verdict {verdict.status}"
        )
        self._commit(f"feat({self.model}): try {name}")

    def _commit(self, message: str) -> None:
        git = Git(self.root)
        git.run("add", "-A")
        git.run("commit", "-q", "-m", message)
        git.run("push", "-q", "origin", "HEAD")

    def _merge(self, branch: str) -> None:
        git = Git(self.root)
        git.run("fetch", "-q", "origin", branch)
        git.run("merge", "-q", "--no-ff", "-m", f"Merge {branch}", "FETCH_HEAD")
        git.run("push", "-q", "origin", "HEAD")

    def _refused(self, action: Callable[[], object]) -> None:
        try:
            action()
        except TagshipError as error:
            self.say(f"refused: {error}")
        else:
            raise TagshipError("the demo expected a refusal, and there was none")

    def _report(self, environment: str) -> None:
        snapshot = fetch_snapshot(self.root)
        for event in history(snapshot, self.model):
            why = f" ({event.reason})" if event.reason else ""
            self.say(f"{event.name:24} {event.action:9} {event.release}{why}")
        for row in status(snapshot).rows:
            if row.runs:
                self.say(f"{row.model} {row.environment}: {row.runs}; main: {row.main}")
        for history_ in (
            snapshot.history.deployments_of(self.model, name) for name in snapshot.environments
        ):
            for deployment in history_:
                verification = verify(self.root, deployment.name, self.verifier)
                self.say(f"{verification.name}: {'true' if verification.ok else 'FALSE'}")
                for check in verification.checks:
                    if check.problem:
                        raise TagshipError(f"{verification.name}: {check.what}: {check.problem}")

    def _compare(self, first: str, last: str, folder: str) -> None:
        git = Git(self.root)
        trees = {name: git.tree(f"refs/tags/{name}", folder) for name in (first, last)}
        for name, tree in trees.items():
            self.say(f"{folder} at {name}: tree {tree}")
        if len(set(trees.values())) != 1 or not trees[first]:
            raise TagshipError(f"{folder} at {last} is not what {first} deployed")
        self.say(f"byte-identical: {folder} at {last} is what {first} deployed")

    def _title(self, text: str) -> None:
        self.step += 1
        self.say(f"\n{self.step}. {text}")


def prepare(source: Path, folder: Path, model: str) -> Path:
    """Copy a project's tracked files, and a model's data, into a clone of a fresh bare remote."""
    remote, root = folder / "remote.git", folder / "project"
    root.mkdir(parents=True)
    listed = Git(source).run("ls-files", "-z").split("\0")[:-1]
    for name in listed:
        if (source / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, root / name)
    git = Git(root)
    git.run("init", "-q", "--bare", "-b", "main", str(remote))
    git.run("init", "-q", "-b", "main")
    git.run("config", "user.name", "Demo")
    git.run("config", "user.email", "demo@example.org")
    git.run("config", "commit.gpgSign", "false")
    data = borrow_data(load_model(root, model), source)
    exclude = root / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    exclude.write_text(f".tagship/\n{f'/{data}' if data else ''}\n", encoding="utf-8")
    git.run("add", "-A")
    git.run("commit", "-q", "-m", "feat: the project as it is")
    git.run("remote", "add", "origin", str(remote))
    git.run("push", "-q", "-u", "origin", "main")
    return root


def _candidates(how: How, task: Task, lock: Lock) -> Iterator[dict[str, Any]]:
    """Candidates to try in turn; the last is as good as it was, or a constant."""
    kind = "Regressor" if task == "regression" else "Classifier"
    tree = f"sklearn.tree.DecisionTree{kind}"
    if how == "worse":
        yield {"stump": {"estimator": tree, "params": {"max_depth": 1}}}
        yield {"constant": {"estimator": tree, "params": {"min_samples_leaf": 0.9}}}
        return
    trees = f"sklearn.ensemble.GradientBoosting{kind}"
    yield {"small_trees": {"estimator": trees, "params": {"n_estimators": 60, "max_depth": 2}}}
    winner = lock.winner.candidate
    yield {winner: dict(lock.inputs.model["candidates"][winner])}
