"""A real Kafka broker on 127.0.0.1: its Java distribution, which `make tools` fetches."""

import base64
import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools import find_program, lacking

LIBS = Path(__file__).parents[3] / ".tools" / "kafka" / "libs"
USER, PASSWORD = "reader", "planted-password"
SECONDS = 60
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{control}
controller.listener.names=CONTROLLER
inter.broker.listener.name=OPEN
listeners=OPEN://127.0.0.1:{open},GUARDED://127.0.0.1:{guarded},CONTROLLER://127.0.0.1:{control}
listener.security.protocol.map=OPEN:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config={module} required user_{user}="{password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
log.dirs={folder}/log
log.retention.ms=-1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
"""
_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass(frozen=True)
class Broker:
    """A broker that runs, and what tests do to its topics."""

    servers: str
    """Where everybody may do everything."""
    guarded: str
    """Where ``USER`` logs in, who may do what ``allow`` says."""
    process: "subprocess.Popen[bytes]"

    @cached_property
    def admin(self) -> Any:
        from confluent_kafka.admin import AdminClient

        return AdminClient({"bootstrap.servers": self.servers, "log_level": 0})

    def create(self, topic: str, partitions: int = 1, **settings: str) -> None:
        from confluent_kafka.admin import NewTopic

        config = {name.replace("_", "."): value for name, value in settings.items()}
        _done(self.admin.create_topics([NewTopic(topic, partitions, config=config)]))
        self._await_partitions(topic, partitions)

    def delete(self, topic: str) -> None:
        _done(self.admin.delete_topics([topic]))
        self._await_partitions(topic, 0)

    def add_partitions(self, topic: str, total: int) -> None:
        from confluent_kafka.admin import NewPartitions

        _done(self.admin.create_partitions([NewPartitions(topic, total)]))
        self._await_partitions(topic, total)

    def _await_partitions(self, topic: str, number: int) -> None:
        """The controller has decided; until the broker knows it, too, it answers as before."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            topics = self.admin.list_topics(timeout=SECONDS).topics  # naming it would make it
            known = topics[topic].partitions.values() if topic in topics else ()
            if len(known) == number and all(each.error is None for each in known):
                return
            time.sleep(0.02)
        raise AssertionError(f"not within {SECONDS} s: {topic} with {number} partitions")

    def send(
        self,
        topic: str,
        values: Iterable[bytes | None],
        partition: int = 0,
        times: Iterable[int] | None = None,
    ) -> None:
        """Append messages; ``times`` are in milliseconds since 1970."""
        from confluent_kafka import Producer

        producer = Producer({"bootstrap.servers": self.servers, "linger.ms": 20, "log_level": 0})
        stamps = iter(times) if times is not None else None
        for value in values:
            stamp = {} if stamps is None else {"timestamp": next(stamps)}
            while True:
                try:
                    producer.produce(topic, value, partition=partition, **stamp)
                    break
                except BufferError:
                    producer.poll(0.1)
        assert producer.flush(SECONDS) == 0

    @contextlib.contextmanager
    def transaction(self, topic: str, values: Iterable[bytes], name: str) -> Iterator[Any]:
        """Messages that are written, and neither committed nor aborted yet."""
        from confluent_kafka import Producer

        producer = Producer(
            {"bootstrap.servers": self.servers, "transactional.id": name, "log_level": 0}
        )
        producer.init_transactions(SECONDS)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=0)
        assert producer.flush(SECONDS) == 0
        yield producer

    def expire(self, topic: str, before: int, partition: int = 0) -> None:
        """Delete a partition's messages before an offset, as time does."""
        from confluent_kafka import TopicPartition

        _done(self.admin.delete_records([TopicPartition(topic, partition, before)]))

    def allow(self, topic: str, *operations: str) -> None:
        """Let ``USER`` do these to a topic."""
        from confluent_kafka import admin

        _done(
            self.admin.create_acls(
                [
                    admin.AclBinding(
                        admin.ResourceType.TOPIC,
                        topic,
                        admin.ResourcePatternType.LITERAL,
                        f"User:{USER}",
                        "*",
                        admin.AclOperation[operation],
                        admin.AclPermissionType.ALLOW,
                    )
                    for operation in operations
                ]
            )
        )
        self.create(f"after-{topic}-{'-'.join(operations)}")  # known only after the above

    def freeze(self) -> None:
        """Connections stay, and nothing is answered any more."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on as before."""
        self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        self.freeze()
        try:
            yield
        finally:
            self.thaw()


def _done(futures: dict[Any, Any]) -> None:
    for future in futures.values():
        future.result(SECONDS)


def free_ports(number: int) -> list[int]:
    """Ports on which nobody listens."""
    with contextlib.ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(number)]
        for probe in sockets:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in sockets]


def find_java() -> str:
    """The Java that runs Kafka, where both are there."""
    if not LIBS.is_dir():
        lacking("Kafka is not there: run `make tools`")
    return find_program("java")


@contextlib.contextmanager
def start(folder: Path) -> Iterator[Broker]:
    """A broker with nothing in it, whose files are in ``folder``, until the block ends."""
    java = find_java()
    ports = dict(zip(("open", "guarded", "control"), free_ports(3), strict=True))
    login = {"module": _MODULE, "user": USER, "password": PASSWORD}
    properties = folder / "server.properties"
    properties.write_text(_PROPERTIES.format(folder=folder, **ports, **login), encoding="utf-8")
    cluster = base64.urlsafe_b64encode(b"tagship's broker").decode().rstrip("=")
    options = ["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{LIBS}/*"]
    command = [java, *options]
    made = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)]
    subprocess.run([*command, *made], check=True, capture_output=True)
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "kafka.Kafka", str(properties)], stdout=log, stderr=log
        )
    broker = Broker(f"127.0.0.1:{ports['open']}", f"127.0.0.1:{ports['guarded']}", process)
    try:
        _await(broker, folder / "broker.log")
        yield broker
    finally:
        process.terminate()
        process.wait(SECONDS)


def _await(broker: Broker, log: Path) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and broker.process.poll() is None:
        host, port = broker.servers.split(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            broker.admin.list_topics(timeout=SECONDS)
            return
        time.sleep(0.1)
    raise AssertionError(f"the broker did not start: {log.read_text()}")
