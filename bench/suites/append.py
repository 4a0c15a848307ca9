"""A durable append of one fact, through everything that a command's facts go through: encoded,
sealed, guarded, chained; a PIN is claimed, too, and the one before it released. Beside it
eventsourcing's default recorder (peer) and a bare INSERT with its own commit (limit).

`python bench/run.py append [ROUNDS]`
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from itertools import count
from os import urandom
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict
from rich import print
from uuid_utils.compat import uuid7

from bench.lib import Goal, Point, a_server, interleaved, measured, report
from domain.ids import ApartmentId, BuildingId, CommunityId, ResidentId
from domain.kernel import Event
from domain.record import frozen
from domain.residents import Contact, ContactChanged, PinIssued, ResidentAdded
from eventlog.embedded import EmbeddedServer
from eventlog.migrations import migrate
from eventlog.port import Envelope
from eventlog.postgres import PostgresLog
from eventlog.sealing import Master

SECONDS, THREADS = 0.7, (1, 16)
HOME, TOWER = CommunityId(uuid7()), BuildingId(uuid7())
ANN = Contact(first_name="Ann", last_name="Archer")
PINS = map(str, count(10_000_000))
RAW = """
    CREATE TABLE IF NOT EXISTS raw (position bigserial UNIQUE, community uuid, stream uuid,
        version int, body bytea, PRIMARY KEY (community, stream, version))
"""
INSERT = "INSERT INTO raw (community, stream, version, body) VALUES (%s, %s, %s, %s)"
GOALS = [
    Goal("fact x1", "default x1", 1.5),
    Goal("fact x1", "INSERT x1", 0.45),
    Goal("PIN x1", "default x1", 1.5),
    Goal("PIN x1", "INSERT x1", 0.45),
    Goal("fact x16", "default x16", 7),
    Goal("fact x16", "INSERT x16", 0.70),
    Goal("PIN x16", "default x16", 5.5),
    Goal("PIN x16", "INSERT x16", 0.55),
]

Worker = Callable[[], object]


@frozen
class Change:
    """Stands for the command of one fact."""

    of: object


def sent(command: object) -> Envelope:
    return Envelope(command=command, command_id=uuid7(), community=HOME, actor="account:pm")


def changing(log: PostgresLog, fact: Callable[[ResidentId], Event]) -> Worker:
    """One resident's fact after the other."""
    who, version = ResidentId(uuid7()), count()

    def append() -> None:
        happened = fact(who)
        log.append(sent(Change(of=happened)), [happened], {who: next(version)})

    return append


def contact(who: ResidentId) -> Event:
    return ContactChanged(resident=who, contact=ANN)


def pin(who: ResidentId) -> Event:
    flat = ApartmentId(who)
    return PinIssued(resident=who, apartment=flat, pin=next(PINS), pin_mode="pin")


class Tenant(Aggregate):
    """The same fact, told in the library's own way."""

    @event("PinIssued")
    def issue_pin(self, apartment: ApartmentId, pin: str, pin_mode: str) -> None:
        self.pin = pin


def default(app: Application[UUID]) -> Worker:
    tenant = Tenant()
    app.save(tenant)

    def save() -> None:
        tenant.issue_pin(ApartmentId(tenant.id), next(PINS), "pin")
        app.save(tenant)

    return save


def inserting(connection: psycopg.Connection) -> Worker:
    who, version, body = uuid7(), count(), urandom(120)

    def insert() -> None:
        values = [HOME, who, next(version), body]
        connection.execute(INSERT, values, prepare=True, binary=True)

    return insert


def main(rounds: int) -> None:
    with a_server() as server, ExitStack() as opened:
        taken = interleaved(arms(server, opened), rounds)
        report(taken, GOALS)
        move_in(opened.enter_context(a_log(server, "moving")))


def arms(server: EmbeddedServer, opened: ExitStack) -> Mapping[str, Callable[[], Point]]:
    log = opened.enter_context(a_log(server, "ours"))
    app: Application[UUID] = Application(stock(server))
    opened.callback(app.close)
    connections = [opened.enter_context(a_connection(server)) for _ in range(max(THREADS))]
    workers: Mapping[str, Callable[[int], Worker]] = {
        "fact": lambda _: changing(log, contact),
        "PIN": lambda _: changing(log, pin),
        "default": lambda _: default(app),
        "INSERT": lambda n: inserting(connections[n]),
    }
    return {
        f"{name} x{threads}": partial(measured, [make(n) for n in range(threads)], SECONDS)
        for threads in THREADS
        for name, make in workers.items()
    }


@contextmanager
def a_log(server: EmbeddedServer, name: str) -> Iterator[PostgresLog]:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    migrate(server.conninfo(name))
    with closing(PostgresLog(server.conninfo(name, "gatehouse_append"), Master(bytes(32)))) as log:
        yield log


def stock(server: EmbeddedServer) -> dict[str, str]:
    where = conninfo_to_dict(server.conninfo())
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_HOST": str(where["host"]),
        "POSTGRES_PORT": str(where["port"]),
        "POSTGRES_DBNAME": str(where["dbname"]),
        "POSTGRES_USER": str(where["user"]),
        "POSTGRES_PASSWORD": "",
        "POSTGRES_MAX_OVERFLOW": "20",
    }


@contextmanager
def a_connection(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute(RAW)
        yield connection


def move_in(log: PostgresLog, people: int = 10_000) -> None:
    """One command that adds everybody with a PIN."""
    who = [ResidentId(uuid7()) for _ in range(people)]
    facts = [fact for each in who for fact in (added(each), pin(each))]
    began = time.perf_counter()
    log.append(sent(Change(of=people)), facts, {})
    stored = time.perf_counter()
    read, after = 0, 0
    while batch := log.read(after=after):
        read, after = read + len(batch), batch[-1].position
    looked = time.perf_counter()
    print(f"{people:,} residents in one command: {stored - began:.2f} s")
    print(f"read, unsealed and decoded: {read / (looked - stored):,.0f} facts a second")


def added(who: ResidentId) -> Event:
    return ResidentAdded(
        resident=who,
        apartment=ApartmentId(who),
        building=TOWER,
        role="master",
        contact=ANN,
        groups=frozenset(),
    )
