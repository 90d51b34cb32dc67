"""An answer that would break something later is refused now, by every tool, with its rule."""

from pathlib import Path

import pytest
from generating import ROOT, TOOLS, generate
from hooks.answers import Answers, problems

pytestmark = pytest.mark.slow

GOOD = {
    "title": "Shop Models", "project_slug": "shop-models", "owner": "shop-data",
    "registry": "ghcr.io/shop-data", "models": "all", "python": "3.12", "licence": "MIT",
    "engine": "vendored",
}  # fmt: skip

REFUSED = [
    ("project_slug", "Shop-Models", "lower-case"),
    ("project_slug", "shop_models", "lower-case"),
    ("project_slug", "-shop", "starts with a letter"),
    ("project_slug", "shop-", "starts with a letter"),
    ("project_slug", "4-shops", "starts with a letter"),
    ("project_slug", "shop--models", "single dashes"),
    ("project_slug", "s" * 41, "at most 40"),
    ("project_slug", "../shop", "lower-case"),
    ("project_slug", "shop models", "lower-case"),
    ("project_slug", "", "lower-case"),
    ("project_slug", "null", "YAML"),
    ("project_slug", "yes", "YAML"),
    ("project_slug", "y", "YAML"),
    ("project_slug", "1234", "starts with a letter"),
    ("project_slug", "numpy", "library"),
    ("project_slug", "tagship", "library"),
    ("owner", "shop_data", "GitHub owner"),
    ("owner", "-shop", "GitHub owner"),
    ("owner", "shop--data", "GitHub owner"),
    ("owner", "o" * 40, "at most 39"),
    ("owner", "shop/data", "GitHub owner"),
    ("registry", "https://ghcr.io/shop", "without https://"),
    ("registry", "ghcr.io/Shop", "lower case"),
    ("registry", "ghcr.io/shop/", "without a slash at the end"),
    ("registry", "", "registry"),
    ("title", "Shop: Models", "title"),
    ("title", "4 Shops", "starts with a letter"),
    ("title", "yes", "YAML"),
    ("title", 'Shop "Models"', "title"),
    ("title", "{{ 7 * 7 }}", "title"),
    ("title", "Shop #1", "title"),
    ("title", "S" * 61, "at most 60"),
    ("title", "", "title"),
    ("models", "fraud", "one of all, churn, none"),
    ("python", "3.10", "one of 3.11, 3.12, 3.13"),
    ("engine", "wheel", "one of vendored, git"),
    ("licence", "GPL-3.0", "one of Apache-2.0, MIT, proprietary"),
]


@pytest.mark.parametrize(("key", "value", "rule"), REFUSED)
def test_a_broken_rule_is_named_with_its_key_and_value(key: str, value: str, rule: str) -> None:
    (found,) = problems(Answers.read({**GOOD, key: value}), ROOT)
    assert found.startswith(f"{key} {value!r}: ")
    assert rule in found


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("project_slug", "s" * 40),
        ("project_slug", "shop2"),
        ("owner", "A-1"),
        ("owner", "0" * 39),
        ("registry", "127.0.0.1:5000"),
        ("registry", "registry.example/a/b__c/d.e"),
        ("title", "Größe & Preis (neu), v2.0"),
        ("title", "M"),
    ],
)
def test_what_fits_is_taken(key: str, value: str) -> None:
    assert problems(Answers.read({**GOOD, key: value}), ROOT) == []


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("project_slug", "Shop_Models", "lower-case"),
        ("project_slug", "numpy", "library"),
        ("title", 'Shop """ Models', "title"),
    ],
)
def test_every_tool_refuses_it_and_leaves_nothing_behind(
    tool: str, key: str, value: str, says: str, template: Path, tmp_path: Path
) -> None:
    done = generate(tool, str(template), tmp_path / "out", {**GOOD, key: value})
    assert done.code != 0
    assert key in done.said
    assert says in done.said
    assert list(done.out.iterdir()) == []
