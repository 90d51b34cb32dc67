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
    from dataclasses import replace
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
    from tagship.new_model.gate_limits import prove_gates
    from tagship.new_model.overlays import overlay_files
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
    if not exists:
        add_model(root, name, files, revise)
        paths = [path for path, _ in files]
        if json:
            return as_json(_plain(name, draft, paths))
        size = f"{draft.rows:,} rows, {len(reading.frame.columns)} columns"
        typer.echo(f"{name}: {size} of {data}\n")
        return typer.echo(_summary(name, draft, source.path, paths))
    changes = compare_model(root, name, files, revise)
    for path, (_, text) in changes.items() if write else ():
        write_atomically(root / path, text)
    if json:
        return as_json({"model": name, "changes": list(changes), "written": write})
    return typer.echo(_difference(name, changes, write))


def _plain(name: str, draft: "Draft", paths: list[str]) -> dict[str, object]:
    from dataclasses import asdict

    guesses = [asdict(remark) for remark in draft.remarks]
    return {"model": name, "guesses": guesses, "check": draft.checks, "written": paths}


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


def _summary(name: str, draft: "Draft", source: str, paths: list[str]) -> str:
    """What was guessed and why, what a person should look at, and what was written."""
    from pathlib import Path

    width = max(len(remark.guess) for remark in draft.remarks)
    lines = [f"{r.what:<10}{r.guess:<{width}}  {r.why}" for r in draft.remarks]
    checks = [
        *draft.checks,
        "ranges and shares in data.yaml carry slack: tighten what you know better",
    ]
    if Path(source).is_absolute() or source.startswith("../"):
        checks.append(f"{source} lies outside the repository: no other machine will find it")
    folders = dict.fromkeys("/".join(path.split("/")[:2]) + "/" for path in paths)
    lines += ["", "check", *(f"  · {check}" for check in checks)]
    return "\n".join([*lines, "", f"wrote {', '.join(folders)}", f"next: tagship run {name}"])
