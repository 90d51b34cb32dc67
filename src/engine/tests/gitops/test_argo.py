"""The resolver follows the table that was run against Argo CD's own."""

import pytest
from argo import resolve

from shop import Shop


@pytest.mark.parametrize(
    ("prefix", "revision", "tags", "expected"),
    [
        ("churn/", "*", ["churn/v1.2.0", "churn/v1.3.0", "churn/production/12"], "churn/v1.3.0"),
        (
            "churn/production/",
            "*",
            ["churn/production/2", "churn/production/9", "churn/production/12"],
            "churn/production/12",
        ),
        ("", "churn/v1.2.3", ["churn/v1.2.3", "churn/v1.3.0"], "churn/v1.2.3"),
        ("churn/", "*", ["churn/v1.0.0-rc.1"], None),
    ],
)
def test_the_resolver_follows_the_table(
    shop: Shop, prefix: str, revision: str, tags: list[str], expected: str | None
) -> None:
    for tag in tags:
        shop.git("tag", "-am", "x", tag)
        shop.git("push", "-q", "origin", f"refs/tags/{tag}")
    resolved = resolve(shop.remote, prefix, revision)
    assert (resolved and resolved[0]) == expected
    if resolved:
        assert resolved[1] == shop.git("rev-parse", "HEAD")


def test_a_branch_shadows_a_tag(shop: Shop) -> None:
    shop.git("tag", "-am", "x", "churn/production/1")
    shop.git("push", "-q", "origin", "refs/tags/churn/production/1")
    shop.put("other", "x")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "x")
    shop.git("push", "-q", "origin", "HEAD:refs/heads/churn/production/1")
    assert resolve(shop.remote, "churn/production/") == (
        "churn/production/1",
        shop.git("rev-parse", "HEAD"),
    )
