"""Pieces of work as tasks of a Dask cluster; Dask runs those of a lost worker on another one."""

import importlib.util
import logging
import os
import platform
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from tagship.compute.tasks import ADDRESS, ClusterLost, Say
from tagship.config.project import Dask
from tagship.config.root import offer_own_code, project_here
from tagship.errors import TagshipError
from tagship.sources.fetching import expand, without_password

_PATIENCE = "10s"
_LIBRARIES = (
    "tagship", "distributed", "numpy", "pandas", "pyarrow", "scikit-learn", "scipy", "skl2onnx",
    "onnx", "onnxruntime", "xgboost-cpu", "lightgbm",
)  # fmt: skip
_START = (
    "start it: `dask scheduler` and, in the project, `dask worker ADDRESS`; or `compute: local`"
)
_AGAIN = "run the command again once there is a scheduler; nothing was written"

Packed = tuple[dict[str, Any], list[bytes]]
Item = TypeVar("Item")
Result = TypeVar("Result")


class DaskCluster:
    """A cluster that takes tasks."""

    def __init__(self, client: Any, name: str, root: Path) -> None:
        self._client, self._name = client, name
        self._place = (str(root), versions())

    @property
    def threads(self) -> int:
        """How many tasks run at once, as workers come and go."""
        with self._explain_errors():
            threads: int = sum(self._client.nthreads().values())
        return max(1, threads)

    def share(self, value: Any) -> Any:
        """What all tasks have in common, as ``start`` and ``map`` take it.

        It goes through the scheduler, which gives it to another worker when one is lost.
        """
        return self._submit(_SharedValue, _pack(value))

    def start(self, function: Callable[[Any, Item], Result], shared: Any, item: Item) -> Any:
        """Begin ``function(shared, item)``; ``wait`` gives what came of it."""
        return self._submit(_call, *self._place, function, shared, _pack(item))

    def wait(self, task: Any) -> Any:
        """The result of a task.

        Raises:
            TagshipError: it refuses, ended its workers, or the scheduler is lost.
        """
        with self._explain_errors():
            return task.result()

    def end(self, task: Any) -> None:
        """Cancel a task, with the process of the worker that runs it: Python ends no thread."""
        with suppress(Exception):  # the scheduler may be the one that is gone
            running = self._client.processing()
            workers = [worker for worker, keys in running.items() if task.key in keys]
            task.cancel(force=True)
            self._client.restart_workers(workers, raise_for_error=False)

    def map(
        self, function: Callable[[Any, Item], Result], shared: Any, items: Iterable[Item]
    ) -> Iterator[Result]:
        """``function(shared, item)`` for each item, in their order; at most twice as many tasks as
        threads are in flight.

        Raises:
            TagshipError: as ``wait``.
        """
        waiting: deque[Any] = deque()
        try:
            for item in items:
                waiting.append(self.start(function, shared, item))
                if len(waiting) > 2 * self.threads:
                    yield self.wait(waiting.popleft())
            while waiting:
                yield self.wait(waiting.popleft())
        finally:
            if waiting and self._client.status == "running":
                self._client.cancel(list(waiting))

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        with self._explain_errors():
            return self._client.submit(function, *arguments, pure=False)

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError

        try:
            yield
        except KilledWorker as error:
            last = getattr(error.last_worker, "address", error.last_worker)
            raise TagshipError(
                f"compute: a task ended each worker that took it, the last one {last}: was it out"
                " of memory?",
                "give the workers more memory, or run it with `compute: local`",
            ) from None
        except TagshipError:
            raise
        except Exception as error:
            if self._client.status != "running":
                message = f"compute: the scheduler of {self._name} is gone"
                raise ClusterLost(message, _AGAIN) from None
            if isinstance(error, FutureCancelledError | CommClosedError):
                message = f"compute: {self._name} dropped the work: {error}"
                raise ClusterLost(message, _AGAIN) from None
            raise


