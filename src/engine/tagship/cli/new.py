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
    write: Annotated[
        bool, typer.Option("--write", help="Change the files of a model that is there already.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a model for your own table: infer its contract, candidates, gates and bento.

    For a model that is there already, show what this table would change of its files.
    """
    from dataclasses import asdict, replace
    from pathlib import Path
    from typing import cast

    from tagship.cli.models import LOADING, announce, progress

    announce(LOADING)
    from tagship.cli.output import as_json
    from tagship.config.model import Task
    from tagship.config.project_files import load_project
    from tagship.config.root import check_model_name, find_root
    from tagship.files import write_atomically
    from tagship.new_model.add_model import add_model, compare_model, declared_boosters
    from tagship.new_model.draft import Wishes, draft_model
    from tagship.new_model.file_texts import model_files, thresholds_yaml
    from tagship.new_model.overlays import overlay_files
    from tagship.new_model.proved_gates import prove_gates
    from tagship.new_model.table_file import read_table, with_nulls

    root = find_root()
    check_model_name(name)
    exists = (root / "config" / name).exists()
    say = progress(name, err=True)
    say(f"reading {data}")
    reading = read_table(data, root, Path.cwd(), encoding, header, sheet)
    say(f"guessing what {len(reading.frame.columns)} columns are")
    wishes = Wishes(cast(Task | None, task), positive, id_column, day_first)
    draft = draft_model(reading.frame, target, wishes, reading.decimal, reading.text)
    checks = [*reading.remarks, *draft.checks]  # what the gates say comes to it, too
    draft = replace(draft, libraries=declared_boosters(root), checks=checks)
    source = with_nulls(reading.source, draft.nulls)
    files = model_files(name, source, draft) + overlay_files(load_project(root), name)

    def revise(model: "ModelFiles", table: "Table") -> dict[str, str]:
        proved, remarks = prove_gates(model, table, draft, say)
        checks.extend(remarks)
        return {f"config/{name}/thresholds.yaml": thresholds_yaml(proved)}

    say("checking the contract against the table")
    if exists:
        changes = compare_model(root, name, files, revise)
        for path, (_, text) in changes.items() if write else ():
            write_atomically(root / path, text)
        if json:
            return as_json({"model": name, "changes": list(changes), "written": write})
        typer.echo(_difference(name, changes, write))
        return None
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
    return None


def _difference(name: str, changes: dict[str, tuple[str, str]], written: bool) -> str:
    """What would change of a model that is there already, as `git diff` shows it."""
    from difflib import unified_diff

    if not changes:
        return f"{name}: its files say what this table says: nothing changes"
    lines: list[str] = []
    for path, (before, after) in changes.items():
        texts = [[f"{line}\n" for line in text.splitlines()] for text in (before, after)]
        lines += unified_diff(texts[0], texts[1], f"a/{path}", f"b/{path}")
    way = f"written; take over what is right with `git add -p config/{name}`"
    if not written:
        way = f"{name} is there already and is left as it is; --write changes its files"
    return "".join(lines) + f"\n{way}"


def _summary(draft: "Draft") -> list[str]:
    rows = [(r.what, r.guess, r.why) for r in draft.remarks]
    width = max(len(guess) for _, guess, _ in rows)
    lines = [f"{what:<10}{guess:<{width}}  {why}" for what, guess, why in rows]
    checks = ["ranges and shares in data.yaml carry slack: tighten what you know better"]
    checks = [*draft.checks, *checks]
    return [*lines, "", "check", *(f"  · {check}" for check in checks)]
