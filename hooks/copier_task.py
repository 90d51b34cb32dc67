"""What Copier runs: the same as the hooks of cookiecutter, and its own link for updates."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))

from hooks.answers import Answers, problems  # noqa: E402
from hooks.closing import closing_message  # noqa: E402
from hooks.copying import YOURS, copy_root  # noqa: E402


def main(given: str, link: str, operation: str) -> None:
    """Fill the current folder; while a project is updated, its own files are left alone."""
    target = Path.cwd()
    answers = Answers.read(json.loads(given))
    if found := problems(answers, ROOT):
        sys.exit("\n".join(f"error: {problem}" for problem in found))
    updated = operation == "update" and (target / ".git").exists()
    copy_root(ROOT, target, answers, leave=YOURS if updated else ())
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in
             sorted(json.loads(link).items())]  # fmt: skip
    text = "\n".join(["# Written by Copier: `copier update` needs it.", *lines])
    (target / ".copier-answers.yml").write_text(f"{text}\n", encoding="utf-8")
    if operation == "copy":
        print(closing_message(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
