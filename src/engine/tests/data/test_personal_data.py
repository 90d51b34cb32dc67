"""Personal data: dropped, or hashed with a key, before anything can show or keep it."""

from pathlib import Path

import pytest

from projects import Project
from tagship.data.table import load_table
from tagship.data.validation import PII_KEY

MAIL = "ann@example.org"


@pytest.fixture
def personal(project: Project) -> Project:
    """A project with a mail address in every row, to be hashed."""
    project.edit("data", "  age:", "  mail: {dtype: string, pii: hash, missing: 0.5}\n  age:")
    mails = [MAIL if n % 3 else None for n in range(300)]
    project.rewrite_table(lambda frame: frame.assign(mail=mails))
    return project


def test_dropped_columns_are_not_in_the_table(personal: Project) -> None:
    personal.edit("data", "pii: hash", "pii: drop")
    assert "mail" not in load_table(personal.files).frame.columns


def test_hashed_columns_hold_keyed_hashes(
    personal: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for key in ("one", "one", "two"):
        monkeypatch.setenv(PII_KEY, key)
        found.append(load_table(personal.files).frame["mail"])
    assert found[0].equals(found[1])
    assert not set(found[0].dropna()) & set(found[2].dropna())
    assert found[0].dropna().str.fullmatch("[0-9a-f]{32}").all()
    assert found[0].isna().sum() == 100


def test_the_key_does_not_change_the_data_hash(
    personal: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = set()
    for key in ("one", "two"):
        monkeypatch.setenv(PII_KEY, key)
        hashes.add(load_table(personal.files).sha256)
    assert len(hashes) == 1


def test_without_a_key_the_lock_is_the_same(
    personal: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PII_KEY, "one")
    assert personal.tagship("run", "tiny").code == 0
    monkeypatch.delenv(PII_KEY)
    proven = personal.tagship("lock", "verify", "tiny")
    assert proven.code == 0, proven.err
    hashed = load_table(personal.files).frame["mail"]
    assert hashed.dropna().str.fullmatch("[0-9a-f]{32}").all()


@pytest.mark.parametrize("key", [None, ""])
def test_a_split_by_hashed_groups_needs_the_key(
    personal: Project, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    text = personal.path("data").read_text(encoding="utf-8")
    split = next(line for line in text.splitlines() if line.startswith("split:"))
    personal.edit("data", split, "split: {test: 0.3, group: mail, seed: 1}")
    personal.edit("data", "pii: hash, missing: 0.5", "pii: hash")
    monkeypatch.delenv(PII_KEY, raising=False)
    if key is not None:
        monkeypatch.setenv(PII_KEY, key)
    message = personal.refused(
        "train", "tiny", says=("data.yaml: columns.mail.pii", f"{PII_KEY} is not set", "openssl")
    )
    assert MAIL not in message


@pytest.mark.parametrize("treatment", ["drop", "hash"])
def test_no_message_and_no_file_shows_personal_data(
    personal: Project, monkeypatch: pytest.MonkeyPatch, treatment: str
) -> None:
    monkeypatch.setenv(PII_KEY, "s3cret-key")
    personal.edit("data", "pii: hash, missing: 0.5", f"pii: {treatment}, missing: 0.1")
    personal.rewrite_table(lambda frame: frame.assign(age="old", plan="gold"))
    shown = personal.refused("train", "tiny", says="breaks its contract")
    assert MAIL not in shown
    assert "s3cret-key" not in shown
    assert [path.name for path in _holding(personal.root, MAIL)] == ["tiny.csv"]


@pytest.mark.parametrize("treatment", ["drop", "hash"])
def test_what_a_run_keeps_holds_no_personal_data(
    personal: Project, monkeypatch: pytest.MonkeyPatch, treatment: str
) -> None:
    monkeypatch.setenv(PII_KEY, "s3cret-key")
    personal.edit("data", "pii: hash", f"pii: {treatment}")
    ran = personal.tagship("train", "tiny")
    assert ran.code == 0, ran.err
    assert MAIL not in ran.out + ran.err
    assert [path.name for path in _holding(personal.root, MAIL)] == ["tiny.csv"]
    assert _holding(personal.root, "s3cret-key") == []


def _holding(root: Path, text: str) -> list[Path]:
    return [p for p in root.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]
