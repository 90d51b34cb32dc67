"""Many answers are those of each row, whatever the task and its labels."""

import json

import msgspec
import numpy as np
import pytest

from tagship.bento.store import latest_bento
from tagship.serving.predictor import Predictor

SCORES = np.array([[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]], dtype=np.float32)


@pytest.mark.parametrize(
    ("task", "classes"),
    [
        ("regression", []),
        ("binary", ["no", "yes"]),
        ("multiclass", ["R&D", "Größe"]),
        ("multiclass", ['12" pipe', "a\\b\n"]),
        ("multiclass", ["", "prediction"]),
    ],
)
def test_many_answers_are_those_of_each_row(run_project, task, classes):
    artifact = latest_bento(run_project.root, "tiny").path / "src" / "artifact"
    boundary = json.loads((artifact / "boundary.json").read_text())
    changed = boundary | {"task": task, "classes": classes}
    (artifact / "boundary.json").write_text(json.dumps(changed))
    predictor = Predictor(artifact)
    scores = SCORES if classes else SCORES[:, :1]
    many = msgspec.json.encode(predictor.answers(*predictor.labels(scores), scores))
    each = [predictor.answer(*predictor.label(row), row) for row in scores[:, np.newaxis]]
    assert json.loads(many) == each
    assert [answer["prediction"] for answer in each] == (
        [classes[1], classes[task == "binary"], classes[0]]
        if classes
        else [0.25, 0.5, *SCORES[2:, 0]]
    )
