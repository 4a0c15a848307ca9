"""Reactions over a stream that has flaws: the log behind it decides (ADR 13)."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from eventlog.bus import PARTITIONS, Message, RawRecord
from eventlog.following import STOPPED
from tests.builders import ELSEWHERE, GATE, GYM
from tests.commands.reactions.following import (
    HERE,
    THERE,
    Carrier,
    Flaw,
    Kept,
    Process,
    Reports,
    log_bus,
    some_reports,
)
from tests.commands.reactions.test_reactions import causes
from tests.scenario import a_bus, a_log


def over(reports: Reports, flaw: Flaw = lambda messages: messages, **more: object) -> Carrier:
    return Carrier(log_bus(reports), flaw, **more)  # type: ignore[arg-type]


def nothing(messages: Sequence[Message]) -> Sequence[Message]:
    return ()


def garbled(messages: Sequence[Message]) -> Sequence[Message]:
    return [replace(m, value=m.value[:5] + b"\xff" * 7) for m in messages]


def of_a_newer_release(messages: Sequence[Message]) -> Sequence[Message]:
    return [
        replace(m, value=b"\x00\x00\x00\xff\xff" + m.value[5:]) if m.partition == HERE else m
        for m in messages
    ]


def test_k7_one_that_dies_is_replaced_and_nothing_is_done_twice_or_not_at_all() -> None:
    """Two members; one dies after its commands, before its positions are kept."""
    log, reports, kept = a_log(), some_reports(), Kept()
    one = Process(reports, a_bus(log).dispatch, kept, over(reports, assignment={HERE}))
    other = Process(reports, a_bus(log).dispatch, kept, over(reports, assignment={THERE}))
    one.step()
    other.step()
    assert causes(log) == ["reports/2", "reports/3"]
    reports.happen(GATE)
    one.reacting.keep = lambda: None  # type: ignore[method-assign]
    one.step()
    assert kept.positions[HERE] == 3
    assert isinstance(other.bus, Carrier)
    other.bus.assignment = range(PARTITIONS)
    reports.happen(GYM, ELSEWHERE)
    other.step(2)
    assert causes(log) == ["reports/2", "reports/3", "reports/4", "reports/5"]
    assert (kept.positions[HERE], kept.positions[THERE]) == (5, 5)


def test_k2_one_that_slept_while_its_partition_was_taken_does_nothing_twice() -> None:
    log, reports, kept = a_log(), some_reports(), Kept()
    sleeper, heir = (Process(reports, a_bus(log).dispatch, kept, over(reports)) for _ in range(2))
    sleeper.step()
    reports.happen(GATE)
    heir.step()
    reports.happen(GYM, ELSEWHERE)
    heir.step()
    sleeper.step(2)
    assert causes(log) == ["reports/2", "reports/3", "reports/4", "reports/5"]
    assert max(kept.positions) == 5


def test_k8_doubles_and_another_order_change_nothing() -> None:
    random, log, reports = Random(8), a_log(), Reports()

    def shaken(messages: Sequence[Message]) -> Sequence[Message]:
        twice = [m for m in messages for _ in range(1 + (random.random() < 0.3))]
        return random.sample(twice, len(twice))

    process = Process(reports, a_bus(log).dispatch, bus=over(reports, shaken))
    process.step()
    for _ in range(10):
        for _ in range(5):
            reports.happen(GATE)
            reports.happen(GYM, ELSEWHERE)
        process.step()
    assert sorted(int(str(cause)[8:]) for cause in causes(log)) == list(range(1, 101))


def test_a_hole_in_the_stream_is_filled_from_the_log() -> None:
    log, reports = a_log(), some_reports()
    process = Process(reports, a_bus(log).dispatch, bus=over(reports))
    process.step()
    reports.happen(GATE)
    assert isinstance(process.bus, Carrier)
    process.bus.flaw = nothing
    process.step()
    assert len(causes(log)) == 2
    process.bus.flaw = lambda messages: messages
    reports.happen(GATE)
    process.step()
    assert causes(log)[2:] == ["reports/4", "reports/5"]


def test_a_stream_that_brings_nothing_costs_no_report() -> None:
    """Its relay, or the broker itself, is away: what it should have brought is compared."""
    log, reports = a_log(), some_reports()
    process = Process(reports, a_bus(log).dispatch, bus=over(reports, nothing), compared=0)
    reports.happen(GATE)
    process.step(2)
    reports.happen(GATE)
    process.step(2)
    assert sorted(map(str, causes(log))) == [f"reports/{n}" for n in (2, 3, 4, 5)]


def test_reports_that_have_left_the_topic_are_taken_from_the_log() -> None:
    """The reactions were away for longer than the topic keeps its records: 7 days, the log 30."""
    log, reports = a_log(), some_reports()
    for _ in range(10):
        reports.happen(GATE)
    bus = over(reports)
    bus.poll(0)  # gone by age
    reports.happen(GATE)
    Process(reports, a_bus(log).dispatch, Kept(2), bus).step()
    assert sorted(int(str(cause)[8:]) for cause in causes(log)) == list(range(3, 15))


def test_what_is_garbled_on_the_way_is_a_dead_letter_and_is_reacted_to_all_the_same() -> None:
    log, reports = a_log(), some_reports()
    process = Process(reports, a_bus(log).dispatch, bus=over(reports))
    process.step()
    reports.happen(GATE)
    assert isinstance(process.bus, Carrier)
    process.bus.flaw = garbled
    process.step()
    assert process.bus.buried == ["Undecodable"]
    assert process.alarms == []
    assert causes(log)[2:] == ["reports/4"]


def test_e10_an_unknown_schema_stops_its_partition_and_alarms_and_the_others_go_on() -> None:
    log, reports = a_log(), some_reports()
    process = Process(reports, a_bus(log).dispatch, bus=over(reports), compared=0)
    process.step()
    assert isinstance(process.bus, Carrier)
    process.bus.flaw = of_a_newer_release
    for home in (None, ELSEWHERE, None):
        reports.happen(GYM, home) if home else reports.happen(GATE)
        process.step()
    assert [(one.partition, one.error) for one in process.alarms] == [(HERE, "UnknownSchema")]
    assert process.bus.paused == {HERE}
    assert process.bus.buried == []
    assert causes(log)[2:] == ["reports/5"]
    assert process.kept.positions[HERE] == 3
    [told] = STOPPED.collect()
    assert {s.labels["consumer"]: s.value for s in told.samples}["reactions"] == 1


def test_e10_what_came_in_one_poll_before_an_unknown_schema_is_taken() -> None:
    """As a revocation just before a newer release's first event must be."""
    log, reports = a_log(), some_reports()

    def last_is_newer(messages: Sequence[Message]) -> Sequence[Message]:
        return [*messages[:-1], *of_a_newer_release(messages[-1:])]

    process = Process(reports, a_bus(log).dispatch, bus=over(reports))
    process.step()
    assert isinstance(process.bus, Carrier)
    process.bus.flaw = last_is_newer
    for _ in range(3):
        reports.happen(GATE)
    process.step(2)
    assert [one.error for one in process.alarms] == ["UnknownSchema"]
    assert causes(log)[2:] == ["reports/4", "reports/5"]
    assert process.kept.positions[HERE] == 5


def test_e10_nothing_behind_what_the_log_cannot_give_is_taken_however_much_there_is() -> None:
    class InPages(Reports):
        def raw(self, *, after: int, limit: int = 0, wait: float = 0) -> Sequence[RawRecord]:
            return super().raw(after=after, limit=2, wait=wait)

    log, reports = a_log(), InPages()
    for _ in range(7):
        reports.happen(GATE)
    reports.spoilt.add(2)
    process = Process(reports, a_bus(log).dispatch, bus=over(reports, nothing))
    process.step(3)
    assert [(one.position, one.error) for one in process.alarms] == [(1, "Undecodable")]
    assert causes(log) == ["reports/1"]
    assert process.kept.positions[HERE] == 1


def test_e10_what_the_log_itself_cannot_give_stops_the_partition() -> None:
    log, reports = a_log(), some_reports()
    reports.spoilt.add(2)
    process = Process(reports, a_bus(log).dispatch, bus=over(reports))
    process.step(3)
    assert [(one.partition, one.error) for one in process.alarms] == [(HERE, "Undecodable")]
    assert causes(log) == ["reports/3"]
