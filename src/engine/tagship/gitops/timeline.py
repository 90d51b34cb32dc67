"""What each environment ran, and when: a branch to which a scheduled job appends.

Dates in tags are whatever their maker says. This branch is written by a job of the default branch,
so the times in it are the job's; what ran between two of its entries is known by its numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tagship.documentation import page
from tagship.errors import TagshipError
from tagship.gitops.append_only_branch import append_files
from tagship.gitops.history import Deployment
from tagship.gitops.snapshot import Snapshot
from tagship.gitops.tags import highest_numbers, parse_seen, seen_lines

BRANCH = "tagship/heads"
_NAME = "%Y-%m-%dT%H-%M-%SZ"


@dataclass(frozen=True)
class TimelineEntry:
    """The highest deployment of each environment at a time: its tag → its tag object."""

    when: datetime
    tags: dict[str, str]

    def missing_tags(self, tag_objects: Mapping[str, str]) -> dict[str, str]:
        """The tags that were deleted or moved since → a message about each."""
        message = f"it stood there on {self.when:%Y-%m-%d %H:%M}, and is deleted or moved since"
        return {
            name: message
            for name, tag_object in self.tags.items()
            if tag_objects.get(name) != tag_object
        }


def append_to_timeline(snapshot: Snapshot, now: datetime) -> str:
    """Append the highest deployments of now; gives the commit."""
    name = now.astimezone(UTC).strftime(_NAME)
    text = seen_lines(snapshot.history.newest_objects())
    return append_files(snapshot.git, BRANCH, {f"{name[:7]}/{name}": text}, f"heads at {name}\n")


def read_timeline(snapshot: Snapshot) -> list[TimelineEntry]:
    """Every entry, oldest first; none when there is no such branch."""
    commit = snapshot.remote.heads.get(BRANCH)
    if commit is None:
        return []
    snapshot.git.fetch(commit)
    entries = []
    for path in sorted(path for path, _ in snapshot.git.listing(f"{commit}^{{tree}}")):
        try:
            when = datetime.strptime(path.rpartition("/")[2], _NAME).replace(tzinfo=UTC)
        except ValueError:
            continue
        entries.append(TimelineEntry(when, parse_seen(snapshot.git.show(commit, path) or "")))
    return entries


def ran_at(
    entries: list[TimelineEntry], snapshot: Snapshot, model: str, environment: str, when: datetime
) -> list[Deployment]:
    """What an environment ran at a time; several where it changed between two entries.

    Raises:
        TagshipError: there is no entry before that time, or what stood there is deleted or moved.
    """
    earlier = [entry for entry in entries if entry.when <= when]
    later = [entry for entry in entries if entry.when > when]
    if not earlier:
        beginning = (
            f"its first entry is of {later[0].when:%Y-%m-%d %H:%M} UTC" if later else "it is empty"
        )
        raise TagshipError(
            f"{model} {environment}: what ran at {when:%Y-%m-%d %H:%M} cannot be known: the branch"
            f" {BRANCH} tells it, and {beginning}",
            f"the workflow audit.yml appends to it: {page('how-to/rollback')}",
        )
    history = snapshot.history.deployments_of(model, environment)
    tag_objects = {deployment.name: deployment.raw.object for deployment in history}
    for name, problem in earlier[-1].missing_tags(tag_objects).items():
        if name.startswith(f"{model}/{environment}/"):
            tag_object = earlier[-1].tags[name]
            raise TagshipError(
                f"{name}: {problem}",
                "to restore it from a clone that has it:"
                f" git push origin {tag_object}:refs/tags/{name}",
            )
    series, last_number = (model, environment), history[-1].number if history else 0
    start = highest_numbers(earlier[-1].tags).get(series, 0)
    end = highest_numbers(later[0].tags).get(series, 0) if later else last_number
    return [deployment for deployment in history if start <= deployment.number <= end]
