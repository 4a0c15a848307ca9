"""D13 and D14 with a real PostgreSQL: slow, or really stopped."""

import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from uuid_utils.compat import uuid7

from commands.bus import Bus as Commands
from commands.emergency import LockDoors, UnlockDoors
from config import Database
from device_adapters.akuvox.doors import doors_of
from device_adapters.emergency.gate import Gate
from device_adapters.emergency.service import Outside, Service
from device_adapters.simulator import Fleet
from domain.access_groups import Door
from domain.emergency import DoorResult, DoorsTried, LockOrdered, OrderId, UnlockOrdered
from domain.ids import CommunityId
from eventlog.bus import PARTITIONS, Message, partition_of
from eventlog.port import Recorded
from eventlog.postgres import PostgresLog
from eventlog.postgres.emergencies import FOLLOWING, EmergencyLog
from eventlog.sealing import Master
from tests.builders import (
    FLAT_1,
    HARBOUR,
    LOOPBACK,
    a_community,
    a_pin,
    a_resident,
    an_alarm,
)
from tests.conftest import migrate
from tests.device_adapters.adapters import Adapters
from tests.device_adapters.emergencies import QUICK
from tests.device_adapters.houses import device_id, registered, soon
from tests.eventlog.conftest import KEK
from tests.eventlog.contract import store
from tests.eventlog.proxy import Proxy, hang_up, heard
from tests.running_server import RunningServer
from tests.scenario import MANAGER

GATEHOUSE = str(Path(sys.executable).parent / "gatehouse")


class DeadBus:
    """A stream that is away for good: it gives out all partitions and not one record."""

    assignment: Collection[int] = frozenset(range(PARTITIONS))
    reached = 0

    def poll(self, timeout: float) -> Sequence[Message]:
        sleep(timeout)
        return []

    def commit(self) -> None: ...

    def pause(self, partitions: Collection[int]) -> None: ...

    def close(self) -> None: ...


class Slow(Proxy):
    """Every request of a client takes so much longer."""

    seconds = 0.05

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        for request in heard(client):
            sleep(self.seconds)
            with suppress(OSError):
                server.sendall(request)
        hang_up(client, server)


def commands(log: PostgresLog) -> Commands:
    return Commands(
        log, now=lambda: datetime.now(UTC), new_id=uuid7, random=Random(0), networks=LOOPBACK
    )


def say(log: PostgresLog, command: object) -> None:
    commands(log).dispatch(command, community=HARBOUR, actor=MANAGER)


def results(log: PostgresLog, n: int) -> list[DoorResult]:
    told = [r.event for r in log.read(after=0) if isinstance(r.event, DoorsTried)]
    return [one for event in told for one in event.results if one.door.device == device_id(n)]


def verified(log: PostgresLog, order: OrderId) -> set[Door]:
    found = [one for n in range(3) for one in results(log, n) if one.order == order]
    return {one.door for one in found if one.state == "verified"}


def is_open(fleet: Fleet, *phones: int) -> bool:
    return all(all(fleet[n].state()["relays"].values()) for n in phones)


def is_shut(fleet: Fleet, *phones: int) -> bool:
    return not any(any(fleet[n].state()["relays"].values()) for n in phones)


@pytest.fixture
def pg_log(database: Database) -> Iterator[PostgresLog]:
    with closing(PostgresLog(database.append, Master(KEK))) as log:
        yield log


@contextmanager
def following(database: Database, log: PostgresLog) -> Iterator[EmergencyLog]:
    with closing(EmergencyLog(database.append, log.vault.keyring.get)) as found:
        yield found


# The way of its own


def test_d13_an_order_is_heard_of_at_once_and_past_everything_else(
    database: Database, pg_log: PostgresLog
) -> None:
    store(pg_log, a_community(), a_resident(), an_alarm())
    with following(database, pg_log) as emergencies:
        records, upto = emergencies.read(0)
        assert [type(r.event).__name__ for r in records] == ["CommunityCreated", "AlarmRaised"]
        emergencies.read(upto, wait=0.5)  # from now on it listens
        taken = list[float]()
        for _ in range(5):
            say(pg_log, UnlockDoors(doors="all"))
            begun = monotonic()
            [order], upto = emergencies.read(upto, wait=2)
            taken.append(monotonic() - begun)
            assert isinstance(order.event, UnlockOrdered)
        print(f"heard after {min(taken) * 1e3:.1f} to {max(taken) * 1e3:.1f} ms")
        assert sorted(taken)[2] < 0.1  # without the notification it would be 0.2 on average


