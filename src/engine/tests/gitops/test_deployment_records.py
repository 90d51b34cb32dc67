"""Record and pin: read strictly, edited without touching anything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop import KUSTOMIZATION, RECORD, image
from tagship.errors import TagshipError
from tagship.gitops.deployment_records import (
    Record,
    edit_pin,
    edit_record,
    parse_pin,
    parse_record,
)

PATH = "deploy/churn/production/release.yaml"
PIN = "deploy/churn/production/kustomization.yaml"
TEXT = RECORD.format(environment="production", zeros="0" * 64)


def test_a_never_deployed_record_reads_as_such() -> None:
    assert not parse_record(TEXT, PATH).is_deployed


@given(st.text(alphabet="0123456789abcdefe", min_size=64, max_size=64), st.text(max_size=20))
def test_what_is_written_is_read_again_whatever_it_looks_like(digest: str, run: str) -> None:
    run = "".join(c for c in run if c.isprintable())
    record = Record("churn", "production", "churn/v1.0.0", "r/i", f"sha256:{digest}", digest,
                    digest, digest, run, digest, digest)  # fmt: skip
    assert parse_record(edit_record(TEXT, PATH, record), PATH) == record


def test_editing_keeps_comments_order_and_bytes_elsewhere() -> None:
    name, digest = image("x").split("@")
    text = KUSTOMIZATION.format(environment="production", zeros="0" * 64)
    edited = edit_pin(text, PIN, name, digest)
    assert edited == text.replace("sha256:" + "0" * 64, digest)
    assert parse_pin(edited, PIN) == (name, digest)
    flush = "images:\n- name: model-image\n  digest: sha256:x # pin\n  newName: a\n"
    assert edit_pin(flush, PIN, "b", "sha256:y").startswith("images:\n- name: model-image\n")
    record = parse_record(TEXT, PATH)
    assert edit_record(TEXT, PATH, Record(**{**record.__dict__, "manifests": "x"})) == (
        TEXT + 'manifests: "x"\n'
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("release: none", "release: 1.0", "must be a quoted text"),
        ("run_id: none\n", "", "run_id: required key is missing"),
        ("run_id: none", "run_id: none\nrunid: x", "runid: unknown key"),
        ("model: churn", "model: fraud", "it is the record of fraud/production"),
        ("model: churn", "model: [", "not valid YAML"),
    ],
)
def test_a_wrong_record_is_refused(old: str, new: str, problem: str) -> None:
    with pytest.raises(TagshipError, match=problem):
        parse_record(TEXT.replace(old, new, 1), PATH)


@pytest.mark.parametrize(
    "pins",
    ["{}", "images: []", "images: [{name: other}]",
     "images: [{name: model-image, newTag: latest, digest: 'sha256:x'}]",
     "images: [{name: model-image}, {name: model-image}]"],
)  # fmt: skip
def test_an_overlay_that_does_not_pin_by_digest_is_refused(pins: str) -> None:
    with pytest.raises(TagshipError, match="exactly one entry"):
        parse_pin(pins, PIN)
