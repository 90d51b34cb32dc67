"""How long the tables of the examples take, against scikit-learn's own."""

import json
import sys
from statistics import median

from measure import ROOT, Figure, options, run, save

BOUND = 2.0
SHAPES = {"churn": (7_043, 21), "fraud": (10_000, 31), "housing": (20_640, 12)}
OURS = """
import json, sys, time
sys.path.append(sys.argv[2])
from importlib import import_module
shapes = json.loads(sys.argv[1])
modules = {name: import_module(f"sources.{name}") for name in shapes}
started = time.perf_counter()
for name, (rows, _) in shapes.items():
    modules[name].table(rows, 42)
print(time.perf_counter() - started)
"""
PEER = """
import json, sys, time
import pandas as pd
from sklearn.datasets import make_classification, make_regression
shapes = json.loads(sys.argv[1])
started = time.perf_counter()
for name, (rows, columns) in shapes.items():
    make = make_regression if name == "housing" else make_classification
    features, target = make(rows, columns - 1, random_state=42)
    pd.DataFrame(features).assign(target=target)
print(time.perf_counter() - started)
"""


def main() -> None:
    given = options(__doc__)
    samples: dict[str, list] = {"ours": [], "peer": []}
    for _ in range(1 if given.quick else 5):
        for name, code in (("ours", OURS), ("peer", PEER)):
            samples[name].append(
                run([sys.executable, "-c", code, json.dumps(SHAPES), str(ROOT / "src")])
            )
    ours, peer = (median(float(s.output) for s in samples[name]) for name in ("ours", "peer"))
    figure = Figure(
        "three made-up tables, imports apart, against make_classification/make_regression",
        f"{ours:.3f} s",
        f"{peer:.3f} s",
        ours / peer,
        f"<= {BOUND:g} s",
        ours <= BOUND,
    )
    save("example_tables", given, [figure], samples)


if __name__ == "__main__":
    main()
