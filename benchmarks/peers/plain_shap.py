"""``plain_shap.py PROJECT MODEL ROWS``: shap by its own ways on the scikit-learn pipeline.

The same explainer, number of rows, size of the background and permutations as ``tagship explain``;
shap wants numbers, so categories are codes that a function turns back before the pipeline.
"""

import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import shap
from tables import load

BACKGROUND = 50


def main(folder: Path, name: str, count: int) -> None:
    _, frame, _ = load(folder, name)
    fitted = joblib.load(folder / "peer" / "pipeline.joblib")
    texts = {c: pd.Categorical(frame[c]) for c in frame.columns if frame[c].dtype.kind not in "fi"}
    coded = frame.assign(**{c: text.codes for c, text in texts.items()}).to_numpy(float)

    def score(rows: np.ndarray) -> np.ndarray:
        table = pd.DataFrame(rows, columns=frame.columns)
        for column, text in texts.items():
            table[column] = text.categories.to_numpy()[table[column].astype(int)]
        return fitted.predict_proba(table)[:, 1]

    background = shap.maskers.Independent(coded[:BACKGROUND], max_samples=BACKGROUND)
    explainer = shap.explainers.Permutation(score, background, seed=0)
    values = explainer(coded[-count:], max_evals=2 * coded.shape[1] + 1, silent=True)
    print(np.abs(values.values).mean(axis=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
