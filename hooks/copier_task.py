"""What Copier runs: the same as the hooks of cookiecutter, and its own link for updates."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if sys.version_info < (3, 11):  # noqa: UP036 - the user's Python, not the project's
    sys.exit(f"error: Python {sys.version.split()[0]} runs this; a project needs 3.11 or later")
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))

from hooks.answers import Answers, problems  # noqa: E402
from hooks.closing import closing_message, say  # noqa: E402
from hooks.copying import File, is_yours, project_files  # noqa: E402
from hooks.cruft_link import without_secrets  # noqa: E402
from hooks.tracked_files import TemplateError  # noqa: E402


def main(given: str, link: str, operation: str) -> None:
    """Fill the current folder: what is a project's own there stays, and nothing is overwritten.

    An update may overwrite: Copier merges what it finds afterwards.
    """
    target, asked = Path.cwd(), json.loads(given)
    with suppress(OSError):
        (target / "src").rmdir()  # copier.yml says what for; one with files stays
    answers = Answers.read(asked)
    if found := problems(answers, ROOT):
        sys.exit("\n".join(f"error: {problem}" for problem in found))
    try:
        files = {**project_files(ROOT, answers), **_rendered(asked)}
    except TemplateError as error:
        sys.exit(f"error: {error}")
    is_update = operation == "update" and (target / ".git").exists()
    if is_update:
        files = {path: file for path, file in files.items() if not is_yours(ROOT, path)}
    elif operation == "copy":
        files = _without_those_here(target, files)
    for path, file in files.items():
        file.write(target / path)
    _write_link(target, json.loads(link))
    if operation == "copy":
        say(closing_message(answers, target.name))


def _rendered(asked: Mapping[str, object]) -> dict[str, File]:
    """The files that a project gets in another form; Copier brings Jinja."""
    from jinja2 import Environment, StrictUndefined

    jinja = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
    folder, files = ROOT / "{{cookiecutter.project_slug}}", {}
    for path in sorted(folder.iterdir()):
        text = jinja.from_string(path.read_text(encoding="utf-8")).render(cookiecutter=asked)
        files[path.name] = File(text.encode(), path)
    return files


def _without_those_here(target: Path, files: dict[str, File]) -> dict[str, File]:
    """What is to be written; refuse if another file, or a file for a folder, is in the way."""
    kept = [path for path in files if is_yours(ROOT, path) and (target / path).exists()]
    files = {path: file for path, file in files.items() if path not in kept}
    differ = []
    for path, file in files.items():
        folder = next(above for above in (target / path).parents if above.exists())
        there = (target / path).exists() or (target / path).is_symlink()
        if not folder.is_dir() or (there and not file.is_at(target / path)):
            differ.append(path)
    if differ:
        more = f" and {len(differ) - 20} more" if len(differ) > 20 else ""
        sys.exit(
            f"error: {target} holds other files by these names: {', '.join(differ[:20])}{more}\n"
            "nothing was written: take a new folder, or move them away;"
            " a project is brought up to date by `copier update`"
        )
    return files


def _write_link(target: Path, link: dict[str, object]) -> None:
    link["_src_path"] = without_secrets(str(link["_src_path"]))
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in
             sorted(link.items())]  # fmt: skip
    text = "\n".join(["# Written by Copier: `copier update` needs it.", *lines])
    (target / ".copier-answers.yml").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
