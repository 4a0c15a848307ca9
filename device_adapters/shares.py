"""The partitions of this process: each is folded from the log, then follows the bus, for as long as
its lease lasts (ADR 13).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from psycopg import Connection, OperationalError

from device_adapters.lane import Lane
from device_adapters.leases import Leases, May
from device_adapters.sync import PEOPLE, DoorSync
from device_adapters.terms import Snapshot
from domain.ids import DeviceId
from eventlog.bus import Keys, Message, RawRecord, opened, partition_of
from eventlog.codec import Codec
from eventlog.consumer import Stopped
from eventlog.following import COMPARED_SECONDS, Bury, Following, Log, Share
from eventlog.port import Unavailable

QUEUE: Final = 500  # messages at once
Connect = Callable[[], Connection[Any]]


class Queue(Log, Protocol):
    def ahead(self, *, after: int, types: Collection[str]) -> Sequence[RawRecord]:
        """What of these types follows a position in streams that had begun by then, in order."""


class Shares(Following[DoorSync]):
    """`begin` makes what keeps a partition's doors, given leave to speak to them and the log's
    head.
    """

    def __init__(
        self,
        log: Queue,
        keys: Keys,
        leases: Leases,
        connect: Connect,
        begin: Callable[[May, int], DoorSync],
        bury: Bury = lambda message, error: None,
        alarm: Callable[[Stopped], None] = lambda stopped: None,
        compared: float = COMPARED_SECONDS,
    ) -> None:
        codec = Codec()
        super().__init__(
            "adapters", log, lambda raw: opened(raw, codec, keys), bury, alarm, compared
        )
        self._leases, self._connect, self._begin = leases, connect, begin
        self._queue = log

    def snapshots(self) -> list[tuple[int, Snapshot]]:
        """Of all phones, each with its partition."""
        shares = list(self._shares.items())
        return [(p, one) for p, share in shares for one in share.follower.lanes.status()]

    def lane(self, device: DeviceId) -> Lane | None:
        for share in list(self._shares.values()):
            if device in share.follower.lanes:
                return share.follower.lanes[device]
        return None

    def take(self, messages: Sequence[Message], reached: int = 0) -> None:
        """Of a long queue first what concerns people who are known: who must go does not wait until
        a crowd that comes in is taken (D6).
        """
        for start in range(0, len(messages), QUEUE):
            some = messages[start : start + QUEUE]
            if len(messages) >= QUEUE:
                self._let_overtake({message.partition for message in some})
            super().take(some)
        super().take((), reached)

    def _let_overtake(self, partitions: Collection[int]) -> None:
        found = {p: self._shares[p] for p in self._shares.keys() & partitions}
        if shares := {p: share for p, share in found.items() if share.sure and not share.failed}:
            after = min(share.position for share in shares.values())
            lying = self._queue.ahead(after=after, types=[kind.__name__ for kind in PEOPLE])
            for partition, share in shares.items():
                theirs = [r for r in lying if partition_of(str(r.community).encode()) == partition]
                self._overtake(partition, share, theirs)

    def _overtake(self, partition: int, share: Share[DoorSync], lying: Sequence[RawRecord]) -> None:
        """What cannot be read here is seen to in its turn."""
        try:
            records = self._open(lying)
        except Unavailable:
            raise
        except Exception:
            return
        self._do(partition, lambda: share.follower.overtake(records))

    def hold(self, wanted: Collection[int]) -> None:
        """Let go of what is wanted no more or was lost, and take what is free."""
        lost = self._shares.keys() - self._leases.held
        if gone := lost | (self._shares.keys() - set(wanted)):
            self.let_go(gone)
        if missing := set(wanted) - self._shares.keys():
            with self._connect() as db:
                taken = self._leases.take(db, missing)
            head = self._log.head() if taken else 0
            for partition in taken:
                self._shares[partition] = Share(self._begin(self._leases.may(partition), head))

    def keep(self) -> None:
        """By the clock, beside what the log says."""
        for partition, share in list(self._shares.items()):
            if not share.failed:
                self._do(partition, share.follower.keep_time)

    def let_go(self, partitions: Iterable[int]) -> None:
        """Whoever comes next waits no longer than until these phones are silent. What does not
        fall silent in time keeps its lease until that runs out.
        """
        gone = {p: self._shares.pop(p) for p in list(partitions)}
        ended = self._leases.end(gone)
        silent = {p for p, share in gone.items() if share.follower.lanes.stop()}
        with suppress(OperationalError), self._connect() as db:
            self._leases.release(db, {p: ended[p] for p in ended.keys() & silent})
