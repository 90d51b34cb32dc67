"""Tags this template as a version: ``tag_release.py [--security "what it mends"]``; pushes nothing.

The message lists the wheel's hash, by which projects tell that theirs is the template's.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT))

from hooks.engine_wheel import build_wheel, engine_version  # noqa: E402


def message(root: Path, security: list[str]) -> str:
    """What the tag of the template at ``root`` says."""
    wheel = build_wheel(root)
    lines = [f"Wheel: {wheel.name}", f"Wheel-SHA256: {wheel.sha256}"]
    lines += [f"Security: {' '.join(fix.split())}" for fix in security]
    return f"Template v{engine_version(root)}\n\n" + "\n".join(lines) + "\n"


def main() -> None:
    """Tag HEAD; refuse a work tree that is not what HEAD holds, and a version that is taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--security", action="append", default=[], metavar="WHAT")
    given = parser.parse_args()
    git = ["git", "-C", str(ROOT)]
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True)
    if changed.stdout.strip() or changed.returncode:
        sys.exit(f"error: {ROOT}: commit or undo first:\n{changed.stdout or changed.stderr}")
    tag = f"template/v{engine_version(ROOT)}"
    command = [*git, "tag", "--annotate", "--cleanup=verbatim", "--file", "-", tag]
    done = subprocess.run(command, input=message(ROOT, given.security), text=True)
    if done.returncode:
        sys.exit(done.returncode)
    sys.stdout.write(f"{tag} is made. Next: git push origin {tag}\n")


if __name__ == "__main__":
    main()
