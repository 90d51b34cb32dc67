"""What ``drift.py`` measures, each in a process of its own: ``python drift_runs.py NAME SIZES``.

The table has thirty columns: eighteen normal, three skewed, three counts, six categories of 2 to 10
values. The reference is that of 16,000 rows, as training would keep it.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from tagship.config.drift import Drift
from tagship.contract.boundary import Field
from tagship.monitoring.current_data import from_table
from tagship.monitoring.drift import judge_drift
from tagship.training.profiles import describe
from tagship.training.reference import Reference

REFERENCE_ROWS = 16_000
LEVELS = (2, 3, 4, 5, 8, 10)
SHARES = {n: (0.15, 0.10, *[0.75 / (n - 2)] * (n - 2)) if n > 2 else (0.15, 0.85) for n in LEVELS}
DISTANCES = Drift.model_validate(  # what `tagship new` writes
    {
        "method": "wasserstein",
        "warn_above": 0.08,
        "fail_above": 0.1,
        "categories": {"method": "jensen_shannon", "warn_above": 0.06, "fail_above": 0.08},
    }
)
P_VALUES = Drift.model_validate(
    {
        "method": "ks",
        "warn_below": 0.05,
        "fail_below": 0.01,
        "categories": {"method": "chi_square", "warn_below": 0.05, "fail_below": 0.01},
    }
)


def draw(random: np.random.Generator, rows: int) -> dict[str, np.ndarray]:
    """One sample of the population, categories as codes."""
    made = {f"n{i}": random.normal(10 * i, 1 + i, rows) for i in range(18)}
    made |= {f"s{i}": random.lognormal(1, 0.5 + 0.25 * i, rows) for i in range(3)}
    made |= {f"c{i}": random.poisson(2 + 3 * i, rows).astype(float) for i in range(3)}
    made |= {f"k{n}": random.choice(n, rows, p=SHARES[n]) for n in LEVELS}
    return made


def names(level: int) -> tuple[str, ...]:
    return tuple(f"k{level}-{number}" for number in range(level))


def frame(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """The sample as a person has it: categories as text."""
    texts = {f"k{n}": np.array(names(n), dtype=object)[columns[f"k{n}"]] for n in LEVELS}
    return pd.DataFrame({**columns, **texts})


def reference_of(columns: dict[str, np.ndarray]) -> Reference:
    profiles = {}
    for name, values in columns.items():
        known = names(int(name[1:])) if name.startswith("k") else ()
        profiles[name] = describe(
            Field(name, "category" if known else "float", values=known), values
        )
    outcome = profiles["n0"]
    return Reference(
        model="bench", task="regression", threshold=0.5, columns=profiles, target=outcome,
        prediction=outcome,
    )  # fmt: skip


def peer_report(then: pd.DataFrame, now: pd.DataFrame) -> tuple[dict[str, float], float]:
    """Evidently's default drift report: each column's score, and the seconds it took."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    texts = [f"k{n}" for n in LEVELS]
    shape = DataDefinition(
        numerical_columns=[name for name in then if name not in texts], categorical_columns=texts
    )
    started = time.perf_counter()
    found = Report([DataDriftPreset()], include_tests=True).run(
        Dataset.from_pandas(now, data_definition=shape),
        Dataset.from_pandas(then, data_definition=shape),
    )
    content = found.dict()
    seconds = time.perf_counter() - started
    metrics = [metric for metric in content["metrics"] if "column" in metric["config"]]
    return {m["config"]["column"]: float(m["value"]) for m in metrics}, seconds


def verdict(rows: int, repeats: int) -> dict[str, object]:
    """Seconds of a verdict on a table in memory and of Evidently's report, in turn."""
    random = np.random.default_rng(1)
    whole = draw(random, REFERENCE_ROWS)
    reference, now, then = reference_of(whole), frame(draw(random, rows)), frame(whole)
    judge_drift(reference, DISTANCES, from_table(reference, now, "target"))
    peer_report(then.head(1100), now.head(1100))
    ours, theirs = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        found = judge_drift(reference, DISTANCES, from_table(reference, now, "target"))
        ours.append(time.perf_counter() - started)
        scores, seconds = peer_report(then, now)
        theirs.append(seconds)
    judged = {f.column: f.value for f in found.findings if f.check == "drift"}
    assert judged.keys() == scores.keys()
    same = [f.column for f in found.findings if f.check == "drift" and f.column[0] != "c"]
    largest = max(abs(judged[name] - scores[name]) for name in same)
    return {"ours": ours, "peer": theirs, "largest difference of a score": largest}


