"""From a report to the event that it is worth: once, and whatever happens meanwhile."""

from typing import Any

import pytest

from commands.reactions import ACTOR, REACTIONS
from commands.reactions.alarms import alarm_raised
from domain.alarms import AlarmRaised
from domain.kernel import Refused
from domain.reports import AlarmReported
from eventlog.memory import MemoryLog
from eventlog.port import Conflict, Recorded, Unavailable
from tests.builders import ELSEWHERE, FLAT_1, GATE, GYM, HARBOUR, TOWER
from tests.commands.reactions.following import HERE, THERE, Kept, Process, some_reports
from tests.scenario import a_bus, a_log


def raised(log: MemoryLog) -> list[Recorded[Any]]:
    return [r for r in log.read(after=0) if isinstance(r.event, AlarmRaised)]


def causes(log: MemoryLog) -> list[str | None]:
    return [r.cause for r in raised(log)]


def test_m124_m126_a_reported_alarm_is_raised_with_its_place_and_its_cause() -> None:
    log, reports = a_log(), some_reports()
    process = Process(reports, a_bus(log).dispatch)
    process.step()
    here, there = raised(log)
    assert here.event == AlarmRaised(
        alarm=here.event.alarm,
        kind="tamper",
        device=GATE,
        name="Gate",
        relay=None,
        building=TOWER,
        apartment=FLAT_1,
        heard_at=reports.log.read(after=1)[0].recorded_at,
    )
    assert (here.actor, here.cause, here.community) == (ACTOR.name, "reports/2", HARBOUR)
    assert (there.event.device, there.cause, there.community) == (GYM, "reports/3", ELSEWHERE)
    assert process.kept.positions == [3] * 12


def test_k7_what_is_read_twice_is_done_once() -> None:
    """As after a crash between the commands and the position."""
    log, reports = a_log(), some_reports()
    for _ in range(2):
        Process(reports, a_bus(log).dispatch).step()
    assert len(raised(log)) == 2


def test_kept_positions_are_gone_on_from() -> None:
    log = a_log()
    Process(some_reports(), a_bus(log).dispatch, Kept(2)).step()
    assert causes(log) == ["reports/3"]


def test_nothing_is_kept_while_nothing_happens() -> None:
    process = Process(some_reports(), a_bus(a_log()).dispatch)
    process.step(5)
    assert process.kept.times == 1


def test_a_refused_reaction_does_not_keep_the_next_one() -> None:
    log = a_log()
    rest = [Refused("no-such-luck")]

    def dispatch(*command: Any, **how: Any) -> Any:
        if rest:
            raise rest.pop()
        return a_bus(log).dispatch(*command, **how)

    process = Process(some_reports(), dispatch)
    process.step()
    assert process.alarms == []
    assert causes(log) == ["reports/3"]
    assert process.kept.positions == [3] * 12


@pytest.mark.parametrize("trouble", [Conflict, Unavailable])
def test_what_could_not_be_stored_is_tried_again(trouble: type[Exception]) -> None:
    log = a_log()
    rest = [trouble(), trouble()]

    def dispatch(*command: Any, **how: Any) -> Any:
        if rest:
            raise rest.pop()
        return a_bus(log).dispatch(*command, **how)

    process = Process(some_reports(), dispatch)
    process.step(3)
    assert process.alarms == []
    assert sorted(map(str, causes(log))) == ["reports/2", "reports/3"]


def test_e10_what_cannot_be_taken_stops_its_partition_and_no_other() -> None:
    log, reports = a_log(), some_reports()

    def dispatch(*command: Any, **how: Any) -> Any:
        if how["community"] == HARBOUR:
            raise RuntimeError("a bug")
        return a_bus(log).dispatch(*command, **how)

    process = Process(reports, dispatch)
    process.step()
    reports.happen(GYM, ELSEWHERE)
    reports.happen(GATE)
    process.step(2)
    [stopped] = process.alarms
    assert (stopped.consumer, stopped.partition, stopped.position, stopped.error) == (
        "reactions",
        HERE,
        1,
        "RuntimeError",
    )
    assert causes(log) == ["reports/3", "reports/4"]
    assert (process.kept.positions[HERE], process.kept.positions[THERE]) == (1, 5)


def test_a_reaction_is_found_by_the_kind_of_fact() -> None:
    assert REACTIONS[AlarmReported] == [alarm_raised]
