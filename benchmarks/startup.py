"""How fast ``tagship --help`` answers, and that it imports nothing heavy."""

import re
import sys

from measure import TAGSHIP, Figure, middle, options, run, save

BOUND = 0.150
HEAVY = {"pandas", "numpy", "sklearn", "mlflow", "pydantic", "bentoml", "onnxruntime", "matplotlib"}


def heavy_imports(command: list[str]) -> list[str]:
    """The heavy packages that a Python command imports."""
    log = run([sys.executable, "-X", "importtime", *command]).output
    return sorted(HEAVY & set(re.findall(r"\|\s+(\w+)$", log, re.MULTILINE)))


def main() -> None:
    given = options(__doc__)
    commands = {
        "tagship --help": [TAGSHIP, "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
        "bentoml --help": [sys.executable, "-m", "bentoml", "--help"],
        "mlflow --help": [sys.executable, "-m", "mlflow", "--help"],
    }
    for command in commands.values():  # warm: bytecode compiled, files cached
        run(command)
    repeats = 3 if given.quick else 20
    samples: dict[str, list] = {name: [] for name in commands}
    for repeat in range(repeats):
        for name, command in commands.items():
            if name in ("tagship --help", "python -c pass") or repeat < 5:
                samples[name].append(run(command))
    ours = middle(samples["tagship --help"])
    figures = []
    for name in list(commands)[1:]:
        peer = middle(samples[name])
        first = not figures
        figures.append(
            Figure(
                f"tagship --help against {name}",
                f"{ours * 1000:.0f} ms",
                f"{peer * 1000:.0f} ms",
                ours / peer,
                f"<= {BOUND * 1000:.0f} ms" if first else "",
                ours <= BOUND if first else None,
            )
        )
    heavy = heavy_imports([TAGSHIP, "--help"])
    shown = ", ".join(heavy) or "none"
    figures.append(Figure("heavy imports of tagship --help", shown, "", None, "none", not heavy))
    save("startup", given, figures, samples)


if __name__ == "__main__":
    main()