def large(rows: int) -> dict[str, object]:
    """Seconds of a verdict on many rows; the caller sees the memory, table included."""
    random = np.random.default_rng(2)
    reference = reference_of(draw(random, REFERENCE_ROWS))
    now = draw(random, rows)
    for n in LEVELS:
        now[f"k{n}"] = pd.Categorical.from_codes(now[f"k{n}"], names(n))
    table = pd.DataFrame(now)
    del now
    started, used = time.perf_counter(), time.process_time()
    found = judge_drift(reference, DISTANCES, from_table(reference, table, "target"))
    return {
        "seconds": time.perf_counter() - started,
        "CPU seconds": time.process_time() - used,
        "status": found.status,
    }


def alarms(rows: int, resamples: int) -> dict[str, object]:
    """How many samples of the population itself fail; the peer's is any column called drifted."""
    random = np.random.default_rng(3)
    whole = draw(random, REFERENCE_ROWS)
    reference, then = reference_of(whole), frame(whole)
    failed = {"distances": 0, "p-values": 0, "peer": 0}
    for _ in range(resamples):
        now = frame(draw(random, rows))
        current = from_table(reference, now, "target")
        failed["distances"] += judge_drift(reference, DISTANCES, current).status == "fail"
        failed["p-values"] += judge_drift(reference, P_VALUES, current).status == "fail"
        failed["peer"] += any(peer_drifts(then[name], now[name]) for name in then)
    return failed


def peer_drifts(then: pd.Series, now: pd.Series) -> bool:
    """Whether Evidently's default test of one column calls it drifted (missing values left out)."""
    from evidently.legacy.calculations.stattests import registry
    from evidently.legacy.core import ColumnType

    kind = ColumnType.Numerical if then.dtype.kind in "fi" else ColumnType.Categorical
    a, b = then.dropna(), now.dropna()
    test = registry.get_stattest(a, b, kind, None)
    return bool(test(a, b, kind, None).drifted)


def _shift(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return values + 0.3 * 3


def _units(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return values * 2.54


def _some_units(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(len(values)) < 0.1, values * 2.54, values)


def _missing(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(len(values)) < 0.1, np.nan, values)


def _doubled(share: float, code: int) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    def change(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
        become = random.random(len(values)) < share / (1 - share)
        return np.where(become, code, values)

    return change


SHIFTS = {
    "mean moved by 0.3 standard deviations": ("n2", _shift),
    "a category's share from 15 to 30 %": ("k5", _doubled(0.15, 0)),
    "a category's share from 10 to 20 %": ("k5", _doubled(0.10, 1)),
    "10 % missing": ("n2", _missing),
    "inches become centimetres": ("n2", _units),
    "the same in one row of ten": ("n2", _some_units),
}
"""The column, and what happens to it."""


def found(rows: int, resamples: int) -> dict[str, dict[str, int]]:
    """In how many samples each shift is found: the column fails, or Evidently calls it drifted."""
    random = np.random.default_rng(4)
    whole = draw(random, REFERENCE_ROWS)
    reference, then = reference_of(whole), frame(whole)
    counts = {}
    for what, (name, change) in SHIFTS.items():
        ours = theirs = 0
        for _ in range(resamples):
            columns = draw(random, rows)
            columns[name] = change(columns[name], random)
            now = frame(columns)
            judged = judge_drift(reference, DISTANCES, from_table(reference, now, "target"))
            ours += any(f.column == name for f in judged.of_status("fail"))
            theirs += peer_drifts(then[name], now[name])
        counts[what] = {"ours": ours, "peer": theirs}
    return counts


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    runs = {run.__name__: run for run in (verdict, large, alarms, found)}
    print(json.dumps(runs[sys.argv[1]](*map(int, sys.argv[2:]))))  # type: ignore[operator]
