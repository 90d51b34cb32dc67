"""A real S3 server on 127.0.0.1, with buckets that keep versions and such that do not."""

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from registries import free_port
from tools import lacking

KEY, SECRET = "tester", "a-secret-of-the-tests"


@dataclass(frozen=True)
class ObjectStore:
    """Where the server answers, and a client that fills it."""

    address: str
    client: Any

    def environment(self, **changed: str) -> dict[str, str]:
        """The variables by which a process reaches it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            **changed,
        }

    def use(self, monkeypatch: pytest.MonkeyPatch, **changed: str) -> None:
        """Let this process read from it."""
        for name, value in self.environment(**changed).items():
            monkeypatch.setenv(name, value)

    def bucket(self, name: str, versions: bool = False) -> str:
        """A new bucket."""
        self.client.create_bucket(Bucket=name)
        if versions:
            self.client.put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        return name

    def put(self, bucket: str, key: str, content: str | bytes) -> dict[str, str]:
        """Write an object; gives what a lock would name."""
        body = content.encode() if isinstance(content, str) else content
        done = self.client.put_object(Bucket=bucket, Key=key, Body=body)
        if "VersionId" in done:
            return {"version": done["VersionId"]}
        return {"etag": done["ETag"].strip('"')}


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """An S3 server that keeps all in a folder; it ends with the block."""
    from botocore.session import get_session

    program = shutil.which("versitygw")
    if program is None:
        lacking("versitygw, a server of S3, is not installed: run `make tools`")
    port = free_port()
    for name in ("objects", "versions"):
        (folder / name).mkdir()
    command = [program, "--access", KEY, "--secret", SECRET, "--port", f"127.0.0.1:{port}"]
    command += ["posix", "--versioning-dir", str(folder / "versions"), str(folder / "objects")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            address = f"http://127.0.0.1:{port}"
            client = get_session().create_client(
                "s3",
                endpoint_url=address,
                region_name="us-east-1",
                aws_access_key_id=KEY,
                aws_secret_access_key=SECRET,
            )
            yield ObjectStore(address, client)
        finally:
            process.terminate()
            process.wait(60)


@contextlib.contextmanager
def before_each_get(store: ObjectStore, act: Callable[[], object]) -> Iterator[str]:
    """An address that passes all on to the store, after ``act`` where it is a GET of an object."""
    port = int(store.address.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        ended = threading.Event()

        def answer(taken: socket.socket) -> None:
            with taken, socket.create_connection(("127.0.0.1", port)) as server:
                request = b""
                while b"\r\n\r\n" not in request and (more := taken.recv(65536)):
                    request += more
                if re.match(rb"GET /[^/ ]+/[^? ]+", request):
                    act()
                # One request a connection, so that each of them is seen here.
                server.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                while more := server.recv(65536):
                    taken.sendall(more)

        def accept() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    threading.Thread(target=answer, args=(listener.accept()[0],)).start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            accepting.join()