def test_d13_it_is_found_without_reading_the_log(database: Database, pg_log: PostgresLog) -> None:
    store(pg_log, a_community(), *(an_alarm(),))
    store(pg_log, *(a_pin(str(100_000 + n), home=FLAT_1) for n in range(200)))
    with psycopg.connect(database.append) as db:
        db.execute("set enable_seqscan = off")
        plan = db.execute(f"explain {FOLLOWING}".encode(), [0]).fetchall()
    assert "events_in_emergencies" in str(plan)


def test_an_event_that_cannot_be_read_keeps_no_door_shut(
    database: Database, pg_log: PostgresLog
) -> None:
    store(pg_log, a_community(), an_alarm())
    say(pg_log, UnlockDoors(doors="all"))
    with psycopg.connect(database.owner) as db:
        db.execute("set session_replication_role = replica")  # else nothing may be changed
        db.execute("update log.events set body = 'x' where type = 'AlarmRaised'")
    with following(database, pg_log) as emergencies:
        records, upto = emergencies.read(0)
        assert [type(r.event).__name__ for r in records] == ["CommunityCreated", "UnlockOrdered"]
        assert upto == pg_log.head()


# D13


@contextmanager
def slowly(database: Database, folder: Path) -> Iterator[tuple[PostgresLog, Fleet]]:
    """Eight phones, and the service at a PostgreSQL that is slow, beside a stream that is dead."""
    with ExitStack() as stack:
        enter = stack.enter_context
        slow = enter(closing(Slow(database.append)))
        log = enter(closing(PostgresLog(slow.conninfo, Master(KEK))))
        fleet = enter(Fleet(["X916", "E18", "R29", "S532", "E12W", "X915S", "R20A", "X916"]))
        store(log, a_community(), *(registered(n, sim) for n, sim in enumerate(fleet)))
        running = Adapters(log, database, DeadBus(), lease=(6.0, 2.0))
        outside = Outside(
            log=enter(closing(EmergencyLog(slow.conninfo, log.vault.keyring.get))),
            dispatch=commands(log).dispatch,
            connect=partial(doors_of, paced=True),
            ours=partial(ours, running),
            master=Master(KEK),
            folder=folder,
            pace=replace(QUICK, first_retry=0.2, last_retry=1.0),
        )
        service = enter(Service(outside, Gate()))
        stack.callback(running.stop)
        running.start()
        soon(lambda: outside.ours(HARBOUR), 10)
        soon(lambda: service.book.live and service.book.towns[HARBOUR].devices, 10)
        yield log, fleet


def test_d13_emergency_unlock(database: Database, tmp_path: Path) -> None:
    """PostgreSQL is slow, no stream gives anything, no projector runs, 3 phones are away and one
    hangs. From the manager's command until every reachable door stands open.
    """
    there, away, hung = (0, 1, 2, 3), (4, 5, 6), 7
    with slowly(database, tmp_path) as (log, fleet):
        for n in away:
            fleet[n].unplug()
        fleet[hung].fault("hang")
        begun = monotonic()
        say(log, UnlockDoors(doors="all"))
        soon(lambda: is_open(fleet, *there), 10)
        taken = monotonic() - begun
        print(f"4 phones, 11 doors, at their real pace: {taken:.2f} s from the command")
        assert taken < 2 * patience()
        soon(lambda: {one.state for n in away for one in results(log, n)} == {"offline"}, 10)
        fleet[4].plug_in()
        soon(lambda: is_open(fleet, 4), 10)
        say(log, LockDoors(doors="all"))
        soon(lambda: is_shut(fleet, *there, 4), 10)
        fleet[5].plug_in()
        locked = [False] * fleet[5].phone.relays.count
        soon(lambda: [r.open for r in results(log, 5) if r.state == "verified"] == locked, 10)
        assert fleet[5].state()["doorlog"] == []


