"""PostgreSQL for tests and benchmarks: a real server on 127.0.0.1."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from registries import free_port
from tools import lacking

PASSWORD = "s3cret/p@ss:w0rd"
"""Of the user who reads; its signs would break a URL that it stands in."""


@dataclass(frozen=True)
class Database:
    """A server, and what its owner may do there."""

    port: int
    owner: str

    @property
    def url(self) -> str:
        """What ``data.yaml`` says; the password is in the environment."""
        return f"postgresql://reader:${{DB_PASSWORD}}@127.0.0.1:{self.port}/shop"

    def connect(self) -> "psycopg.Connection[Any]":
        """The owner's connection, which commits each statement."""
        return psycopg.connect(self.owner, autocommit=True)

    def run(self, *statements: str) -> None:
        """Run statements as the owner."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())


def find_binaries() -> Path | None:
    """The folder of the newest server that is installed; Debian keeps it off the path."""
    if path := shutil.which("initdb"):
        return Path(path).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return folders[-1].parent if folders else None


@contextlib.contextmanager
def postgres_server() -> Iterator[Database]:
    """A server with the database ``shop`` and its user ``reader``; it ends with the block."""
    binaries = find_binaries()
    if binaries is None:
        lacking("PostgreSQL is not installed: run `make tools`")
    # It refuses to run as root, and pytest's own folders let no other user in.
    other: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    other = other if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="tagship-postgres-") as folder:
        word = Path(folder) / "word"
        word.write_text("owner")
        if other:
            shutil.chown(folder, other["user"], other["group"])
            shutil.chown(word, other["user"], other["group"])
        data, port = f"{folder}/data", free_port()
        command = [binaries / "initdb", "-D", data, "-U", "owner", f"--pwfile={word}", "-N"]
        command += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **other)
        settings = ("fsync=off", "listen_addresses=127.0.0.1", f"port={port}")
        settings += ("unix_socket_directories=", "max_connections=20")
        command = [binaries / "postgres", "-D", data]
        command += [part for setting in settings for part in ("-c", setting)]
        with Path(folder, "log").open("w") as log:
            process = subprocess.Popen(command, stderr=log, cwd=folder, **other)
        database = Database(port, f"postgresql://owner:owner@127.0.0.1:{port}/postgres")
        try:
            while process.poll() is None:
                with contextlib.suppress(psycopg.OperationalError):
                    database.run("create database shop")
                    break
                time.sleep(0.1)
            assert process.poll() is None, Path(folder, "log").read_text()
            database = Database(port, database.owner.replace("/postgres", "/shop"))
            database.run(
                f"create role reader login password '{PASSWORD}'",
                "grant pg_read_all_data to reader",
            )
            yield database
        finally:
            process.terminate()
            process.wait(60)
