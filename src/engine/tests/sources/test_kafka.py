"""A topic of a real broker as a table: the lock names its offsets, and the same are read again."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest

import brokers
from brokers import PASSWORD, USER, Broker
from projects import ROWS, Project, make_table
from tagship.config.sources import KafkaSource
from tagship.data.table import load_table
from tagship.monitoring.retrain_data import count_new, read_seen_rows, refuse_fixed
from tagship.sources import kafka
from tagship.sources.tables import public_source, source_name
from tagship.training.lock import read_lock

CSV = "{kind: csv, path: data/tiny.csv}"
HALF = ROWS // 2
BAD = [None, b"", b"\xff\xfe", b"[1]", b'{"age": NaN}', b'{"age": 1', b'{"a":' * 100_000]
Topic = Callable[..., str]


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with brokers.start(tmp_path_factory.mktemp("kafka")) as started:
        yield started


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> Topic:
    """Makes a topic of two partitions, each with half of the rows."""

    def make(rows: Sequence[bytes] | None = None, **settings: str) -> str:
        name = "".join(sign for sign in request.node.name if sign.isalnum())[:200]
        broker.create(name, 2, **settings)
        rows = messages(make_table()) if rows is None else rows
        broker.send(name, rows[:HALF], 0)
        broker.send(name, rows[HALF:], 1)
        return name

    return make


def messages(table: pd.DataFrame) -> list[bytes]:
    """Each row as JSON, without what is missing."""
    return [
        json.dumps({name: value for name, value in row.items() if value == value}).encode()
        for row in table.to_dict("records")
    ]


def more_messages(number: int) -> list[bytes]:
    return messages(make_table(number, seed=8).assign(visitor=[f"w{at}" for at in range(number)]))


def use(project: Project, servers: str, topic: str, more: str = "") -> None:
    project.edit("data", CSV, f"{{kind: kafka, servers: '{servers}', topic: {topic}{more}}}")


def identity(project: Project) -> dict[str, str]:
    return read_lock(project.lock).data.identity


def test_a_topic_has_the_hash_of_a_file_with_the_same_rows(
    project: Project, broker: Broker, topic: Topic
) -> None:
    expected = load_table(project.files).sha256
    use(project, broker.servers, topic())
    assert load_table(project.files).sha256 == expected
    assert load_table(project.files).sha256 == expected


def test_the_lock_names_the_offsets_and_they_are_read_again(
    project: Project, broker: Broker, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topic()
    monkeypatch.setenv("KAFKA_SERVERS", broker.servers)
    use(project, "${KAFKA_SERVERS}", name)
    project.relock()
    assert identity(project) == {"topic": name, "offsets": f"0:0-{HALF} 1:0-{ROWS - HALF}"}
    assert broker.servers not in project.lock.read_text()
    broker.send(name, more_messages(40), 1)
    broker.add_partitions(name, 3)
    broker.send(name, more_messages(5), 2)
    assert "identical" in project.tagship("lock", "verify", "tiny").out
    assert project.tagship("gate", "tiny").code == 0
    refuse_fixed(project.files)
    seen = read_seen_rows(project.root, project.root, "tiny")
    project.edit(
        "data", f"topic: {name}", f"topic: {name}, to: {{0: {HALF}, 1: {ROWS - HALF + 40}}}"
    )
    assert count_new(project.files, load_table(project.files), seen, read_lock(project.lock)) == (
        40,
        True,
    )


@pytest.mark.slow
def test_a_run_reads_what_came_since_and_the_report_names_the_topic(
    project: Project, broker: Broker, topic: Topic
) -> None:
    name = topic()
    use(project, broker.servers, name)
    project.relock()
    broker.send(name, more_messages(40), 1)
    ran = project.tagship("run", "tiny")
    assert ran.code == 0, ran
    locked = read_lock(project.lock).data
    assert locked.rows == ROWS + 40
    assert locked.identity["offsets"] == f"0:0-{HALF} 1:0-{ROWS - HALF + 40}"
    report = project.path("reports/tiny.html").read_text()
    assert f"kafka topic {name}" in report
    assert broker.servers not in report


def test_a_lock_without_its_messages_is_refused(
    project: Project, broker: Broker, topic: Topic
) -> None:
    name = topic()
    use(project, broker.servers, name)
    project.relock()
    broker.expire(name, 10)
    project.refused(
        "lock",
        "verify",
        "tiny",
        says=(f"topic: {name}: partition 0 begins at offset 10", f"the lock names 0 to {HALF}"),
    )
    broker.delete(name)
    broker.create(name)
    broker.send(name, messages(make_table(60)))
    project.refused("lock", "verify", "tiny", says="no partition 1, which the lock names")
    broker.add_partitions(name, 2)
    project.refused("lock", "verify", "tiny", says=("ends at offset 60", "made anew"))
    assert project.tagship("validate", "tiny").code == 0


def test_declared_offsets_are_read_in_order(project: Project, broker: Broker, topic: Topic) -> None:
    use(project, broker.servers, topic(), ", from: {1: 20, 0: 100}, to: {0: 140, 1: 60}")
    expected = make_table()["visitor"]
    visitors = [*expected[100:140], *expected[HALF + 20 : HALF + 60]]
    assert list(load_table(project.files).frame["visitor"]) == visitors


def test_one_end_alone_chooses_the_partitions(
    project: Project, broker: Broker, topic: Topic
) -> None:
    name = topic()
    use(project, broker.servers, name, ", to: {1: 60}")
    assert len(load_table(project.files).frame) == 60
    project.edit("data", "to: {1: 60}", "from: {1: 60}")
    assert len(load_table(project.files).frame) == ROWS - HALF - 60


@pytest.mark.parametrize(
    ("offsets", "says"),
    [
        ("from: {0: 9}", ("partition 0 begins at offset 10", "data.yaml names 9 to", "expired")),
        ("to: {0: 9}", ("partition 0 begins at offset 10", "names 10 to 9")),
        ("to: {0: 151}", ("partition 0 ends at offset 150", "names 10 to 151")),
        ("from: {0: 151}", ("partition 0 ends at offset 150", "names 151 to 150")),
        ("from: {2: 0}", ("there is no partition 2", "there are 2, from 0 on")),
        ("from: {0: 150}", ("has no rows",)),
    ],
)
def test_offsets_that_are_not_there_are_refused(
    project: Project, broker: Broker, topic: Topic, offsets: str, says: tuple[str, ...]
) -> None:
    name = topic()
    broker.expire(name, 10)
    use(project, broker.servers, name, f", {offsets}")
    project.refused("validate", "tiny", says=says)


@pytest.mark.parametrize(
    ("offsets", "says"),
    [
        ("from: {0: 1}, to: {1: 2}", "name different partitions"),
        ("from: {0: 3}, to: {0: 2}", "partition 0 begins at 3, above its end 2"),
        ("from: {0: -1}", "greater than or equal to 0"),
        ("from: newest", "earliest"),
        ("from: {}", "at least 1"),
        ("bad: 2", "less than or equal to 1"),
        ("begin: {0: 1}", "unknown key"),
    ],
)
def test_offsets_that_make_no_sense_are_refused(project: Project, offsets: str, says: str) -> None:
    use(project, "127.0.0.1:9", "clicks", f", {offsets}")
    project.refused("check", "tiny", says=("data.yaml:", says))


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_compacted_topic_is_refused(
    project: Project, broker: Broker, topic: Topic, policy: str
) -> None:
    use(project, broker.servers, topic(rows=[], cleanup_policy=policy))
    project.refused("validate", "tiny", says=("it is compacted", "cleanup.policy is delete"))


def test_transactions_count_when_they_are_committed(
    project: Project, broker: Broker, topic: Topic
) -> None:
    """Their marks take offsets that hold no message, here the last ones, too."""
    name = topic()
    use(project, broker.servers, name, ", to: latest")
    with broker.transaction(name, more_messages(10), "kept") as producer:
        assert len(load_table(project.files).frame) == ROWS  # it is still open
        producer.commit_transaction()
    with broker.transaction(name, more_messages(20), "dropped") as producer:
        producer.abort_transaction()
    table = load_table(project.files)
    assert len(table.frame) == ROWS + 10
    assert table.identity["offsets"].startswith(f"0:0-{HALF + 10 + 1 + 20 + 1} ")
    broker.send(name, more_messages(5))
    project.edit(
        "data", "to: latest", f"to: {{0: {HALF + 11}}}"
    )  # a mark ends it, and more follows
    assert len(load_table(project.files).frame) == HALF + 10


def test_bad_messages_are_counted_and_refused_above_their_share(
    project: Project, broker: Broker, topic: Topic
) -> None:
    name = topic()
    broker.send(name, BAD, 1)
    use(project, broker.servers, name)
    said = f"{len(BAD)} of {ROWS + len(BAD)} messages are no JSON object, first partition 1, offset"
    project.refused("train", "tiny", says=(f"{said} {ROWS - HALF}: it is empty", "`bad`"))
    project.edit("data", f"topic: {name}", f"topic: {name}, bad: 0.02")
    project.refused("train", "tiny", says=said)
    project.edit("data", "bad: 0.02", "bad: 0.03")
    ran = project.relock()
    assert f"{name}: {said}" in project.tagship("train", "tiny").out, ran
    assert identity(project)["bad"] == str(len(BAD))
    assert "identical" in project.tagship("lock", "verify", "tiny").out


@pytest.mark.parametrize("bad", BAD)
def test_each_kind_of_bad_message_is_told(
    project: Project, broker: Broker, topic: Topic, bad: bytes | None
) -> None:
    use(project, broker.servers, topic(rows=[*messages(make_table(5)), bad]))
    project.refused(
        "validate", "tiny", says="1 of 6 messages are no JSON object, first partition 0"
    )


def test_a_number_that_becomes_text_is_refused_by_its_offset(
    project: Project, broker: Broker, topic: Topic
) -> None:
    name = topic()
    use(project, broker.servers, name)
    changed = make_table(20, seed=8).assign(visits=lambda table: table["visits"].astype(str))
    broker.send(name, messages(changed), 1)
    project.refused(
        "validate",
        "tiny",
        says=(
            f"visits is text in partition 1, offset {ROWS - HALF}, and a number in partition 0,"
            " offset 0",
            "`to`",
        ),
    )


def test_a_field_that_vanishes_is_missing_and_one_that_appears_is_undeclared(
    project: Project, broker: Broker, topic: Topic
) -> None:
    name = topic()
    use(project, broker.servers, name)
    broker.send(name, messages(make_table(20, seed=8).drop(columns="plan")), 1)
    project.refused("validate", "tiny", says=("plan", "missing"))
    project.edit("data", "topic:", f"to: {{0: {HALF}}}, topic:")
    assert project.tagship("validate", "tiny").code == 0
    broker.send(name, messages(make_table(20, seed=8).assign(country="ch")), 0)
    project.edit("data", f"{{0: {HALF}}}", f"{{0: {HALF + 20}}}")
    project.refused("validate", "tiny", says=("country",))


def test_a_field_may_be_null_for_long(project: Project, broker: Broker, topic: Topic) -> None:
    """Whole batches without a value leave the column what it is."""
    table = make_table().assign(age=lambda table: table["age"].where(table.index >= HALF))
    rows = [{**json.loads(row), "age": None} for row in messages(table[:HALF])]
    name = topic(rows=[*(json.dumps(row).encode() for row in rows), *messages(table[HALF:])])
    table.to_csv(project.path("data/tiny.csv"), index=False)
    project.edit("data", "missing: 0.2", "missing: 0.6")
    expected = load_table(project.files).sha256
    use(project, broker.servers, name)
    assert load_table(project.files).sha256 == expected


def test_objects_become_columns_and_what_lies_deeper_is_refused_by_its_offset(
    project: Project, broker: Broker, topic: Topic
) -> None:
    rows = [json.loads(row) for row in messages(make_table())]
    nested = [{"who": {"age": row.pop("age", None)}, **row} for row in rows]
    name = topic(rows=[json.dumps(row).encode() for row in nested])
    use(project, broker.servers, name)
    project.edit("data", "  age:", "  who.age:")
    assert load_table(project.files).frame["who.age"].notna().sum() == make_table()["age"].count()
    broker.send(name, [b'{"who": {"age": [1]}}'], 1)
    at = f"partition 1, offset {ROWS - HALF}"
    project.refused("validate", "tiny", says=f"source.topic: {name}: who.age in {at} is a list")
    project.edit("data", "topic:", f"from: {{1: {ROWS - HALF}}}, topic:")
    broker.send(name, [b'{"who": 1}'], 1)
    project.refused("validate", "tiny", says=f"who is an object in {at} and none in partition 1")


def test_the_time_of_a_message_may_be_a_column_of_the_window(
    project: Project, broker: Broker, topic: Topic
) -> None:
    name = topic(rows=[])
    hour = 3_600_000
    broker.send(name, messages(make_table()), times=range(hour, (ROWS + 1) * hour, hour))
    use(project, broker.servers, name, ", timestamp: sent")
    project.edit("data", "columns:", "window: {time: sent, last: 8d}\ncolumns:")
    project.edit("data", "  visits:", "  sent: {dtype: datetime, feature: false}\n  visits:")
    table = load_table(project.files)
    assert len(table.frame) == 192
    assert table.identity["until"] == "1970-01-13T12:00:00.000001Z"
    assert load_table(project.files, expected=table.identity).sha256 == table.sha256
    project.edit("data", "timestamp: sent", "timestamp: age")
    project.refused("validate", "tiny", says=("offset 0 has a field 'age' of its own", "timestamp"))


def test_an_unknown_topic_is_refused_and_not_made(project: Project, broker: Broker) -> None:
    use(project, broker.servers, "clicks")
    project.refused("validate", "tiny", says=("topic: clicks: ", "Unknown topic", "`servers`"))
    assert "clicks" not in broker.admin.list_topics(timeout=brokers.SECONDS).topics


def test_a_broker_that_is_down_or_does_not_answer_is_refused(
    project: Project, broker: Broker, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "_SECONDS", 1.0)
    monkeypatch.setenv("KAFKA_SERVERS", f"127.0.0.1:{brokers.free_ports(1)[0]}")
    use(project, "${KAFKA_SERVERS}", topic())
    said = project.refused("train", "tiny", says=("Connection refused", "does the broker run?"))
    assert "127.0.0.1" not in said
    monkeypatch.setenv("KAFKA_SERVERS", broker.servers)
    with broker.frozen():
        project.refused("train", "tiny", says=("topic: ", "does the broker run?"))
    assert project.tagship("validate", "tiny").code == 0


@pytest.mark.parametrize("end", ["frozen", "expired"])
def test_a_broker_that_stops_half_way_is_refused(
    project: Project, broker: Broker, topic: Topic, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """The first partition is read; then it freezes, or the second one's messages expire."""
    name, decode = topic(), kafka._decode

    def decode_and_end(*arguments: object) -> pd.DataFrame:
        if end == "frozen":
            broker.freeze()
        else:
            broker.expire(name, 20, partition=1)
        return decode(*arguments)

    monkeypatch.setattr(kafka, "_SECONDS", 1.0)
    monkeypatch.setattr(kafka, "_decode", decode_and_end)
    use(project, broker.servers, name)
    try:
        says = {"frozen": "silent at offset 0", "expired": "while they were read"}[end]
        project.refused("train", "tiny", says=says)
    finally:
        broker.thaw()


