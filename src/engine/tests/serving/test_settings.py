"""A setting that cannot be used stops the service before it starts; keys are never shown."""

import pytest

from tagship.errors import TagshipError
from tagship.serving.access import Access
from tagship.serving.settings import Settings


def test_nothing_set_is_safe():
    settings = Settings.from_environment({})
    assert settings.api_keys == ()
    assert settings.cors_origins == ()
    assert settings.max_body_bytes == 10 * 1024 * 1024


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TAGSHIP_MAX_ROWS", "0", "greater than 0"),
        ("TAGSHIP_MAX_ROWS", "many", "valid integer"),
        ("TAGSHIP_LOG_SAMPLE", "1.5", "less than or equal to 1"),
        ("TAGSHIP_REQUEST_TIMEOUT", "-1", "greater than 0"),
        ("TAGSHIP_ACCESS_LOG", "perhaps", "valid boolean"),
        ("TAGSHIP_RATE_LIMIT", "5", "no keys to count by"),
        ("TAGSHIP_API_KEYS_FILE", "/nowhere/keys", "cannot be read"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name, value, says):
    with pytest.raises(TagshipError, match=says) as refused:
        Settings.from_environment({name: value})
    assert name in str(refused.value)


def test_an_empty_file_of_keys_does_not_open_the_service(tmp_path):
    path = tmp_path / "keys"
    path.write_text("\n")
    with pytest.raises(TagshipError, match="holds no key"):
        Settings.from_environment({"TAGSHIP_API_KEYS_FILE": str(path)})


def test_keys_come_from_both_places_and_are_never_shown(tmp_path):
    path = tmp_path / "keys"
    path.write_text("old-secret\n\nnew-secret\n")
    settings = Settings.from_environment(
        {"TAGSHIP_API_KEYS_FILE": str(path), "TAGSHIP_API_KEYS": "a-secret, b-secret"}
    )
    assert settings.api_keys == ("a-secret", "b-secret", "old-secret", "new-secret")
    assert "secret" not in repr(settings)


def test_a_rate_is_kept_and_recovers(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("tagship.serving.access.time.monotonic", lambda: now[0])
    settings = Settings(api_keys=("one", "two"), rate_limit=2)
    access = Access(settings)
    key, other = access.key_of(b"Bearer one"), access.key_of(b"bearer two")
    assert [access.seconds_to_wait(key) for _ in range(3)] == [0, 0, 0.5]
    assert access.seconds_to_wait(other) == 0
    now[0] += 0.5
    assert access.seconds_to_wait(key) == 0
    assert access.seconds_to_wait(key) > 0


@pytest.mark.parametrize("header", [b"", b"one", b"Bearer", b"Bearer on", b"Basic one", b"\xff"])
def test_another_header_is_no_key(header):
    assert Access(Settings(api_keys=("one",))).key_of(header) is None
