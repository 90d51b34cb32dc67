"""Refuses answers that break a rule; cookiecutter and cruft then remove the empty folder."""

import json
import sys
from pathlib import Path

ROOT = Path(r"{{ template_root() }}")
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))

from hooks.answers import Answers, problems  # noqa: E402

answers = Answers.read(json.loads(r"""{{ cookiecutter | tojson }}"""))
if found := problems(answers, ROOT):
    sys.exit("\n".join(f"error: {problem}" for problem in found))
