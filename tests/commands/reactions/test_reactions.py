"""From a report to the event that it is worth: once, and whatever happens meanwhile."""

from collections.abc import Sequence
from threading import Event as Flag
from typing import Any

import pytest

from commands.bus import Dispatch
from commands.reactions import ACTOR, REACTIONS, Reactions
from commands.reactions.alarms import alarm_raised
from domain.alarms import AlarmRaised
from domain.ids import DeviceId
from domain.kernel import Refused
from domain.reports import AlarmReported
from eventlog.consumer import Stopped, follow
from eventlog.memory import MemoryLog
from eventlog.port import Conflict, Recorded, Unavailable
from eventlog.reports import MemoryReportLog
from tests.builders import ELSEWHERE, FLAT_1, GATE, GYM, HARBOUR, NOW, TOWER
from tests.projections.logs.door_entries import an_entry
from tests.scenario import a_bus, a_log


class Kept:
    def __init__(self, position: int = 0) -> None:
        self.position = position

    def load(self) -> int:
        return self.position

    def keep(self, position: int) -> None:
        self.position = position


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


def some_reports() -> MemoryReportLog:
    """Two alarms among what is none of this business."""
    reports = MemoryReportLog(lambda: NOW)
    reports.append(HARBOUR, GATE, [an_entry(1)], expected=None)
    reports.note(HARBOUR, reported(GATE))
    reports.note(ELSEWHERE, reported(GYM))
    return reports


def raised(log: MemoryLog) -> list[Recorded[Any]]:
    return [r for r in log.read(after=0) if isinstance(r.event, AlarmRaised)]


def run(dispatch: Dispatch, reports: MemoryReportLog, kept: Kept) -> list[Stopped]:
    """As the process does, until it has taken everything or cannot go on."""
    stop, alarms = Flag(), list[Stopped]()
    reactions = Reactions("reports", dispatch, kept)

    def read(**asked: Any) -> Sequence[Recorded[Any]]:
        found = reports.read(after=asked["after"])
        if not found:
            stop.set()
        return found

    source: Any = type("Source", (), {"read": staticmethod(read)})
    follow(source, reactions, stop, alarms.append, idle=0.01)
    return alarms


def test_m124_m126_a_reported_alarm_is_raised_with_its_place_and_its_cause() -> None:
    log, reports = a_log(), some_reports()
    run(a_bus(log).dispatch, reports, kept := Kept())
    here, there = raised(log)
    assert here.event == AlarmRaised(
        alarm=here.event.alarm,
        kind="tamper",
        device=GATE,
        name="Gate",
        relay=None,
        building=TOWER,
        apartment=FLAT_1,
        heard_at=reports.read(after=1)[0].recorded_at,
    )
    assert (here.actor, here.cause, here.community) == (ACTOR.name, "reports/2", HARBOUR)
    assert (there.event.device, there.cause, there.community) == (GYM, "reports/3", ELSEWHERE)
    assert kept.position == 3


def test_k7_what_is_read_twice_is_done_once() -> None:
    """As after a crash between the commands and the position."""
    log, reports = a_log(), some_reports()
    for _ in range(2):
        run(a_bus(log).dispatch, reports, Kept())
    assert len(raised(log)) == 2


def test_a_kept_position_is_gone_on_from() -> None:
    log = a_log()
    run(a_bus(log).dispatch, some_reports(), Kept(2))
    assert [r.cause for r in raised(log)] == ["reports/3"]


def test_a_refused_reaction_does_not_keep_the_next_one() -> None:
    log = a_log()
    rest = [Refused("no-such-luck")]

    def dispatch(*command: Any, **how: Any) -> Any:
        if rest:
            raise rest.pop()
        return a_bus(log).dispatch(*command, **how)

    assert run(dispatch, some_reports(), kept := Kept()) == []
    assert [r.cause for r in raised(log)] == ["reports/3"]
    assert kept.position == 3


@pytest.mark.parametrize("trouble", [Conflict, Unavailable])
def test_what_could_not_be_stored_is_tried_again(trouble: type[Exception]) -> None:
    log = a_log()
    rest = [trouble(), trouble()]

    def dispatch(*command: Any, **how: Any) -> Any:
        if rest:
            raise rest.pop()
        return a_bus(log).dispatch(*command, **how)

    assert run(dispatch, some_reports(), Kept()) == []
    assert [r.cause for r in raised(log)] == ["reports/2", "reports/3"]


def test_e10_nothing_is_skipped_in_silence() -> None:
    def dispatch(*command: Any, **how: Any) -> Any:
        raise RuntimeError("a bug")

    [stopped] = run(dispatch, some_reports(), kept := Kept())
    assert (stopped.consumer, stopped.error) == ("Reactions", "RuntimeError")
    assert kept.position == 1


def test_a_reaction_is_found_by_the_kind_of_fact() -> None:
    assert REACTIONS[AlarmReported] == [alarm_raised]
