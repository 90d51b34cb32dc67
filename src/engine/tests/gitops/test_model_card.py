"""A release's model card: what its tag and commit say, and nothing that they do not."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from ruamel.yaml import YAML

from shop import REGISTRY, VERIFIER, Shop, image, sha
from tagship.errors import TagshipError
from tagship.gitops.history import VERDICT
from tagship.gitops.model_card import MISSING, ModelCard, make_card
from tagship.training.lock import Lock, lock_text
from tagship.verdict import GateResult, Verdict

LOCK = {
    "model": "churn",
    "task": "multiclass",
    "data": {"sha256": sha("data"), "rows": 1780, "holdout_rows": 356},
    "inputs": {"data": {}, "model": {}, "libraries": {"numpy": "2.4.6", "scikit-learn": "1.9.1"}},
    "candidates": {"tree": {"mean": 0.91, "std": 0.02}},
    "winner": {
        "candidate": "tree",
        "estimator": "sklearn.tree.DecisionTreeClassifier",
        "params": {"max_depth": 3},
    },
    "metrics": {"f1": {"value": 0.93, "low": 0.90, "high": 0.955}},
    "artifact": {"sha256": sha("artifact"), "bytes": 2975},
    "probe": [0.5],
}
HOSTILE = "Find <img src=x onerror=alert(1)> | **all** [of](http://x) @acme/team\n\n# `it`\u202e"
CARD = "card: {{purpose: {purpose}, limits: '', owner: data@acme.example}}\n"


def gate(files: Any, champion: str | None) -> Verdict:
    result = GateResult(
        gate="metrics", subject="f1 <b>", value=0.93, limit="≥ 0.5 | x", status="pass"
    )
    return Verdict(
        model=files.name,
        artifact_sha256=sha("artifact"),
        thresholds_sha256=files.thresholds_sha256,
        champion=champion,
        results=[result],
    )


def change_model(shop: Shop, kind: str, change: Callable[[str], str]) -> None:
    path = shop.root / f"config/churn/{kind}.yaml"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.fixture
def locked(shop: Shop) -> Shop:
    """A model with a real lock, a card and a licence; not released."""
    shop = replace(shop, verifier=replace(VERIFIER, gate=gate))
    shop.put("config/churn/model.lock.yaml", lock_text(Lock.model_validate(LOCK)))
    shop.put("pyproject.toml", '[project]\nname = "shop"\nlicense = "Apache-2.0"\n')
    card = CARD.format(purpose=json.dumps(HOSTILE))
    change_model(shop, "model", lambda text: text + card)
    shop.commit("feat: a model")
    return shop


def card_of(shop: Shop, version: str = "v1.0.0") -> ModelCard:
    snapshot = shop.snapshot()
    return make_card(snapshot, snapshot.history.release(f"churn/{version}"))


def read_head(card: ModelCard) -> Any:
    """As Hugging Face reads a card: YAML between the first two lines of dashes."""
    _, head, body = card.text.split("---\n", 2)
    assert body.strip() == card.body.strip()
    return YAML(typ="safe").load(head)


def test_the_head_is_metadata_that_hugging_face_reads(locked: Shop) -> None:
    locked.release("v1.0.0")
    head = read_head(card_of(locked))
    (index,) = head.pop("model-index")
    assert head == {
        "license": "apache-2.0",
        "library_name": "onnx",
        "pipeline_tag": "tabular-classification",
        "tags": ["tabular", "multiclass", "scikit-learn", "tagship"],
    }
    (result,) = index["results"]
    assert result["task"]["type"] == "tabular-classification"
    assert {"type", "name"} <= set(result["dataset"])
    value = "0.9300 (0.9000 to 0.9550)"
    assert result["metrics"] == [{"type": "f1", "name": "f1", "value": value}]


def test_the_card_says_what_tag_lock_and_config_say(locked: Shop) -> None:
    locked.release("v1.0.0")
    release = locked.snapshot().history.release("churn/v1.0.0")
    body = card_of(locked).body
    for said in (
        "# churn v1.0.0",
        "| source | `scikit-learn: wine` |",
        "| rows | 1,780, of which 356 held out |",
        '| parameters | `{"max_depth": 3}` |',
        "| `tree` | 0.9100 ± 0.0200 |",
        "**pass**: 1 of 1 gates passed. No champion yet.",
        f"| artifact | `{sha('artifact')}`, ONNX of 3.0 kB |",
        f"| commit | `{release.commit}` |",
        f"| Lock-SHA256 | `{release.says('Lock-SHA256')}` |",
        '{\n "alcohol": 0.0\n}',
    ):
        assert said in body, said


def test_the_image_is_that_of_the_first_deployment(locked: Shop) -> None:
    locked.release("v1.0.0")
    assert f"| image | {MISSING} |" in card_of(locked).body
    locked.stage("v1.0.0", image("one"))
    assert f"| image | `{REGISTRY}-churn@sha256:{sha('image one')}` |" in card_of(locked).body


def test_markup_in_texts_is_text_and_what_is_missing_is_not_recorded(locked: Shop) -> None:
    locked.release("v1.0.0")
    body = card_of(locked).body
    assert (
        r"Find \<img src=x onerror=alert(1)\> \| \*\*all\*\* \[of\](http://x) @ acme/team" in body
    )
    assert "\n# `it`" not in body
    assert "\u202e" not in body
    assert f"- **Limits.** {MISSING}" in body
    assert "data@acme.example" in body
    assert "| `f1 <b>` | 0.93 | ≥ 0.5 \\| x |" in body


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            "{kind: csv, path: 'https://me:s3cret@shop.example/t.csv?sig=s3cret'}",
            "csv: https://shop.example/t.csv",
        ),
        (
            "{kind: sql, url: 'postgresql://me:${SHOP}@db.example/shop', query: select s3cret}",
            "sql: postgresql://db.example/shop",
        ),
        (
            "{kind: python, function: 'sources.shop:table', arguments: {key: s3cret}}",
            "python: sources.shop:table",
        ),
    ],
)
def test_no_secret_of_the_source_is_in_the_card(locked: Shop, source: str, shown: str) -> None:
    change_model(locked, "data", lambda text: text.replace("{kind: sklearn, table: wine}", source))
    locked.commit("feat: another source")
    locked.release("v1.0.0")
    card = card_of(locked)
    assert f"| source | `{shown}` |" in card.body
    assert "s3cret" not in card.text


@pytest.mark.parametrize(
    ("pyproject", "head"),
    [
        ('[project]\nlicense = "MIT"\n', {"license": "mit"}),
        (
            '[project]\nlicense = "LicenseRef-Proprietary"\n',
            {"license": "other", "license_name": "LicenseRef-Proprietary"},
        ),
        ("[project]\n", {"license": "unknown"}),
        ("no = toml =", {"license": "unknown"}),
    ],
)
def test_the_licence_is_the_project_s(locked: Shop, pyproject: str, head: dict[str, str]) -> None:
    locked.put("pyproject.toml", pyproject)
    locked.commit("chore: licence")
    locked.release("v1.0.0")
    made = read_head(card_of(locked))
    assert {key: value for key, value in made.items() if key.startswith("license")} == head


def test_the_card_is_of_the_release_s_commit_and_not_of_what_came_later(locked: Shop) -> None:
    locked.release("v1.0.0")
    before = card_of(locked)
    change_model(locked, "model", lambda text: text.replace("data@acme", "other@acme"))
    locked.commit("chore: another owner")
    assert card_of(locked) == before


def retag(shop: Shop, change: Callable[[str], str]) -> None:
    """Replace the release's tag by one with another message."""
    message = shop.git("tag", "--list", "--format=%(contents)", "churn/v1.0.0")
    shop.git("tag", "-f", "-a", "-m", change(message), "churn/v1.0.0", "churn/v1.0.0^{commit}")
    shop.git("push", "-qf", "origin", "refs/tags/churn/v1.0.0")


