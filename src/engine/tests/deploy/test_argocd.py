"""What Argo CD is told: which Applications there are, what each follows and where it may go."""

import re
from pathlib import PurePosixPath
from typing import Any

import pytest
from manifest_schemas import Schemas, custom_problem
from rendering import DEPLOY, PROJECT, Render, Resource
from ruamel.yaml import YAML
from test_manifest_schemas import COMPONENTS, in_an_overlay
from test_overlays import OVERLAYS

from tagship.config.project import ProjectConfig

SERVER = "https://kubernetes.default.svc"


@pytest.fixture
def argocd(render: Render) -> list[Resource]:
    return render(DEPLOY / "argocd")


@pytest.fixture
def projects(argocd: list[Resource]) -> dict[str, Any]:
    return {r["metadata"]["name"]: r["spec"] for r in argocd if r["kind"] == "AppProject"}


@pytest.fixture
def application_set(argocd: list[Resource]) -> Any:
    (only,) = (r["spec"] for r in argocd if r["kind"] == "ApplicationSet")
    return only


def repository(project: ProjectConfig) -> str:
    return f"https://github.com/{project.owner}/{project.name}.git"


def merged(base: Any, override: Any) -> Any:
    """A generator's template over the set's own, as Argo CD merges them."""
    if not isinstance(base, dict) or not isinstance(override, dict):
        return override
    return base | {key: merged(base.get(key), value) for key, value in override.items()}


def filled(template: Any, path: PurePosixPath) -> Any:
    """A template with the parameters that a Git files generator gives for a file in ``path``."""
    if isinstance(template, dict):
        return {key: filled(value, path) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, path) for value in template]
    if not isinstance(template, str):
        return template
    text = template.replace("{{ .path.path }}", str(path))
    text = text.replace("{{ .path.basename }}", path.name)
    text = re.sub(r"{{ index \.path\.segments (\d) }}", lambda m: path.parts[int(m[1])], text)
    assert "{{" not in text
    return text


def applications(application_set: Any) -> list[Any]:
    """The Applications that this repository's files generate."""
    return [
        filled(
            merged(application_set["template"], generator["git"]["template"]),
            PurePosixPath(generated.parent.relative_to(PROJECT).as_posix()),
        )
        for generator in application_set["generators"]
        for generated in sorted(PROJECT.glob("deploy/**/*.yaml"))
        if takes(generator, generated.relative_to(PROJECT).as_posix())
    ]


def takes(generator: Any, path: str) -> bool:
    """Whether a Git files generator takes a path: its stars cross slashes."""

    def matched(exclude: bool) -> bool:
        listed = [
            f["path"] for f in generator["git"]["files"] if f.get("exclude", False) == exclude
        ]
        return any(re.fullmatch(re.escape(p).replace(r"\*", ".*"), path) for p in listed)

    return matched(False) and not matched(True)


@pytest.mark.parametrize(
    "path",
    ["deploy/churn/x/production/release.yaml", "deploy/a/b/c/staging/release.yaml",
     "deploy/churn/production/production/release.yaml", "deploy/churn/staging/x/release.yaml",
     "bentos/deploy/churn/production/release.yaml", "deploy/churn/production/release.yaml.yaml"],
)  # fmt: skip
def test_a_record_at_a_deeper_place_is_no_application(application_set: Any, path: str) -> None:
    assert not any(takes(generator, path) for generator in application_set["generators"])


def test_every_overlay_is_one_application_following_its_own_tags(
    application_set: Any, project: ProjectConfig
) -> None:
    generated = {app["metadata"]["name"]: app["spec"] for app in applications(application_set)}
    expected = {
        f"{project.name}-{path.parts[-3]}-{path.parts[-2]}": path.parts[-3:-1]
        for path in DEPLOY.glob("*/*/release.yaml")
    }
    assert set(generated) == set(expected)
    assert len(applications(application_set)) == len(expected)
    for name, (model, environment) in expected.items():
        assert generated[name]["project"] == f"{project.name}-{environment}"
        assert generated[name]["source"] == {
            "repoURL": repository(project),
            "path": f"deploy/{model}/{environment}",
            "tagPrefix": f"{model}/{environment}/",
            "targetRevision": "*",
        }
        assert generated[name]["destination"] == {
            "server": SERVER,
            "namespace": f"{project.name}-{environment}",
        }