@contextmanager
def connect(dask: Dask, root: Path, say: Say) -> Iterator[DaskCluster]:
    """The cluster of a scheduler, or one of processes on this machine, for as long as it is used.

    Raises:
        TagshipError: it cannot be reached, has no workers, or they are of other versions; or Dask
            is not installed.
    """
    if importlib.util.find_spec("distributed") is None:
        raise TagshipError("compute: the library Dask is missing", 'uv add "tagship[dask]"')
    import dask as library
    from distributed import Client

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is said here

    # What all tasks share goes through the scheduler on purpose: see DaskCluster.share.
    large = {"distributed.admin.large-graph-warning-threshold": "1TB"}
    with library.config.set(large), _scheduler(dask) as (address, name):
        try:
            client = Client(address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:  # the last for TLS without certificates
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise TagshipError(
                f"compute: no Dask scheduler answers at {name}: {reason}", _START
            ) from None
        with client:
            _check_workers(client, name)
            workers = client.nthreads()
            say(
                f"on Dask: {name}, {len(workers)} workers, {sum(workers.values())} threads;"
                f" its page: {client.dashboard_link}"
            )
            yield DaskCluster(client, name, root)


@contextmanager
def _scheduler(dask: Dask) -> Iterator[tuple[Any, str]]:
    """What a client connects to, and its name."""
    if dask.workers is None:
        address = expand(dask.scheduler or os.environ.get(ADDRESS, ""), "compute.dask.scheduler")
        if not address:
            raise TagshipError(
                "compute.dask: it names no scheduler and no workers",
                f"write `scheduler: tcp://…` or `workers: 2`, or set {ADDRESS}",
            )
        yield address, without_password(address)
        return
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=dask.workers,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster, f"{dask.workers} processes of this machine"


def versions() -> dict[str, str]:
    """What must be the same on both sides, so that the same comes out: Python and libraries."""
    installed = {"python": ".".join(platform.python_version_tuple()[:2])}
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            installed[name] = metadata.version(name)
    return installed


def _check_workers(client: Any, name: str) -> None:
    from distributed.comm.core import CommClosedError

    own_versions = versions()
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
        worker_versions: dict[str, Any] = client.run(versions, on_error="return")
        _check_versions(f"the scheduler {name}", own_versions, client.run_on_scheduler(versions))
    except TimeoutError:
        raise TagshipError(f"compute: {name} has no workers", _START) from None
    except (OSError, CommClosedError, ImportError) as error:
        raise TagshipError(
            f"compute: {name} cannot be asked for its versions: {error}", _START
        ) from None
    for worker, answer in worker_versions.items():
        if isinstance(answer, Exception):
            raise TagshipError(
                f"compute: the worker {worker} cannot run this project: {answer}",
                "start it with the project's own environment: `uv run dask worker …`",
            )
        _check_versions(f"the worker {worker}", own_versions, answer)


def _check_versions(place: str, expected: Mapping[str, str], installed: Mapping[str, str]) -> None:
    different = [
        f"{name} {installed.get(name, 'missing')} (here {expected[name]})"
        for name in expected
        if installed.get(name) != expected[name]
    ]
    if different:
        raise TagshipError(
            f"compute: {place} has other versions: {', '.join(different)}",
            "start it with the project's own environment, made from the same uv.lock",
        )


def _pack(value: Any) -> Packed:
    """A value as bytes: the scheduler would have to import what it is made of."""
    from distributed.protocol import serialize

    header, frames = serialize(value)
    return header, [bytes(frame) for frame in frames]


def _unpack(packed: Packed) -> Any:
    from distributed.protocol import deserialize

    return deserialize(*packed)


class _SharedValue:
    """A value of all tasks. Workers hand it to each other as it was sent, not as they hold it."""

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._values: list[Any] = []
        self._lock = Lock()

    def __reduce__(self) -> tuple[type["_SharedValue"], tuple[Packed]]:
        return _SharedValue, (self._packed,)

    def value(self) -> Any:
        """What was shared, made once in a process."""
        with self._lock:
            if not self._values:
                self._values.append(_unpack(self._packed))
        return self._values[0]


def _call(
    root: str,
    expected_versions: dict[str, str],
    function: Callable[[Any, Any], Any],
    shared: _SharedValue,
    item: Packed,
) -> Any:
    """A task, on a worker: one that came late has not been asked for its versions."""
    _prepare(root, tuple(expected_versions.items()))
    return function(shared.value(), _unpack(item))


@lru_cache(maxsize=64)
def _prepare(root: str, expected_versions: tuple[tuple[str, str], ...]) -> None:
    from distributed import get_worker

    _check_versions(f"the worker {get_worker().address}", dict(expected_versions), versions())
    try:
        home = project_here(Path(root))
    except TagshipError:  # without own code, a worker needs no project
        return
    offer_own_code(home)
    _refuse_other_code(home / "src")


def _refuse_other_code(code: Path) -> None:
    """A process holds one package of a name, and this one has worked for another project."""
    for package in code.glob("*/__init__.py"):
        imported = sys.modules.get(package.parent.name)
        if imported is not None and not Path(str(imported.__file__)).is_relative_to(code):
            raise TagshipError(
                f"compute: a worker has the code of another project: {imported.__file__}",
                "start its workers again, or others for this project",
            )