def ours(running: Adapters, home: CommunityId) -> bool:
    return running.leases.is_sure(partition_of(str(home).encode()))


def patience() -> float:
    """On a machine that others load, too, a second is longer."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


# D14


@dataclass
class Host:
    """`gatehouse` with a folder of its own, at a PostgreSQL that may be stopped."""

    folder: Path
    server: RunningServer
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        database = Database.embedded(self.server.server)
        return os.environ | {
            "DATABASE_URL": database.owner,
            "APPEND_DATABASE_URL": database.append,
            "READ_DATABASE_URL": database.read,
            "PROJECT_DATABASE_URL": database.project,
            "KEK_FILE": str(self.folder / "kek"),
            "DATA": str(self.folder),
            "DEVICE_NETWORKS": "127.0.0.0/8",
            "DEVICE_PACE": "0",
            "METRICS_PORT": str(free_port() - 2),
        }

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [GATEHOUSE, *command],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def adapters(self) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as said:
            process = subprocess.Popen(  # noqa: S603
                [GATEHOUSE, "run", "adapters"], env=self.environment, stdout=said, stderr=said
            )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)

    def spool(self) -> list[Path]:
        return list((self.folder / "emergency" / "spool").glob("*"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def a_host(server: RunningServer, folder: Path) -> Iterator[tuple[Host, PostgresLog, Fleet]]:
    """With adapters that have written their snapshot."""
    migrate(server.server.conninfo())
    (folder / "kek").touch(mode=0o600)
    (folder / "kek").write_bytes(b64encode(KEK))
    host, append = Host(folder, server), Database.embedded(server.server).append
    with (
        Fleet(["X916", "E18", "R29"]) as fleet,
        closing(PostgresLog(append, Master(KEK))) as log,
        closing(host),
    ):
        store(log, a_community(), *(registered(n, sim) for n, sim in enumerate(fleet)))
        host.adapters()
        soon((folder / "emergency" / "snapshot").exists, 20)
        yield host, log, fleet


def test_d14_break_glass(own_server: RunningServer, tmp_path: Path) -> None:
    """PostgreSQL is killed. Doors open from the snapshot; the adapters, whose leases have run out,
    go on with what was ordered at their host, also at a phone that restarts; and when PostgreSQL is
    back the log has it once.
    """
    with a_host(own_server, tmp_path) as (host, log, fleet):
        own_server.kill()
        fleet[2].unplug()
        unlocked = host.run("emergency", "unlock", "--all", "--wait", "3")
        assert unlocked.returncode == 1, unlocked.stderr
        assert "6 of 9 doors are open" in unlocked.stdout
        assert "NOT OPEN: Door 2" in unlocked.stdout
        assert is_open(fleet, 0, 1)
        fleet[2].plug_in()
        soon(lambda: is_open(fleet, 2), 10)
        fleet[0].fault("reboot", seconds=0.2)
        soon(lambda: is_open(fleet, 0), 15)
        locked = host.run("emergency", "lock", "--door", "Door 1")
        assert locked.returncode == 0, locked.stdout + locked.stderr
        assert is_shut(fleet, 1)
        assert len(host.spool()) == 2
        own_server.start()
        soon(lambda: host.spool() == [], 30)
        unlock, lock = orders(log)
        assert (unlock.event.cause, unlock.event.doors) == ("break_glass", None)
        assert (type(lock.event), lock.event.cause) == (LockOrdered, "break_glass")
        assert unlock.actor.startswith("break-glass ")
        soon(lambda: len(verified(log, unlock.event.order)) == 9, 20)
        assert is_shut(fleet, 1)
        say(log, LockDoors(doors="all"))
        soon(lambda: is_shut(fleet, 0, 1, 2), 20)


def orders(log: PostgresLog) -> list[Recorded[Any]]:
    return [r for r in log.read(after=0) if isinstance(r.event, UnlockOrdered | LockOrdered)]
