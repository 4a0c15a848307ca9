"""A Kafka for the tests: the first that can be had of the three that stream.md names."""

import fcntl
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from json import dumps
from pathlib import Path
from random import SystemRandom
from uuid import uuid4

import pytest
from kafka import TopicPartition
from kafka.admin import NewTopic

from eventlog.bus import PARTITIONS
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import admin, consumer, producer
from eventlog.kafka.server import HOST, KafkaServer, jars, java
from eventlog.unprivileged import ServerFailed
from tests.running_server import a_folder

SCRIPT = """
from json import loads
from pathlib import Path
from sys import argv
from eventlog.kafka.server import KafkaServer
KafkaServer(Path(argv[1]), int(argv[2]), loads(argv[3])).exec()
"""
SOONER = {  # a dead member, and a transaction that timed out, are seen in half a second
    "group.min.session.timeout.ms": "500",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "250",
}
CI = os.environ.get("CI") == "true"


@dataclass
class RunningBroker:
    """Apache Kafka that a test may kill, wipe and start again; its words go to the file `log`."""

    server: KafkaServer
    log: Path
    java: str
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        given = [str(self.server.data), str(self.server.port), dumps(dict(self.server.more))]
        env = os.environ | {"JDK_JAVA_OPTIONS": self.java}
        with self.log.open("ab") as log:
            command = [sys.executable, "-c", SCRIPT, *given]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=env)  # noqa: S603
        try:
            self.server.wait_ready()
        except ServerFailed as failed:
            died, last = self.process.poll(), self.log.read_text(errors="replace")[-2000:]
            raise ServerFailed(
                f"{failed} (exit status {died}); its last words:\n{last}"
            ) from failed

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def wipe(self) -> None:
        """Its data are gone, as if another broker stood here now; start it afterwards."""
        shutil.rmtree(self.server.data)


def free_ports() -> int:
    """The first of two that are free, below those that the kernel gives to whoever connects: a
    broker needs a while until it has taken them.
    """
    while True:
        port = 2 * SystemRandom().randrange(10_000, 16_000)
        with socket.socket() as first, socket.socket() as second, suppress(OSError):
            first.bind((HOST, port))
            second.bind((HOST, port + 1))
            return port


@contextmanager
def apache_kafka(port: int = 0, more: Mapping[str, str] = {}) -> Iterator[RunningBroker]:
    """`more` goes over the settings of eventlog.kafka.server."""
    with running_kafka(f"-XX:SharedArchiveFile={classes()}", port, more) as running:
        yield running


@contextmanager
def running_kafka(java: str, port: int, more: Mapping[str, str]) -> Iterator[RunningBroker]:
    with a_folder() as folder:
        server = KafkaServer(folder / "kafka", port or free_ports(), {**SOONER, **more})
        running = RunningBroker(server, folder / "log", java)
        try:
            running.start()
            yield running
        finally:
            running.stop()


@cache
def classes() -> Path:
    """Kafka's classes as Java keeps them from one start for the next: it is up in half the time."""
    made = f"{jars()}-{sha256(java().encode()).hexdigest()[:8]}.jsa"
    with Path(f"{made}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not Path(made).exists():
            with a_folder() as folder:
                folder.chmod(0o777)
                draft = folder / "classes"
                with running_kafka(f"-XX:ArchiveClassesAtExit={draft}", 0, {}):
                    """What it needs to be up is all that it has to remember."""
                shutil.copy(draft, f"{made}.new")
                Path(f"{made}.new").rename(made)
    return Path(made)


@contextmanager
def noida() -> Iterator[Broker]:
    """A small broker in a wheel; it loses its tail at a kill -9."""
    server = KafkaServer(Path(), free_ports())
    with a_folder() as folder:
        options = ["--data-dir", str(folder), "--only", "kafka", "--kafka-port", str(server.port)]
        binary = shutil.which("noida-db", path=Path(sys.executable).parent)
        command = [str(binary), "start", *options]
        silent = subprocess.DEVNULL
        process = subprocess.Popen(  # noqa: S603
            command, stdout=silent, stderr=silent, start_new_session=True
        )
        try:
            server.wait_ready()
            yield server.broker
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # the command is not the broker, but its parent
            process.wait(30)


@contextmanager
def any_broker() -> Iterator[Broker]:
    """KAFKA_BOOTSTRAP, Apache Kafka, noida-db; in CI nothing but the second."""
    if (named := os.environ.get("KAFKA_BOOTSTRAP")) and not CI:
        yield probed(Broker(servers=named))
    elif CI or has_apache_kafka():
        with apache_kafka() as running:
            yield probed(running.server.broker)
    elif importlib.util.find_spec("noida_db"):
        print("no Java or Maven here: the kafka tests run on noida-db", file=sys.__stderr__)
        with noida() as broker:
            yield probed(broker)
    else:
        no_broker()


def has_apache_kafka() -> bool:
    try:
        return bool(java() and jars())
    except ServerFailed:
        return False


def no_broker() -> None:
    """Never silently: only who says ALLOW_NO_KAFKA=1 goes without."""
    if os.environ.get("ALLOW_NO_KAFKA") == "1" and not CI:
        pytest.skip("ALLOW_NO_KAFKA=1")
    pytest.fail("no Kafka: apt-get install openjdk-17-jre-headless maven (or ALLOW_NO_KAFKA=1)")


def a_topic(broker: Broker, partitions: int = PARTITIONS, name: str | None = None) -> str:
    """A new one of this test's own; the name."""
    name = name or f"test-{uuid4()}"
    client = admin(broker)
    client.create_topics([NewTopic(name, partitions, 1)])
    client.close()
    return name


def probed(broker: Broker) -> Broker:
    """What cannot hide an aborted record is no broker for these tests."""
    topic = a_topic(broker, 1)
    writer = producer(broker, transactional_id=topic)
    writer.init_transactions()
    for end in (writer.abort_transaction, writer.commit_transaction):
        writer.begin_transaction()
        writer.send(topic, end.__name__.encode())
        writer.flush()
        end()
    writer.close()
    reader = consumer(broker, consumer_timeout_ms=10_000)
    reader.assign([TopicPartition(topic, 0)])
    assert next(reader).value == b"commit_transaction"
    reader.close()
    return broker
