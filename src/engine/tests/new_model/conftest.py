"""A project without models, and a table beside it."""

from pathlib import Path

import pytest
from customers import PROJECT, customers


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project without models."""
    folder = tmp_path / "project"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "project.yaml").write_text(PROJECT)
    return folder


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Where the customers lie: beside the project, as ``../shared/customers.csv``."""
    path = tmp_path / "shared" / "customers.csv"
    path.parent.mkdir()
    customers().to_csv(path, index=False)
    return path
