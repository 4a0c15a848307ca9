"""The log's way to Kafka: events a second, each exactly once, beside kafka-python's bare producer
with the same records made beforehand; from a commit to who reads only what is committed; a long
catch-up; memory. PostgreSQL with fsync, one Apache Kafka, the relay in a process of its own.

`python -m bench relay`
"""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from statistics import median
from threading import Event as Flag
from threading import Thread

import psutil
import psycopg
from rich import print
from uuid_utils.compat import uuid7

from bench.lib import a_server
from bench.suites.append import Change, contact, sent
from config import Database
from domain.ids import ResidentId
from eventlog.bus import headers_of, message
from eventlog.embedded import EmbeddedServer
from eventlog.kafka.client import consumer, producer
from eventlog.kafka.records import partitions
from eventlog.migrations import migrate
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master
from tests.eventlog.kafka.relaying import Relaying, grow
from tests.running_broker import RunningBroker, a_topic, apache_kafka

MANY, LONG, SIZE = 40_000, 200_000, 150
COMMITS, PAUSE = 500, 0.02
GOAL_RATE, GOAL_P50, GOAL_P99 = 10_000, 20, 100


def main(rounds: int) -> None:
    with a_server() as server, apache_kafka() as kafka:
        with a_relaying(server, kafka, "rate") as relaying:
            grow(relaying.database, MANY, SIZE)
            pairs = [(published(relaying, MANY)[0], bare(relaying)) for _ in range(rounds)]
            grow(relaying.database, LONG - MANY, SIZE)
            rate, memory = published(relaying, LONG)
        tell_rates(pairs)
        print(
            f"catch-up of {LONG:,}: {LONG / rate:.1f} s; 1,000,000 at that rate: {1e6 / rate:.0f} s"
        )
        print(f"memory of the relay after it: {memory / 2**20:.0f} MB resident")
        with a_relaying(server, kafka, "latency") as relaying:
            tell_latency(latencies(relaying))


def tell_rates(pairs: list[tuple[float, float]]) -> None:
    ours, peer = (median(each) for each in zip(*pairs, strict=True))
    ratios = [a / b for a, b in pairs]
    print(f"relay, exactly once: {ours:,.0f} events/s (goal {GOAL_RATE:,})")
    print(f"kafka-python's bare producer: {peer:,.0f} records/s")
    print(f"ratio {median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f})")


def tell_latency(taken: list[float]) -> None:
    p50, p99 = (1e3 * taken[int(len(taken) * q)] for q in (0.5, 0.99))
    print(
        f"commit -> read_committed consumer, {1 / PAUSE:.0f}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms"
        f" (goals {GOAL_P50}, {GOAL_P99})"
    )


@contextmanager
def a_relaying(server: EmbeddedServer, kafka: RunningBroker, name: str) -> Iterator[Relaying]:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    migrate(server.conninfo(name))
    database = Database.embedded(server, name)
    log = PostgresLog(database.append, Master(bytes(32)))
    with closing(Relaying(database, log, kafka.server.broker, "")) as relaying:
        yield relaying


def published(relaying: Relaying, many: int) -> tuple[float, int]:
    """Events a second into a new topic, without the start; the process's memory at the end."""
    relaying.topic = a_topic(relaying.broker)
    with relaying.connect() as db:
        db.execute("delete from doors.positions")
    process = relaying.start()
    relaying.wait_for(1)
    first, began = relaying.position(), time.perf_counter()
    relaying.wait_for(many, 240)
    rate = (many - first) / (time.perf_counter() - began)
    memory: int = psutil.Process(process.pid).memory_info().rss
    process.terminate()
    process.wait()
    return rate, memory


def bare(relaying: Relaying) -> float:
    """What kafka-python can do at all: the same records made beforehand, no transaction."""
    topic = a_topic(relaying.broker)
    ready = [
        (m.value, m.key, [*headers_of(r).items()], m.partition)
        for r in relaying.log.raw(after=0, limit=2_000)
        for m in [message(r)]
    ]
    with closing(producer(relaying.broker, batch_size=65_536, linger_ms=5)) as writer:
        writer.send(topic, b"first", partition=0).get(10)
        began = time.perf_counter()
        for _ in range(MANY // len(ready)):
            for value, key, headers, partition in ready:
                writer.send(topic, value, key, headers, partition)
        writer.flush()
        return MANY / (time.perf_counter() - began)


def latencies(relaying: Relaying) -> list[float]:
    """Of single events, each appended as a command's are, to the reader's poll; sorted, seconds."""
    log = relaying.log
    assert isinstance(log, PostgresLog)
    relaying.topic = a_topic(relaying.broker)
    relaying.start()
    arrived, stop = dict[int, float](), Flag()
    reader = Thread(target=note, args=(relaying, arrived, stop))
    reader.start()
    stored = dict[int, float]()
    for _ in range(COMMITS):
        happened = contact(ResidentId(uuid7()))
        answer = log.append(sent(Change(of=happened)), [happened], {})
        stored[answer.position] = time.perf_counter()
        time.sleep(PAUSE)
    relaying.wait_for(COMMITS)
    time.sleep(1)
    stop.set()
    reader.join()
    warm = COMMITS // 5  # the process and its first transaction start meanwhile
    return sorted(arrived[at] - stored[at] for at in stored if at > warm)


def note(relaying: Relaying, arrived: dict[int, float], stop: Flag) -> None:
    with closing(consumer(relaying.broker)) as reader:
        reader.assign(partitions(reader, relaying.topic))
        while not stop.is_set():
            for records in reader.poll(100).values():
                now = time.perf_counter()
                arrived |= {int(dict(r.headers)["gh-position"]): now for r in records}
