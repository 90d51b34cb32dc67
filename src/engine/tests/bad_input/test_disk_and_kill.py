"""What a full disk, `kill -9` and a second command at the same time leave behind."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from projects import Project, copy_project
from tagship.training.lock import read_lock
from tools import lacking

KB = 1024
SLOW = pytest.mark.slow


def _change_the_model(project: Project) -> None:
    project.edit("model", "scale: true", "scale: true, params: {C: 0.01}")


def _bytes_used(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of its own, which tests make small."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        if os.geteuid() == 0:
            lacking(f"root cannot mount a tmpfs: {done.stderr.strip()}")
        pytest.skip(f"only root can mount a tmpfs: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, *(pytest.param(n * KB, marks=SLOW) for n in (60, 200, 500))])
def test_a_full_disk_leaves_a_whole_lock_and_the_next_run_mends_all(
    run_project: Project, small_disk: Path, room: int
) -> None:
    project = copy_project(run_project, small_disk / "project")
    _change_the_model(project)
    lock, _ = project.kept()
    _resize(small_disk, _bytes_used(small_disk) + room)
    ran = project.tagship("run", "tiny")
    ran.must_refuse("→")
    assert "full" in ran.err or "No space left" in ran.err
    after, _ = project.kept()  # which also checks the database
    read_lock(project.lock)
    assert after == lock or "building the bento" in ran.out
    assert project.leftovers() == []
    _resize(small_disk, 64 * KB * KB)
    assert project.tagship("run", "tiny").code == 0
    assert project.lock.read_bytes() != lock
    assert "identical" in project.tagship("lock", "verify", "tiny").out


def _run(project: Project, log: str) -> None:
    """`tagship run tiny` in a process that has its heavy modules already."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.chdir(project.root)
    sys.argv = ["tagship", "run", "tiny"]
    from tagship.cli import main

    main()


@pytest.fixture(scope="module")
def processes() -> multiprocessing.context.BaseContext:
    """Starts processes in a tenth of a second, from one that has imported what a run needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tagship.pipeline", "sklearn.linear_model", "skl2onnx", "mlflow"]
    )
    return context


def _start(
    processes: multiprocessing.context.BaseContext, project: Project, log: Path
) -> BaseProcess:
    process = processes.Process(target=_run, args=(project, str(log)))  # type: ignore[attr-defined]
    process.start()
    return process


def _wait_for(text: str, log: Path, process: BaseProcess) -> None:
    while not (log.is_file() and text in log.read_text()):
        assert process.is_alive(), log.read_text()
        time.sleep(0.005)


MOMENTS = ["checking", "rows", "artifact", "judging", "recording", "building"]


@SLOW
def test_a_run_that_is_killed_at_any_moment_can_be_run_again(
    run_project: Project, tmp_path: Path, processes: multiprocessing.context.BaseContext
) -> None:
    _change_the_model(run_project)
    calm = copy_project(run_project, tmp_path / "calm")
    assert calm.tagship("run", "tiny").code == 0
    before, after = run_project.lock.read_bytes(), calm.lock.read_bytes()
    assert before != after
    seed = random.randrange(10**6)
    chance, log = random.Random(seed), tmp_path / "log"
    for moment in [*MOMENTS, "recording"]:
        log.unlink(missing_ok=True)
        process = _start(processes, run_project, log)
        _wait_for(moment, log, process)
        time.sleep(chance.random() * 0.5)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        lock, _ = run_project.kept()  # which also checks the database
        assert lock in (before, after), f"half-written after {moment!r} (seed {seed})"
        read_lock(run_project.lock)
    ran = run_project.tagship("run", "tiny")
    assert ran.code == 0, f"{ran} (seed {seed})"
    assert run_project.lock.read_bytes() == after
    assert "identical" in run_project.tagship("lock", "verify", "tiny").out
    assert run_project.leftovers() == []


@pytest.mark.slow
def test_a_second_run_refuses_while_the_first_goes_on(
    run_project: Project, tmp_path: Path, processes: multiprocessing.context.BaseContext
) -> None:
    _change_the_model(run_project)
    log = tmp_path / "log"
    first = _start(processes, run_project, log)
    _wait_for("checking", log, first)
    for command in ("run", "train", "gate"):
        second = run_project.tagship(command, "tiny")
        second.must_refuse(("another tagship command is working on 'tiny'", "wait for it to end"))
    assert first.is_alive()
    first.join()
    assert first.exitcode == 0, log.read_text()
