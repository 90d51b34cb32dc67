"""MLflow's aliases follow Git, against a real sqlite registry."""

from pathlib import Path

import pytest

from shop import Shop, sha
from tagship.errors import TagshipError
from tagship.gitops.mirror import Mlflow, differences, mirror, releases_by_alias
from tagship.gitops.status import status


class Memory:
    """A registry in memory."""

    def __init__(self, **versions: str) -> None:
        self.known = versions
        self.held: dict[str, str] = {}

    def aliases(self, model: str) -> dict[str, str]:
        return dict(self.held)

    def versions(self, model: str) -> dict[str, str]:
        return {name.removeprefix("v"): its for name, its in self.known.items()}

    def set_alias(self, model: str, alias: str, version: str, release: str) -> None:
        self.held[alias] = version

    def drop_alias(self, model: str, alias: str) -> None:
        del self.held[alias]


def test_aliases_are_set_to_what_runs_and_a_flip_by_hand_is_caught(shipped: Shop) -> None:
    snapshot = shipped.snapshot()
    registry = Memory(v1=sha("one-a"), v2=sha("two"), v10=sha("two"))
    assert {d.alias for d in mirror(snapshot, registry)} == {"staging", "production", "champion"}
    assert registry.held == {"staging": "10", "production": "10", "champion": "10"}
    assert mirror(snapshot, registry) == []
    assert all(row.agrees for row in status(snapshot, releases_by_alias(snapshot, registry)).rows)
    registry.held["production"] = "1"
    [flipped] = differences(snapshot, registry)
    assert (flipped.alias, flipped.named_version, flipped.release) == (
        "production",
        "1",
        "churn/v1.1.0",
    )
    rows = {
        row.environment: row for row in status(snapshot, releases_by_alias(snapshot, registry)).rows
    }
    assert rows["production"].mlflow == "version 1"
    assert not rows["production"].agrees
    shipped.rollback()
    mirror(shipped.snapshot(), registry)
    assert registry.held["production"] == "1"


def test_an_alias_of_what_never_ran_is_dropped(shop: Shop) -> None:
    registry = Memory(v1=sha("one"))
    registry.held["production"] = "1"
    mirror(shop.snapshot(), registry)
    assert registry.held == {}


def test_a_version_that_mlflow_does_not_have_is_told(shipped: Shop) -> None:
    registry = Memory(v1=sha("one-a"))
    with pytest.raises(TagshipError, match=r"no version with the artifact of churn/v1\.1\.0"):
        mirror(shipped.snapshot(), registry)


def test_a_real_mlflow_registry_is_mirrored(shipped: Shop, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    registry = Mlflow(uri)
    snapshot = shipped.snapshot()
    assert registry.aliases("churn") == {}
    client = MlflowClient(uri)
    client.create_registered_model("churn")
    for label in ("one-a", "two"):
        client.create_model_version(
            "churn", (tmp_path / label).as_uri(), tags={"model_sha256": sha(label)}
        )
    mirror(snapshot, registry)
    assert registry.aliases("churn") == {"staging": "2", "production": "2", "champion": "2"}
    client.set_registered_model_alias("churn", "production", "1")
    assert [d.alias for d in differences(snapshot, registry)] == ["production"]
    assert client.get_model_version("churn", "2").tags["release"] == "churn/v1.1.0"
