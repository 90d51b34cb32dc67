"""MLflow's store: a client of it, its failures explained, and a new database made quickly.

It is ``sqlite:///mlflow.db`` in the repository until ``MLFLOW_TRACKING_URI`` says otherwise.
"""

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Any

from tagship.config.root import tracking_uri
from tagship.errors import TagshipError
from tagship.files import explain_os_error

_ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")


@contextmanager
def mlflow_client(root: Path) -> Iterator[Any]:
    """A client of the tracking store, with its many kinds of failure explained as one."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It prints a traceback of what is raised, and explained below, anyway.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

    declared = {name: os.environ.get(name) for name in _ADDRESSES}
    uri = tracking_uri(root)
    shown = uri.rpartition("@")[2] if "@" in uri else uri
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        with _quick_creation(uri):
            client = mlflow.MlflowClient(uri, registry_uri=uri)
        yield client
    except (MlflowException, SQLAlchemyError, OSError) as error:
        if isinstance(error, OSError) and error.filename and error.errno != errno.ENOSPC:
            raise explain_os_error(
                error, Path(error.filename)
            ) from None  # not an error of the store
        text = str(error).strip().splitlines()
        reason = text[0][:300] if text else type(error).__name__
        plain_reasons = ("connection refused", "database is locked", "database or disk is full")
        reason = next((plain for plain in plain_reasons if plain in str(error).lower()), reason)
        hint = "is the MLflow server up? Look at MLFLOW_TRACKING_URI"
        if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "disk is full" in reason:
            reason, hint = "the disk is full", "free some space and run again"
        elif "is not a database" in reason:
            hint = "it is damaged: move it away, and the next run makes a new one"
        elif uri.startswith("sqlite"):
            hint = "another program may hold the database, or the disk may be full; run again"
        raise TagshipError(f"MLflow at {shown}: {reason}", hint) from None
    finally:
        # Both settings are global, and set for child processes: leave none for a later project.
        mlflow.set_tracking_uri("")
        mlflow.set_registry_uri("")
        for name, value in declared.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def check_tracking(root: Path) -> None:
    """Fail before training rather than after, when the store cannot be reached.

    Raises:
        TagshipError: it cannot.
    """
    with mlflow_client(root) as client:
        client.search_experiments(max_results=1)


@contextmanager
def _quick_creation(uri: str) -> Iterator[None]:
    """A context in which a new SQLite database is made without waiting for the disk in each of some
    sixty steps, which takes many seconds where others use the disk: it waits once, at the end."""
    from sqlalchemy import Engine, event, make_url

    file = make_url(uri).database if uri.startswith("sqlite:") else None
    if not file or Path(file).exists():
        yield
        return
    connections: list[Any] = []

    def wait_for_nothing(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        connections.append(connection)

    event.listen(Engine, "connect", wait_for_nothing)
    try:
        yield
    finally:
        event.remove(Engine, "connect", wait_for_nothing)
        for connection in connections:
            with suppress(ProgrammingError):  # it is closed
                connection.execute("PRAGMA synchronous = FULL")
    with Path(file).open("rb+") as written:
        os.fsync(written.fileno())
