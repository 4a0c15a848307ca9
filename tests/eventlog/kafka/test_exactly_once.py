"""K7: a consumer that is killed between its effect and its commit has each effect once.

What a reader of the stream needs for that: the position in the transaction of the effect, and no
effect for what lies at or before it.
"""

import subprocess
import sys
from collections import Counter
from contextlib import closing
from json import dumps

import psycopg

from config import ROOT, Database
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import producer
from tests.eventlog.bus_contract import COMMUNITIES, a_record
from tests.eventlog.kafka.test_bus import publish
from tests.running_broker import a_topic

MANY, READERS = 300, ("careful", "careless")
TABLES = """
    CREATE TABLE effects (reader text NOT NULL, position bigint NOT NULL);
    CREATE TABLE places (reader text, partition int, position bigint NOT NULL,
        PRIMARY KEY (reader, partition));
    GRANT ALL ON effects, places TO gatehouse_project"""
SCRIPT = """
import os, signal, sys, time
from json import loads
import psycopg
from eventlog.bus import raw_of
from eventlog.kafka.broker import Broker
from eventlog.kafka import client
from eventlog.kafka.bus import KafkaBus

client.READING |= {"session_timeout_ms": 1_500, "heartbeat_interval_ms": 300}
said = loads(sys.argv[1])
MOVE = '''
    INSERT INTO places AS place VALUES (%s, %s, %s)
    ON CONFLICT (reader, partition) DO UPDATE SET position = excluded.position
    WHERE place.position < excluded.position RETURNING 1'''
group = said["reader"] + said["topic"]
bus = KafkaBus(Broker(servers=said["servers"]), group, said["topic"])
done, until = 0, time.monotonic() + 15
with psycopg.connect(said["database"], autocommit=True) as db:
    while time.monotonic() < until:
        for message in bus.poll(0.2):
            position = raw_of(message).position
            with db.transaction():
                is_new = db.execute(MOVE, [said["reader"], message.partition, position]).fetchone()
                if is_new or said["reader"] == "careless":
                    db.execute("INSERT INTO effects VALUES (%s, %s)", [said["reader"], position])
            done, until = done + 1, time.monotonic() + 1
            if done == said["dies_after"]:
                os.kill(os.getpid(), signal.SIGKILL)
        bus.commit()
bus.close()
"""


def test_k7_killed_between_effect_and_commit(database: Database, broker: Broker) -> None:
    """The control keeps no position, and so does some things twice."""
    topic = a_topic(broker)
    with closing(producer(broker)) as writer:
        publish(writer, topic, [a_record(n, COMMUNITIES[n % 30]) for n in range(1, MANY + 1)])
    with psycopg.connect(database.owner) as db:
        db.execute(TABLES)
    for dies_after in (40, 0):
        both = [start(database, broker, topic, dies_after, name) for name in READERS]
        assert [process.wait(60) for process in both] == [-9 if dies_after else 0] * 2
    careful, careless = (done(database, name) for name in READERS)
    assert careful == Counter(range(1, MANY + 1))
    assert careless.keys() == careful.keys()
    assert careless.total() == MANY + 40


def start(
    database: Database, broker: Broker, topic: str, dies_after: int, reader: str
) -> "subprocess.Popen[bytes]":
    said = {
        "servers": broker.servers,
        "topic": topic,
        "database": database.project,
        "dies_after": dies_after,
        "reader": reader,
    }
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, dumps(said)]
    return subprocess.Popen(command, cwd=ROOT)  # noqa: S603


def done(database: Database, reader: str) -> Counter[int]:
    with psycopg.connect(database.owner) as db:
        rows = db.execute("SELECT position FROM effects WHERE reader = %s", [reader]).fetchall()
    return Counter(position for (position,) in rows)