@pytest.fixture
def login(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the file that logs in with a password."""

    def write(password: str, more: str = "") -> Path:
        monkeypatch.setenv(kafka.LOGIN, "kafka.properties")
        monkeypatch.setenv("KAFKA_PASSWORD", password)
        return project.write(
            "kafka.properties",
            "# who reads\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism = PLAIN\n"
            f"sasl.username={USER}\nsasl.password=${{KAFKA_PASSWORD}}\n{more}",
        )

    return write


def test_a_login_reads_and_is_shown_nowhere(
    project: Project, broker: Broker, topic: Topic, login: Callable[..., Path]
) -> None:
    """It may read the topic, and belongs to no group."""
    name = topic()
    broker.allow(name, "READ", "DESCRIBE_CONFIGS")
    use(project, broker.guarded, name)
    login(PASSWORD).unlink()
    project.refused("train", "tiny", says=(kafka.LOGIN, "kafka.properties: cannot be read"))
    login(PASSWORD)
    ran = project.relock()
    assert PASSWORD not in ran.out + ran.err + project.lock.read_text()
    assert "identical" in project.tagship("lock", "verify", "tiny").out


def test_a_login_that_may_not_is_refused_without_its_password(
    project: Project,
    broker: Broker,
    topic: Topic,
    login: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kafka, "_SECONDS", 1.0)
    name = topic()
    use(project, broker.guarded, name)
    project.refused("train", "tiny", says=("does the broker run?", kafka.LOGIN))
    login("planted-mistake")
    said = project.refused("train", "tiny", says=("Authentication failed", kafka.LOGIN))
    assert "planted" not in said
    login(PASSWORD)
    project.refused("train", "tiny", says="let the login READ, DESCRIBE and DESCRIBE_CONFIGS")
    broker.allow(name, "READ")
    project.refused("train", "tiny", says="let the login READ, DESCRIBE and DESCRIBE_CONFIGS")
    login(PASSWORD, "sasl.pasword=x\n")
    project.refused(
        "train", "tiny", says=('No such configuration property: "sasl.pasword"', "mend")
    )
    login(PASSWORD, f"security.protocol={PASSWORD}\n")
    assert PASSWORD not in project.refused("train", "tiny", says="security.protocol")
    monkeypatch.delenv("KAFKA_PASSWORD")
    project.refused("train", "tiny", says="variable KAFKA_PASSWORD is not set")


def test_without_the_extra_its_name_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    use(project, "127.0.0.1:9", "clicks")
    project.refused("validate", "tiny", says=("confluent-kafka", 'uv add "tagship[kafka]"'))


def test_what_is_shown_of_a_topic_is_its_name() -> None:
    source = KafkaSource(kind="kafka", servers="10.0.0.1:9092", topic="clicks")
    assert (source_name(source), public_source(source)) == ("clicks", "kafka: clicks")


def test_describe_names_the_topic(project: Project, broker: Broker, topic: Topic) -> None:
    name = topic()
    use(project, broker.servers, name)
    said = project.tagship("describe", "tiny").out
    assert f"kafka topic {name}" in said
    assert broker.servers not in said
