"""A Kafka topic from offset to offset: partition by partition, a JSON object each message.

The same offsets give the same rows: expired ones are refused, and so is a compacted topic. Nothing
is committed, so that reading leaves no trace at the broker.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tagship.config.sources import KafkaSource
from tagship.errors import TagshipError
from tagship.sources.fetching import expand
from tagship.sources.identity import Identity, check_identity
from tagship.sources.nested_records import first_row, flatten_frame

LOGIN = "TAGSHIP_KAFKA_CONFIG"
_SECONDS = 10.0
"""How long a broker may be silent."""
_TIMED_OUT = -185  # as librdkafka numbers it
_BATCH = 10_000
_PARTITION = 2**48
"""A row's label is its partition times this, plus its offset."""
_READING = {
    "group.id": "tagship",  # the library demands a name; no group comes of it
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    "fetch.wait.max.ms": 10,  # how late the end of a partition is told
    "queued.max.messages.kbytes": 16 * 1024,
}
_HINTS = {
    "UNKNOWN_TOPIC_OR_PART": "check `topic` and `servers`",
    "TOPIC_AUTHORIZATION_FAILED": "let the login READ, DESCRIBE and DESCRIBE_CONFIGS the topic",
    "_AUTO_OFFSET_RESET": "messages expired, or were deleted, while they were read: try again",
    "_INVALID_ARG": f"mend the file that {LOGIN} names",
}
_TYPES = {str: "text", bool: "true or false"}


def read_kafka(
    source: KafkaSource,
    root: Path,
    numbers: frozenset[str],
    expected: Identity | None,
    say: Callable[[str], None],
) -> tuple[pd.DataFrame, Identity]:
    """The messages as a table, objects as columns ``outer.inner``; its topic and offsets.

    Args:
        numbers: the columns that should hold numbers.
        expected: what a lock names; its offsets are read, whatever the source asks for.
        say: hears how many messages are left out.

    Raises:
        TagshipError: the broker is not reached, or refuses; the topic is compacted, or does not
            hold the offsets; too many messages are no JSON object; objects lie too deep; a number
            becomes text.
    """
    frames: list[pd.DataFrame] = []
    bad: list[str] = []
    with _connect(source, root) as topic:
        spans = topic.settle_spans(expected)
        offsets = " ".join(f"{at}:{first}-{end}" for at, (first, end) in spans.items())
        identity = {"topic": source.topic, "offsets": offsets}
        locked = expected and {key: expected[key] for key in identity if key in expected}
        check_identity(source.topic, locked, identity)
        for partition, span in spans.items():
            frames += [_decode(source, batch, bad) for batch in topic.read(partition, *span)]
    frame = pd.concat(frames) if frames else pd.DataFrame()
    if bad:
        say(_count_bad(source, bad, len(frame)))
        identity["bad"] = str(len(bad))
    labels = frame.index
    place = f"source.topic: {source.topic}"
    frame = flatten_frame(frame, place, lambda row: _place(labels[row]))
    for name in sorted(numbers & set(frame.columns)):
        _refuse_mixed(source, frame[name].dropna())
    if source.timestamp in frame:
        frame[source.timestamp] = pd.to_datetime(frame[source.timestamp], unit="ms")
    return frame, identity


def _refuse(source: KafkaSource, message: str, hint: str) -> TagshipError:
    return TagshipError(f"source.topic: {source.topic}: {message}", hint)


