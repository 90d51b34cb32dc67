"""``tagship drift``: compare what a model sees now with its training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.models import LOADING, Model, announce, progress
from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.config.project_files import ModelFiles
    from tagship.monitoring.verdicts import DriftVerdict
    from tagship.training.reference import Reference


def command(
    model: Model,
    current: Annotated[
        str | None,
        typer.Option(
            help="What the model sees now: a folder or URL of prediction logs (by default what"
            " `tagship serve` logged here), a table (csv, Excel, Parquet, JSON and so on), a folder"
            " or glob of Parquet, or its URL, or a database's URL for --query."
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="Read this query's rows from the database at --current.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Take rows from here on: 24h or 7d ago, or an ISO 8601 time (UTC)."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Take rows before this: 24h or 7d ago, or an ISO 8601 time (UTC)."),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(help="Compare with this release's training, and take its log lines only."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Also write Evidently's report to this file; needs the extra `monitor`."),
    ] = None,
    json: Json = False,
) -> None:
    """Compare what a model sees now with its training, by the drift section of thresholds.yaml.

    The exit code is 0 for ok, 3 for drift, 4 for too little data and 5 for a warning.
    """
    announce(LOADING)
    from tagship.cli.exit_codes import OF_STATUS
    from tagship.cli.output import as_json
    from tagship.cli.times import parse_time
    from tagship.compute.tasks import open_compute
    from tagship.config.project_files import load_model
    from tagship.config.root import find_root
    from tagship.documentation import page
    from tagship.errors import TagshipError
    from tagship.monitoring.drift import judge_drift
    from tagship.monitoring.drift_input import Selection, read_current
    from tagship.monitoring.evidently_report import check_evidently, write_html

    files = load_model(find_root(), model)
    if html is not None:
        check_evidently()
    if current == "":
        raise TagshipError("--current: it is empty", "name a folder, file or URL, or leave it out")
    if query is not None and current is None:
        raise TagshipError("--query: of which database?", "give its URL as --current")
    drift = files.thresholds.drift
    if drift is None:
        raise TagshipError(
            f"{files.folder / 'thresholds.yaml'}: {model} declares no drift",
            "add `drift: {method: psi, warn_above: 0.1, fail_above: 0.2}`"
            f" ({page('how-to/drift')})",
        )
    selection = Selection(
        where=current or str(files.root / ".tagship" / "predictions" / model),
        named=current is not None,
        query=query,
        since=parse_time(since, "--since"),
        until=parse_time(until, "--until"),
        release=release,
    )
    if selection.since and selection.until and selection.since >= selection.until:
        raise TagshipError(f"--since {since} is not before --until {until}")
    reference = _reference(files, release)
    with open_compute(files.root, progress("compute", err=True)) as compute:
        current_rows = read_current(files, reference, selection, compute)
    verdict = judge_drift(reference, drift, current_rows)
    if html is not None and current_rows.rows:
        write_html(html, reference, drift, current_rows, verdict)
    if json:
        as_json(verdict.to_json())
    else:
        _show(verdict)
        if html is not None and current_rows.rows:
            typer.echo(f"wrote {html}")
    if code := OF_STATUS[verdict.status]:
        raise typer.Exit(code)


def _reference(files: "ModelFiles", release: str | None) -> "Reference":
    from tagship.errors import TagshipError
    from tagship.gitops.git import Git
    from tagship.gitops.refs import MIRROR
    from tagship.monitoring.running_models import local_reference, released_reference

    if release is None:
        return local_reference(files)
    if not release.startswith(f"{files.name}/v"):
        raise TagshipError(
            f"--release: '{release}' is no release of {files.name}", f"such as {files.name}/v1.2.0"
        )
    git = Git(files.root)
    commit = git.resolve(f"{MIRROR}{release}") or git.resolve(f"refs/tags/{release}")
    if commit is None:
        raise TagshipError(f"--release: this clone has no tag '{release}'", "git fetch --tags")
    return released_reference(lambda path: git.show(commit, path), files.name, release)


def _show(verdict: "DriftVerdict") -> None:
    from tagship.cli.output import table
    from tagship.formatting import brief

    symbols = {"fail": "✗", "warn": "!", "ok": "✓"}
    thinned = f", one in {brief(verdict.one_in)}" if verdict.one_in != 1 else ""
    counted = "" if verdict.status == "no data" else f" ({verdict.rows:,} rows{thinned})"
    typer.echo(f"{verdict.model}: {verdict.status}: {verdict.reason}{counted}")
    rows = [
        (
            symbols.get(f.status, " "),
            f.column,
            f.check,
            f.method,
            (
                "not computed"
                if f.value is None and f.method
                else "" if f.value is None else brief(f.value)
            ),
            f.limit,
            f.detail,
        )
        for f in verdict.findings
    ]
    if rows:
        table((" ", "column", "what", "method", "value", "limit", ""), rows)
    if len(verdict.windows) > 1:
        typer.echo("")
        table(
            (" ", "window", "rows", "failed"),
            [
                (
                    symbols.get(w.status, " "),
                    f"{(w.since or '')[:19]} to {(w.until or '')[:19]}",
                    f"{w.rows:,}",
                    ", ".join(w.failed[:6]),
                )
                for w in verdict.windows
            ],
        )
    if verdict.skipped:
        counts = ", ".join(f"{count:,} {why}" for why, count in sorted(verdict.skipped.items()))
        typer.echo(f"\nlog lines left out: {counts}")
