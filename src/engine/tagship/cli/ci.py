"""``tagship ci``: what only workflows call; most of it asks GitHub with gh."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tagship.cli.options import Json

app = typer.Typer(help="Do what the workflows need; people need none of it.", no_args_is_help=True)
Answer = Annotated[Path, typer.Argument(help="The file of what a command printed with --json.")]
Base = Annotated[str, typer.Option(help="The branch or commit to merge into.")]


@app.command("changed")
def changed(
    base: Base,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the answer as one line of JSON.")
    ] = False,
) -> None:
    """Name the models whose config, data, features or engine differ from a base branch."""
    from tagship.config.root import find_root
    from tagship.gitops.changed_models import find_changed_models

    names = find_changed_models(find_root(), base)
    typer.echo(json.dumps(names) if as_json else "\n".join(names) or "no model changes")


@app.command("difference")
def difference(
    base: Base,
    markdown: Annotated[
        Path | None, typer.Option(help="Append the difference as Markdown to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how the rendered manifests would change if a branch were merged."""
    from tagship.cli import output
    from tagship.config.root import find_root
    from tagship.gitops.manifest_difference import as_markdown, compare_overlays

    differences = compare_overlays(find_root(), base)
    text = as_markdown(differences)
    if text:
        output.append(markdown, text)
    if as_json:
        output.as_json(differences)
    else:
        typer.echo(text or "nothing that runs would change")


@app.command("comment")
def comment(
    files: Annotated[
        list[Path], typer.Argument(help="Markdown files; together they are the comment.")
    ],
    pull_request: Annotated[int, typer.Option(help="The pull request's number.")],
    topic: Annotated[str, typer.Option(help="The topic; each has one comment, which is updated.")],
) -> None:
    """Post a comment on a pull request, or update the one that is there."""
    from tagship.gitops import github

    texts = [path.read_text(encoding="utf-8") for path in sorted(files)]
    typer.echo(github.comment(pull_request, topic, "\n".join(texts)))


@app.command("propose")
def propose(answer: Answer) -> None:
    """Open or update the one pull request of the branch that propose or rollback pushed."""
    from tagship.gitops import github

    proposal = json.loads(answer.read_text(encoding="utf-8"))
    if not proposal["branch"]:
        return typer.echo("nothing to propose")
    typer.echo(github.propose(proposal["branch"], proposal["title"], proposal["body"]))


@app.command("issues")
def issues(
    answer: Annotated[
        Path, typer.Argument(help="The file of what `tagship monitor --json` printed.")
    ],
    publish: Annotated[
        bool, typer.Option("--publish", help="Append it to the remote's branch monitor, too.")
    ] = False,
) -> None:
    """Keep one issue for each model up to date, and say which models to retrain."""
    from datetime import UTC, datetime

    from tagship.config.root import find_root
    from tagship.gitops import github
    from tagship.gitops.snapshot import fetch_snapshot
    from tagship.monitoring import alerts, history

    if publish:
        history.publish(find_root(), json.loads(answer.read_text(encoding="utf-8")))
    entries = alerts.read_entries(answer)
    for model in sorted({entry.model for entry in entries}):
        topic = alerts.topic(model)
        number, body = github.find_issue(topic) or (None, None)
        issue = alerts.issue_for(model, entries, body)
        outcome = github.keep_issue(topic, number, issue.open, issue.title, issue.body)
        typer.echo(f"{model}: {outcome}")
    models = json.dumps(
        alerts.models_to_retrain(fetch_snapshot(find_root()), entries, datetime.now(UTC))
    )
    github.write_outputs({"retrain": models})
    typer.echo(f"retrain={models}")


@app.command("retrained")
def retrained(
    answer: Annotated[
        Path, typer.Argument(help="The file of what `tagship retrain --json` printed.")
    ],
) -> None:
    """Push what a retraining made, open or update its pull request, and say so in the issue."""
    from tagship.gitops import github
    from tagship.monitoring import alerts

    model, text = _publish(answer, "retrain", "Retraining")
    issue = github.find_issue(alerts.topic(model))
    if issue is not None:
        github.comment(issue[0], "retrain", text)
    typer.echo(text)


@app.command("tuned")
def tuned(
    answer: Annotated[
        Path, typer.Argument(help="The file of what `tagship tune --propose --json` printed.")
    ],
) -> None:
    """Push what a search for better parameters made, and open or update its pull request."""
    typer.echo(_publish(answer, "tune", "Tuning")[1])


