"""Do two checkouts give the same bytes? ``python benchmarks/equal.py OTHER WORK [MODEL …]``.

Each checkout's models are trained in a clone of its HEAD, in this environment. Compared are locks,
artifacts, answers of the service for whole holdouts, which fields of odd requests it refuses and
why, what ``tagship predict`` writes, drift verdicts and rendered manifests. Holdouts and the log
that drift is judged on are the first side's, for both. ``WORK`` keeps what was trained.
"""

import contextlib
import hashlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measure import QUIET, ROOT
from project import MODELS
from tagship.gitops.kustomize import render_text

_ROWS = 500
_SINGLE = 100
_START_SECONDS = 120
_HOLDOUT = """
import sys
from pathlib import Path
from tagship.config.project_files import load_model
from tagship.config.root import offer_own_code
from tagship.data.splitting import split_table
from tagship.data.table import check_table, read_raw
root, folder = Path.cwd(), Path(sys.argv[1])
offer_own_code(root)
for name in sys.argv[2:]:
    files = load_model(root, name)
    raw = read_raw(files)
    frame = getattr(raw, "frame", raw)  # older engines give the frame itself
    rows = frame.iloc[split_table(check_table(files, raw).frame, files.data, files.model).test]
    rows.to_parquet(folder / f"{name}.parquet", index=False)
    rows.to_csv(folder / f"{name}.csv", index=False)
    asked = rows[list(files.data.request)]
    asked.to_json(folder / f"{name}.json", orient="records", double_precision=15)
"""
_NONSENSE: list[Any] = [
    None,
    "",
    "12",
    "text",
    True,
    False,
    0,
    -1,
    1.5,
    1e39,
    10**30,
    [],
    {},
    "2024-01-01",
]


