"""How files got their contents on a branch."""

from dataclasses import dataclass
from datetime import UTC, datetime

from tagship.gitops.git import Git


@dataclass(frozen=True)
class FileChange:
    """A commit of a branch by which one path got another content."""

    path: str
    commit: str
    when: datetime
    author: str
    subject: str
    before: str
    """The hash of the content before; zeros where there was none."""
    after: str


def file_changes(git: Git, commit: str, paths: str) -> list[FileChange]:
    """How the paths of a pattern got their contents on a branch, oldest first, in one call."""
    form = ("--raw", "--no-abbrev", "--no-renames", "--format=%x00%H%x00%ct%x00%an%x00%s")
    way = ("--reverse", "--first-parent", "--diff-merges=first-parent")
    fields = git.run("log", *way, *form, commit, "--", paths).split("\0")[1:]
    changes = []
    for at in range(0, len(fields), 4):
        name, date, author, rest = fields[at : at + 4]
        subject, *listed = rest.splitlines()
        for line in (line for line in listed if line.startswith(":")):
            said, _, path = line.partition("\t")
            before, after = said.split()[2:4]
            when = datetime.fromtimestamp(int(date), UTC)
            changes.append(FileChange(path, name, when, author, subject, before, after))
    return changes
