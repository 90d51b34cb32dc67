"""What Argo CD would run: the resolver of the GitOps tests."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location(
    "argo_resolver", Path(__file__).parents[1] / "gitops" / "argo.py"
)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
runs = _module.runs