@contextmanager
def _connect(source: KafkaSource, root: Path) -> Iterator["_Topic"]:
    try:
        from confluent_kafka import Consumer, KafkaException
        from confluent_kafka.admin import AdminClient
    except ImportError as error:
        missing = f"Kafka needs the library confluent-kafka: {error}"
        raise _refuse(source, missing, 'uv add "tagship[kafka]"') from None
    login, heard, consumer = _read_login(root), list[Any](), None
    settings: dict[str, Any] = {
        **login,
        "bootstrap.servers": expand(source.servers, "source.servers"),
        "error_cb": heard.append,
        "log_level": 0,  # what error_cb hears would be printed as well
    }
    try:
        consumer = Consumer({**settings, **_READING})
        yield _Topic(source, consumer, AdminClient(settings))
    except KafkaException as error:
        problem, reason = error.args[0].name(), error.args[0].str()
        if consumer is not None and problem in ("_TRANSPORT", "_TIMED_OUT"):
            consumer.poll(0)  # only now is all heard
            reasons = [event.str() for event in heard if event.name() != "_ALL_BROKERS_DOWN"]
            reason = reasons[-1] if reasons else reason
        otherwise = f"does the broker run? Check `servers`, the network, and the login ({LOGIN})"
        hint = _HINTS.get(problem, otherwise)
        raise _refuse(source, _without_secrets(reason, login), hint) from None
    finally:
        if consumer is not None:
            consumer.close()


def _read_login(root: Path) -> dict[str, str]:
    """librdkafka's settings in the file that the environment names, if it names one."""
    if not (name := os.environ.get(LOGIN)):
        return {}
    try:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TagshipError(
            f"{LOGIN}: {name}: cannot be read: {error}",
            "name a file of lines such as security.protocol=SASL_SSL",
        ) from None
    pairs = (line.partition("=") for line in lines if line.strip() and line.lstrip()[0] != "#")
    return {key.strip(): expand(value.strip(), LOGIN) for key, _, value in pairs}


def _without_secrets(reason: str, login: Mapping[str, str]) -> str:
    """What the library says, without the login and without addresses, which a variable may hide."""
    for value in filter(None, login.values()):
        reason = reason.replace(value, "…")
    return re.sub(r"\S+:\d+\S*", "…", reason).partition(" (after ")[0].removeprefix("… ")


@dataclass(frozen=True)
class _Topic:
    """A topic, and the two clients that ask for it."""

    source: KafkaSource
    consumer: Any
    admin: Any

    def settle_spans(self, expected: Identity | None) -> dict[int, tuple[int, int]]:
        """For each partition with something to read its first offset, and the one after its last.

        Raises:
            TagshipError: the topic is compacted, or lacks a partition or an offset.
        """
        partitions = self._partitions()
        begin = self.source.begin if isinstance(self.source.begin, dict) else {}
        to = self.source.to if isinstance(self.source.to, dict) else {}
        numbers, who = sorted(begin.keys() | to.keys() or partitions), "data.yaml"
        if expected is not None:
            locked = re.findall(r"(\d+):(\d+)-(\d+)", expected.get("offsets", ""))
            begin = {int(at): int(first) for at, first, _ in locked}
            to = {int(at): int(end) for at, _, end in locked}
            numbers, who = list(begin), "the lock"
        if unknown := sorted(set(numbers) - partitions):
            message = f"there is no partition {unknown[0]}, which {who} names"
            raise _refuse(self.source, message, f"there are {len(partitions)}, from 0 on")
        spans = {at: self._settle(at, begin.get(at), to.get(at), who) for at in numbers}
        return {at: (first, end) for at, (first, end) in spans.items() if first < end}

    def _partitions(self) -> set[int]:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import ConfigResource  # type: ignore[attr-defined]

        name = self.source.topic
        topic = self.consumer.list_topics(name, _SECONDS).topics[name]
        if topic.error is not None:
            raise KafkaException(topic.error)
        asked = ConfigResource("topic", name)
        settings = self.admin.describe_configs([asked], request_timeout=_SECONDS)[asked].result()
        if "compact" in settings["cleanup.policy"].value:
            raise _refuse(
                self.source,
                "it is compacted: the same offsets may hold fewer messages tomorrow",
                "read a topic whose cleanup.policy is delete, such as a copy of this one",
            )
        return set(topic.partitions)

    def _settle(
        self, partition: int, first: int | None, end: int | None, who: str
    ) -> tuple[int, int]:
        from confluent_kafka import TopicPartition

        place = TopicPartition(self.source.topic, partition)
        oldest, newest = self.consumer.get_watermark_offsets(place, _SECONDS, cached=False)
        first, end = oldest if first is None else first, newest if end is None else end
        names = f"and {who} names {first} to {end}"
        if min(first, end) < oldest:
            raise _refuse(
                self.source,
                f"partition {partition} begins at offset {oldest} by now, {names}: messages have"
                " expired, or were deleted",
                "let `from` begin later, and train again; keep messages for as long as locks are"
                " verified (retention.ms)",
            )
        if max(first, end) > newest or first > end:
            raise _refuse(
                self.source,
                f"partition {partition} ends at offset {newest}, {names}",
                "end sooner (`to`), or wait for the messages; of a topic that was made anew, train"
                " again",
            )
        return first, end

    def read(self, partition: int, first: int, end: int) -> Iterator[list[Any]]:
        """Batches of the messages from ``first`` to before ``end``; an offset may hold none.

        Raises:
            KafkaException: the broker refuses, or is silent.
        """
        from confluent_kafka import KafkaError, KafkaException, TopicPartition

        self.consumer.assign([TopicPartition(self.source.topic, partition, first)])
        heard = time.monotonic()
        while first < end:
            batch = []
            for message in self.consumer.consume(min(_BATCH, end - first), 0.1):
                heard, error = time.monotonic(), message.error()
                if error is None:
                    batch += [message] if message.offset() < end else []
                    first = message.offset() + 1
                elif error.name() == "_PARTITION_EOF":
                    first = message.offset()
                elif error.name() != "GROUP_AUTHORIZATION_FAILED":  # no group is needed
                    raise KafkaException(error)
            if batch:
                yield batch
            elif time.monotonic() - heard > _SECONDS:
                raise KafkaException(KafkaError(_TIMED_OUT, f"silent at offset {first}"))


