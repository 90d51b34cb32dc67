"""The verdict on drift against Evidently's report: time, memory, false alarms, what is found."""

import json
import sys
from statistics import median

from measure import HERE, Figure, Sample, options, run, save

SECONDS, FASTER = 0.5, 5.0
LARGE_SECONDS, LARGE_MB = 5.0, 1_000
FALSE_ALARMS = 0.05


def measured(*arguments: object) -> tuple[Sample, dict]:
    """Run one of ``drift_runs.py`` and read its last line."""
    sample = run([sys.executable, str(HERE / "drift_runs.py"), *map(str, arguments)])
    return sample, json.loads(sample.output.splitlines()[-1])


def main() -> None:
    given = options(__doc__)
    rows, many, repeats = (2_000, 5_000, 1) if given.quick else (20_000, 1_000_000, 5)
    resamples, sizes = (2, (600,)) if given.quick else (200, (500, 1_000, 5_000, 20_000))
    samples: dict[str, list[Sample]] = {}
    figures: list[Figure] = []

    sample, timed = measured("verdict", rows, repeats)
    samples["verdict"] = [sample]
    ours, peer = median(timed["ours"]), median(timed["peer"])
    kept = ours <= SECONDS and peer / ours >= FASTER
    bound = f"<= {SECONDS:g} s and {FASTER:g} x faster"
    figures.append(
        Figure(
            f"verdict on {rows:,} x 30 in memory against Evidently's report",
            f"{ours:.3f} s",
            f"{peer:.2f} s",
            ours / peer,
            bound,
            kept,
        )
    )
    sample, timed_large = measured("large", many)
    samples["large"] = [sample]
    seconds, memory = timed_large["seconds"], sample.peak_mb
    figures += [
        Figure(
            f"verdict on {many:,} x 30", f"{seconds:.2f} s", "", None,
            f"<= {LARGE_SECONDS:g} s", seconds <= LARGE_SECONDS,
        ),
        Figure(
            f"{many:,} x 30: peak memory, the table included", f"{memory:,.0f} MB", "", None,
            f"<= {LARGE_MB:,} MB", memory <= LARGE_MB,
        ),
    ]  # fmt: skip
    for size in sizes:
        sample, failed = measured("alarms", size, resamples)
        samples[f"alarms {size}"] = [sample]
        for kind in ("distances", "p-values"):
            share = failed[kind] / resamples
            figures.append(
                Figure(
                    f"false alarms by {kind}, {size:,} rows, {resamples} samples",
                    f"{share:.1%}",
                    f"{failed['peer'] / resamples:.1%}",
                    None,
                    f"<= {FALSE_ALARMS:.0%}",
                    share <= FALSE_ALARMS,
                )
            )
    for size in sizes[1:] or sizes:
        sample, counts = measured("found", size, resamples)
        samples[f"found {size}"] = [sample]
        figures += [
            Figure(
                f"{what}, {size:,} rows: found",
                f"{count['ours'] / resamples:.1%}",
                f"{count['peer'] / resamples:.1%}",
                None,
                "as often",
                count["ours"] >= count["peer"],
            )
            for what, count in counts.items()
        ]
    save("drift", given, figures, samples, timed | timed_large)


if __name__ == "__main__":
    main()
