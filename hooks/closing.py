"""What a new project's maker reads at the end: the next three commands."""

import os
import sys

from hooks.answers import KEPT, Answers


def closing_message(answers: Answers, folder: str) -> str:
    """The three commands that follow."""
    last = "make run" if KEPT[answers.models] else "make setup"
    lines = [
        f"\n{answers.title} is in {folder}/. Next:",
        "",
        f"  cd {folder}",
        '  git init -b main && git add -A && git commit -m "feat: begin"',
        f"  {last}",
    ]
    if not KEPT[answers.models]:
        lines += [
            "",
            "Then your first model: .venv/bin/tagship new NAME --data FILE --target COLUMN",
        ]
    return "\n".join(lines)


def say(text: str) -> None:
    """Print, as well as it goes: a failure here would take the finished project away."""
    if sys.stdout is None:
        return
    try:
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except OSError:  # nobody listens; nor may Python complain of it when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
