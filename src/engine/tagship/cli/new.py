"""``tagship new``: a model for your own table."""

from typing import TYPE_CHECKING, Annotated

import typer

from tagship.cli.options import Json

if TYPE_CHECKING:
    from tagship.config.project_files import ModelFiles
    from tagship.data.table import Table
    from tagship.new_model.draft import Draft


def command(
    name: Annotated[str, typer.Argument(help="The name of the new model.")],
    data: Annotated[
        str,
        typer.Option(
            help="The table: a file (csv, Excel, Parquet, Arrow, ORC, Avro, JSON) or its URL."
        ),
    ],
    target: Annotated[str, typer.Option(help="The column to predict.")],
    task: Annotated[
        str | None,
        typer.Option(help="The task: binary, multiclass or regression; guessed when absent."),
    ] = None,
    positive: Annotated[
        str | None, typer.Option(help="The positive label; guessed when absent.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="The column that names a row; guessed when absent.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="The csv file's encoding, where it is not UTF-8.")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="Whether the first row names the columns of text; asked where it is unclear.",
        ),
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(help="The workbook's sheet, where several have cells.")
    ] = None,
    day_first: Annotated[
        bool | None,
        typer.Option(
            "--day-first/--month-first",
            help="The order of day and month in dates; asked when both are possible.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a model for your own table: infer its contract, candidates, gates and bento."""
    from dataclasses import asdict, replace
    from pathlib import Path
    from typing import cast

    from tagship.cli.models import LOADING, announce

    announce(LOADING)
    from tagship.cli.output import as_json
    from tagship.config.model import Task
    from tagship.config.project_files import load_project
    from tagship.config.root import find_root
    from tagship.new_model.add_model import add_model, declared_boosters, refuse_taken
    from tagship.new_model.draft import Wishes, draft_model
    from tagship.new_model.file_texts import model_files, thresholds_yaml
    from tagship.new_model.overlays import overlay_files
    from tagship.new_model.proved_gates import prove_gates
    from tagship.new_model.table_file import read_table, with_nulls

    root = find_root()
    refuse_taken(root, name)
    reading = read_table(data, root, Path.cwd(), encoding, header, sheet)
    wishes = Wishes(cast(Task | None, task), positive, id_column)
    draft = draft_model(reading.frame, target, wishes, reading.decimal, reading.text, day_first)
    checks = [*reading.remarks, *draft.checks]  # what the gates say comes to it, too
    draft = replace(draft, libraries=declared_boosters(root), checks=checks)
    source = with_nulls(reading.source, draft.nulls)
    files = model_files(name, source, draft) + overlay_files(load_project(root), name)

    def revise(model: "ModelFiles", table: "Table") -> dict[str, str]:
        proved, remarks = prove_gates(model, table, draft)
        checks.extend(remarks)
        return {f"config/{name}/thresholds.yaml": thresholds_yaml(proved)}

    add_model(root, name, files, revise)
    if json:
        guessed = [asdict(remark) for remark in draft.remarks]
        wrote = [path for path, _ in files]
        return as_json({"model": name, "guesses": guessed, "check": draft.checks, "written": wrote})
    size = f"{draft.rows:,} rows, {len(reading.frame.columns)} columns"
    typer.echo(f"{name}: {size} of {data}\n")
    typer.echo("\n".join(_summary(draft)))
    if Path(source.path).is_absolute() or source.path.startswith("../"):
        typer.echo(f"  · {source.path} lies outside the repository: no other machine will find it")
    folders = dict.fromkeys("/".join(path.split("/")[:2]) + "/" for path, _ in files)
    typer.echo(f"\nwrote {', '.join(folders)}")
    typer.echo(f"next: tagship run {name}")


def _summary(draft: "Draft") -> list[str]:
    rows = [(r.what, r.guess, r.why) for r in draft.remarks]
    width = max(len(guess) for _, guess, _ in rows)
    lines = [f"{what:<10}{guess:<{width}}  {why}" for what, guess, why in rows]
    checks = ["ranges and shares in data.yaml carry slack: tighten what you know better"]
    checks = [*draft.checks, *checks]
    return [*lines, "", "check", *(f"  · {check}" for check in checks)]
