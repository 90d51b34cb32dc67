"""``tagship train`` against the plain scikit-learn script that does the same folds and fits."""

import json
import re
import sys
import tempfile
from pathlib import Path

from measure import PEERS, TAGSHIP, Figure, Sample, middle, middle_cpu, options, run, save
from project import copy_models, read_from

BOUND = 1.3
_LINE = re.compile(r": (\w+): \w+ ([\d.,]+) ± ")


def differences(ours: Sample, peer: Sample) -> dict[str, float]:
    """How far each candidate's mean score lies from the peer's, relatively: is it the same work?"""
    theirs = json.loads(peer.output.splitlines()[-1])["candidates"]
    found = {name: float(value.replace(",", "")) for name, value in _LINE.findall(ours.output)}
    assert found.keys() == theirs.keys()
    return {name: abs(found[name] / theirs[name] - 1) for name in found}


def main() -> None:
    given = options(__doc__)
    models, repeats = (("iris",), 1) if given.quick else (("churn", "housing"), 3)
    samples: dict[str, list] = {}
    figures, notes = [], {}
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = copy_models(Path(temporary), models)
        for model in models:
            read_from(folder, model, "csv")
            commands = {
                "ours": [TAGSHIP, "train", model],
                "peer": [sys.executable, str(PEERS / "plain_train.py"), str(folder), model],
            }
            for _ in range(repeats):
                for side, command in commands.items():
                    samples.setdefault(f"{model} {side}", []).append(run(command, folder))
            ours, peer = (middle(samples[f"{model} {side}"]) for side in commands)
            cpu, peer_cpu = (middle_cpu(samples[f"{model} {side}"]) for side in commands)
            notes[f"{model}: relative difference of the candidates' scores"] = differences(
                samples[f"{model} ours"][-1], samples[f"{model} peer"][-1]
            )
            figures.append(
                Figure(
                    f"tagship train {model} against plain scikit-learn",
                    f"{ours:.2f} s",
                    f"{peer:.2f} s",
                    ours / peer,
                    f"<= {BOUND:g} x",
                    ours / peer <= BOUND,
                    cpu / peer_cpu,
                )
            )
    save("training", given, figures, samples, notes)


if __name__ == "__main__":
    main()
