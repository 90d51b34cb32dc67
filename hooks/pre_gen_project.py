"""Refuses answers that break a rule; cookiecutter and cruft then remove the empty folder."""

import json
import sys
from pathlib import Path

ROOT = Path(r"{{ template_root() }}")
if sys.version_info < (3, 11):  # noqa: UP036 - the user's Python, not the project's
    sys.exit(f"error: Python {sys.version.split()[0]} runs this; a project needs 3.11 or later")
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))

from hooks.answers import Answers, problems  # noqa: E402

answers = Answers.read(json.loads(r"""{{ cookiecutter | tojson }}"""))
if found := problems(answers, ROOT):
    sys.exit("\n".join(f"error: {problem}" for problem in found))
