"""A topic by a plain consumer: ``plain_kafka.py SERVERS TOPIC``.

confluent-kafka one message at a time, json, one frame of all records. No contract, hash or offsets
that are kept.
"""

import json
import sys

import pandas as pd
from confluent_kafka import Consumer, TopicPartition


def main(servers: str, topic: str) -> None:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "plain"})
    partitions = consumer.list_topics(topic).topics[topic].partitions
    left = 0
    for partition in partitions:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition))
        left += end - first
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    records = []
    while len(records) < left:
        message = consumer.poll(1.0)
        if message is not None:
            records.append(json.loads(message.value()))
    consumer.close()
    print(len(pd.DataFrame(records)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
