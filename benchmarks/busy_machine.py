"""What OpenMP threads cost a small fit: waiting, spinning, or one alone.

On a quiet machine, and beside a process that keeps one core busy.
"""

import subprocess
import sys
from statistics import median

from measure import Figure, options, run, save

AT_MOST = 300
"""Seconds after which the busy process ends by itself."""
BUSY = f"""
import time
end = time.monotonic() + {AT_MOST}
while time.monotonic() < end:
    pass
"""
FIT = """
import sys, time
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
rows = int(sys.argv[1])
x = np.random.default_rng(0).normal(size=(rows, 20)).astype(np.float32)
y = (x[:, 0] + x[:, 1] * x[:, 2] > 0).astype(int)
started = time.perf_counter()
HistGradientBoostingClassifier(max_iter=50, early_stopping=False, random_state=0).fit(x, y)
print(time.perf_counter() - started)
"""
KINDS = {
    "one thread": {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1"},
    "PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "ACTIVE": {"OMP_WAIT_POLICY": "ACTIVE"},
}


def main() -> None:
    given = options(__doc__)
    rows, repeats = ("1000", 1) if given.quick else ("10000", 3)
    samples: dict[str, list] = {}
    for machine in ("quiet", "busy"):
        busy = subprocess.Popen([sys.executable, "-c", BUSY]) if machine == "busy" else None
        try:
            for _ in range(repeats):
                for kind, extra in KINDS.items():
                    sample = run([sys.executable, "-c", FIT, rows], extra=extra)
                    samples.setdefault(f"{machine} {kind}", []).append(sample)
        finally:
            if busy is not None:
                busy.kill()
                busy.wait()
    figures = []
    for machine in ("quiet", "busy"):
        single, passive, active = (
            median(float(sample.output) for sample in samples[f"{machine} {kind}"])
            for kind in KINDS
        )
        for what, ours in (("PASSIVE", passive), ("one thread", single)):
            name = f"HistGradientBoosting, {machine} machine: {what} against ACTIVE"
            figures.append(
                Figure(name, f"{ours:.2f} s", f"{active:.2f} s", ours / active, "", None)
            )
    save("busy_machine", given, figures, samples)


if __name__ == "__main__":
    main()
