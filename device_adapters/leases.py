"""Which partitions' doors are ours to speak to: leases in PostgreSQL, one a partition (ADR 13).

A phone cannot tell an old owner from a new one, so time does: nobody begins to speak to a phone
later than its lease allows, and nobody takes a lease over before that has been heard out.
"""

import fcntl
import os
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Condition, Lock
from time import monotonic
from typing import Any, Final, LiteralString
from uuid import uuid4

from psycopg import Connection

from device_adapters.terms import Over

LEASE_SECONDS: Final = 12.0
HEARD_OUT_SECONDS: Final = 5.5  # what an exchange with a phone may take, and what clocks differ
TAKE: LiteralString = """
    insert into doors.leases as lease (partition, holder, epoch, until)
    select partition, %(holder)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s)
    from unnest(%(partitions)s::int[]) as wanted (partition) order by partition
    on conflict (partition) do update
    set holder = excluded.holder, epoch = lease.epoch + 1, until = excluded.until
    where lease.until < clock_timestamp() or lease.holder = excluded.holder
    returning partition, epoch
"""
RENEW: LiteralString = """
    update doors.leases as lease
    set until = clock_timestamp() + make_interval(secs => %(seconds)s), position = mine.position
    from unnest(%(partitions)s::int[], %(epochs)s::bigint[], %(positions)s::bigint[])
        as mine (partition, epoch, position)
    where lease.partition = mine.partition and lease.epoch = mine.epoch
    returning lease.partition
"""
RELEASE: LiteralString = """
    update doors.leases as lease set until = '-infinity'
    from unnest(%(partitions)s::int[], %(epochs)s::bigint[]) as mine (partition, epoch)
    where lease.partition = mine.partition and lease.epoch = mine.epoch
"""
May = Callable[[], None]


class Lost(Over):
    """The doors are somebody else's now: the lane ends."""


class Busy(Exception):
    """Another process works in this folder."""


@dataclass(frozen=True)
class Lease:
    """`until`, on our clock: no exchange with a phone may begin later."""

    epoch: int
    until: float


class Leases:
    """Those of one process. `holder` takes over from itself at once: nobody else may have its
    name while it lives (see `sole`).
    """

    def __init__(
        self,
        holder: str,
        seconds: float = LEASE_SECONDS,
        heard_out: float = HEARD_OUT_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._holder, self._seconds, self._clock = holder, seconds, clock
        self._sure = seconds - heard_out
        self._held: dict[int, Lease] = {}
        self._bell, self._asking = Condition(), Lock()

    @property
    def held(self) -> Collection[int]:
        return frozenset(self._held)

    def take(self, db: Connection[Any], partitions: Collection[int]) -> Collection[int]:
        """Those of them that were free, or whose holder was not heard of for too long."""
        if not partitions:
            return ()
        with self._asking:
            until = self._clock() + self._sure
            wanted = {"holder": self._holder, "seconds": self._seconds}
            taken = db.execute(TAKE, wanted | {"partitions": sorted(partitions)}).fetchall()
            with self._bell:
                self._held |= {partition: Lease(epoch, until) for partition, epoch in taken}
        return [partition for partition, _ in taken]

    def renew(self, db: Connection[Any], positions: Mapping[int, int]) -> Collection[int]:
        """With how far each has got. Those that somebody else has taken meanwhile are lost."""
        with self._asking:
            until, mine = self._clock() + self._sure, dict(self._held)
            told = [positions.get(partition, 0) for partition in mine]
            said = {"seconds": self._seconds, "positions": told, **columns(mine)}
            kept = {partition for (partition,) in db.execute(RENEW, said)}
            self.end(mine.keys() - kept)
            self._prolong({partition: mine[partition] for partition in kept}, until)
        return mine.keys() - kept

    def end(self, partitions: Iterable[int]) -> Mapping[int, Lease]:
        """From now on nobody here begins anything there; to be released when all are silent."""
        with self._bell:
            ended = {p: self._held.pop(p) for p in partitions if p in self._held}
            self._bell.notify_all()
        return ended

    def release(self, db: Connection[Any], ended: Mapping[int, Lease]) -> None:
        """The next one need not wait for the time to run out."""
        with self._asking:
            db.execute(RELEASE, columns(ended))

    def may(self, partition: int) -> May:
        """To be called before each exchange: waits until the lease is renewed, if that is late;
        raises Lost once it is not this one any more.
        """
        lease = self._held.get(partition)  # it may be lost already
        return partial(self._check, partition, lease.epoch if lease else 0)

    def is_sure(self, partition: int) -> bool:
        """Whether an exchange may begin now, without waiting."""
        with self._bell:
            lease = self._held.get(partition)
            return lease is not None and self._clock() < lease.until

    def _check(self, partition: int, epoch: int) -> None:
        with self._bell:
            self._bell.wait_for(lambda: self._is_sure(partition, epoch))
            if not self._is_ours(partition, epoch):
                raise Lost

    def _is_sure(self, partition: int, epoch: int) -> bool:
        ours = self._is_ours(partition, epoch)
        return not ours or self._clock() < self._held[partition].until

    def _is_ours(self, partition: int, epoch: int) -> bool:
        return partition in self._held and self._held[partition].epoch == epoch

    def _prolong(self, leases: Mapping[int, Lease], until: float) -> None:
        """Not those that were ended while the database was asked."""
        with self._bell:
            still = {p: lease.epoch for p, lease in leases.items() if self._held.get(p) == lease}
            self._held |= {p: Lease(epoch, until) for p, epoch in still.items()}
            self._bell.notify_all()


def columns(leases: Mapping[int, Lease]) -> dict[str, list[int]]:
    return {"partitions": [*leases], "epochs": [lease.epoch for lease in leases.values()]}


def sole(file: Path) -> str:
    """The name that a folder's one process has for as long as it lives; Busy if another has it.

    The kernel lets go of the file when the process is dead, and only then.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)  # for good: it is never closed
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Busy(str(file)) from None
    name = os.read(descriptor, 100).decode() or f"{socket.gethostname()} {uuid4()}"
    os.pwrite(descriptor, name.encode(), 0)
    return name
