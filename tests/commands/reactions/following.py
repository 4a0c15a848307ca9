"""Reactions over a log of reports in memory, and a bus that may have flaws."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from commands.bus import Dispatch
from commands.reactions import Reacting
from domain.ids import CommunityId, DeviceId
from domain.reports import AlarmReported
from eventlog.bus import PARTITIONS, LogBus, Message, RawRecord, opened, partition_of
from eventlog.consumer import Stopped
from eventlog.following import step
from eventlog.port import MAX_BATCH, Recorded, Unavailable
from eventlog.reports import MemoryReportLog, ReportCodec
from tests.builders import ELSEWHERE, FLAT_1, GATE, GYM, HARBOUR, NOW, TOWER
from tests.projections.logs.door_entries import an_entry

CODEC = ReportCodec()
HERE, THERE = (partition_of(str(home).encode()) for home in (HARBOUR, ELSEWHERE))
Flaw = Callable[[Sequence[Message]], Sequence[Message]]
open_reports = partial(opened, codec=CODEC, keys=lambda community, subjects: {})


def reported(device: DeviceId = GATE, said: str = "AlarmTriggered") -> AlarmReported:
    return AlarmReported(
        device=device,
        kind="tamper",
        said=said,
        relay=None,
        door_name="Gate",
        building=TOWER,
        apartment=FLAT_1,
    )


def report_of(record: Recorded[Any]) -> RawRecord:
    return RawRecord(
        position=record.position,
        recorded_at=record.recorded_at,
        community=record.community,
        stream=record.stream,
        version=record.version,
        type=type(record.event).__name__,
        subject=None,
        actor=record.actor,
        command_id=record.command_id,
        cause=None,
        body=CODEC.encode(record.event, None, b""),
    )


@dataclass
class Reports:
    """eventlog.following.Log, of reports."""

    log: MemoryReportLog = field(default_factory=lambda: MemoryReportLog(lambda: NOW))
    spoilt: set[int] = field(default_factory=set)

    def happen(self, device: DeviceId = GATE, home: CommunityId = HARBOUR) -> None:
        self.log.note(home, reported(device))

    def head(self) -> int:
        return self.log.head()

    def raw(self, *, after: int, limit: int = MAX_BATCH, wait: float = 0) -> Sequence[RawRecord]:
        found = map(report_of, self.log.read(after=after, limit=limit))
        return [replace(r, body=b"\xff") if r.position in self.spoilt else r for r in found]


def some_reports() -> Reports:
    """Two alarms among what is none of this business."""
    reports = Reports()
    reports.log.append(HARBOUR, GATE, [an_entry(1)], expected=None)
    reports.happen(GATE)
    reports.happen(GYM, ELSEWHERE)
    return reports


class Kept:
    """In memory; how often something was kept."""

    def __init__(self, position: int = 0) -> None:
        self.positions, self.times = [position] * PARTITIONS, 0

    def load(self) -> Sequence[int]:
        return list(self.positions)

    def keep(self, positions: Mapping[int, int]) -> None:
        self.times += 1
        for partition, position in positions.items():
            self.positions[partition] = max(self.positions[partition], position)


class FromTheStart:
    def load(self) -> int:
        return 0

    def save(self, position: int) -> None:
        """Nothing is kept."""


@dataclass
class Carrier:
    """A bus that counts like Kafka, keeps no order across partitions, and has a flaw."""

    bus: LogBus
    flaw: Flaw = lambda messages: messages
    assignment: Collection[int] = range(PARTITIONS)
    reached = 0

    def __post_init__(self) -> None:
        self.seqs, self.paused, self.buried = dict[int, int](), set[int](), list[str]()

    def poll(self, timeout: float) -> Sequence[Message]:
        counted = [self._counted(message) for message in self.bus.poll(0)]
        return [m for m in self.flaw(counted) if m.partition in self.assignment]

    def commit(self) -> None:
        self.bus.commit()

    def pause(self, partitions: Collection[int]) -> None:
        self.paused = set(partitions)

    def bury(self, message: Message, error: str) -> None:
        self.buried.append(error)

    def close(self) -> None:
        self.bus.close()

    def _counted(self, message: Message) -> Message:
        self.seqs[message.partition] = seq = self.seqs.get(message.partition, 0) + 1
        return replace(message, headers={**message.headers, "gh-seq": str(seq).encode()})


@dataclass
class Process:
    """What `gatehouse run reactions` does, a step at a time."""

    reports: Reports
    dispatch: Dispatch
    kept: Kept = field(default_factory=Kept)
    bus: Carrier | LogBus | None = None
    compared: float = 60.0
    alarms: list[Stopped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bus = self.bus or log_bus(self.reports)
        bury = self.bus.bury if isinstance(self.bus, Carrier) else lambda message, error: None
        self.reacting = Reacting(
            "reports",
            self.reports,
            open_reports,
            self.dispatch,
            self.kept,
            bury,
            self.alarms.append,
            self.compared,
        )

    def step(self, times: int = 1) -> None:
        assert self.bus
        for _ in range(times):
            try:
                step(self.bus, self.reacting)
            except Unavailable:
                self.reacting.doubt()


def log_bus(reports: Reports) -> LogBus:
    return LogBus(reports, FromTheStart())
