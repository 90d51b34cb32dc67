"""Tune the main branch's model in a work tree of its own, and propose what improves it.

Nothing is deployed, released or tagged, and the user's own work tree stays as it is.
"""

import difflib
import shutil
from pathlib import Path

from tagship.config.project_files import ModelFiles, load_model
from tagship.config.root import tracking_uri
from tagship.errors import TagshipError
from tagship.monitoring.model_proposal import (
    ModelProposal,
    branch_of,
    config_texts,
    proposal_tree,
    propose_model,
    refused_proposal,
    train_and_judge,
)
from tagship.subprocesses import run_engine
from tagship.tuning.study import Say
from tagship.tuning.tune import TuningResult, read_result, result_path
from tagship.verdict import Verdict, markdown

_POINTS = 40
"""Of the curve in the pull request."""


def propose_tuned(
    root: Path, model: str, options: list[str], push: bool, say: Say
) -> ModelProposal:
    """Tune a model of the main branch; where that improves it, commit config and lock to a branch.

    The new model meets every gate first. Run again, the same search gives the same commit.

    Args:
        options: of `tagship tune`, how the search runs.

    Raises:
        TagshipError: no remote, no such model, or the branch holds someone else's commits.
    """
    branch, trials = branch_of(model, "tune"), f"models/{model}/tune"
    shared = ("cache", "champions", trials)
    with proposal_tree(root, f"tune-proposal-{model}", branch, *shared) as (snapshot, tree):
        files, config = load_model(tree, model), f"config/{model}/model.yaml"
        before = config_texts(files)[config]
        try:
            say("searching, in a work tree of the main branch")
            tuned = _search(root, files, options)
            if tuned.state != "improved":
                return ModelProposal(model, "unchanged", tuned.conclusion)
            say("training with the best parameters")
            _, verdict = train_and_judge(snapshot, files, say)
        except TagshipError as error:
            return refused_proposal(files, error)
        difference = _difference(config, before, config_texts(files)[config])
        why = f"{tuned.conclusion}; verdict {verdict.status}"
        title = f"feat({model}): tune {tuned.candidate}"
        body = _describe(tuned, difference, verdict)
        return propose_model(snapshot, "tune", files, why, title, body, push)


def _search(root: Path, files: ModelFiles, options: list[str]) -> TuningResult:
    """Search in the work tree with its own code; the record stays in the project."""
    result, page = result_path(files), f"reports/{files.name}-tuning.html"
    result.unlink(missing_ok=True)
    problem: TagshipError | None = None
    try:
        run_engine(
            files.root,
            *("tune", files.name, "--write", *options),
            MLFLOW_TRACKING_URI=tracking_uri(root),
        )
    except TagshipError as error:  # "no improvement" has an exit code of its own, too
        problem = error
    if not result.is_file():
        raise problem or TagshipError("the search left no result")
    tuned = read_result(files)
    if problem and tuned.state == "improved":
        raise problem
    (root / "reports").mkdir(exist_ok=True)
    shutil.copyfile(files.root / page, root / page)
    return tuned


def _describe(tuned: TuningResult, difference: str, verdict: Verdict) -> str:
    """The pull request's text: result, difference, how the search went, and the verdict."""
    return "\n".join(
        [
            f"`{tuned.model}` was tuned: {tuned.conclusion}.",
            "",
            "```diff",
            difference,
            "```",
            "",
            f"{tuned.trials} trials, {tuned.pruned} of them pruned after a fold,"
            f" {len(tuned.failed)} failed. No trial saw the holdout; the gain was judged on other"
            " folds than those that chose the best trial.",
            "",
            *_curve(tuned),
            markdown(verdict),
            "Merging this deploys nothing: release it afterwards.",
            "",
        ]
    )


def _curve(tuned: TuningResult) -> list[str]:
    """The best value so far over the trials, as a diagram that GitHub draws."""
    step = -(-len(tuned.curve) // _POINTS)
    values = ", ".join(f"{value:.6g}" for value in tuned.curve[step - 1 :: step])
    return [
        "```mermaid",
        "xychart-beta",
        f'  title "Best {tuned.metric} over the completed trials"',
        f'  y-axis "{tuned.metric}"',
        f"  line [{values}]",
        "```",
        "",
    ]


def _difference(name: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm=""
    )
    return "\n".join(line.replace("```", "'''") for line in lines)
