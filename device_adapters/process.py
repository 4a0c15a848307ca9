"""The adapters' process: one at a time follows the log, hears hints, and tells how things stand."""

from collections.abc import Callable
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection, OperationalError

from device_adapters.lane import Snapshot
from device_adapters.sync import DoorSync
from domain.ids import DeviceId
from eventlog.consumer import Readable, Stopped, follow

ALONE = 7450489151653710  # the advisory lock of the one that speaks to phones
TOLD_SECONDS, RETRY_SECONDS = 1.0, 0.5
log = structlog.get_logger()


class Replaced(Exception):
    """Another process speaks to the phones now."""


def run(
    events: Readable, sync: DoorSync, connect: Callable[[], Connection[Any]], stop: Flag
) -> None:
    """Until stopped. While PostgreSQL is away the phones keep what they have."""
    if not until(stop, lambda: alone(connect)):
        return
    watch = Thread(target=keep_watch, args=(sync, connect, stop), daemon=True)
    watch.start()
    try:
        follow(events, sync, stop, alarm)
        stop.wait()  # phones are kept at what they should hold, as far as it is known
    finally:
        stop.set()
        sync.lanes.stop()
        watch.join()


def alarm(stopped: Stopped) -> None:
    log.error("adapters stopped", position=stopped.position, error=stopped.error)


def until(stop: Flag, ready: Callable[[], bool]) -> bool:
    while not stop.is_set():
        try:
            if ready():
                return True
        except OperationalError:
            pass
        stop.wait(RETRY_SECONDS)
    return False


def alone(connect: Callable[[], Connection[Any]]) -> bool:
    """Whether nobody else speaks to the phones; the watch takes the lock for good."""
    with connect() as db:
        return bool(locked(db))


def locked(db: Connection[Any]) -> bool:
    row = db.execute("select pg_try_advisory_lock(%s)", [ALONE]).fetchone()
    return bool(row and row[0])


def keep_watch(sync: DoorSync, connect: Callable[[], Connection[Any]], stop: Flag) -> None:
    """Holds the lock, and ends the process if somebody else has got it meanwhile."""
    while not stop.is_set():
        try:
            with connect() as db:
                if not locked(db):
                    raise Replaced
                db.execute("listen hints")
                hear(db, sync, stop)
        except OperationalError:
            stop.wait(RETRY_SECONDS)
        except Replaced:
            log.error("another adapters process speaks to the phones: this one ends")
            stop.set()


def hear(db: Connection[Any], sync: DoorSync, stop: Flag) -> None:
    while not stop.is_set():
        tell(db, sync)
        for hint in db.notifies(timeout=TOLD_SECONDS, stop_after=1):
            device = DeviceId(UUID(hint.payload))
            if device in sync.lanes:
                sync.lanes[device].hint()


def tell(db: Connection[Any], sync: DoorSync) -> None:
    with db.transaction(), db.cursor() as cursor:
        cursor.execute(
            "insert into doors.positions (name, position) values ('adapters', %s)"
            " on conflict (name) do update set position = excluded.position,"
            " moved_at = clock_timestamp()",
            [sync.position],
        )
        told = sync.lanes.status()
        cursor.executemany(
            "insert into doors.lanes (device, online, failure, seen_at, waiting, revocations,"
            " waiting_since, suspended, clock_off) values (%s, %s, %s,"
            " clock_timestamp() - make_interval(secs => %s), %s, %s,"
            " clock_timestamp() - make_interval(secs => %s), %s, make_interval(secs => %s))"
            " on conflict (device) do update set online = excluded.online,"
            " failure = excluded.failure, seen_at = excluded.seen_at, waiting = excluded.waiting,"
            " revocations = excluded.revocations, waiting_since = excluded.waiting_since,"
            " suspended = excluded.suspended, clock_off = excluded.clock_off,"
            " told_at = clock_timestamp()",
            [row(snapshot) for snapshot in told],
        )
        cursor.execute(
            "delete from doors.lanes where device <> all(%s)", [[one.device for one in told]]
        )


def row(told: Snapshot) -> tuple[object, ...]:
    return (
        told.device,
        told.online,
        told.failure,
        told.seen,
        told.waiting,
        told.revocations,
        told.waiting_for,
        told.suspended,
        told.clock_off,
    )
