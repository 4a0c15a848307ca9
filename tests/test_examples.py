"""What a stranger writes runs as it stands: a real log, relay, Kafka and registry."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from bootstrap import House
from bootstrap.web import create_app
from config import Database
from domain.ids import CommunityId
from domain.kernel import Event as Fact
from domain.reports import DoorLogEntry
from domain.residents import PinRevoked
from eventlog.bus import headers_of
from eventlog.kafka.broker import Broker
from eventlog.kafka.client import admin, producer
from eventlog.kafka.relay import OUTLETS, Writer, ask_replay, follow
from eventlog.kafka.topics import EVENTS, REPORTS, apply, manifest
from tests.builders import ANN, BOB, ELSEWHERE, HARBOUR, a_pin, a_resident
from tests.device_adapters.adapters import happen
from tests.eventlog.arbitrary import example
from tests.eventlog.bus_contract import a_record
from tests.running_broker import a_topic
from tests.running_server import RunningServer
from tests.schemas.serving import served
from tests.test_bootstrap import a_config

EXAMPLES = Path(__file__).parent.parent / "examples"
PAGE = EXAMPLES.parent / "docs" / "stream.md"
OUTLET = OUTLETS["reports"]
ALL_THERE = """
    select 1 from doors.positions where name = %s and position >= %s and replay_from is null"""
REGISTRY = "http://127.0.0.1:8000/registry"
DAY = 86_400_000
SEVEN = datetime(2026, 3, 2, 7, 15, tzinfo=UTC)
OPENED: dict[str, Any] = {"kind": "door_release", "outcome": "success", "holder_kind": None}
AN_OPENING = replace(example(DoorLogEntry), **OPENED, door_name="Gate", happened_at=SEVEN)
LATER = replace(AN_OPENING, happened_at=SEVEN + timedelta(hours=2))
A_CALL = replace(AN_OPENING, kind="call", door_name="Pier")
REFUSED = replace(AN_OPENING, outcome="failed", door_name="Tower")


@dataclass
class Stream:
    """From what phones report to the topic. It has the name that it has in life: no other tests
    take that on the suite's broker.
    """

    broker: Broker
    registry: str
    house: House

    def connect(self) -> psycopg.Connection[Any]:
        return self.house.project("doors")

    def relay(self, stop: Event) -> None:
        follow(OUTLET, self.house.raw_reports, self.broker, self.connect, stop)

    def reported(self, *entries: DoorLogEntry, community: CommunityId = HARBOUR) -> None:
        """Back when they are in the topic."""
        for entry in entries:
            self.house.reports.note(community, entry)
        self.until_all_is_there()

    def happened(self, *events: Fact) -> None:
        """Back when they are in their topic."""
        happen(self.house.log, *events)
        with closing(Writer(OUTLETS["events"], self.broker, None)) as writer:
            writer.publish(self.house.log.raw(after=writer.place.position))

    def strayed(self) -> None:
        """Somebody who may write to the topics sends there what is none of Gatehouse."""
        posing = [("ce_type", b"gatehouse.DoorLogEntry"), ("gh-position", b"soon")]
        with closing(producer(self.broker)) as stranger:
            for topic in (EVENTS, REPORTS):
                stranger.send(topic, b"junk", partition=0).get(10)
                stranger.send(topic, b"junk", headers=posing, partition=0).get(10)

    def replayed(self) -> None:
        """Everything once more."""
        with self.connect() as db:
            assert ask_replay(db, OUTLET, 1)
        self.until_all_is_there()

    def until_all_is_there(self) -> None:
        until, wanted = monotonic() + 30, [OUTLET.name, self.house.reports.head()]
        with self.connect() as db:
            while not db.execute(ALL_THERE, wanted).fetchone():
                assert monotonic() < until, f"the relay does not reach {wanted}"
                sleep(0.05)

    def command(self, name: str, *more: str) -> list[str]:
        return [sys.executable, str(EXAMPLES / name), self.broker.servers, *more]


@pytest.fixture(scope="module")
def stream(
    module_database: Database,
    pg_server: RunningServer,
    broker: Broker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stream]:
    app = create_app(a_config(module_database, pg_server, tmp_path_factory.mktemp("house")))
    house, stop = app.extensions["house"], Event()
    with closing(house), served(app) as url:
        with closing(admin(broker)) as client:
            assert [*apply(client, manifest())]
        stream = Stream(broker, f"{url}/registry", house)
        relay = Thread(target=stream.relay, args=(stop,))
        relay.start()
        yield stream
        stop.set()
        relay.join()


def test_n18_twenty_lines_follow_what_happens_at_the_doors(stream: Stream) -> None:
    """Each once, whatever a stranger writes, and however often all of it is sent."""
    stream.strayed()
    stream.reported(AN_OPENING, A_CALL)
    command = stream.command("door_events.py", stream.registry)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:  # noqa: S603
        assert follower.stdout
        said = list(islice(follower.stdout, 2))
        stream.replayed()
        stream.reported(REFUSED, community=ELSEWHERE)
        said += list(islice(follower.stdout, 1))
        follower.terminate()
    assert said == [
        "2026-03-02 07:15:00 Gate: door_release by somebody with pin: success\n",
        "2026-03-02 07:15:00 Pier: call by somebody with pin: success\n",
        "2026-03-02 07:15:00 Tower: door_release by somebody with pin: failed\n",
    ]


def test_n18_an_analyst_counts_openings_once_however_often(stream: Stream, tmp_path: Path) -> None:
    def counted() -> list[list[str]]:
        file = str(tmp_path / "doors.duckdb")
        command = stream.command("openings_by_hour.py", stream.registry, file)
        told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
        return [line.split() for line in told.stdout.splitlines()]

    stream.strayed()
    first = counted()
    stream.reported(LATER, LATER, A_CALL, REFUSED)
    stream.replayed()
    assert counted() == [*first, ["2026-03-02", "09:00", "2"]]


def test_n18_a_stranger_proves_that_nothing_is_missing(stream: Stream) -> None:
    stream.strayed()
    stream.reported(AN_OPENING, A_CALL)
    stream.replayed()
    command = stream.command("nothing_missing.py", REPORTS)
    told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    assert told.stdout.endswith(" records, 0 missing\n")
    assert int(told.stdout.split()[0]) > stream.house.reports.head()


def test_a_stranger_sees_what_is_missing(stream: Stream) -> None:
    """A topic that has aged, lost a record, and was filled again after a broker had lost it all."""
    topic = a_topic(stream.broker, 1)
    with producer(stream.broker) as writer:
        for number in (7, 8, 10, 11, 1, 2):
            writer.send(topic, b"", headers=[("gh-seq", b"%d" % number)])
        writer.send(topic, b"", headers=[("gh-redriven", b"1")])
    command = stream.command("nothing_missing.py", topic)
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert told.stdout == "partition 0: 9 to 9 are missing\n6 records, 1 missing\n"
    assert told.returncode == 1


def test_a_topic_that_is_not_there_is_not_one_where_nothing_is_missing(stream: Stream) -> None:
    command = stream.command("nothing_missing.py", "gatehouse.event.v1")
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "there is no topic gatehouse.event.v1\n"


def test_n18_who_has_the_keys_sees_what_is_sealed_and_what_is_forgotten(stream: Stream) -> None:
    stream.strayed()
    stream.happened(a_resident(ANN), a_pin("2468", ANN), a_resident(BOB), PinRevoked(resident=ANN))
    stream.house.log.forget(HARBOUR, [BOB])
    config = stream.house.config
    more = stream.registry, config.database.read, str(config.kek_file)
    command = stream.command("unseal.py", *more)
    told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    said = [line.split(maxsplit=1)[1] for line in told.stdout.splitlines()]
    assert said == ["ResidentAdded contact", "PinIssued pin", "ResidentAdded forgotten"]


CLICKHOUSE = """
import sys, time
from chdb.session import Session
folder, statements, many = sys.argv[1:]
session = Session(folder)
session.query("create database house engine = Atomic")
session.query("use house")
for statement in statements.split(";")[:-1]:
    try:
        session.query(statement)
    except Exception as said:  # without its server it says so of a table that it has just made
        if "Shutdown was called" not in str(said):
            raise
