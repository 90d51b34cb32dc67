"""Pieces of work that do not wait for each other, and what runs them."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tagship.config.project import Dask
from tagship.config.project_files import load_project
from tagship.errors import TagshipError

if TYPE_CHECKING:
    from tagship.compute.dask_cluster import DaskCluster

ADDRESS = "DASK_SCHEDULER_ADDRESS"
Say = Callable[[str], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


class ClusterLost(TagshipError):
    """The cluster is gone, and with it every piece of work."""


class Local:
    """This process, one piece after the other as they are asked for."""

    def share(self, value: Any) -> Any:
        """What all pieces have in common, as ``map`` takes it."""
        return value

    def map(
        self, function: Callable[[Any, Item], Result], shared: Any, items: Iterable[Item]
    ) -> Iterator[Result]:
        """``function(shared, item)`` for each item, in their order."""
        return (function(shared, item) for item in items)


Compute: TypeAlias = "Local | DaskCluster"
LOCAL = Local()


@contextmanager
def open_compute(root: Path, say: Say) -> Iterator[Compute]:
    """What ``compute`` of project.yaml asks for, or the scheduler that ``ADDRESS`` names.

    Raises:
        TagshipError: the scheduler cannot be reached, or its workers have other versions.
    """
    setting = load_project(root).compute
    if setting == "local" or (setting is None and not os.environ.get(ADDRESS)):
        yield LOCAL
        return
    from tagship.compute.dask_cluster import connect

    with connect(Dask() if setting is None else setting.dask, root, say) as cluster:
        yield cluster
