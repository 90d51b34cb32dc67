"""A calibrated model whose threshold was chosen decides alike wherever it is asked."""

import httpx
import mlflow
import numpy as np
import pandas as pd

from tagship.config.project_files import load_model
from tagship.gates.champion_scores import holdout_rows
from tagship.training.bundle import load_bundle
from tracking_servers import mlflow_at

PRICES = "value: {true_positive: 5, false_positive: -1, false_negative: -50}\n"


def test_service_file_and_mlflow_decide_by_the_locked_threshold(project, serving):
    tree = "params: {max_depth: 3}}"
    project.edit("model", tree, "params: {max_depth: 3}, calibrate: isotonic}")
    project.edit("model", "  line: ", "  bare: ")
    project.edit("model", "task: binary\n", "task: binary\nthreshold: {maximise: value}\n")
    project.write("thresholds", project.path("thresholds").read_text() + PRICES)
    text = project.path("model").read_text()
    project.write("model", "".join(line for line in text.splitlines(True) if "bare" not in line))
    ran = project.tagship("run", "tiny")
    assert ran.code == 0, ran.out + ran.err
    bundle = load_bundle(load_model(project.root, "tiny"))
    threshold, evidence = bundle.lock.threshold, bundle.evidence
    decided = np.where(evidence.pipeline_scores >= threshold, "yes", "no")
    assert (decided != np.where(evidence.pipeline_scores >= 0.5, "yes", "no")).any()
    raw = holdout_rows(load_model(project.root, "tiny"), bundle)
    asked = raw[["age", "visits", "plan"]].astype(object)
    records = asked.where(asked.notna(), None).to_dict("records")
    with serving(project) as address:
        answer = httpx.post(f"{address}/predict", json=records, timeout=60)
        assert answer.status_code == 200, answer.text
    served = pd.DataFrame(answer.json()["predictions"])
    assert served["prediction"].tolist() == decided.tolist()
    np.testing.assert_allclose(served["probability"], evidence.pipeline_scores, atol=1e-6)
    raw.to_csv(project.root / "in.csv", index=False)
    scored = project.tagship("predict", "tiny", "--input", "in.csv", "--output", "out.csv")
    assert scored.code == 0, scored.err
    assert pd.read_csv(project.root / "out.csv")["prediction"].tolist() == decided.tolist()
    with mlflow_at(f"sqlite:///{project.root}/mlflow.db"):
        model = mlflow.pyfunc.load_model("models:/tiny@gated")
        assert model.predict(raw)["prediction"].tolist() == decided.tolist()
    report = (project.root / "reports/tiny.html").read_text()
    assert f"<dd>{threshold}</dd>" in report
