"""What a new project's maker reads at the end: the next three commands."""

from hooks.answers import KEPT, Answers


def closing_message(answers: Answers) -> str:
    """The three commands that follow."""
    slug = answers.project_slug
    last = "make run" if KEPT[answers.models] else "make setup"
    lines = [
        f"\n{answers.title} is in {slug}/. Next:",
        "",
        f"  cd {slug}",
        '  git init -b main && git add -A && git commit -m "feat: begin"',
        f"  {last}",
    ]
    if not KEPT[answers.models]:
        lines += [
            "",
            "Then your first model: .venv/bin/tagship new NAME --data FILE --target COLUMN",
        ]
    return "\n".join(lines)