class Side:
    """One checkout: a clone of it, and its engine."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.name, self.root = folder.name, folder
        if not folder.exists():
            subprocess.run(["git", "clone", "-q", str(checkout), str(folder)], check=True)
        paths = os.pathsep.join([str(folder / "src" / "engine"), str(folder / "src")])
        self.environment = {**os.environ, **QUIET, "PYTHONPATH": paths}

    def run(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run Python with this side's engine; its standard output."""
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command,
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in codes:
            sys.exit(f"{self.name}: {' '.join(arguments)[:200]}\n{done.stdout}{done.stderr}")
        return done.stdout

    def tagship(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run one of its commands."""
        return self.run("-m", "tagship", *arguments, codes=codes)

    @contextlib.contextmanager
    def service(self, model: str, log: Path) -> Iterator[http.client.HTTPConnection]:
        """A connection to the model's service."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "tagship", "serve", model, "--port", str(port)]
        settings = {"TAGSHIP_LOG_DIR": str(log), "TAGSHIP_MAX_ROWS": str(_ROWS)}
        server = subprocess.Popen(command, cwd=self.root, env={**self.environment, **settings})
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            end = time.monotonic() + _START_SECONDS
            while not _ready(connection):
                if time.monotonic() > end or server.poll() is not None:
                    sys.exit(f"{self.name}: {model} does not serve")
                time.sleep(0.2)
            yield connection
        finally:
            server.terminate()
            server.wait(30)


def _ready(connection: http.client.HTTPConnection) -> bool:
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        answer.read()
    except OSError:
        connection.close()
        return False
    return answer.status == 200


def requests(records: list[dict[str, Any]]) -> Iterator[Any]:
    """The whole holdout, some of it one by one, and requests that are refused or odd."""
    yield from (records[at : at + _ROWS] for at in range(0, len(records), _ROWS))
    yield from records[:_SINGLE]
    chance = random.Random(7)  # noqa: S311
    for name in records[0]:
        for value in _NONSENSE:
            yield {**records[0], name: value}
            yield [records[1], {**records[2], name: value, "unknown": 1}]
        yield {key: value for key, value in records[0].items() if key != name}
    for _ in range(_SINGLE):
        broken = {name: chance.choice([value, *_NONSENSE]) for name, value in records[0].items()}
        yield broken
    yield from ([], {}, None, 1, [1], records[: _ROWS + 1], [records[0], None])


def answers(side: Side, model: str, asked: list[dict[str, Any]], log: Path) -> dict[str, str]:
    """Digests of answers without their ids, of which fields are refused, and of the reasons."""
    digests = {"answers": hashlib.sha256(), "refused fields": hashlib.sha256(),
               "reasons": hashlib.sha256()}  # fmt: skip
    with side.service(model, log) as connection:
        for request in requests(asked):
            body = json.dumps(request).encode()
            connection.request("POST", "/predict", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            content = json.loads(answer.read())
            content.pop("request_id", None)
            if answer.status == 200:
                digests["answers"].update(json.dumps(content).encode())
            fields = [(field["row"], field["field"]) for field in content.get("fields", [])]
            digests["refused fields"].update(f"{answer.status} {fields}\n".encode())
            digests["reasons"].update(json.dumps(content.get("fields")).encode())
    return {f"{model}: {name}": digest.hexdigest() for name, digest in digests.items()}


def spoilt(path: Path) -> Path:
    """A copy of a csv file in which cells of some rows are something else."""
    lines = path.read_text(encoding="utf-8").splitlines()
    chance, made = random.Random(7), [lines[0]]  # noqa: S311
    for line in lines[1:]:
        cells = line.split(",")
        if chance.random() < 0.2:
            cells[chance.randrange(len(cells))] = chance.choice(
                ["", "x", "1e39", "-1", "1.5", " 3"]
            )
        made.append(",".join(cells))
    target = path.with_suffix(".spoilt.csv")
    target.write_text("\n".join(made) + "\n", encoding="utf-8")
    return target


def results(side: Side, first: Side, work: Path, models: list[str]) -> dict[str, str]:
    """What a side gives: name → digest, or text."""
    made: dict[str, str] = {}
    if not list(side.root.glob(".tagship/bentoml/bentos/*")):
        for model in models:  # an equivalent lock of another machine would be kept
            (side.root / "config" / model / "model.lock.yaml").unlink()
        side.tagship("run", *models)
    for model in models:
        folder = side.root / "config" / model
        made |= {f"{model}: {path.name}": _digest(path) for path in folder.glob("*.lock.yaml")}
        made[f"{model}: reference"] = _digest(folder / "reference.json")
        artifact = next(side.root.glob(f".tagship/bentoml/bentos/{model}/*/src/artifact"))
        made |= {f"{model}: {path.name}": _digest(path) for path in artifact.iterdir()}
        asked = json.loads((work / f"{model}.json").read_text(encoding="utf-8"))
        log = work / f"log-{side.name}-{model}"
        shutil.rmtree(log, ignore_errors=True)
        made |= answers(side, model, asked, log)
        for source in (work / f"{model}.csv", spoilt(work / f"{model}.csv"),
                       work / f"{model}.parquet"):  # fmt: skip
            output = work / f"{side.name}-{source.stem}-{source.suffix[1:]}.csv"
            side.tagship("predict", model, "--input", str(source), "--output", str(output))
            made[f"{model}: predict {source.name}"] = _digest(output)
            rejected = output.with_suffix(".rejected.csv")
            if rejected.exists():
                made[f"{model}: rejected {source.name}"] = _digest(rejected)
            if source.suffix == ".csv":
                made[f"{model}: drift of {source.name}"] = drift(side, model, source)
        made[f"{model}: drift of its log"] = drift(side, model, work / f"log-{first.name}-{model}")
    for path in sorted(side.root.glob("deploy/**/kustomization.yaml")):
        folder, name = path.parent, path.parent.relative_to(side.root).as_posix()
        if "components" in path.parts:  # it is rendered by those that use it
            made |= {f"{name}/{file.name}": _digest(file) for file in folder.iterdir()}
        else:
            made[name] = _text_digest(render_text(folder))
    return made


def drift(side: Side, model: str, current: Path) -> str:
    """The verdict as JSON."""
    said = json.loads(
        side.tagship("drift", model, "--current", str(current), "--json", codes=(0, 3, 4, 5))
    )
    return _text_digest(json.dumps(said))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _text_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    """Compare another checkout with this one; exit code 1 where anything differs."""
    other, work = map(Path, sys.argv[1:3])
    models = sys.argv[3:] or list(MODELS)
    work.mkdir(parents=True, exist_ok=True)
    first, second = Side(other.resolve(), work / "other"), Side(ROOT, work / "this")
    first.run("-c", _HOLDOUT, str(work.resolve()), *models)
    sides = [results(side, first, work.resolve(), models) for side in (first, second)]
    names = sorted(sides[0] | sides[1])
    different = [name for name in names if sides[0].get(name) != sides[1].get(name)]
    for name in names:
        print(f"{'DIFFERENT' if name in different else 'equal':9}  {name}")
    print(f"{len(names) - len(different)} of {len(names)} equal")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()