def test_nothing_that_a_project_guards_is_templated(
    application_set: Any, projects: dict[str, Any]
) -> None:
    templates = [generator["git"]["template"] for generator in application_set["generators"]]
    for template in [application_set["template"], *templates]:
        assert "{{" not in template["spec"]["project"]
        assert template["spec"]["project"] in projects
        assert "{{" not in str(template["spec"]["destination"])
    assert "templatePatch" not in application_set


def test_every_environment_has_a_generator_and_a_project(
    application_set: Any, projects: dict[str, Any], project: ProjectConfig
) -> None:
    expected = [f"{project.name}-{environment}" for environment in project.environments]
    generators = application_set["generators"]
    assert [g["git"]["template"]["spec"]["project"] for g in generators] == expected
    assert [g["git"]["files"] for g in generators] == [
        [
            {"path": f"deploy/*/{environment}/release.yaml"},
            {"path": f"deploy/*/*/{environment}/release.yaml", "exclude": True},
        ]
        for environment in project.environments
    ]
    assert {g["git"]["repoURL"] for g in generators} == {repository(project)}
    assert sorted(projects) == sorted(expected)


def test_a_project_allows_one_repository_one_namespace_and_nothing_of_the_cluster(
    projects: dict[str, Any], project: ProjectConfig
) -> None:
    for name, spec in projects.items():
        assert spec["sourceRepos"] == [repository(project)]
        assert spec["destinations"] == [{"server": SERVER, "namespace": name}]
        assert spec["clusterResourceWhitelist"] == []
        assert "*" not in str(spec)


def test_a_project_allows_exactly_the_kinds_that_overlays_and_components_render(
    projects: dict[str, Any], deploy: Any, render: Render
) -> None:
    plain = [resource for overlay in OVERLAYS for resource in render(overlay)]
    rendered = {
        (resource["apiVersion"].rpartition("/")[0], resource["kind"])
        for resource in [*plain, *in_an_overlay(COMPONENTS, deploy)]
    }
    for spec in projects.values():
        allowed = [(entry["group"], entry["kind"]) for entry in spec["namespaceResourceWhitelist"]]
        assert sorted(allowed) == sorted(rendered)


def test_a_mistake_in_the_set_deletes_nothing(application_set: Any) -> None:
    assert application_set["goTemplate"] is True
    assert application_set["goTemplateOptions"] == ["missingkey=error"]
    assert application_set["syncPolicy"] == {
        "applicationsSync": "create-update",
        "preserveResourcesOnDeletion": True,
    }


def test_an_application_heals_itself_and_tries_again(application_set: Any) -> None:
    policy = application_set["template"]["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert policy["retry"]["limit"] > 0
    assert set(policy["retry"]["backoff"]) == {"duration", "factor", "maxDuration"}
    assert policy["syncOptions"] == ["ServerSideApply=true", "PruneLast=true"]


def test_the_readme_s_signature_policy_is_valid_and_covers_the_repository(
    argocd: list[Resource], project: ProjectConfig, crds: Schemas
) -> None:
    readme = (DEPLOY / "argocd" / "README.md").read_text()
    (snippet,) = re.findall(r"```yaml\n(spec:\n  sourceIntegrity:.*?)```", readme, re.DOTALL)
    policy = YAML(typ="safe").load(snippet)
    (production,) = (r for r in argocd if r["metadata"]["name"].endswith("-production"))
    assert custom_problem(merged(production, policy), crds) == ""
    (only,) = policy["spec"]["sourceIntegrity"]["git"]["policies"]
    assert only["repos"] == [{"url": repository(project)}]
    assert only["gpg"]["mode"] == "head"
