"""A table of 20 mixed columns from a topic, read twice: the data hash must agree.

A read is ``load_table``: what the source gives, held to its contract and hashed.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from measure import PEERS, ROOT, Figure, Sample, options, peak, run, save
from project import make_large

sys.path.insert(0, str(ROOT / "src" / "engine" / "tests"))  # what starts the servers there
import brokers

Read = Callable[[str], Sample]
"""Reads the table from a source as data.yaml declares it."""

SECONDS = 60
MEMORY_MB = 1_500
_READ = """
import sys
from pathlib import Path
from tagship.config.project_files import load_model
from tagship.data.table import load_table
table = load_table(load_model(Path(sys.argv[1]), "large"))
print(table.sha256, len(table.frame))
"""
_SEND = """
import json, sys
import pandas as pd
from confluent_kafka import Producer
servers, topic, path, partitions = *sys.argv[1:4], int(sys.argv[4])
producer = Producer({"bootstrap.servers": servers, "linger.ms": 50, "compression.type": "lz4"})
table = pd.read_parquet(path)
each = -(-len(table) // partitions)
for start in range(0, len(table), 10_000):
    for at, row in enumerate(table[start:start + 10_000].to_dict("records"), start):
        row = {name: value for name, value in row.items() if value == value}
        producer.produce(topic, json.dumps(row), partition=at // each)
    producer.flush()
"""


def kafka(project: Path, read: Read) -> tuple[str, list[Sample], Sample]:
    """A topic of four partitions; the peer is a plain consumer."""
    folder = project / "broker"
    folder.mkdir()
    with brokers.start(folder) as broker:
        broker.create("large", 4)
        run([sys.executable, "-c", _SEND, broker.servers, "large", "large.parquet", "4"], project)
        source = f"{{kind: kafka, servers: '{broker.servers}', topic: large}}"
        reads = [read(source) for _ in range(2)]
        peer = run([sys.executable, str(PEERS / "plain_kafka.py"), broker.servers, "large"])
    return "a plain consumer, json and pandas", reads, peer


def figures_of(
    name: str, rows: int, hashes: Sequence[str], told: tuple[str, list[Sample], Sample]
) -> list[Figure]:
    """Seconds and memory of the slower read, and whether all hashes agree."""
    against, reads, peer = told
    slowest = max(read.seconds for read in reads)
    same = len(set(hashes)) == 1
    what = f"{rows:,} x 20 of {name}"
    return [
        Figure(
            f"{what}: wall time, against {against}",
            f"{slowest:.1f} s",
            f"{peer.seconds:.1f} s",
            slowest / peer.seconds,
            f"<= {SECONDS} s",
            slowest <= SECONDS,
            max(read.cpu_seconds for read in reads) / peer.cpu_seconds,
        ),
        Figure(
            f"{what}: peak memory",
            f"{peak(reads):,.0f} MB",
            f"{peer.peak_mb:,.0f} MB",
            peak(reads) / peer.peak_mb,
            f"<= {MEMORY_MB:,} MB",
            peak(reads) <= MEMORY_MB,
        ),
        Figure(
            f"{what}: data hash of both reads, and of the file",
            ", ".join(each[:12] for each in hashes),
            "",
            None,
            "the same",
            same,
        ),
    ]


def main() -> None:
    given = options(__doc__)
    rows = 1_000 if given.quick else 1_000_000
    with tempfile.TemporaryDirectory(prefix="tagship-bench-") as temporary:
        project = Path(temporary)
        make_large(project, rows, folds=2, trees=3)
        contract = project / "config" / "large" / "data.yaml"

        def read(source: str) -> Sample:
            text = contract.read_text(encoding="utf-8")
            contract.write_text(re.sub(r"(?m)^source: .*$", f"source: {source}", text))
            return run([sys.executable, "-c", _READ, str(project)])

        file = read("{kind: parquet, path: large.parquet}")
        told = kafka(project, read)
    hashes = [sample.output.split()[0] for sample in (*told[1], file)]
    figures = figures_of("Kafka", rows, hashes, told)
    save("kafka", given, figures, {"file": [file], "kafka": told[1], "kafka peer": [told[2]]})


if __name__ == "__main__":
    main()
