"""The real command line without its start: a process that has imported everything forks for each.

``serve`` runs in the tests' own process tree; the program on disk is a client of a few lines. It is
called as ``tagship`` is, or with ``-m`` and a module as Python is.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

CLIENT = f"#!{sys.executable} -IS\n" + """
import json, os, socket, sys
link = socket.socket(socket.AF_UNIX)
link.connect(os.environ["TAGSHIP_WARM"])
ask = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(link, [len(ask).to_bytes(4, "big")], [0, 1, 2])
link.sendall(ask)
sys.exit(link.recv(1)[0])
"""
_HEAVY = (
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.tree", "sklearn.pipeline", "skl2onnx",
    "onnxruntime", "pandas", "pandera.pandas", "matplotlib.pyplot", "fairlearn.metrics",
    "mlflow.tracking", "alembic.command", "sqlalchemy.orm", "jinja2",
    "tagship.pipeline", "tagship.gates.lock_verifier", "tagship.cli.verifier",
)  # fmt: skip


def start(folder: Path) -> tuple[subprocess.Popen[bytes], Path, Path]:
    """Start the process; gives it, its socket and the client program."""
    path, client = folder / "socket", folder / "tagship"
    client.write_text(CLIENT, encoding="utf-8")
    client.chmod(0o755)
    process = subprocess.Popen([sys.executable, __file__, str(path)])
    for _ in range(6000):
        if path.exists():
            return process, path, client
        assert process.poll() is None, "the warm process ended"
        time.sleep(0.1)
    raise AssertionError("the warm process did not start within ten minutes")


def serve(path: str) -> None:
    """Import, then fork for every connection, until the tests end."""
    import importlib
    import threading

    os.environ["MPLBACKEND"] = "agg"
    for name in _HEAVY:
        importlib.import_module(name)
    assert threading.active_count() == 1, "a thread would be lost in every fork"
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    server = socket.socket(socket.AF_UNIX)
    server.bind(path + ".new")
    server.listen(8)
    Path(path + ".new").rename(path)
    server.settimeout(5)
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            link, _ = server.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _answer(link)
        link.close()


def _answer(link: socket.socket) -> None:
    import json

    head, files, _, _ = socket.recv_fds(link, 4, 3)
    size, text = int.from_bytes(head, "big"), b""
    while len(text) < size:
        text += link.recv(size - len(text))
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        link.sendall(bytes([os.waitstatus_to_exitcode(status) & 255]))
        os._exit(0)
    link.close()
    (program, *arguments), folder, environment = json.loads(text)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    arguments = arguments[1:] if arguments[:1] == ["-P"] else arguments
    if arguments[:1] == ["-m"]:
        arguments = arguments[1:]
        sys.executable = program  # what it starts needs no imports either
        sys.modules.pop(arguments[0], None)
        sys.path[:0] = [folder, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    else:
        arguments = ["tagship", *arguments]
    sys.argv = arguments
    code = 1
    try:
        import runpy

        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else int(bool(stopped.code))
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
