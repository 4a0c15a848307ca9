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
import pytest

from config import ROOT, Database
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import producer
from tests.eventlog.bus_contract import COMMUNITIES, a_record
from tests.eventlog.kafka.test_bus import publish
from tests.running_broker import a_topic

MANY = 300
TABLES = """
    CREATE TABLE effects (position bigint NOT NULL);
    CREATE TABLE places (partition int PRIMARY KEY, position bigint NOT NULL);
    GRANT ALL ON effects, places TO gatehouse_project"""
SCRIPT = """
import os, signal, sys, time
from json import loads
import psycopg
from eventlog.bus import raw_of
from eventlog.kafka.broker import Broker
from eventlog.kafka.bus import KafkaBus

said = loads(sys.argv[1])
MOVE = '''
    INSERT INTO places AS place VALUES (%s, %s)
    ON CONFLICT (partition) DO UPDATE SET position = excluded.position
    WHERE place.position < excluded.position RETURNING 1'''
bus = KafkaBus(Broker(servers=said["servers"]), said["group"], said["topic"])
done, until = 0, time.monotonic() + 15
with psycopg.connect(said["database"], autocommit=True) as db:
    while time.monotonic() < until:
        for message in bus.poll(0.2):
            position = raw_of(message).position
            with db.transaction():
                is_new = db.execute(MOVE, [message.partition, position]).fetchone()
                if is_new or said["careless"]:
                    db.execute("INSERT INTO effects VALUES (%s)", [position])
            done, until = done + 1, time.monotonic() + 1
            if done == said["dies_after"]:
                os.kill(os.getpid(), signal.SIGKILL)
        bus.commit()
bus.close()
"""


@pytest.mark.parametrize(
    ("deaths", "careless"), [([40, 41], False), ([40], True)], ids=["", "control: no position"]
)
def test_k7_killed_between_effect_and_commit(
    database: Database, broker: Broker, deaths: list[int], careless: bool
) -> None:
    topic = a_topic(broker)
    with closing(producer(broker)) as writer:
        publish(writer, topic, [a_record(n, COMMUNITIES[n % 30]) for n in range(1, MANY + 1)])
    with psycopg.connect(database.owner) as db:
        db.execute(TABLES)
    for dies_after in (*deaths, 0):
        said = {
            "servers": broker.servers,
            "group": f"g of {topic}",
            "topic": topic,
            "database": database.project,
            "dies_after": dies_after,
            "careless": careless,
        }
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT, dumps(said)]
        subprocess.run(command, cwd=ROOT, check=not dies_after)  # noqa: S603
    with psycopg.connect(database.owner) as db:
        effects = Counter(position for (position,) in db.execute("SELECT position FROM effects"))
    assert effects.keys() == set(range(1, MANY + 1))
    assert (set(effects.values()) == {1}) == (not careless)
