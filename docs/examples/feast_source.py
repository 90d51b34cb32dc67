"""Customers with their labels, and their features as they were known at that time, from Feast.

Copy it to src/sources/customers.py. Feast holds pandas below 3, so it gets an environment of its
own, and FEAST_PYTHON says where the Python of that is, such as /srv/models/.feast/bin/python:

    uv venv .feast && uv pip install --python .feast feast
"""

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pandas as pd

KEYS = ["customer_id", "event_timestamp"]


def table(store: str, service: str, labels: str) -> pd.DataFrame:
    """The labels, a Parquet file with ``KEYS``, and beside each the features of a service.

    ``store`` is the folder of feature_store.yaml.
    """
    python = os.environ.get("FEAST_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.parquet"
        command = [python, "-P", __file__, store, service, labels, str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return pd.read_parquet(out)


def ask_feast(store: str, service: str, labels: str) -> pd.DataFrame:
    """The same in the environment that has Feast."""
    from feast import FeatureStore  # type: ignore[import-not-found]

    # Feast only warns where an entity was not applied, and then joins every row with every other.
    warnings.filterwarnings("error", "There are some mismatches")
    events = pd.read_parquet(labels)
    # A time with a zone is that moment; one without is UTC, as for Feast.
    times = pd.to_datetime(events["event_timestamp"], utc=True, format="ISO8601")
    events["event_timestamp"] = times
    features = FeatureStore(repo_path=store)
    rows = features.get_historical_features(
        entity_df=events[KEYS],
        features=features.get_feature_service(service),
        filter_by_created_timestamp=True,  # nor a value for an earlier time that was written later
    ).to_df()
    # A store of files leaves out rows whose values are all too old or too new, in any order.
    rows = events.merge(rows, how="left", on=KEYS, validate="one_to_one")
    return rows.sort_values(KEYS, ignore_index=True)


if __name__ == "__main__":
    ask_feast(*sys.argv[1:4]).to_parquet(sys.argv[4])
