"""The home-made stack: FastAPI, a joblib pipeline, and a pandas frame for each request."""

import os
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI

model = joblib.load(Path(os.environ["PEER_FOLDER"]) / "peer" / "pipeline.joblib")
app = FastAPI()


def answers(table: Any) -> list[dict[str, Any]]:
    scores = model.predict_proba(pd.DataFrame(table))[:, 1].tolist()
    return [{"prediction": "yes" if p >= 0.5 else "no", "probability": p} for p in scores]


@app.get("/readyz")
async def readyz() -> str:
    return "ready"


@app.post("/predict")
async def predict(record: dict[str, Any]) -> dict[str, Any]:
    return answers([record])[0]


@app.post("/predict_many")
async def predict_many(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {"predictions": answers(records)}


@app.post("/predict_columns")
async def predict_columns(columns: dict[str, list[Any]]) -> dict[str, Any]:
    return {"predictions": answers(columns)}