def test_a_release_without_a_verdict_is_refused(locked: Shop) -> None:
    locked.release("v1.0.0")
    retag(locked, lambda text: "\n".join(x for x in text.splitlines() if VERDICT not in x))
    with pytest.raises(TagshipError, match="its message carries no verdict"):
        card_of(locked)


@pytest.mark.parametrize(
    ("artifact", "said"),
    [("Model-SHA256: ", "its Model-SHA256 is"), ('"artifact_sha256":"', "its Model-SHA256 is")],
)
def test_a_verdict_or_tag_of_another_artifact_is_refused(
    locked: Shop, artifact: str, said: str
) -> None:
    locked.release("v1.0.0")
    other = artifact + sha("another")
    retag(locked, lambda text: text.replace(artifact + sha("artifact"), other))
    with pytest.raises(TagshipError, match=said):
        card_of(locked)


def test_a_lock_that_cannot_be_read_is_refused(shop: Shop) -> None:
    shop.release("v1.0.0")
    with pytest.raises(TagshipError, match="not a lock"):
        card_of(shop)


def test_the_command_prints_the_latest_release_s_card_or_writes_it(
    locked: Shop, tagship: Callable[..., tuple[int, str]]
) -> None:
    with pytest.raises(TagshipError, match="churn: no release yet"):
        tagship(locked, "card", "churn")
    locked.release("v1.0.0")
    code, said = tagship(locked, "card", "churn")
    assert code == 0
    assert card_of(locked).text in said
    assert tagship(locked, "card", "churn", "1.0.0", "--output", "card.md")[0] == 0
    written = (locked.root / "card.md").read_text(encoding="utf-8")
    assert written == card_of(locked).text
    with pytest.raises(TagshipError, match=r"no release churn/v9\.0\.0"):
        tagship(locked, "card", "churn", "v9.0.0")
