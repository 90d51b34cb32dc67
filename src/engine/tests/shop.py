"""A small real project with a real bare remote, and the verbs of its life."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from tagship.config.project_files import ModelFiles
from tagship.gitops.deployment_rules import Verifier
from tagship.gitops.propose import Proposal, propose
from tagship.gitops.reconcile import MergedPullRequest, Outcome, reconcile
from tagship.gitops.reconcile_release import reconcile_release
from tagship.gitops.release import release
from tagship.gitops.rollback import rollback
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.training.lock import locked_hashes
from tagship.verdict import GateResult, Verdict

REGISTRY = "registry.example/shop/shop"

DATA = """\
source: {kind: sklearn, table: wine}
target: {column: class}
columns:
  alcohol: {dtype: float}
"""
MODEL = """\
task: multiclass
select: {metric: f1, folds: 5}
candidates:
  tree: {estimator: sklearn.tree.DecisionTreeClassifier, params: {}}
"""
THRESHOLDS = """\
metrics: {f1: {fail_below: 0.5}}
baseline: {metric: f1, margin: 0.1}
parity: {max_difference: 1.0e-5}
"""
KUSTOMIZATION = """\
# keep this comment
resources: [../../base]
namespace: shop-{environment}
namePrefix: churn-   # and this one
images:
  - name: model-image
    newName: registry.example/shop/shop-churn
    digest: sha256:{zeros}
configMapGenerator:
  - {{name: release, behavior: replace, files: [release.yaml]}}
"""
BASE = {
    "kustomization.yaml": """\
resources: [deployment.yaml]
configMapGenerator:
  - {name: release, files: [release.yaml]}
""",
    "release.yaml": "release: none\n",
    "deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: model}
spec:
  replicas: 1
  selector: {matchLabels: {app: model}}
  template:
    metadata: {labels: {app: model}}
    spec:
      containers:
        - {name: model, image: model-image}
      volumes:
        - {name: release, configMap: {name: release}}
""",
}
RECORD = """\
# The deployment record.
model: churn
environment: {environment}
release: none
image: registry.example/shop/shop-churn
digest: sha256:{zeros}
model_sha256: "{zeros}"
data_sha256: "{zeros}"
config_sha256: "{zeros}"
run_id: none
verdict_sha256: "{zeros}"
"""


def identify() -> None:
    """Who commits in tests, apart from what the machine says."""
    for role in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{role}_NAME"] = "Ada"
        os.environ[f"GIT_{role}_EMAIL"] = "ada@example.org"
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    os.environ.pop("GITHUB_ACTOR", None)


def sha(text: str) -> str:
    """A digest to play with."""
    return hashlib.sha256(text.encode()).hexdigest()


def image(label: str, model: str = "churn") -> str:
    """An image by digest."""
    return f"{REGISTRY}-{model}@sha256:{sha(f'image {label}')}"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a test."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def put(folder: Path, path: str, text: str) -> None:
    """Write a file."""
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, encoding="utf-8")


def put_lock(folder: Path, label: str, model: str = "churn", f1: float = 0.8) -> None:
    """A lock of a model with another artifact."""
    text = f"artifact: {{sha256: {sha(label)}}}\ndata: {{sha256: {sha('data')}}}\nf1: {f1}\n"
    put(folder, f"config/{model}/model.lock.yaml", text)


def add_model(folder: Path, model: str, environments: tuple[str, ...]) -> None:
    """Config and overlays of a model."""
    for name, text in (("data", DATA), ("model", MODEL), ("thresholds", THRESHOLDS)):
        put(folder, f"config/{model}/{name}.yaml", text)
    put_lock(folder, "one", model)
    for environment in environments:
        values = {"environment": environment, "zeros": "0" * 64}
        record = RECORD.format(**values).replace("churn", model)
        put(folder, f"deploy/{model}/{environment}/release.yaml", record)
        pins = KUSTOMIZATION.format(**values).replace("churn", model)
        put(folder, f"deploy/{model}/{environment}/kustomization.yaml", pins)


def gate(files: ModelFiles, champion: str | None) -> Verdict:
    """A gate that reads the lock's metric."""
    text = files.lock_path.read_text(encoding="utf-8")
    value = float(text.rsplit("f1: ", 1)[1])
    status = "pass" if value >= 0.5 else "fail"
    result = GateResult(gate="metrics", subject="f1", value=value, limit="≥ 0.5", status=status)
    return Verdict(
        model=files.name,
        artifact_sha256=locked_hashes(text, "lock")[0],
        thresholds_sha256=files.thresholds_sha256,
        champion=champion,
        results=[result],
    )


VERIFIER = Verifier(verify_lock=lambda files: None, gate=gate, image_exists=lambda reference: True)


