"""FastAPI at its best: the same ONNX session as ours, the contract in pydantic, no pandas."""

import json
import os
import uuid
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, create_model

artifact = Path(os.environ["PEER_FOLDER"]) / "artifact"
contract = json.loads((artifact / "boundary.json").read_text())["fields"]
numbers = [field["name"] for field in contract if field["dtype"] in ("float", "int")]
categories = {
    field["name"]: {value: code for code, value in enumerate(field["values"])}
    for field in contract
    if field["dtype"] == "category"
}
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(
    str(artifact / "model.onnx"), options, providers=["CPUExecutionProvider"]
)
output = [session.get_outputs()[-1].name]
app = FastAPI()


def annotation(field: dict[str, Any]) -> Any:
    if field["dtype"] == "category":
        return (Literal[tuple(field["values"])], ...)
    kind: Any = {"float": float, "int": int}[field["dtype"]]
    limits = Field(ge=field["min"], le=field["max"], allow_inf_nan=False, strict=True)
    if field["dtype"] == "int":
        limits = Field(ge=field["min"], le=field["max"], strict=True)
    return (kind | None if field["nullable"] else kind, limits)


Record: Any = create_model(
    "Record",
    __config__=ConfigDict(extra="forbid"),
    **{field["name"]: annotation(field) for field in contract},
)


class Answer(BaseModel):
    prediction: Literal["yes", "no"]
    probability: float


class One(Answer):
    release: str
    request_id: str


class Many(BaseModel):
    predictions: list[Answer]
    release: str
    request_id: str


def scores(records: list[Any]) -> list[float]:
    rows = []
    for record in records:
        values = record.__dict__
        row = [values[name] for name in numbers]
        row += [codes[values[name]] for name, codes in categories.items()]
        rows.append(row)
    matrix = np.array(rows, dtype=np.float32)  # None becomes NaN
    found: list[float] = session.run(output, {"features": matrix})[0][:, 1].tolist()
    return found


def answer(p: float) -> dict[str, Any]:
    return {"prediction": "yes" if p >= 0.5 else "no", "probability": p}


@app.get("/readyz")
async def readyz() -> str:
    return "ready"


@app.post("/predict", response_model=One)
async def predict(record: Record) -> Any:
    (p,) = scores([record])
    return answer(p) | {"release": "unreleased", "request_id": uuid.uuid4().hex}


@app.post("/predict_many", response_model=Many)
async def predict_many(records: list[Record]) -> Any:
    found = [answer(p) for p in scores(records)]
    return {"predictions": found, "release": "unreleased", "request_id": uuid.uuid4().hex}
