"""The services of docker-compose.yml without a container engine, on Linux as root.

Run as ``unshare --mount --net --pid --fork --kill-child python compose.py PROJECT FOLDER REQUEST``.
What each service is comes from the compose file and its Dockerfile: command, user, environment,
volumes, what is copied in. A service is a ``chroot`` of its own: the machine's own programs without
git, its root read-only, the volumes as folders of FOLDER, no rights. The network is one of its own,
where every service's name is 127.0.0.1. Prints what happened as JSON.
"""

import fcntl
import json
import os
import re
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

ENGINE = Path(__file__).parents[2]
VENV = Path(sys.prefix)
DOCKERFILE = "deploy/image/compose.Dockerfile"
_HIDDEN = {"home", "lost+found", "opt", "root", "tmp", "var", "work"}
_PATH = "/usr/local/bin:/usr/bin:/bin"


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def bind(source: Path, target: Path, read_only: bool = False) -> None:
    target.mkdir(parents=True, exist_ok=True)
    mount("--rbind", source, target)
    if read_only:
        mount("-o", "remount,bind,ro", target)


class Stage:
    """A stage of a Dockerfile, with those that it begins from."""

    def __init__(self, text: str, name: str) -> None:
        self.lines: list[tuple[str, str]] = []
        text = re.sub(r"\\\n", " ", text)
        stages = {
            match[2]: (match[1], match[3])
            for match in re.finditer(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S)
        }
        while name in stages:
            name, body = stages[name]
            own = [line for line in body.splitlines() if line and not line.startswith("#")]
            self.lines[:0] = [(line.split()[0], line.partition(" ")[2]) for line in own]

    def last(self, instruction: str) -> str:
        return next(said for word, said in reversed(self.lines) if word == instruction)

    @property
    def environment(self) -> dict[str, str]:
        said = [word for key, line in self.lines if key == "ENV" for word in shlex.split(line)]
        return {
            pair.partition("=")[0]: pair.partition("=")[2].replace("$PATH", _PATH) for pair in said
        }

    @property
    def copied(self) -> list[list[str]]:
        return [s.split() for word, s in self.lines if word == "COPY" and "--from" not in s]

    @property
    def owned(self) -> set[str]:
        """The folders that are made for the user; a volume takes their owner."""
        installed = " ".join(said for word, said in self.lines if word == "RUN")
        found = re.search(r"install --directory --owner (\d+) --group \1 ([^&]*)", installed)
        return set(found[2].split()) if found else set()


