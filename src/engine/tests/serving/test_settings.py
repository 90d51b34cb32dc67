"""A setting that cannot be used stops the service before it starts; keys are never shown."""

import os

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
        ("TAGSHIP_CORS_ORIGINS", "https://Shop.example", "as a browser spells it"),
        ("TAGSHIP_CORS_ORIGINS", "https://shop.example:443", "as a browser spells it"),
        ("TAGSHIP_CORS_ORIGINS", "http://shop.example:99999", "as a browser spells it"),
        ("TAGSHIP_CORS_ORIGINS", "https://shop..example", "as a browser spells it"),
        ("TAGSHIP_CORS_ORIGINS", "http://[::0]:80", "as a browser spells it"),
        ("TAGSHIP_CORS_ORIGINS", "*,https://shop.example", "leave out one or the other"),
        ("TAGSHIP_API_KEYS", "${KEY}", "key 1 is a variable that nobody put a value in"),
        ("TAGSHIP_API_KEYS", "good,$KEY", "key 2 is a variable that nobody put a value in"),
        ("TAGSHIP_API_KEYS", "k" * 70_000, "key 1 holds what no header can carry"),
        ("TAGSHIP_LOG_DIR", " ", "not a path from / on"),
        ("TAGSHIP_LOG_DIR", "~/log", "not a path from / on"),
        ("TAGSHIP_LOG_DIR", "s3://bucket/log", "not a path from / on"),
        ("TAGSHIP_LOG_DIR", "\ufeff/var/log", "not a path from / on"),
        ("TAGSHIP_LOG_DIR", "/var/log ", "not a path from / on"),
        ("TAGSHIP_RATE_LIMIT", "1e-300", "as good as nothing"),
        ("TAGSHIP_LOG_SAMPLE", "5e-324", "as good as nothing"),
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
        "TAGSHIP_TOKEN": "x", "TAGSHIP_RECORD": "/etc/record", "SHIP_KEYS": "y", "PATH": "/bin",
        "TAGSHIP_KAFKA_CONFIG": "kafka.properties",
        "TAGSHIP_CHURN_MODEL_SERVICE_HOST": "10.0.0.1", "TAGSHIP_CHURN_MODEL_PORT": "tcp://10.0.0.1:80",
        "TAGSHIP_CHURN_MODEL_PORT_80_TCP_ADDR": "10.0.0.1", "TAGSHIP_X_SERVICE_PORT_HTTP": "80",
    })  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "tagship_api_keys",
        "Tagship_Api_Keys",
        "TAGSHIP-API-KEYS",
        " TAGSHIP_API_KEYS",
        "TAGSHIPAPI_KEYS",
        "TAGSHP_API_KEYS",
        "_TAGSHIP_API_KEYS",
        "TAGSHIP",
    ],
)
def test_a_name_that_is_nearly_one_does_not_open_the_service(name):
    with pytest.raises(TagshipError, match="there is no such setting") as refused:
        Settings.from_environment({name: "key"})
    assert name == "TAGSHIP" or "did you mean TAGSHIP_API_KEYS?" in str(refused.value)


def test_what_a_client_sends_is_no_key_of_the_service():
    with pytest.raises(TagshipError, match="did you mean TAGSHIP_API_KEYS"):
        Settings.from_environment({"TAGSHIP_API_KEY": "key"})
    both = {"TAGSHIP_API_KEY": "key", "TAGSHIP_API_KEYS": "key,other"}
    assert Settings.from_environment(both).api_keys == ("key", "other")


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "loop"])
def test_keys_are_read_from_a_regular_file_alone(tmp_path, kind):
    path = tmp_path / kind
    {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "folder": path.mkdir,
        "loop": lambda: path.symlink_to(path),
    }[kind]()
    with pytest.raises(TagshipError, match="cannot be read"):
        Settings.from_environment({"TAGSHIP_API_KEYS_FILE": str(path)})


@pytest.mark.parametrize(
    "origin", ["*", "https://shop.example", "http://localhost:3000", "http://[::1]:8080"]
)
def test_an_origin_as_a_browser_spells_it_is_taken(origin):
    assert Settings.from_environment({"TAGSHIP_CORS_ORIGINS": origin}).cors_origins == (origin,)


@pytest.mark.parametrize(
    ("name", "value"), [("max_body_bytes", 900), ("log_queue_bytes", 3000)], ids=["body", "queue"]
)
def test_bounds_below_one_record_of_the_model_stop_the_start(tmp_path, name, value):
    settings = Settings(log_dir=tmp_path, **{name: value})
    settings.check_record(600)
    with pytest.raises(TagshipError, match="too little for one record") as refused:
        settings.check_record(1000)
    assert f"TAGSHIP_{name.upper()} is {value}" in str(refused.value)


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


def test_less_than_one_request_a_second_is_a_rate_too(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("tagship.serving.access.time.monotonic", lambda: now[0])
    access = Access(Settings(api_keys=("one",), rate_limit=0.5))
    assert [access.seconds_to_wait(0) for _ in range(2)] == [0, 2]
    now[0] += 2
    assert access.seconds_to_wait(0) == 0


@pytest.mark.parametrize("header", [b"", b"one", b"Bearer", b"Bearer on", b"Basic one", b"\xff"])
def test_another_header_is_no_key(header):
    assert Access(Settings(api_keys=("one",))).key_of(header) is None