@dataclass
class Shop:
    """One clone of the project, and the verbs of its life."""

    root: Path
    remote: Path
    verifier: Verifier = VERIFIER
    approved: dict[str, MergedPullRequest] = field(default_factory=dict)
    """For each commit of main that a pull request brought, what was approved."""

    def git(self, *arguments: str) -> str:
        return git(self.root, *arguments)

    def put(self, path: str, text: str) -> None:
        put(self.root, path, text)

    def commit(self, message: str = "change") -> str:
        """Commit everything and push main."""
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")

    def new_manifests(self, replicas: int = 2) -> str:
        """Push another base for every overlay; gives the commit."""
        self.pull()
        text = BASE["deployment.yaml"].replace("replicas: 1", f"replicas: {replicas}")
        self.put("deploy/base/deployment.yaml", text)
        return self.commit()

    def side_commit(self, path: str, text: str) -> str:
        """A commit that was pushed on a branch and never merged."""
        self.pull()
        self.git("switch", "-qc", "side")
        self.put(path, text)
        self.git("add", "-A")
        self.git("commit", "-qm", "unreviewed")
        self.git("push", "-q", "origin", "side")
        commit = self.git("rev-parse", "HEAD")
        self.git("switch", "-q", "main")
        return commit

    def pull(self) -> None:
        self.git("pull", "-q", "--ff-only", "origin", "main")

    def clone(self, name: str, *options: str) -> "Shop":
        """Another person's clone."""
        where = self.root.parent / name
        git(self.root.parent, "clone", "-q", *options, f"file://{self.remote}", str(where))
        return replace(self, root=where)

    def snapshot(self) -> Snapshot:
        return fetch_snapshot(self.root)

    def remote_tags(self) -> list[str]:
        return git(self.remote, "tag", "--list").split()

    def new_lock(self, label: str, f1: float = 0.8, model: str = "churn") -> None:
        self.pull()
        put_lock(self.root, label, model, f1)
        self.commit(f"feat: {label}")

    def release(self, version: str, model: str = "churn") -> None:
        release(self.root, model, version, self.verifier, push=True)

    def stage(self, version: str, image: str | None = None, model: str = "churn") -> Outcome:
        """What becomes of a release in the first environment."""
        return reconcile_release(self.root, f"{model}/{version}", self.verifier, image)[0]

    def propose(
        self, version: str | None, image: str = "", model: str = "churn", environment: str = ""
    ) -> Proposal:
        """Propose a release; with an image as the release workflow does, which stages it before."""
        if version and image:
            self.stage(version, image, model)
        return propose(self.root, model, version, environment or None)

    def merge(self, branch: str, how: str = "merge") -> str:
        """What GitHub's three buttons do; gives the merged commit."""
        self.pull()
        self.git("fetch", "-q", "origin", branch)
        head = self.git("rev-parse", "FETCH_HEAD")
        if how == "merge":
            self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", "FETCH_HEAD")
        elif how == "squash":
            self.git("merge", "-q", "--squash", "FETCH_HEAD")
            self.git("commit", "-qm", f"{branch} (#1)")
        else:
            self.git("switch", "-q", "--detach", "FETCH_HEAD")
            self.git("rebase", "-q", "main")
            tip = self.git("rev-parse", "HEAD")
            self.git("switch", "-q", "main")
            self.git("merge", "-q", "--ff-only", tip)
        self.git("push", "-q", "origin", "main")
        self.approved[self.git("rev-parse", "HEAD")] = MergedPullRequest("#1", head)
        return self.git("rev-parse", "HEAD")

    def change(self, path: str) -> str:
        """A pull request that changes one file and is merged; gives the merged commit."""
        self.pull()
        self.git("switch", "-qC", "change")
        self.put(path, "words\n")
        self.git("add", "-A")
        self.git("commit", "-qm", f"change {path}")
        self.git("push", "-qf", "origin", "change")
        self.git("switch", "-q", "main")
        return self.merge("change")

    def revert(self, merged: str) -> str:
        """A pull request that takes a merge back; gives the merged commit."""
        self.pull()
        self.git("switch", "-qC", "revert")
        self.git("revert", "--no-edit", "-m", "1", merged)
        self.git("push", "-qf", "origin", "revert")
        self.git("switch", "-q", "main")
        return self.merge("revert")

    def reconcile(self, commit: str = "") -> dict[tuple[str, str], Outcome]:
        outcomes = reconcile(
            self.root, self.verifier, commit, lambda brought, _: self.approved.get(brought)
        )
        return {(o.model, o.environment): o for o in outcomes}

    def ship(self, version: str, label: str, how: str = "merge") -> None:
        """The whole way of one release into production."""
        self.new_lock(label)
        self.release(version)
        proposal = self.propose(version, image=image(label))
        assert proposal.branch
        self.merge(proposal.branch, how)
        assert self.reconcile()["churn", "production"].state == "deployed"

    def rollback(self, reason: str = "it is slow", **options):
        environment = options.pop("environment", "production")
        return rollback(self.root, "churn", environment, reason, self.verifier, **options)

    def runs(self, environment: str, model: str = "churn") -> str:
        current = self.snapshot().history.current(model, environment)
        return current.release if current else ""


def build(folder: Path, environments: tuple[str, ...] = ("staging", "production")) -> Shop:
    """A project and its remote, with one model."""
    remote, root = folder / "remote.git", folder / "work"
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "--bare", "-b", "main", str(remote))
    git(folder, "clone", "-q", str(remote), str(root))
    git(root, "switch", "-q", "-c", "main")
    listed = ", ".join(environments)
    put(
        root,
        "config/project.yaml",
        "name: shop\ntitle: Shop\nowner: shop\nregistry: registry.example/shop\n"
        f"environments: [{listed}]\n",
    )
    for name, text in BASE.items():
        put(root, f"deploy/base/{name}", text)
    add_model(root, "churn", environments)
    shop = Shop(root, remote)
    shop.commit("feat: begin")
    return shop


def copy(source: Shop, target: Path) -> Shop:
    """The same project elsewhere."""
    shutil.copytree(source.root.parent, target, symlinks=True)
    shop = Shop(target / "work", target / "remote.git", approved=dict(source.approved))
    shop.git("remote", "set-url", "origin", str(shop.remote))
    return shop
