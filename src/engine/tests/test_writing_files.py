"""Files are whole or not there, also after a writer that was killed."""

import os
import subprocess
import sys

from tagship.files import write_atomically


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "verdict.json"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / f".verdict.json.abc.{ended.pid}").write_text("half")
    alive = tmp_path / f".verdict.json.def.{os.getppid()}"
    alive.write_text("another writer's, still at work")
    other = tmp_path / f".other.json.abc.{ended.pid}"
    other.write_text("of another file")
    write_atomically(path, "whole")
    assert path.read_text() == "whole"
    assert set(tmp_path.iterdir()) == {path, alive, other}


def test_a_writer_killed_half_way_leaves_the_old_file_and_no_trace_after_the_next(tmp_path):
    path = tmp_path / "lock.yaml"
    path.write_text("old")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import tagship.files as files\n"
        "files.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_atomically(Path(sys.argv[1]), 'new')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)])
    assert done.returncode == -9
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 2
    write_atomically(path, "newer")
    assert [file.name for file in tmp_path.iterdir()] == ["lock.yaml"]
