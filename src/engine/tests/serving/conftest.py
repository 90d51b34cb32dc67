"""A real `tagship serve` over HTTP, once for all tests of this folder."""

import pytest

from services import serve


@pytest.fixture(scope="session")
def serving():
    """``serving(project, **variables)``: a context with the address of a service."""
    return serve


@pytest.fixture(scope="module")
def served(_run_once, tmp_path_factory):
    """The address of ``tiny``'s service, and the project it was built in."""
    from projects import copy_project

    project = copy_project(_run_once, tmp_path_factory.mktemp("served") / "project")
    with serve(project) as address:
        yield address, project
