"""MLflow's aliases follow Git: what differs, and how it is corrected. Never the other way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tagship.errors import TagshipError
from tagship.gitops.snapshot import Snapshot

CHAMPION = "champion"
"""The alias of what the last environment runs."""


@dataclass(frozen=True)
class AliasDifference:
    """An alias that differs from what Git says."""

    model: str
    alias: str
    release: str
    """The release that runs, or nothing."""
    version: str
    """The version with its artifact; empty when the registry has none."""
    named_version: str
    """The version that the alias names now, if any."""

    def to_json(self) -> dict[str, str]:
        """The same as ``tagship mirror --json`` prints it."""
        return {
            "model": self.model,
            "alias": self.alias,
            "wanted": self.release,
            "version": self.version,
            "found": self.named_version,
        }


def differences(snapshot: Snapshot, registry: "Mlflow") -> list[AliasDifference]:
    """Every alias of every model's environments that is missing, wrong or left over."""
    result = []
    for model in snapshot.models:
        aliases, versions = registry.aliases(model), registry.versions(model)
        for alias, environment in _aliases(snapshot):
            current = snapshot.history.current(model, environment)
            sha256 = current.says("Model-SHA256") if current else ""
            matching = [v for v, artifact in versions.items() if sha256 and artifact == sha256]
            version, named_version = max(matching, default="", key=int), aliases.get(alias, "")
            if (named_version not in matching) if current else named_version:
                release = current.release if current else ""
                result.append(AliasDifference(model, alias, release, version, named_version))
    return result


def mirror(snapshot: Snapshot, registry: "Mlflow") -> list[AliasDifference]:
    """Correct every alias and say what was wrong.

    Raises:
        TagshipError: the registry has no version with the artifact that runs; the others are done.
    """
    corrections = differences(snapshot, registry)
    for difference in corrections:
        if difference.version:
            registry.set_alias(
                difference.model, difference.alias, difference.version, difference.release
            )
        elif not difference.release:
            registry.drop_alias(difference.model, difference.alias)
    unmatched = [d for d in corrections if d.release and not d.version]
    if unmatched:
        names = ", ".join(sorted({d.release for d in unmatched}))
        raise TagshipError(
            f"MLflow has no version with the artifact of {names}",
            "check out its release and run `tagship run`: the artifact has the same bytes",
        )
    return corrections


def releases_by_alias(snapshot: Snapshot, registry: "Mlflow") -> dict[tuple[str, str], str]:
    """For each model and environment, the release that the registry's alias names."""
    differences_by_alias = {(d.model, d.alias): d for d in differences(snapshot, registry)}
    releases: dict[tuple[str, str], str] = {}
    for model in snapshot.models:
        for environment in snapshot.environments:
            current = snapshot.history.current(model, environment)
            difference = differences_by_alias.get((model, environment))
            if difference:
                releases[model, environment] = (
                    f"version {difference.named_version}" if difference.named_version else ""
                )
            else:
                releases[model, environment] = current.release if current else ""
    return releases


def _aliases(snapshot: Snapshot) -> list[tuple[str, str]]:
    return [
        *((name, name) for name in snapshot.environments),
        (CHAMPION, snapshot.environments[-1]),
    ]


class Mlflow:
    """An MLflow tracking server's registry, or its sqlite file."""

    def __init__(self, uri: str) -> None:
        self._uri = uri

    def aliases(self, model: str) -> Mapping[str, str]:
        """For each alias, the version that it names; empty for an unknown model."""
        models = self._ask("search_registered_models", f"name = '{model}'")
        return {
            alias: str(number)
            for model_entry in models
            for alias, number in model_entry.aliases.items()
        }

    def versions(self, model: str) -> Mapping[str, str]:
        """For each version, the artifact's SHA-256 that `tagship run` tagged it with."""
        versions = self._ask("search_model_versions", f"name = '{model}'")
        return {str(version.version): version.tags.get("model_sha256", "") for version in versions}

    def set_alias(self, model: str, alias: str, version: str, release: str) -> None:
        """Point an alias at a version."""
        self._ask("set_registered_model_alias", model, alias, version)
        self._ask("set_model_version_tag", model, version, "release", release)

    def drop_alias(self, model: str, alias: str) -> None:
        """Remove an alias."""
        self._ask("delete_registered_model_alias", model, alias)

    def _ask(self, verb: str, *arguments: str) -> Any:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            return getattr(MlflowClient(self._uri, registry_uri=self._uri), verb)(*arguments)
        except (MlflowException, OSError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            raise TagshipError(f"MLflow: {reason}", "look at MLFLOW_TRACKING_URI") from None
