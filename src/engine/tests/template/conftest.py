"""The template as a repository, and projects made from it, once for all tests."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from generating import Made, generate, make_template

Generate = Callable[..., Made]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the template as it is now; its remote is ``template.git`` beside it."""
    return make_template(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A project by a tool and answers; made once, not to be changed."""

    @cache
    def make(tool: str = "cookiecutter", *answers: tuple[str, str]) -> Path:
        out = tmp_path_factory.mktemp(tool) / "out"
        return generate(tool, str(template), out, dict(answers)).project

    return make
