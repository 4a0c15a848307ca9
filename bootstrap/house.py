"""The parts of one process, and who finds them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pkgutil import walk_packages
from random import SystemRandom
from select import POLLIN, poll
from types import ModuleType
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg_pool import ConnectionPool
from uuid_utils.compat import uuid7

import commands
import projections
from bootstrap.observed import observed
from commands import reactions
from commands.bus import Bus, Dispatch
from commands.ingest import Ingest
from config import Config, refuse_unsafe
from domain.devices import Device
from domain.ids import CommunityId, DeviceId
from eventlog.postgres import Connections, PostgresLog
from eventlog.postgres.raw_reports import RawReports
from eventlog.postgres.reports import PostgresReportLog, ReportListener
from eventlog.reports import ReportCodec
from eventlog.sealing import Master
from eventlog.shared import SharedLog
from projections.projector import Projector
from projections.runner import Readable, Runner

if TYPE_CHECKING:
    from readapi.waiting import Reading

WEB_THREADS = 4
OF_THE_WEB = "commands.http"  # brings Flask, which takes a while to import: only who needs it
HINTS = "hints"
WAIT_SECONDS = 2.0


def discover(*packages: ModuleType) -> list[ModuleType]:
    """Import everything; decorators and subclasses register themselves as they are read."""
    found = [m.name for p in packages for m in walk_packages(p.__path__, f"{p.__name__}.")]
    return [import_module(name) for name in found if name != OF_THE_WEB]


discover(commands, projections)


def read_models() -> list[type[Projector]]:
    return sorted(Projector.__subclasses__(), key=lambda kind: kind.name)


def follows() -> dict[str, str]:
    """The log of each read model, by name."""
    return {kind.name: kind.follows for kind in read_models()}


def followers() -> dict[str, str]:
    """The log of everybody whose position is kept under a name of its own."""
    return follows() | {reactions.NAME: "reports", "relay-reports": "reports"}


@dataclass
class House:
    """The parts of one process, each made when it is first wanted."""

    config: Config

    safe: bool = False

    def check(self) -> None:
        """The boot guard (O1), put off while PostgreSQL is away: then nobody is served."""
        with suppress(psycopg.OperationalError):
            refuse_unsafe(self.config)
            self.safe = True

    @cached_property
    def master(self) -> Master:
        return Master(self.config.kek())

    @cached_property
    def log(self) -> PostgresLog:
        return PostgresLog(self.config.database.append, self.master)

    @cached_property
    def reports(self) -> PostgresReportLog:
        connections = Connections(self.config.database.append, most=2)
        return PostgresReportLog(connections, ReportListener(connections.conninfo), ReportCodec())

    @cached_property
    def raw_reports(self) -> RawReports:
        connections = Connections(self.config.database.append, most=1)
        return RawReports(connections, ReportListener(connections.conninfo))

    @cached_property
    def ingest(self) -> Ingest:
        return Ingest(self.log, self.reports)

    @cached_property
    def bus(self) -> Bus:
        return Bus(
            self.log,
            now=lambda: datetime.now(UTC),
            new_id=uuid7,
            random=SystemRandom(),
            networks=self.config.device_networks,
        )

    @cached_property
    def dispatch(self) -> Dispatch:
        return observed(self.bus.dispatch)

    @cached_property
    def reading(self) -> "Reading":
        from readapi.waiting import Positions, Reading  # Flask, again

        pool = ConnectionPool(
            self.config.database.read,
            kwargs={"autocommit": True, "prepare_threshold": 0, "options": "-c search_path=read"},
            min_size=1,
            max_size=WEB_THREADS + 1,
            timeout=1,
            check=check_if_told,
            reconnect_timeout=0.1,  # then the next request looks for the server, and not a timer
            open=True,
        )
        positions = Positions(
            lambda: psycopg.connect(self.config.database.read, autocommit=True, connect_timeout=2)
        )
        return Reading(pool, positions, self.log.vault, threads=WEB_THREADS, wait=WAIT_SECONDS)

    @cached_property
    def runner(self) -> Runner:
        logs: dict[str, Readable] = {"events": SharedLog(self.log), "reports": self.reports}
        return Runner(logs, self.project, self.log.vault)

    def project(self, schema: str) -> psycopg.Connection[Any]:
        """As the role that owns the read models, with bare names in one schema."""
        return psycopg.connect(
            self.config.database.project,
            autocommit=True,
            prepare_threshold=0,
            connect_timeout=2,
            # A lost commit takes the position with it: it is only read again.
            options=f"-c search_path={schema} -c synchronous_commit=off",
        )

    def hint(self, device: DeviceId) -> None:
        """To whoever keeps the device's lane, wherever it runs."""
        self.reading.db().execute("select pg_notify(%s, %s)", [HINTS, str(device)])

    def event_url(self, community: CommunityId, device: Device) -> str | None:
        """What a phone calls when something happens: with its own secret, never logged (S9)."""
        if not isinstance(device.hint, str):
            return None
        return f"{self.config.public_url}/api/v1/communities/{community}/hints/{device.hint}"

    def close(self) -> None:
        for made in ("log", "reports", "raw_reports"):
            if made in vars(self):
                vars(self)[made].close()
        if "reading" in vars(self):
            self.reading.pool.close()


def check_if_told(connection: psycopg.Connection[Any]) -> None:
    """A round trip only where there is something to read: an idle connection that is well has
    nothing, one that was ended has its end.
    """
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


@contextmanager
def the_house() -> Iterator[House]:
    house = House(Config.from_env())
    try:
        yield house
    finally:
        house.close()
