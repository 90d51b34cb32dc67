"""What was built here is used only under the lock that it was built under."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from projects import Project, copy_project
from registries import free_port
from tagship.bento.store import latest_bento

LOCK = "config/tiny/model.lock.yaml"


def other_lock(project: Project) -> str:
    """What another training, pulled or merged, would leave: another lock; gives the one before."""
    before = project.lock.read_text(encoding="utf-8")
    project.edit(LOCK, "roc_auc", "roc_auc ")
    return before


@pytest.mark.parametrize(
    "command",
    [
        ("serve", "tiny", "--port", "0"),
        ("predict", "tiny", "--input", "data/tiny.csv", "--output", "out.csv"),
        ("image", "tiny"),
        ("image", "tiny", "--release", "tiny/v1.0.0"),
    ],
    ids=["serve", "predict", "image", "image of a release"],
)
def test_nothing_uses_a_bento_of_another_lock(
    run_project: Project, command: tuple[str, ...]
) -> None:
    bento = latest_bento(run_project.root, "tiny")
    other_lock(run_project)
    run_project.refused(*command, says=(LOCK, bento.tag, "under another", "tagship run tiny"))
    assert not run_project.path("out.csv").exists()
    run_project.lock.unlink()
    run_project.refused(*command, says=(LOCK, "there is no lock", "tagship run tiny"))


def test_a_lock_brought_back_brings_its_bento_back(run_project: Project) -> None:
    """Of several bentos the lock's is used, whichever was built last."""
    first = latest_bento(run_project.root, "tiny")
    newer = first.path.with_name("0123456789ab")
    shutil.copytree(first.path, newer)
    os.utime(newer / "bento.yaml")
    assert latest_bento(run_project.root, "tiny").path == newer
    record = json.loads((newer / "src/artifact/record.json").read_text(encoding="utf-8"))
    for content in (json.dumps(record | {"lock_sha256": "0" * 64}), "{}", "[", "[]"):
        (newer / "src/artifact/record.json").write_text(content, encoding="utf-8")
        assert latest_bento(run_project.root, "tiny") == first
    before = other_lock(run_project)
    run_project.tagship("serve", "tiny").must_refuse("tiny:0123456789ab, was built under another")
    run_project.lock.write_bytes(before.replace("\n", "\r\n").encode())  # as Windows checks it out
    assert latest_bento(run_project.root, "tiny") == first


def test_a_lock_that_is_only_equivalent_on_this_machine_has_a_bento(run_project: Project) -> None:
    """Another processor's lock: other bytes that predict the same, proven when it was built."""
    sha256 = json.loads(
        (latest_bento(run_project.root, "tiny").path / "src/artifact/record.json").read_text()
    )["model_sha256"]
    run_project.edit(LOCK, sha256, "f" * 64)
    run_project.tagship("serve", "tiny").must_refuse("under another")
    assert run_project.tagship("build", "tiny").code == 0
    assert latest_bento(run_project.root, "tiny").tag == f"tiny:{sha256[:12]}"


@pytest.mark.slow
def test_bentoml_s_own_commands_find_the_bento_by_what_a_build_prints(
    run_project: Project, tmp_path: Path
) -> None:
    shop = copy_project(run_project, tmp_path / "Ann's shop")
    built = shop.tagship("build", "tiny")
    told = built.out.splitlines()[-1].partition(": ")[2]
    assert told.startswith("export BENTOML_HOME="), built.out
    unset = {key: value for key, value in os.environ.items() if key != "BENTOML_HOME"}
    bentoml = f"{told}; exec {sys.executable} -m bentoml"
    listed = subprocess.run(
        ["bash", "-c", f"{bentoml} list --output json"], env=unset, capture_output=True, check=True
    )
    tags = [bento["tag"] for bento in json.loads(listed.stdout)]
    assert tags == [latest_bento(shop.root, "tiny").tag]
    port = free_port()
    process = subprocess.Popen(
        ["bash", "-c", f"{bentoml} serve tiny:latest --port {port}"],
        cwd=tmp_path, env=unset, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(600):
            assert process.poll() is None, "bentoml serve ended"
            with contextlib.suppress(OSError):
                info = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/info"))
                break
            time.sleep(0.2)
        assert info["model"] == "tiny"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
