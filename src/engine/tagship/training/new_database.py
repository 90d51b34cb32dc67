"""A new SQLite database, which MLflow makes in some sixty steps."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Any


@contextmanager
def quick_creation(uri: str) -> Iterator[None]:
    """A context in which a database that is not there yet is made without waiting for the disk in
    each step, which takes many seconds where others use the disk: it waits once, at the end."""
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
