"""``tagship github``: what the workflows ask of GitHub, with gh."""

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="What the workflows ask of GitHub.", no_args_is_help=True)
Answer = Annotated[Path, typer.Argument(help="What a command printed with --json.")]


@app.command("comment")
def comment(
    files: Annotated[list[Path], typer.Argument(help="Markdown; together they are the comment.")],
    pull_request: Annotated[int, typer.Option(help="The pull request's number.")],
    topic: Annotated[str, typer.Option(help="A topic has one comment, which is updated.")],
) -> None:
    """Post a comment on a pull request, or update the one that is there."""
    from tagship.gitops import github

    texts = [path.read_text(encoding="utf-8") for path in sorted(files)]
    typer.echo(github.comment(pull_request, topic, "\n".join(texts)))


@app.command("propose")
def propose(answer: Answer) -> None:
    """Open a pull request for the branch that promote or rollback pushed, once."""
    from tagship.gitops import github

    made = json.loads(answer.read_text(encoding="utf-8"))
    if not made["branch"]:
        return typer.echo("nothing to propose")
    typer.echo(github.propose(made["branch"], made["title"], made["body"]))


@app.command("reviewed")
def reviewed(commit: Annotated[str, typer.Argument(help="A commit of the main branch.")]) -> None:
    """Say which commit was reviewed before a merge, also as the step's output `reviewed`."""
    from tagship.gitops import github

    found = github.reviewed(commit)
    github.write_outputs({"reviewed": found})
    typer.echo(found)


@app.command("outputs")
def outputs(answer: Answer) -> None:
    """Turn what deploy, promote or rollback printed into the step's outputs."""
    from tagship.gitops import github

    values = github.outputs(json.loads(answer.read_text(encoding="utf-8")))
    github.write_outputs(values)
    for key, value in values.items():
        typer.echo(f"{key}={value}")
