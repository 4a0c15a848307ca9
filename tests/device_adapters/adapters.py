"""An adapters' process as a thread, over a log in PostgreSQL and simulated phones."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from threading import Event as Flag
from threading import Thread
from time import time
from typing import Any, Self

import psycopg
from uuid_utils.compat import uuid7

from commands.bus import Bus as CommandBus
from config import Database
from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import profile_of
from device_adapters.leases import Leases, May
from device_adapters.process import run
from device_adapters.shares import Shares
from device_adapters.simulator import Fleet
from device_adapters.sync import DoorSync, Outside
from device_adapters.terms import Rhythm
from domain.access_groups import Door
from domain.devices import Device, DeviceSynced
from domain.ids import CommunityId
from domain.kernel import Event
from eventlog.bus import Bus, FromNow, LogBus, Message, partition_of
from eventlog.consumer import Stopped
from eventlog.kafka.bus import KafkaBus
from eventlog.postgres import PostgresLog
from tests.builders import HARBOUR, LOOPBACK, SWIMMERS, a_community, a_group
from tests.device_adapters.houses import QUICK, device_id, registered
from tests.eventlog.contract import store


@dataclass
class Adapters:
    """`start` it; `stop` is an orderly end. `compared`: seconds between looks at the log."""

    log: PostgresLog
    database: Database
    bus: Bus
    holder: str = "one"
    rhythm: Rhythm = QUICK
    lease: tuple[float, float] = (2.0, 1.0)
    compared: float = 60.0
    wall: Callable[[], float] = time
    alarms: list[Stopped] = field(default_factory=list)
    buried: list[tuple[Message, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.leases = Leases(self.holder, *self.lease)
        self.shares = Shares(
            self.log,
            self.log.vault.keyring.get,
            self.leases,
            self.connect,
            self._begin,
            self._bury,
            self.alarms.append,
            self.compared,
        )
        self._stop = Flag()
        self._thread = Thread(
            target=run, args=(self.bus, self.shares, self.leases, self.connect, self._stop)
        )

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident:
            self._thread.join()

    def connect(self) -> psycopg.Connection[Any]:
        options = "-c search_path=doors"
        return psycopg.connect(self.database.project, autocommit=True, options=options)

    def position(self, community: CommunityId = HARBOUR) -> int:
        """How far it has come there; 0 while it is not its own."""
        return self.shares.positions.get(partition_of(str(community).encode()), 0)

    def sync(self, community: CommunityId = HARBOUR) -> DoorSync:
        return self.shares._shares[partition_of(str(community).encode())].follower

    def _bury(self, message: Message, error: str) -> None:
        self.buried.append((message, error))
        if isinstance(self.bus, KafkaBus):
            self.bus.bury(message, error)

    def _begin(self, may: May, head: int) -> DoorSync:
        bus = CommandBus(
            self.log,
            now=lambda: datetime.now(UTC),
            new_id=uuid7,
            random=Random(0),
            networks=LOOPBACK,
        )

        def dispatch(*given: Any, **more: Any) -> Any:
            may()
            return bus.dispatch(*given, **more)

        def connect(device: Device) -> AkuvoxPhone:
            profile = profile_of(device.box.model).paced(0, 0)
            return AkuvoxPhone(device.box.address, None, profile, may)

        outside = Outside(
            dispatch=dispatch,
            connect=connect,
            digest=self.log.vault.digest,
            poll=lambda phone, home, device, beside: None,
            event_url=lambda home, device: None,
            now=self.wall,
        )
        return DoorSync(outside, self.rhythm, live_from=head)


def log_bus(log: PostgresLog) -> LogBus:
    return LogBus(log, FromNow(log.head))


@contextmanager
def adapters(
    log: PostgresLog, database: Database, bus: Bus | None = None, **options: Any
) -> Iterator[Adapters]:
    running = Adapters(log, database, bus or log_bus(log), **options)
    try:
        yield running.start()
    finally:
        running.stop()


def settled(log: PostgresLog, fleet: Fleet, *homes: CommunityId) -> None:
    """Each phone is the one door of a community's swimmers."""
    for n, (home, sim) in enumerate(zip(homes, fleet, strict=True)):
        doors = Door(device=device_id(n), relay=1)
        store(
            log,
            a_community(home=home),
            registered(n, sim),
            a_group(SWIMMERS, doors),
            home=home,
        )


def states(log: PostgresLog, n: int = 0) -> Mapping[tuple[int, str], str]:
    """The state of each credential on a phone, as last said: {(person, kind): state}."""
    said = [r.event for r in log.read(after=0) if isinstance(r.event, DeviceSynced)]
    outcomes = [one for event in said if event.device == device_id(n) for one in event.outcomes]
    return {(one.holder.int, one.kind): one.state for one in outcomes}


def pins(fleet: Fleet, n: int = 0) -> set[str]:
    """What a phone lets in."""
    return {row["PrivatePIN"] for row in fleet[n].state()["users"]}


def happen(log: PostgresLog, *facts: Event, home: CommunityId = HARBOUR) -> None:
    for fact in facts:
        store(log, fact, home=home)
