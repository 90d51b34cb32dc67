"""Train the same config on new data, in a work tree of the default branch, and propose it.

Nothing is deployed, released or tagged, and the user's own work tree stays as it is. Run again, it
makes the same commit again; cut off anywhere, it left nothing but perhaps the pushed branch.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tagship.config.project_files import ModelFiles, load_model, load_project
from tagship.errors import TagshipError
from tagship.files import only_one
from tagship.formatting import brief
from tagship.gates.champion import read_champion
from tagship.gates.champion_artifact import fetch
from tagship.gitops.deployment_rules import refuse_rejected_artifact
from tagship.gitops.propose import push_branch
from tagship.gitops.snapshot import Snapshot, fetch_snapshot
from tagship.monitoring.retrain_data import (
    compare,
    count_new,
    place_of,
    point_at,
    refuse_fixed,
    rows_read,
    seen_rows,
)
from tagship.monitoring.retrain_proposal import (
    DataComparison,
    ModelProposal,
    NewData,
    branch_of,
    commit_proposal,
    describe,
    refuse_others,
)
from tagship.subprocesses import run_engine
from tagship.training.lock import Lock, read_lock
from tagship.verdict import Verdict, read_verdict

_SHARED = ("cache", "champions")


def retrain(
    root: Path,
    model: str,
    data: str | None = None,
    report: str = "",
    push: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> ModelProposal:
    """Train a model of the default branch on its newest data; commit it, and push the branch.

    ``data`` is a file or URL that replaces the contract's; ``report`` is Markdown for the pull
    request. Data and models that may not be proposed are answers of state ``refused``.

    Raises:
        TagshipError: no remote, no such model, ``data`` is empty, or the branch holds someone
            else's commits.
    """
    if data == "":
        raise TagshipError("--data: it is empty", "name a file or URL, or leave it out")
    with only_one(root, f"retrain-{model}"):
        snapshot = fetch_snapshot(root)
        with snapshot.git.checkout(snapshot.head) as tree:
            share_kept(root, tree, *_SHARED)
            return _propose(snapshot, load_model(tree, model), data, report, push, say)


def _propose(
    snapshot: Snapshot,
    files: ModelFiles,
    data: str | None,
    report: str,
    push: bool,
    say: Callable[[str], None],
) -> ModelProposal:
    home, tree, model = snapshot.git.root, files.root, files.name
    branch = branch_of(model, "retrain")
    refuse_others(snapshot, branch)
    project = load_project(tree)
    read_lock(files.lock_path)
    place = data or place_of(project.retrain.data, files, datetime.now(UTC).date())
    try:
        refuse_fixed(files)
        say("reading the data")
        changed = point_at(files, home, place)
        files = load_model(tree, model)
        comparison = _compare_data(snapshot, files, project.retrain.min_new_rows)
        if comparison is None:
            why = f"nothing changed: {snapshot.remote.default}'s lock is of this very data"
            return ModelProposal(model, "unchanged", why)
        new_data = comparison.new_data
        say(f"training: {new_data}")
        after, verdict = train_and_judge(snapshot, files, say)
    except TagshipError as error:
        return ModelProposal(model, "refused", str(error.without_data()).replace(f"{tree}/", ""))
    changed += [str(path.relative_to(tree)) for path in files.folder.iterdir() if path.is_file()]
    title = f"feat({model}): retrain on {new_data.new:,} new rows"
    texts = {path: (tree / path).read_bytes().decode(errors="surrogateescape") for path in changed}
    body = describe(model, comparison, after, verdict, report)
    why = f"{new_data}; verdict {verdict.status}"
    made = ModelProposal(model, "proposed", why, branch, "", title, body, texts)
    made = replace(made, commit=commit_proposal(snapshot, made))
    if push:
        push_branch(snapshot, branch, made.commit)
    return made


def train_and_judge(
    snapshot: Snapshot, files: ModelFiles, say: Callable[[str], None]
) -> tuple[Lock, Verdict]:
    """Train in a work tree, judge by every gate, and write the lock there.

    Raises:
        TagshipError: the training or a gate fails, or the artifact was rejected.
    """
    run_engine(files.root, "train", files.name)
    lock = read_lock(files.work / "lock.yaml")
    refuse_rejected_artifact(snapshot, files.name, lock.artifact.sha256)
    _fetch_champion(snapshot, files.name, say)
    say("judging by every gate")
    verdict = _judge(files)
    run_engine(files.root, "lock", "write", files.name)
    return lock, verdict


def share_kept(root: Path, tree: Path, *names: str) -> None:
    """Let a work tree use these folders of the project's own ``.tagship``."""
    for name in names:
        kept, link = root / ".tagship" / name, tree / ".tagship" / name
        kept.mkdir(parents=True, exist_ok=True)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(kept.resolve())


def _compare_data(snapshot: Snapshot, files: ModelFiles, least: int) -> DataComparison | None:
    """What the data holds that the champion has not seen, and how it differs from what it has.

    Without a champion, the default branch's lock stands for it. None where that lock is of the very
    same data.
    """
    from tagship.data.table import check_table, read_raw

    model, default = files.name, snapshot.remote.default
    locked, raw = read_lock(files.lock_path), read_raw(files)
    table = check_table(files, raw)
    if table.sha256 == locked.data.sha256:
        return None
    champion = snapshot.champion(model)
    path = f"config/{model}/model.lock.yaml"
    commit = (
        snapshot.history.release(champion).commit
        if champion
        else snapshot.git.run("log", "-1", "--format=%H", snapshot.head, "--", path).strip()
    )
    with snapshot.git.checkout(commit) as old:
        share_kept(snapshot.git.root, old, *_SHARED)
        try:
            before = read_lock(old / path)
        except TagshipError:  # of an engine whose locks had another form
            before = locked
        seen = seen_rows(old, files.root, model)
    new, exact = count_new(files, table, seen, before)
    rows = rows_read(table.identity, len(table.frame))
    new_data = NewData(rows, new, exact, champion or f"the lock on {default}")
    if new < least:
        raise TagshipError(
            f"too little new data: {new_data}; retrain.min_new_rows is {least:,}",
            "" if exact else "what it was trained on is gone: keep dated files (see --data)",
        )
    show = partial(snapshot.git.show, commit)
    return DataComparison(new_data, before, compare(files, raw.frame, show, new_data.against))


def _fetch_champion(snapshot: Snapshot, model: str, say: Callable[[str], None]) -> None:
    """Fetch it here, where the registry's login is known; in the work tree it is not."""
    champion = snapshot.champion(model)
    if champion is not None:
        missing = fetch(read_champion(snapshot.git, model, champion), say)
        if missing:
            say(f"{champion}: {missing}")


def _judge(files: ModelFiles) -> Verdict:
    """The verdict by the gates of the work tree, which must not fail."""
    path = files.work / "verdict.json"
    try:
        run_engine(files.root, "gate", files.name)
    except TagshipError:
        if not path.is_file():
            raise
    verdict = read_verdict(path)
    if verdict.status == "fail":
        failed = [
            f"  {r.gate} {r.subject}: "
            + (f"{brief(r.value)}, wanted {r.limit}" if r.value is not None else r.detail)
            for r in verdict.of_status("fail")
        ]
        raise TagshipError("\n".join(["the verdict is fail", *failed]))
    return verdict
