"""Fills the new project from the template's root."""

import json
import sys
from pathlib import Path

ROOT = Path(r"{{ template_root() }}")
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))

from hooks.answers import Answers  # noqa: E402
from hooks.closing import closing_message, say  # noqa: E402
from hooks.copying import copy_root  # noqa: E402
from hooks.cruft_link import write_cruft_link  # noqa: E402
from hooks.tracked_files import TemplateError  # noqa: E402

given = json.loads(r"""{{ cookiecutter | tojson }}""")
answers = Answers.read(given)
try:
    copy_root(ROOT, Path.cwd(), answers)
except TemplateError as error:
    sys.exit(f"error: {error}")
write_cruft_link(ROOT, Path.cwd(), given)
say(closing_message(answers, Path.cwd().name))
