"""The adapters' process: follows the bus, hears hints, renews leases, tells how things stand."""

from datetime import UTC, datetime, timedelta
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import UUID

import structlog
from psycopg import Connection, OperationalError
from psycopg.types.json import Jsonb

from device_adapters.leases import Leases
from device_adapters.shares import Connect, Shares
from device_adapters.terms import Snapshot, Trying
from domain.ids import DeviceId
from eventlog import following
from eventlog.bus import Bus

TOLD_SECONDS, RETRY_SECONDS = 1.0, 0.5
log = structlog.get_logger()


def run(bus: Bus, shares: Shares, leases: Leases, connect: Connect, stop: Flag) -> None:
    """Until stopped. While PostgreSQL is away the phones keep what they have."""
    watch = Thread(target=keep_watch, args=(shares, leases, connect, stop), daemon=True)
    watch.start()
    try:
        following.run(bus, shares, stop)
    finally:
        stop.set()
        shares.let_go(shares.positions)
        watch.join()
        bus.close()


def keep_watch(shares: Shares, leases: Leases, connect: Connect, stop: Flag) -> None:
    """Beside what follows the bus, which may be busy with much at once."""
    while not stop.is_set():
        try:
            with connect() as db:
                db.execute("listen hints")
                while not stop.is_set():
                    hear(db, shares, leases)
        except OperationalError:
            stop.wait(RETRY_SECONDS)


def hear(db: Connection[Any], shares: Shares, leases: Leases) -> None:
    if lost := leases.renew(db, shares.positions):
        log.error("another process speaks to these phones now", partitions=sorted(lost))
    tell(db, shares, leases)
    for hint in db.notifies(timeout=TOLD_SECONDS, stop_after=1):
        if lane := shares.lane(DeviceId(UUID(hint.payload))):
            lane.hint()


def tell(db: Connection[Any], shares: Shares, leases: Leases) -> None:
    """The adapters have come as far as the one that is furthest behind."""
    held = sorted(leases.held)
    told = [(partition, one) for partition, one in shares.snapshots() if partition in held]
    with db.transaction(), db.cursor() as cursor:
        cursor.execute(
            "insert into doors.positions (name, position)"
            " select 'adapters', min(position) from doors.leases having min(position) is not null"
            " on conflict (name) do update set position = excluded.position,"
            " moved_at = clock_timestamp()"
        )
        cursor.executemany(
            "insert into doors.lanes (partition, device, online, failure, seen_at, waiting,"
            " revocations, waiting_since, suspended, clock_off, trying) values (%s, %s, %s, %s,"
            " clock_timestamp() - make_interval(secs => %s), %s, %s,"
            " clock_timestamp() - make_interval(secs => %s), %s, make_interval(secs => %s), %s)"
            " on conflict (device) do update set partition = excluded.partition,"
            " online = excluded.online, failure = excluded.failure, seen_at = excluded.seen_at,"
            " waiting = excluded.waiting, revocations = excluded.revocations,"
            " waiting_since = excluded.waiting_since, suspended = excluded.suspended,"
            " clock_off = excluded.clock_off, trying = excluded.trying,"
            " told_at = clock_timestamp()",
            [row(partition, snapshot) for partition, snapshot in told],
        )
        cursor.execute(
            "delete from doors.lanes where partition is null"
            " or partition = any(%s) and device <> all(%s)",
            [held, [one.device for _, one in told]],
        )


def row(partition: int, told: Snapshot) -> tuple[object, ...]:
    return (
        partition,
        told.device,
        told.online,
        told.failure,
        told.seen,
        told.waiting,
        told.revocations,
        told.waiting_for,
        told.suspended,
        told.clock_off,
        Jsonb([in_json(one) for one in told.trying]),
    )


def in_json(one: Trying) -> dict[str, object]:
    """When it is tried again is told as a time, so that it stays right while it is read."""
    again = datetime.now(UTC) + timedelta(seconds=one.again_in) if one.again_in else None
    return {
        "holder": str(one.holder),
        "state": one.state,
        "tries": one.tries,
        "reason": one.reason,
        "again_at": again.isoformat(timespec="seconds") if again else None,
    }
