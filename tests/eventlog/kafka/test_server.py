"""Apache Kafka from nothing: prepared, killed, wiped, and what is said where it cannot run."""

import os
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition

from eventlog.kafka import server as kafka_server
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import admin, consumer, producer
from eventlog.kafka.server import KafkaServer
from eventlog.unprivileged import ServerFailed
from tests import running_broker
from tests.running_broker import RunningBroker, a_topic
from tests.running_server import a_folder


def write(broker: Broker, topic: str, *values: bytes) -> None:
    writer = producer(broker)
    for value in values:
        writer.send(topic, value)
    writer.close()


def read(broker: Broker, topic: str, many: int) -> list[bytes]:
    reader: KafkaConsumer = consumer(broker, consumer_timeout_ms=10_000)
    reader.assign([TopicPartition(topic, 0)])
    try:
        return [record.value for _, record in zip(range(many), reader, strict=False)]
    finally:
        reader.close()


def test_a_killed_broker_has_kept_what_it_was_given_and_a_wiped_one_has_nothing(
    own_broker: RunningBroker,
) -> None:
    broker = own_broker.server.broker
    topic = a_topic(broker, 1)
    write(broker, topic, b"1", b"2")
    own_broker.kill()
    own_broker.start()
    assert read(broker, topic, 2) == [b"1", b"2"]
    own_broker.stop()
    own_broker.wipe()
    own_broker.start()
    client = admin(broker)
    assert topic not in client.list_topics()
    client.close()


def test_it_listens_on_loopback_only_without_rights_and_its_data_are_its_owners(
    own_broker: RunningBroker,
) -> None:
    """Also where root has started it, and where an earlier release had run it as root."""
    own_broker.stop()
    data = own_broker.server.data
    for path in (data, data / "log"):
        os.chown(path, os.geteuid(), os.getegid())
    own_broker.start()
    process = psutil.Process(own_broker.process.pid)
    its = process.net_connections("tcp")
    listening = [each.laddr.ip for each in its if each.status == psutil.CONN_LISTEN]
    assert [ip.removeprefix("::ffff:") for ip in listening] == ["127.0.0.1"] * 2
    assert data.stat().st_mode & 0o077 == 0
    [user] = set(process.uids())
    assert user != 0
    assert {path.stat().st_uid for path in (data, *data.rglob("*"))} == {user}


def test_an_id_that_begins_with_a_dash_is_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 64 does; so many first starts failed."""
    monkeypatch.setattr(kafka_server, "uuid4", lambda: UUID(bytes=b"\xf8" + bytes(15)))
    with a_folder() as folder:
        KafkaServer(folder / "kafka").initialise()
        assert "cluster.id=-A" in (folder / "kafka" / "log" / "meta.properties").read_text()


@pytest.mark.parametrize(("missing", "said"), [("java", "openjdk-17"), ("mvn", "install maven")])
def test_what_is_missing_is_named_with_the_package_that_brings_it(
    missing: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "bin").mkdir()
    if missing != "java":
        (tmp_path / "bin" / "java").symlink_to("/bin/false")
    with pytest.raises(ServerFailed, match=said):
        KafkaServer(tmp_path / "kafka").initialise()


def test_half_a_download_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Maven that is killed, or has no network, leaves nothing that the next start believes."""
    maven = tmp_path / "mvn"
    maven.write_text(
        '#!/bin/sh\nfor a; do case $a in -DoutputD*) mkdir "${a#*=}";; esac; done\nexit 1'
    )
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for _ in range(2):
        with pytest.raises(ServerFailed):
            kafka_server.jars()
    assert [p.suffix for p in (tmp_path / "cache" / "gatehouse").iterdir() if p.is_dir()] == [
        ".new"
    ]


def test_in_ci_no_test_goes_without_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_NO_KAFKA", "1")
    monkeypatch.setattr(running_broker, "CI", False)
    with pytest.raises(pytest.skip.Exception):
        running_broker.no_broker()
    monkeypatch.setattr(running_broker, "CI", True)
    with pytest.raises(pytest.fail.Exception):
        running_broker.no_broker()
    monkeypatch.setattr(running_broker, "CI", False)
    monkeypatch.delenv("ALLOW_NO_KAFKA")
    with pytest.raises(pytest.fail.Exception):
        running_broker.no_broker()


def test_where_there_is_no_java_the_small_broker_serves(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It hides what was aborted (`probed`), and the change is told."""
    monkeypatch.setattr(running_broker, "CI", False)
    monkeypatch.setattr(running_broker, "has_apache_kafka", lambda: False)
    monkeypatch.delenv("KAFKA_BOOTSTRAP", raising=False)
    with running_broker.any_broker() as broker:
        write(broker, topic := a_topic(broker, 1), b"1")
        assert read(broker, topic, 1) == [b"1"]
    assert "noida-db" in capfd.readouterr().err
