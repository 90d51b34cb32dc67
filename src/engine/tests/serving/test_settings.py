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
        ("TAGSHIP_MAX_ROWS", "0", "greater than or equal to 1"),
        ("TAGSHIP_MAX_ROWS", str(2**70), "less than or equal to"),
        ("TAGSHIP_MAX_BODY_BYTES", "1", "greater than or equal to 100"),
        ("TAGSHIP_THREADS", "100000", "less than or equal to 1024"),
        ("TAGSHIP_DRAIN_SECONDS", "inf", "less than or equal|finite"),
        ("TAGSHIP_REQUEST_TIMEOUT", "nan", "greater than or equal|finite"),
        ("TAGSHIP_REQUEST_TIMEOUT", "1e-9", "greater than or equal to 0.01"),
        ("TAGSHIP_LOG_QUEUE_BYTES", "1", "greater than or equal to 1000"),
        ("TAGSHIP_API_KEYS", ",", "is set, but holds nothing"),
        ("TAGSHIP_API_KEYS", " , ,", "is set, but holds nothing"),
        ("TAGSHIP_API_KEYS", "", "is set, but holds nothing"),
        ("TAGSHIP_API_KEYS", "good,", "key 2 is empty"),
        ("TAGSHIP_API_KEYS", "# none yet", "key 1 begins with #"),
        ("TAGSHIP_API_KEYS", "two words", "key 1 holds what no header can carry"),
        ("TAGSHIP_API_KEYS", "\ufeffkey", "key 1 holds what no header can carry"),
        ("TAGSHIP_API_KEYS_FILE", "", "is set, but holds nothing"),
        ("TAGSHIP_REQUIRE_KEYS", "", "is set, but holds nothing"),
        ("TAGSHIP_REQUIRE_KEYS", "true", "there are no keys"),
        ("TAGSHIP_API_KEY_FILE", "/keys", "did you mean TAGSHIP_API_KEYS_FILE"),
        ("TAGSHIP_APIKEYS", "key", "did you mean TAGSHIP_API_KEYS"),
        ("TAGSHIP_FAST_PATH", "false", "there is no such setting"),
        ("TAGSHIP_CORS_ORIGINS", "shop.example", "'shop.example' is no origin"),
        ("TAGSHIP_CORS_ORIGINS", "https://shop.example/", "is no origin"),
        ("TAGSHIP_CORS_ORIGINS", "https://a.example,", "'' is no origin"),
        ("TAGSHIP_MAX_ROWS", "many", "valid integer"),
        ("TAGSHIP_LOG_SAMPLE", "1.5", "less than or equal to 1"),
        ("TAGSHIP_REQUEST_TIMEOUT", "-1", "greater than or equal to 0.01"),
        ("TAGSHIP_TRACING", "perhaps", "valid boolean"),
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


@pytest.mark.parametrize(
    "line",
    ["# the shop's key", "a key", "schl\u00fcssel", "one,two"],
    ids=["comment", "blank", "umlaut", "comma"],
)
def test_a_line_that_is_no_key_stops_the_start(tmp_path, line):
    path = tmp_path / "keys"
    path.write_text(f"good-one\n{line}\n")
    with pytest.raises(TagshipError, match="key 2 ") as refused:
        Settings.from_environment({"TAGSHIP_API_KEYS_FILE": str(path)})
    assert line not in str(refused.value)


def test_a_file_that_windows_wrote_holds_the_same_keys(tmp_path):
    path = tmp_path / "keys"
    path.write_bytes(b"\xef\xbb\xbffirst\r\nsecond\r\n")
    settings = Settings.from_environment({"TAGSHIP_API_KEYS_FILE": str(path)})
    assert settings.api_keys == ("first", "second")


def test_variables_of_other_commands_and_of_kubernetes_are_left_alone():
    Settings.from_environment({
        "TAGSHIP_TOKEN": "x", "TAGSHIP_RECORD": "/etc/record", "TAGSHIP_API_KEY": "y",
        "TAGSHIP_CHURN_MODEL_SERVICE_HOST": "10.0.0.1", "TAGSHIP_CHURN_MODEL_PORT": "tcp://10.0.0.1:80",
        "TAGSHIP_CHURN_MODEL_PORT_80_TCP_ADDR": "10.0.0.1", "TAGSHIP_X_SERVICE_PORT_HTTP": "80",
    })  # fmt: skip


def test_keys_come_from_both_places_and_are_never_shown(tmp_path):
    path = tmp_path / "keys"
    path.write_text("old-secret\n\nnew-secret\n")
    settings = Settings.from_environment(
        {
            "TAGSHIP_API_KEYS_FILE": str(path),
            "TAGSHIP_API_KEYS": "a-secret, b-secret",
            "TAGSHIP_REQUIRE_KEYS": "true",
        }
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
