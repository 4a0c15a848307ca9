"""Partitions that somebody follows by a bus, with the log behind it.

The log is the truth and the bus a copy that is quicker to hear of. Whatever is odd about the
bus, a hole, something unreadable or a long silence, is settled by reading the log (ADR 13).
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Event as Flag
from time import monotonic
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog
from prometheus_client import Gauge
from psycopg import OperationalError

from eventlog.bus import Bus, Message, RawLog, RawRecord, partition_of, raw_of
from eventlog.codec import UnknownSchema
from eventlog.consumer import Applies, Stopped, take
from eventlog.port import Recorded, Unavailable

COMPARED_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.5
IDLE_SECONDS: Final = 0.5
Open = Callable[[Iterable[RawRecord]], list[Recorded[Any]]]
Bury = Callable[[Message, str], None]
STOPPED: Final = Gauge(
    "gatehouse_partitions_stopped",
    "Partitions that stand: a record could not be taken",
    ["consumer"],
)
log = structlog.get_logger()


class Log(RawLog, Protocol):
    def head(self) -> int: ...


class Newer(Exception):
    """A record at this position is of a schema that this release does not know."""

    def __init__(self, position: int, failure: UnknownSchema) -> None:
        super().__init__(position)
        self.position, self.failure = position, failure


class Follower(Applies, Protocol):
    """What takes a partition's records, in their order."""

    position: int

    def go(self) -> None:
        """The log was read to its end: what it took is all that there is for now."""


F = TypeVar("F", bound=Follower)


class Share(Generic[F]):
    """A partition. `seq` is the number of the last message of it that came; it is not `sure`
    until it was read from the log.
    """

    def __init__(self, follower: F) -> None:
        self.follower, self.sure = follower, False
        self.seq: int | None = None
        self.failed: str | None = None

    @property
    def position(self) -> int:
        return self.follower.position

    def reach(self, position: int) -> None:
        """Up to there is nothing more in this partition."""
        self.follower.position = max(self.follower.position, position)


class Following(ABC, Generic[F]):
    """`open` gives the facts in records. `bury` is told of each message that cannot be read, and
    why. Every `compared` seconds what came is compared with the log.
    """

    def __init__(
        self,
        name: str,
        log: Log,
        open: Open,
        bury: Bury,
        alarm: Callable[[Stopped], None],
        compared: float = COMPARED_SECONDS,
    ) -> None:
        self.name, self._log, self._open = name, log, open
        self._bury, self._alarm = bury, alarm
        self._shares: dict[int, Share[F]] = {}
        self._compared, self._compare_at, self._mark = compared, 0.0, 0

    @abstractmethod
    def hold(self, wanted: Collection[int]) -> None:
        """Let go of what is wanted no more, and take what is."""

    @abstractmethod
    def let_go(self, partitions: Iterable[int]) -> None: ...

    def keep(self) -> None:
        """A step is done: positions that shall outlive the process are kept here."""

    @property
    def failed(self) -> Collection[int]:
        return {partition for partition, share in self._shares.items() if share.failed}

    @property
    def positions(self) -> Mapping[int, int]:
        return {partition: share.position for partition, share in list(self._shares.items())}

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
                log.warning("the stream is behind the log", of=self.name, records=found)
            self._mark, self._compare_at = self._log.head(), monotonic() + self._compared

    def _carry(self, partition: int, run: Sequence[Message]) -> None:
        share = self._shares[partition]
        settled = share.sure and not share.failed
        fresh = follow_on(share, run)
        if not settled:
            return  # what lies in the log is read there
        try:
            records = self._opened(share, fresh)
        except Newer as newer:  # a newer release writes: it would be so for all that comes
            self._stop(partition, newer)
            return
        if share.sure:
            self._apply(partition, records)

    def _stop(self, partition: int, newer: Newer) -> None:
        """After all that lies before it: a revocation may have come in the same poll."""
        share = self._shares[partition]
        self._read({partition: share}, min(newer.position - 1, self._log.head()))
        if not share.failed:
            self._fail(partition, newer.failure)

    def _opened(self, share: Share[F], fresh: Sequence[Message]) -> list[Recorded[Any]]:
        """Those that can be read; the share is unsure if there are others."""
        try:
            return self._open([raw_of(message) for message in fresh])
        except Unavailable:
            raise
        except Exception:
            records = [one for message in fresh if (one := self._one(message))]
        share.sure = False
        return records

    def _one(self, message: Message) -> Recorded[Any] | None:
        try:
            return self._known(raw_of(message))
        except (Unavailable, Newer):
            raise
        except Exception as unreadable:
            self._bury(message, type(unreadable).__name__)
            return None

    def _known(self, raw: RawRecord) -> Recorded[Any]:
        try:
            return self._open([raw])[0]
        except UnknownSchema as failure:
            raise Newer(raw.position, failure) from failure

    def _read(self, shares: Mapping[int, Share[F]], upto: int) -> int:
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
                self._do(partition, share.follower.go)
        return found

    def _fold(self, partition: int, news: Sequence[RawRecord]) -> None:
        """The log's own records: what cannot be taken stops the partition, after all before it."""
        if self._shares[partition].failed:
            return
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

    def _apply(self, partition: int, records: Sequence[Recorded[Any]]) -> None:
        if records:
            self._do(partition, lambda: take(self._shares[partition].follower, records))

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
        """It stands, and is kept at what is known; the others go on (E10)."""
        share = self._shares[partition]
        share.failed = error = type(failure).__name__
        stopped = Stopped(
            consumer=self.name, partition=partition, position=share.position, error=error
        )
        self._alarm(stopped)


def run(bus: Bus, following: Following[Any], stop: Flag) -> None:
    """Until stopped; what fails for want of PostgreSQL is read from the log later."""
    while not stop.is_set():
        try:
            step(bus, following)
        except (Unavailable, OperationalError):
            following.doubt()
            stop.wait(RETRY_SECONDS)


def step(bus: Bus, following: Following[Any]) -> None:
    messages = bus.poll(IDLE_SECONDS)
    following.hold(bus.assignment)
    following.take(messages, bus.reached)
    following.settle()
    following.keep()
    bus.pause(following.failed)
    bus.commit()
    STOPPED.labels(following.name).set(len(following.failed))


def alarm(stopped: Stopped) -> None:
    log.error(
        f"{stopped.consumer} stopped",
        partition=stopped.partition,
        position=stopped.position,
        error=stopped.error,
    )


def follow_on(share: Share[F], run: Sequence[Message]) -> list[Message]:
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
