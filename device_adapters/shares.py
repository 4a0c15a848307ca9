"""The partitions of this process: each is folded from the log, then follows the bus.

The log is the truth and the bus a copy that is quicker to hear of. Whatever is odd about the
bus, a hole, something unreadable or a long silence, is settled by reading the log (ADR 13).
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, Protocol

import structlog
from psycopg import Connection, OperationalError

from device_adapters.lane import Lane
from device_adapters.leases import Leases, May
from device_adapters.sync import DoorSync
from device_adapters.terms import Snapshot
from domain.ids import DeviceId
from domain.kernel import Event
from eventlog.bus import Keys, Message, RawLog, RawRecord, opened, partition_of, raw_of
from eventlog.codec import Codec, UnknownSchema
from eventlog.consumer import Stopped, take
from eventlog.port import Recorded, Unavailable

COMPARED_SECONDS: Final = 5.0
Connect = Callable[[], Connection[Any]]
Bury = Callable[[Message, str], None]
log = structlog.get_logger()


class Log(RawLog, Protocol):
    def head(self) -> int: ...


class Share:
    """A partition. `seq` is the number of the last message of it that came; it is not `sure`
    until it was read from the log.
    """

    def __init__(self, sync: DoorSync) -> None:
        self.sync, self.sure = sync, False
        self.seq: int | None = None
        self.failed: str | None = None

    @property
    def position(self) -> int:
        return self.sync.position

    def reach(self, position: int) -> None:
        """Up to there is nothing more in this partition."""
        self.sync.position = max(self.sync.position, position)


class Shares:
    """`begin` makes what keeps a partition's doors, given leave to speak to them and the log's
    head. `bury` is told of each message that cannot be read, and why.
    """

    def __init__(
        self,
        log: Log,
        keys: Keys,
        leases: Leases,
        connect: Connect,
        begin: Callable[[May, int], DoorSync],
        bury: Bury = lambda message, error: None,
        alarm: Callable[[Stopped], None] = lambda stopped: None,
        compared: float = COMPARED_SECONDS,
    ) -> None:
        self._log, self._keys, self._codec = log, keys, Codec()
        self._leases, self._connect, self._begin = leases, connect, begin
        self._bury, self._alarm = bury, alarm
        self._shares: dict[int, Share] = {}
        self._compared, self._compare_at, self._mark = compared, 0.0, 0

    @property
    def failed(self) -> Collection[int]:
        return {partition for partition, share in self._shares.items() if share.failed}

    @property
    def positions(self) -> Mapping[int, int]:
        return {partition: share.position for partition, share in list(self._shares.items())}

    def snapshots(self) -> list[tuple[int, Snapshot]]:
        """Of all phones, each with its partition."""
        shares = list(self._shares.items())
        return [(p, one) for p, share in shares for one in share.sync.lanes.status()]

    def lane(self, device: DeviceId) -> Lane | None:
        for share in list(self._shares.values()):
            if device in share.sync.lanes:
                return share.sync.lanes[device]
        return None

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

    def let_go(self, partitions: Iterable[int]) -> None:
        """Whoever comes next waits no longer than until these phones are silent. What does not
        fall silent in time keeps its lease until that runs out.
        """
        gone = {p: self._shares.pop(p) for p in list(partitions)}
        ended = self._leases.end(gone)
        silent = {p for p, share in gone.items() if share.sync.lanes.stop()}
        with suppress(OperationalError), self._connect() as db:
            self._leases.release(db, {p: ended[p] for p in ended.keys() & silent})

    def take(self, messages: Sequence[Message], reached: int = 0) -> None:
        """What was polled. After a failure it has to be read from the log: see `doubt`."""
        runs = defaultdict[int, list[Message]](list)
        for message in messages:
            runs[message.partition].append(message)
        for partition in runs.keys() & self._shares.keys():
            self._carry(partition, runs[partition])
        for share in self._shares.values():
            if share.sure and not share.failed:
                share.reach(reached)

    def doubt(self) -> None:
        """Something went wrong in the middle: the log is to be asked."""
        for share in self._shares.values():
            share.sure = False

    def settle(self) -> None:
        """Read from the log what is unsure, and compare with it now and then."""
        if unsure := {p: s for p, s in self._shares.items() if not (s.sure or s.failed)}:
            self._read(unsure, self._log.head())
        if monotonic() >= self._compare_at:
            behind = {p: s for p, s in self._shares.items() if s.position < self._mark}
            if found := self._read({p: s for p, s in behind.items() if not s.failed}, self._mark):
                log.warning("the stream is behind the log", records=found)
            self._mark, self._compare_at = self._log.head(), monotonic() + self._compared

    def _carry(self, partition: int, run: Sequence[Message]) -> None:
        share = self._shares[partition]
        settled = share.sure and not share.failed
        fresh = follow_on(share, run)
        if not settled:
            return  # what lies in the log is read there
        try:
            records = self._opened(share, fresh)
        except UnknownSchema as newer:  # a newer release writes: it would be so for all that comes
            self._fail(partition, newer)
            return
        if share.sure:
            self._apply(partition, records)

    def _opened(self, share: Share, fresh: Sequence[Message]) -> list[Recorded[Event]]:
        """Those that can be read; the share is unsure if there are others."""
        try:
            return self._open([raw_of(message) for message in fresh])
        except Unavailable:
            raise
        except Exception:
            records = [one for message in fresh if (one := self._one(message))]
        share.sure = False
        return records

    def _one(self, message: Message) -> Recorded[Event] | None:
        try:
            return self._open([raw_of(message)])[0]
        except (Unavailable, UnknownSchema):
            raise
        except Exception as unreadable:
            self._bury(message, type(unreadable).__name__)
            return None

    def _open(self, records: Iterable[RawRecord]) -> list[Recorded[Event]]:
        return opened(records, self._codec, self._keys)

    def _read(self, shares: Mapping[int, Share], upto: int) -> int:
        """How many records the log has up to there that were not known."""
        after, found = min((share.position for share in shares.values()), default=upto), 0
        while after < upto and (records := self._log.raw(after=after)):
            after, runs = records[-1].position, defaultdict[int, list[RawRecord]](list)
            for record in records:
                runs[partition_of(str(record.community).encode())].append(record)
            for partition, share in shares.items():
                news = [r for r in runs[partition] if share.position < r.position <= upto]
                self._fold(partition, news)
                found += len(news)
        for share in shares.values():
            if not share.failed:
                share.reach(upto)
                share.sure = True
        for partition, share in shares.items():
            if not share.failed:
                self._do(partition, share.sync.go)
        return found

    def _fold(self, partition: int, news: Sequence[RawRecord]) -> None:
        """The log's own records: what cannot be taken stops the partition, after all before it."""
        try:
            self._apply(partition, self._open(news))
        except Unavailable:
            raise
        except Exception:
            for record in news:
                self._fold_one(partition, record)

    def _fold_one(self, partition: int, record: RawRecord) -> None:
        if self._shares[partition].failed:
            return
        try:
            self._apply(partition, self._open([record]))
        except Unavailable:
            raise
        except Exception as failure:
            self._fail(partition, failure)

    def _apply(self, partition: int, records: Sequence[Recorded[Event]]) -> None:
        if records:
            self._do(partition, lambda: take(self._shares[partition].sync, records))

    def _do(self, partition: int, act: Callable[[], None]) -> None:
        """What is left half done is begun anew."""
        try:
            act()
        except Unavailable:
            self.let_go([partition])
            raise
        except Exception as failure:  # whatever it is, somebody must hear of it
            self._fail(partition, failure)

    def _fail(self, partition: int, failure: Exception) -> None:
        """Phones are kept at what they should hold, as far as it is known (E10)."""
        share = self._shares[partition]
        share.failed, name = type(failure).__name__, f"adapters, partition {partition}"
        self._alarm(Stopped(consumer=name, position=share.position, error=share.failed))


def follow_on(share: Share, run: Sequence[Message]) -> list[Message]:
    """What is not known yet, or tells nothing that can be known. The share is unsure if any of it
    does not follow on what came before: something may be missing.

    What comes again is what was known before: a broker was filled anew, a commit was lost.
    """
    fresh, known = list[Message](), share.position
    for message in run:
        position, seq = number(message, "gh-position"), number(message, "gh-seq")
        new = position is None or position > known
        if new:
            fresh.append(message)
        if seq is not None:
            share.sure = share.sure and (not new or share.seq == seq - 1)
            share.seq = seq
        known = max(known, position or 0)
    return fresh


def number(message: Message, name: str) -> int | None:
    said = message.headers.get(name, b"")
    return int(said) if said.isdigit() else None
