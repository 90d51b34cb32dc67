"""A real Dask cluster on this machine: a scheduler and workers, each a process of its own."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def free_port() -> int:
    """A port of the loopback interface that nobody has now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Cluster:
    """A scheduler, and the workers that were started for it."""

    folder: Path
    address: str
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path, workers: int = 2) -> Iterator["Cluster"]:
        """A cluster whose workers are ready; all of its processes are ended afterwards."""
        cluster = cls(folder, f"tcp://127.0.0.1:{free_port()}")
        try:
            cluster.start_scheduler()
            for _ in range(workers):
                cluster.start_worker()
            with cluster.client() as client:
                if workers:
                    client.wait_for_workers(workers, timeout=60)
            yield cluster
        finally:
            for process in cluster.processes[::-1]:  # a worker's process ends with its nanny
                process.kill()
                process.wait()

    def client(self) -> Any:
        """A ``distributed.Client`` of its own."""
        from distributed import Client

        return Client(self.address, timeout="60s", set_as_default=False)

    def start_scheduler(self) -> "subprocess.Popen[bytes]":
        """Start a scheduler at the cluster's address."""
        port = self.address.rpartition(":")[2]
        return self._start("scheduler", "--port", port, "--dashboard-address", "127.0.0.1:0")

    def start_worker(self, *options: str, **variables: str) -> "subprocess.Popen[bytes]":
        """Start a worker with one thread; it waits for the scheduler."""
        scratch = self.folder / f"worker-{len(self.processes)}"
        kept = ("--nthreads", "1", "--no-dashboard", "--local-directory", str(scratch))
        return self._start("worker", self.address, *kept, *options, **variables)

    def _start(self, *arguments: str, **variables: str) -> "subprocess.Popen[bytes]":
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "cluster.log").open("ab") as log:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("dask"), *arguments, "--host", "127.0.0.1"],
                cwd=self.folder,
                env={**os.environ, **variables},
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)
        return process

    def running_pids(self) -> dict[str, int]:
        """The process of each worker that runs a task now."""
        with self.client() as client:
            pids = client.run(os.getpid)
            return {w: pids[w] for w, keys in client.processing().items() if keys and w in pids}

    def wait_until_busy(self, seconds: float = 60) -> dict[str, int]:
        """The processes that run tasks, once there are any."""
        end = time.monotonic() + seconds
        while not (pids := self.running_pids()):
            assert time.monotonic() < end, "no task was ever run"
            time.sleep(0.05)
        return pids
