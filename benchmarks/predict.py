"""``tagship predict`` on a million rows of twenty mixed columns, with a forest of 100 trees.

The peer is the same forest as a joblib pipeline over pandas chunks, on all cores; both must give
the same probabilities. Before that, one scoring is killed half-way: no output may stand.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from forest import NAME, make_forest
from measure import PEERS, QUIET, TAGSHIP, Figure, middle, middle_cpu, options, peak, run, save

SECONDS, MEMORY_MB, TOLERANCE = 60.0, 500.0, 1e-5

_PARQUET = """
import sys
from pyarrow import csv, parquet
parquet.write_table(csv.read_csv(sys.argv[1]), sys.argv[2])
"""
_COMPARE = """
import sys
import pandas as pd
ours, peer = (pd.read_csv(path) for path in sys.argv[1:])
assert len(ours) == len(peer) and (ours["row"] == range(1, len(ours) + 1)).all()
print((ours["probability"] - peer["probability"]).abs().max())
"""


def repeat(table: Path, output: Path, rows: int) -> None:
    """Write the table's rows again and again, until there are so many."""
    header, *lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    with output.open("w", encoding="utf-8") as file:
        file.write(header)
        for at in range(0, rows, len(lines)):
            file.writelines(lines[: rows - at])


def kill_half_way(command: list[str], folder: Path, output: Path) -> str:
    """Kill the command once it has begun to write, and say what stands; exits where it is wrong."""
    part = output.with_name(f".{output.name}.part")
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, **QUIET}, stdout=subprocess.DEVNULL
    )
    while process.poll() is None and not (part.is_file() and part.stat().st_size):
        time.sleep(0.005)
    process.kill()
    ended = process.wait() >= 0
    if output.exists() and not ended:
        sys.exit(f"{output} stands after a kill")
    return "it had ended" if ended else "no output, as it should be"


def main() -> None:
    given = options(__doc__)
    fit, small, rows, trees, repeats = (
        (400, 500, 2_000, 5, 1) if given.quick else (20_000, 100_000, 1_000_000, 100, 3)
    )
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        folder = Path(temporary)
        make_forest(folder, fit, trees)
        tables = {"csv": folder / "many.csv", "parquet": folder / "many.parquet"}
        tables["few"] = folder / "few.csv"
        repeat(folder / f"{NAME}.csv", tables["csv"], rows)
        repeat(folder / f"{NAME}.csv", tables["few"], small)
        run([sys.executable, "-c", _PARQUET, str(tables["csv"]), str(tables["parquet"])])
        commands = {}
        for name, table in tables.items():
            output = folder / f"{name}-scored{'.parquet' if name == 'parquet' else '.csv'}"
            commands[name] = [TAGSHIP, "predict", NAME, "--input", str(table)]
            commands[name] += ["--output", str(output)]
        fitted, answers = folder / "peer" / "pipeline.joblib", folder / "peer.csv"
        commands["peer"] = [sys.executable, str(PEERS / "plain_predict.py"), str(fitted)]
        commands["peer"] += [str(tables["csv"]), str(answers)]
        scored = folder / "csv-scored.csv"
        killed = kill_half_way(commands["csv"], folder, scored)
        samples = {name: [] for name in commands}
        for _ in range(repeats):
            for name, command in commands.items():
                samples[name].append(run(command, folder))
        compared = run([sys.executable, "-c", _COMPARE, str(scored), str(answers)])
    difference = float(compared.output)
    if difference > TOLERANCE:
        sys.exit(f"ours and the peer's probabilities differ by {difference}")
    figures = []
    for kind in ("csv", "parquet"):
        ours, peer = samples[kind], samples["peer"]
        name = f"predict {rows:,} x 20 rows of {kind}, {trees} trees"
        figures += [
            Figure(
                f"{name}: wall time",
                f"{middle(ours):.1f} s",
                f"{middle(peer):.1f} s",
                middle(ours) / middle(peer),
                f"<= {SECONDS:g} s",
                middle(ours) <= SECONDS,
                middle_cpu(ours) / middle_cpu(peer),
            ),
            Figure(
                f"{name}: peak memory",
                f"{peak(ours):,.0f} MB",
                f"{peak(peer):,.0f} MB",
                peak(ours) / peak(peer),
                f"<= {MEMORY_MB:g} MB",
                peak(ours) <= MEMORY_MB,
            ),
        ]
    grown = peak(samples["csv"]) - peak(samples["few"])
    figures.append(
        Figure(
            f"peak memory from {small:,} to {rows:,} rows of csv",
            f"+{grown:,.0f} MB",
            "",
            None,
            "",
            None,
        )
    )
    notes = {"killed half-way": killed, "largest difference of probabilities": difference}
    save("predict", given, figures, samples, notes)


if __name__ == "__main__":
    main()
