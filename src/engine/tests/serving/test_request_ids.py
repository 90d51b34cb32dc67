"""Ids of requests: unpredictable, and a proof of the prediction to whoever may make them."""

import pytest

from tagship.serving.request_ids import Ids, id_keys
from tagship.serving.settings import Settings

RECORD = {"model": "churn", "model_sha256": "1" * 64}


def test_an_id_says_how_many_rows_were_answered_to_who_has_the_key():
    ids = Ids([b"one"])
    made = ids.new(250)
    assert (len(made), ids.rows(made)) == (48, 250)
    assert Ids([b"other"]).rows(made) == 0
    assert ids.rows(ids.refused()) == 0
    assert len({ids.new(1) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("at", range(0, 48, 5))
def test_an_id_that_was_changed_anywhere_is_none(at):
    made = Ids([b"one"]).new(3)
    digit = "0" if made[at] != "0" else "1"
    assert Ids([b"one"]).rows(made[:at] + digit + made[at + 1 :]) == 0


@pytest.mark.parametrize(
    "text", ["", "0", "zz", "0" * 48, "f" * 32, "\N{DIGIT ONE}" * 48, " " * 48]
)
def test_what_is_no_id_is_none(text):
    assert Ids([b"one"]).rows(text) == 0


@pytest.mark.parametrize("spell", [str.upper, " {}".format, "{} ".format, "{}00".format])
def test_an_id_that_is_spelt_otherwise_is_none(spell):
    ids = Ids([b"one"])
    made = ids.new(1)
    assert (ids.rows(made), ids.rows(spell(made))) == (1, 0)


def test_replicas_with_the_same_keys_know_each_others_ids_while_keys_change(tmp_path):
    old = Ids(id_keys(Settings(api_keys=("old",)), RECORD))
    both = Ids(id_keys(Settings(api_keys=("new", "old")), RECORD))
    new = Ids(id_keys(Settings(api_keys=("new",)), RECORD))
    made = old.new(1)
    assert (both.rows(made), new.rows(made)) == (1, 0)
    assert new.rows(both.new(2)) == 2


def test_another_models_ids_are_none_though_it_has_the_same_keys():
    settings = Settings(api_keys=("one",))
    made = Ids(id_keys(settings, RECORD)).new(1)
    assert Ids(id_keys(settings, RECORD | {"model": "fraud"})).rows(made) == 0
    assert Ids(id_keys(settings, RECORD | {"model_sha256": "2" * 64})).rows(made) == 1


def test_without_keys_the_secret_stays_in_the_logs_folder(tmp_path):
    settings = Settings(log_dir=tmp_path / "log")
    made = Ids(id_keys(settings, RECORD)).new(1)
    assert Ids(id_keys(settings, RECORD)).rows(made) == 1
    assert Ids(id_keys(Settings(log_dir=tmp_path / "other"), RECORD)).rows(made) == 0
    (path,) = (tmp_path / "log").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_deployments_replicas_know_each_others_ids(tmp_path, monkeypatch):
    monkeypatch.setenv("TAGSHIP_RECORD", str(tmp_path / "release.yaml"))
    one, other = (
        Ids(id_keys(Settings(log_dir=tmp_path / name), RECORD)) for name in ("one", "other")
    )
    assert other.rows(one.new(4)) == 4
