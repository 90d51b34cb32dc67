"""A million rows of twenty mixed columns: peak memory, and growth from a hundred thousand.

``tagship train`` validates, hashes, splits, cross-validates HistGradientBoosting, refits, exports
and measures. Growth is of the wall time beyond that of a 1,000-row table, so that the fixed cost of
starting up does not flatter it.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from measure import PEERS, TAGSHIP, Figure, Sample, middle, middle_cpu, options, peak, run, save
from project import make_large, read_from

MEMORY_MB = 4_000
GROWTH = 12.0
KINDS = ("csv", "parquet")


def measure(
    sizes: tuple[int, ...], folds: int, trees: int, repeats: int
) -> dict[str, list[Sample]]:
    """Samples of every size and kind, and of the peer; the largest size runs once.

    The sizes take turns, so that a busy minute of the machine does not fall on one of them alone.
    """
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        for rows in sizes:
            make_large(Path(temporary) / str(rows), rows, folds, trees)
        for repeat in range(repeats):
            for rows in sizes if repeat == repeats // 2 else sizes[:-1]:
                folder = Path(temporary) / str(rows)
                for kind in KINDS:
                    read_from(folder, "large", kind)
                    found = run([TAGSHIP, "train", "large"], folder)
                    samples.setdefault(f"{kind} {rows}", []).append(found)
                peer = [sys.executable, str(PEERS / "plain_large.py"), str(folder / "large.csv")]
                peer += [str(folds), str(trees)]
                samples.setdefault(f"peer {rows}", []).append(run(peer, folder))
    return samples


def main() -> None:
    given = options(__doc__)
    start, small, large = (200, 500, 1_000) if given.quick else (1_000, 100_000, 1_000_000)
    folds, trees, repeats = (2, 3, 1) if given.quick else (5, 50, 3)
    samples = measure((start, small, large), folds, trees, repeats)

    def growth(side: str, cost: Callable[[Sequence[Sample]], float] = middle) -> float:
        fixed = cost(samples[f"{side} {start}"])
        grown, before = (cost(samples[f"{side} {rows}"]) - fixed for rows in (large, small))
        return max(grown, 1e-3) / max(before, 1e-3)  # tiny sizes are all noise

    figures = []
    for kind in KINDS:
        ours, peer = samples[f"{kind} {large}"], samples[f"peer {large}"]
        name = f"{large:,} x 20 rows of {kind}"
        memory, theirs = peak(ours), peak(peer)
        figures += [
            Figure(
                f"{name}: peak memory against read_csv and sklearn",
                f"{memory:,.0f} MB",
                f"{theirs:,.0f} MB",
                memory / theirs,
                f"<= {MEMORY_MB:,} MB",
                memory <= MEMORY_MB,
            ),
            Figure(
                f"{name}: wall time",
                f"{middle(ours):.1f} s",
                f"{middle(peer):.1f} s",
                middle(ours) / middle(peer),
                "",
                None,
                middle_cpu(ours) / middle_cpu(peer),
            ),
            Figure(
                f"{kind}: wall time from {small:,} to {large:,} rows",
                f"{growth(kind):.1f} x",
                f"{growth('peer'):.1f} x",
                growth(kind) / growth("peer"),
                f"<= {GROWTH:g} x",
                growth(kind) <= GROWTH,
            ),
            Figure(
                f"{kind}: CPU time from {small:,} to {large:,} rows",
                f"{growth(kind, middle_cpu):.1f} x",
                f"{growth('peer', middle_cpu):.1f} x",
                growth(kind, middle_cpu) / growth("peer", middle_cpu),
                "",
                None,
            ),
        ]
    save("large_table", given, figures, samples, {"folds": folds, "trees": trees})


if __name__ == "__main__":
    main()
