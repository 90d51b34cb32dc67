"""The command line answers before anything heavy is imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"pandas", "numpy", "sklearn", "mlflow", "pydantic", "bentoml", "onnxruntime", "matplotlib"}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_nothing_heavy_is_imported(option: str) -> None:
    tagship = Path(sys.executable).with_name("tagship")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(tagship), option],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(re.findall(r"\|\s+(\w+)$", done.stderr, re.MULTILINE))
    assert "typer" in imported
    assert not imported & HEAVY
