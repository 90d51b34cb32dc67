"""``plain_predict.py PIPELINE.joblib INPUT.csv OUTPUT.csv``: pandas in chunks, scikit-learn.

All cores, and no contract: no range, category or type is checked.
"""

import sys
from pathlib import Path

import joblib
import pandas as pd

CHUNK = 50_000


def main(pipeline: str, source: str, output: str) -> None:
    model = joblib.load(pipeline)
    model[-1].set_params(n_jobs=-1)
    with Path(output).open("w", encoding="utf-8") as file:
        for number, chunk in enumerate(pd.read_csv(source, chunksize=CHUNK)):
            chance = model.predict_proba(chunk)[:, 1]
            prediction = pd.Series(chance >= 0.5).map({True: "yes", False: "no"})
            answers = pd.DataFrame({"prediction": prediction, "probability": chance})
            answers.to_csv(file, index=False, header=number == 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