class Service:
    """One service: its root, its command, and processes in it."""

    def __init__(self, project: Path, folder: Path, name: str, about: dict[str, Any]) -> None:
        self.name, self.about, self.root = name, about, folder / "roots" / name
        self.environment = {"PATH": f"/opt/venv/bin:{_PATH}"}
        self.entry: list[str] = []
        self.workdir = "/"
        owned = {"/var/tmp"}  # everybody may write there in the image of MLflow
        image = folder / "images" / name
        if "build" in about:
            stage = Stage((project / DOCKERFILE).read_text("utf-8"), about["build"]["target"])
            self.environment = stage.environment
            self.entry = json.loads(stage.last("ENTRYPOINT"))
            self.workdir = stage.last("WORKDIR")
            owned = stage.owned
            for *sources, target in stage.copied:
                for source in sources:
                    shutil.copytree(project / source, image / target)
        self.environment |= about.get("environment", {})
        self._mount(image, project, folder, owned)

    def _mount(self, image: Path, project: Path, folder: Path, owned: set[str]) -> None:
        self.root.mkdir(parents=True)
        mount("-t", "tmpfs", "tmpfs", self.root)
        for path in Path("/").iterdir():
            if path.is_symlink():
                (self.root / path.name).symlink_to(path.readlink())
            elif path.is_dir() and path.name not in _HIDDEN:
                bind(path, self.root / path.name, read_only=path.name not in ("dev", "proc"))
        for path in self.about["tmpfs"]:
            inside = self.root / path.removeprefix("/")
            inside.mkdir(exist_ok=True)
            mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", inside)
        bind(VENV, self.root / "opt/venv", read_only=True)
        for path in (VENV, ENGINE / "tagship", Path(sys.base_prefix)):  # each where it says it is
            if path.parts[1] in _HIDDEN:
                bind(path, self.root / path.relative_to("/"), read_only=True)
        volumes = [volume.split(":") for volume in self.about["volumes"]]
        if image.is_dir():
            for _, target, *_ in volumes:
                if target.startswith(f"{self.workdir}/"):
                    (image / target.removeprefix(f"{self.workdir}/")).mkdir(exist_ok=True)
            bind(image, self.root / self.workdir.removeprefix("/"), read_only=True)
        for named, target, *mode in volumes:
            volume = project / named if named.startswith(".") else folder / "volumes" / named
            if not volume.is_dir():
                volume.mkdir(parents=True)
                if target in owned:
                    os.chown(volume, *map(int, self.about["user"].split(":")))
            bind(volume, self.root / target.removeprefix("/"), read_only=mode == ["ro"])
        for git in {str(Path(found).resolve()) for found in _all("git")}:
            mount("--bind", folder / "nothing", self.root / git.removeprefix("/"))
        mount("--bind", folder / "hosts", self.root / "etc/hosts")
        mount("-o", "remount,ro", self.root)

    def start(self, *command: str, **options: Any) -> "subprocess.Popen[str]":
        """Run a command in it, as compose would."""
        user, _, group = self.about["user"].partition(":")
        place = shlex.join(["cd", self.workdir])
        inside = ["sh", "-c", f'{place} && exec "$@"', "sh", *command]
        drop = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        drop += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
        environment = [f"{key}={value}" for key, value in self.environment.items()]
        whole = ["chroot", str(self.root), *drop, "env", "-i", *environment, *inside]
        return subprocess.Popen(whole, text=True, **options)

    def run(self, *command: str) -> dict[str, Any]:
        """Run a command to its end."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=400)
        return {"code": process.returncode, "out": out, "err": err}

    @property
    def command(self) -> list[str]:
        return [*self.entry, *map(str, self.about["command"])]

    def healthy(self, process: "subprocess.Popen[str]") -> bool:
        """Whether its own health check passes, in a few minutes."""
        kind, *test = self.about["healthcheck"]["test"]
        assert kind == "CMD"
        for _ in range(400):
            if process.poll() is not None:
                return False
            if self.run(*test)["code"] == 0:
                return True
            time.sleep(0.5)
        return False


def _all(program: str) -> list[str]:
    folders = os.environ["PATH"].split(os.pathsep)
    folders += ["/usr/local/bin", "/usr/bin", "/bin"]
    return [found for folder in folders if (found := shutil.which(program, path=folder))]


def _bring_up_loopback() -> None:
    with socket.socket() as any_socket:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # IFF_UP | IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def read_compose(project: Path, model: str) -> dict[str, Any]:
    """The compose file's services with MODEL filled in."""
    text = (project / "docker-compose.yml").read_text(encoding="utf-8")
    services: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{MODEL:-\w+\}", model, text))["services"]
    return services


def main(project: Path, folder: Path, request: str) -> dict[str, Any]:
    """MLflow's server, the training to its end, then the model, asked once."""
    _bring_up_loopback()
    services = read_compose(project, "tiny")
    folder.mkdir()
    (folder / "nothing").touch()
    names = " ".join(["localhost", *services])
    (folder / "hosts").write_text(f"127.0.0.1 {names}\n", encoding="utf-8")
    said: dict[str, Any] = {}
    mlflow = Service(project, folder, "mlflow", services["mlflow"])
    server = mlflow.start(*mlflow.command, stdout=sys.stderr, stderr=sys.stderr)
    said["mlflow healthy"] = mlflow.healthy(server)
    training = Service(project, folder, "training", services["training"])
    said["conditions"] = {
        what: training.run("sh", "-c", test)["code"] == 0
        for what, test in (
            ("git", "command -v git"),
            ("root", ": > /x || : > /work/x || : > /work/config/tiny/x || : > /opt/venv/x"),
            ("another user", '[ "$(id -u):$(id -g)" != 10001:10001 ]'),
        )
    }
    said["not locked"] = training.run(*training.entry, "run", "fresh", "changed")
    said["training"] = training.run(*training.command)
    if said["training"]["code"] == 0:
        model = Service(project, folder, "model", services["model"])
        served = model.start(*model.command, stdout=sys.stderr, stderr=sys.stderr)
        said["model healthy"] = model.healthy(served)
        question = urllib.request.Request(
            "http://127.0.0.1:3000/predict",
            request.encode(),
            {"Content-Type": "application/json"},
        )
        said["answer"] = json.load(urllib.request.urlopen(question, timeout=20))
        served.terminate()
        said["model ended"] = served.wait(60)
    said["volumes"] = sorted(
        str(path.relative_to(folder / "volumes"))
        for path in (folder / "volumes").rglob("*")
        if path.is_file()
    )
    said["versions"] = mlflow.run(
        "python",
        "-c",
        "import mlflow; client = mlflow.MlflowClient('http://mlflow:5000');"
        "print([v.name for v in client.search_model_versions()])",
    )["out"].strip()
    return said


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])))