def _decode(source: KafkaSource, messages: list[Any], bad: list[str]) -> pd.DataFrame:
    """The rows of a batch by their labels; what is no JSON object is told to ``bad``."""
    import msgspec

    decode = msgspec.json.Decoder(dict[str, Any]).decode
    rows, labels = [], []
    for message in messages:
        label = message.partition() * _PARTITION + message.offset()
        try:
            row = decode(message.value() or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            bad.append(f"{_place(label)}: {error if message.value() else 'it is empty'}")
            continue
        if source.timestamp is not None:
            if source.timestamp in row:
                message_text = f"{_place(label)} has a field '{source.timestamp}' of its own"
                raise _refuse(source, message_text, "give `timestamp` another name")
            row[source.timestamp] = message.timestamp()[1]
        rows.append(row)
        labels.append(label)
    return pd.DataFrame(rows, index=labels)


def _count_bad(source: KafkaSource, bad: list[str], rows: int) -> str:
    total = len(bad) + rows
    summary = f"{len(bad):,} of {total:,} messages are no JSON object, first {bad[0]}"
    if len(bad) > source.bad * total:
        hint = "mend what writes them, read other offsets, or allow a share of them: `bad`"
        raise _refuse(source, summary, hint)
    return f"{source.topic}: {summary}; they are left out"


def _refuse_mixed(source: KafkaSource, values: pd.Series) -> None:
    if values.dtype != object:
        return
    types = values.map(lambda value: _TYPES.get(type(value), "a number"))
    differs = types != types.iloc[0]
    if differs.any():
        at = first_row(differs)
        raise _refuse(
            source,
            f"{values.name} is {types.iloc[at]} in {_place(types.index[at])}, and"
            f" {types.iloc[0]} in {_place(types.index[0])}",
            "mend what writes it, or read up to there (`to`), or from there on (`from`)",
        )


def _place(label: int) -> str:
    return "partition {}, offset {}".format(*divmod(label, _PARTITION))