until = time.monotonic() + 30
while time.monotonic() < until:
    count = session.query("select count() from door_log final").bytes().strip()
    if int(count) >= int(many):
        break
    time.sleep(0.2)
rows = "select position, kind, outcome from door_log final order by position format CSV"
sys.stdout.buffer.write(session.query(rows).bytes())
session.query("drop table filling")
session.query("drop table stream")
session.close()
"""


def test_n18_what_the_page_has_clickhouse_do_keeps_each_report_once(
    stream: Stream, tmp_path: Path
) -> None:
    stream.strayed()
    stream.reported(AN_OPENING, A_CALL, REFUSED)
    stream.replayed()
    block = PAGE.read_text().partition("```sql\n")[2].partition("```")[0]
    addresses = ("127.0.0.1:9092", stream.broker.servers), (REGISTRY, stream.registry)
    for written, real in addresses:
        assert written in block
        block = block.replace(written, real)
    many = str(stream.house.reports.head())
    command = [sys.executable, "-c", CLICKHOUSE, str(tmp_path / "house"), block, many]
    told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert (told.returncode, told.stderr) == (0, "")
    rows = told.stdout.splitlines()
    assert [row.split(",")[0] for row in rows] == [str(n + 1) for n in range(int(many))]
    assert rows[-3:] == [
        f'{int(many) - 2},"door_release","success"',
        f'{int(many) - 1},"call","success"',
        f'{many},"door_release","failed"',
    ]


def test_the_page_tells_of_every_topic_and_every_header() -> None:
    lines = PAGE.read_text().splitlines()
    for topic in manifest():
        [row] = [line for line in lines if line.startswith(f"| `{topic.name}` |")]
        assert f"{int(topic.settings['retention.ms']) // DAY} days" in row
        assert topic.partitions == 12
    tables = "".join(line for line in lines if line.startswith("|"))
    assert [name for name in headers_of(a_record(3)) if f"`{name}`" not in tables] == []
