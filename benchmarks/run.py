"""Run every benchmark and print one table; ``--quick`` uses tiny sizes, names choose some."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from measure import HERE, Figure, machine, table

BENCHMARKS = (
    "startup",
    "desk",
    "example_tables",
    "busy_machine",
    "training",
    "large_table",
    "drift",
    "tuning",
    "watch",
    "predict",
    "compare",
    "explain",
    "whole_run",
    "serving",
    "soak",
    "hostile",
    "gitops_scale",
    "site",
    "tables",
    "kafka",
    "postgres",
    "scale",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCHMARK", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it still run?")
    parser.add_argument("--results", type=Path, default=HERE / "results", help="JSON goes here")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
    figures: list[Figure] = []
    broken = []
    for name in given.names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        command = [sys.executable, str(HERE / f"{name}.py"), "--results", str(given.results)]
        command += ["--quick"] * given.quick
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
            broken.append(name)
            continue
        content = json.loads((given.results / f"{name}.json").read_text(encoding="utf-8"))
        figures += [Figure(**figure) for figure in content["figures"]]
    if given.quick:
        print("tiny sizes: these figures say only that the benchmarks run")
    print(table(figures))
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    if broken:
        sys.exit(f"could not be run: {', '.join(broken)}")


if __name__ == "__main__":
    main()