def _publish(answer: Path, command: str, title: str) -> tuple[str, str]:
    """Push a proposal, open or update its pull request; the model, and what became of it."""
    from tagship.cli.output import quoted
    from tagship.config.root import find_root
    from tagship.gitops import github
    from tagship.monitoring.model_proposal import push_proposal, read_proposal

    proposal = read_proposal(answer, command)
    text = f"{title}: {proposal.state}.\n\n{quoted(proposal.why)}"
    if proposal.branch:
        push_proposal(find_root(), proposal)
        text += f"\n{github.propose(proposal.branch, proposal.title, proposal.body)}\n"
    return proposal.model, text


@app.command("page")
def page(
    tag: Annotated[str, typer.Argument(help="The release's tag, such as churn/v1.3.0.")],
    attach: Annotated[
        list[Path] | None, typer.Option(help="A file to attach, beside the card and the lock.")
    ] = None,
) -> None:
    """Make a release's page on GitHub, or update it: its model card, and the files attached."""
    from tempfile import TemporaryDirectory

    from tagship.config.root import find_root
    from tagship.gitops import github
    from tagship.gitops.model_card import make_card
    from tagship.gitops.snapshot import fetch_snapshot

    snapshot = fetch_snapshot(find_root())
    card = make_card(snapshot, snapshot.history.release(tag))
    with TemporaryDirectory() as folder:
        contents = {"model-card.md": card.text, "model.lock.yaml": card.lock}
        for name, text in contents.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        files = [*(Path(folder) / name for name in contents), *(attach or ())]
        typer.echo(github.publish_release(card.release, card.title, card.body, files))


@app.command("engine")
def engine(
    answer: Annotated[
        Path, typer.Argument(help="The file of what `tagship update --check --json` printed.")
    ],
) -> None:
    """Keep one issue while the template's newer versions mend something about security."""
    from tagship.gitops import github

    newer = json.loads(answer.read_text(encoding="utf-8"))
    fixes = [f"- {fix.replace('@', '@ ')}" for fix in newer["security"]]
    lines = ["Newer versions of the template mend:", "", *fixes, "", "To have them: `make update`."]
    number, _ = github.find_issue("engine") or (None, None)
    title = f"Security: update the engine to {newer['tag']}"
    typer.echo(github.keep_issue("engine", number, bool(fixes), title, "\n".join(lines)))


@app.command("tags")
def tags(
    answer: Annotated[
        Path, typer.Argument(help="The file of what `verify-deployment --json` printed.")
    ],
) -> None:
    """Keep one issue while a tag is not what it claims."""
    from tagship.cli.output import quoted
    from tagship.gitops import github

    untrue = [
        f"`{tag['name']}`\n\n{quoted(check['problem'])}"
        for tag in json.loads(answer.read_text(encoding="utf-8"))
        for check in tag["checks"]
        if check["problem"]
    ]
    lines = ["`tagship verify-deployment` found what is not true:", *untrue]
    number, _ = github.find_issue("tags") or (None, None)
    title = "Deployment tags that are not what they claim"
    typer.echo(github.keep_issue("tags", number, bool(untrue), title, "\n\n".join(lines)))


@app.command("renewed")
def renewed(
    answer: Annotated[
        Path, typer.Argument(help="The file of what `tagship lock renew --json` printed.")
    ],
    pull_request: Annotated[int, typer.Option(help="The pull request's number.")],
    branch: Annotated[str, typer.Option(help="The pull request's branch.")],
    commit: Annotated[str, typer.Option(help="The commit that was trained.")],
    folder: Annotated[
        Path,
        typer.Option(help="The folder of the renewed files, which lie in it as under config/."),
    ],
) -> None:
    """Commit renewed locks to a pull request's branch, and say which models need a person."""
    from tagship.config.root import find_root
    from tagship.gitops import github
    from tagship.gitops.lock_renewals import commit_renewals, describe_renewals, read_renewals

    renewals = read_renewals(answer)
    pushed = commit_renewals(find_root(), renewals, folder, branch, commit)
    text = describe_renewals(renewals, pushed)
    typer.echo(github.comment(pull_request, "renew", text))
    typer.echo(text)


@app.command("outputs")
def outputs(answer: Answer) -> None:
    """Turn what reconcile or rollback printed into the step's outputs."""
    from tagship.gitops import github

    values = github.outputs(json.loads(answer.read_text(encoding="utf-8")))
    github.write_outputs(values)
    for key, value in values.items():
        typer.echo(f"{key}={value}")
