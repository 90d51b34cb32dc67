"""The folder of a site: written beside the one that is there, and swapped as a whole."""

import tempfile
from pathlib import Path

from tagship.errors import TagshipError
from tagship.files import explain_os_error, write_atomically
from tagship.site.document import Site

DOCUMENT = "site.json"


def replace_site(
    site: Site, folder: Path, reports: Path | None = None, live: bool = False
) -> list[Path]:
    """Write the document and its pages, and say which files there are.

    Raises:
        TagshipError: what is there is no site, or the folder cannot be written; it is then as it
            was.
    """
    folder = folder.absolute()
    _refuse_other(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
            new = Path(beside) / "new"
            written = _write(site, new, reports, live)
            if folder.exists():
                folder.rename(Path(beside) / "old")
            try:
                new.rename(folder)
            except OSError:
                if (Path(beside) / "old").exists():
                    (Path(beside) / "old").rename(folder)
                raise
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return sorted(folder / path.relative_to(new) for path in written)


def _write(site: Site, folder: Path, reports: Path | None, live: bool) -> list[Path]:
    from tagship.site.pages import write_site

    path = folder / DOCUMENT
    write_atomically(path, site.model_dump_json() + "\n")
    return [path, *write_site(site, folder, reports, live)]


def _refuse_other(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise TagshipError(f"{folder}: there is something that is no folder", "name another")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names and (DOCUMENT not in names or names & {".git", "config"}):
        raise TagshipError(
            f"{folder}: this folder holds something else than a site, and would be replaced",
            "name another with --output, or remove it yourself",
        )
