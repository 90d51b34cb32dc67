"""A service starts only with the artifact that its record names."""

import json
import socket

import pytest

from tagship.bento.store import latest_bento
from tagship.config.project_files import load_model
from tagship.errors import TagshipError
from tagship.serving.predictor import Predictor
from tagship.verdict import read_verdict, write_verdict


@pytest.fixture
def artifact(run_project):
    return latest_bento(run_project.root, "tiny").path / "src" / "artifact"


def test_a_tampered_artifact_is_refused_at_start(run_project, artifact):
    content = bytearray((artifact / "model.onnx").read_bytes())
    content[-20] ^= 1
    (artifact / "model.onnx").write_bytes(content)
    with pytest.raises(TagshipError, match="refusing to serve"):
        Predictor(artifact)
    refused = run_project.spawn("serve", "tiny", "--port", "0")
    assert refused.code == 1
    assert "refusing to serve" in refused.err
    assert "Traceback" not in refused.err


def test_a_feature_function_that_is_not_there_is_refused_at_start(run_project, artifact):
    boundary = json.loads((artifact / "boundary.json").read_text())
    boundary["derive"] = "features.gone:derive"
    (artifact / "boundary.json").write_text(json.dumps(boundary))
    with pytest.raises(TagshipError, match=r"No module named 'features\.gone'"):
        Predictor(artifact)
    refused = run_project.spawn("serve", "tiny", "--port", "0")
    assert refused.code == 1
    assert "'features.gone:derive' cannot be imported" in refused.out + refused.err
    assert "Traceback" not in refused.err


def test_a_deployment_record_of_another_model_is_refused(artifact, tmp_path, monkeypatch):
    record = tmp_path / "release.yaml"
    record.write_text(f"release: tiny/v1.0.0\nmodel_sha256: {'0' * 64}\n")
    monkeypatch.setenv("TAGSHIP_RECORD", str(record))
    with pytest.raises(TagshipError, match="refusing to serve"):
        Predictor(artifact)


def test_the_deployment_record_is_what_answers_carry(artifact, tmp_path, monkeypatch):
    sha = json.loads((artifact / "record.json").read_text())["model_sha256"]
    record = tmp_path / "release.yaml"
    record.write_text(f"release: tiny/v1.0.0\nmodel_sha256: {sha}\n")
    monkeypatch.setenv("TAGSHIP_RECORD", str(record))
    predictor = Predictor(artifact)
    assert predictor.release == "tiny/v1.0.0"
    record.unlink()
    with pytest.raises(TagshipError, match="cannot be read"):
        Predictor(artifact)


def test_a_failed_verdict_is_not_built(run_project):
    path = run_project.files.work / "verdict.json"
    verdict = read_verdict(path)
    failed = [verdict.results[0].model_copy(update={"status": "fail"}), *verdict.results[1:]]
    write_verdict(path, verdict.model_copy(update={"results": failed}))
    ran = run_project.tagship("build", "tiny")
    assert ran.code == 1
    assert "its verdict fails" in ran.err


def test_other_thresholds_than_the_verdicts_are_not_built(run_project):
    run_project.edit("thresholds", "fail_below: 0.6", "fail_below: 0.61")
    ran = run_project.tagship("build", "tiny")
    assert ran.code == 1
    assert "tagship gate tiny" in ran.err


def test_a_stale_lock_is_not_built(run_project):
    run_project.edit("model", "max_depth: 3", "max_depth: 4")
    assert run_project.tagship("train", "tiny").code == 0
    assert run_project.tagship("gate", "tiny").code == 0
    ran = run_project.tagship("build", "tiny")
    assert ran.code == 1
    assert "is stale" in ran.err


@pytest.mark.slow
def test_a_release_is_built_under_its_version(run_project):
    ran = run_project.tagship("build", "tiny", "--release", "tiny/v1.2.3")
    assert ran.code == 0, ran.err
    assert "tiny:1.2.3" in ran.out
    files = load_model(run_project.root, "tiny")
    record = latest_bento(files.root, files.name).path / "src" / "artifact" / "record.json"
    assert json.loads(record.read_text())["release"] == "tiny/v1.2.3"


def test_an_address_that_another_has_is_refused_before_it_is_told(run_project):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = run_project.tagship("serve", "tiny", "--port", str(port))
    assert (ran.code, ran.out) == (1, "")
    assert f"cannot listen on 127.0.0.1:{port}" in ran.err
    assert "--port" in ran.err


def test_serving_without_a_bento_says_what_to_run(project):
    ran = project.tagship("serve", "tiny")
    assert ran.code == 1
    assert "tagship run tiny" in ran.err
