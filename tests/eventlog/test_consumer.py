"""A consumer takes the log in order and in runs, and stops loudly at what it cannot take."""

from collections.abc import Sequence
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import UUID

import pytest

from domain.ids import CommunityId
from domain.kernel import Event
from domain.settings import CommunityRenamed, DeletingAccountsPermitted, TimeZoneChanged
from eventlog.consumer import Consumer, Stopped, follow, on
from eventlog.memory import MemoryLog
from eventlog.port import Batch, Envelope, Recorded, Unavailable
from schemas.atoms import EPOCH

HARBOUR = CommunityId(UUID(int=1))


def named(name: str) -> CommunityRenamed:
    return CommunityRenamed(community=HARBOUR, name=name)


def moved(zone: str) -> TimeZoneChanged:
    return TimeZoneChanged(community=HARBOUR, zone=zone)


def a_log(*past: Event) -> MemoryLog:
    log = MemoryLog(lambda: EPOCH)
    given = Envelope(command="given", command_id=UUID(int=0), community=HARBOUR, actor="past")
    log.append(given, past, {})
    return log


class Names(Consumer):
    def __init__(self, poison: str = "") -> None:
        super().__init__()
        self.seen = list[list[str]]()
        self.poison = poison

    @on(CommunityRenamed)
    def renamed(self, batch: Batch[CommunityRenamed]) -> None:
        names = [record.event.name for record in batch]
        if self.poison in names:
            raise KeyError(self.poison)
        self.seen.append(names)


class NamesAndZones(Names):
    @on(TimeZoneChanged)
    def zone(self, batch: Batch[TimeZoneChanged]) -> None:
        self.seen.append([record.event.zone for record in batch])


def followed(consumer: Consumer, log: Any, until: int) -> list[Stopped]:
    stop, alarms = Flag(), list[Stopped]()
    settle = consumer.settle

    def settled(batch: Sequence[Recorded[Any]]) -> None:
        settle(batch)
        if batch[-1].position >= until:
            stop.set()

    consumer.settle = settled  # type: ignore[method-assign]
    thread = Thread(target=follow, args=(log, consumer, stop, alarms.append, 0.01), daemon=True)
    thread.start()
    thread.join(timeout=5)
    assert not thread.is_alive()
    return alarms


def test_a_run_of_one_kind_is_one_call_and_the_order_is_kept() -> None:
    consumer = NamesAndZones()
    log = a_log(named("a"), named("b"), moved("UTC"), named("c"))
    consumer.apply(log.read(after=0))
    assert consumer.seen == [["a", "b"], ["UTC"], ["c"]]
    assert consumer.position == 4


def test_what_a_consumer_does_not_take_moves_its_position_all_the_same() -> None:
    consumer = Names()
    consumer.apply(
        a_log(DeletingAccountsPermitted(community=HARBOUR, permitted=True)).read(after=0)
    )
    assert (consumer.seen, consumer.position) == ([], 1)


def test_e10_a_consumer_stops_at_what_it_cannot_take_having_done_all_before() -> None:
    consumer = Names(poison="b")
    alarms = followed(consumer, a_log(named("a"), named("b"), named("c")), until=3)
    assert consumer.seen == [["a"]]
    assert alarms == [Stopped(consumer="Names", position=1, error="KeyError")]


def test_e10_the_others_go_on() -> None:
    log, healthy = a_log(named("a"), named("b"), named("c")), Names()
    followed(Names(poison="b"), log, until=3)
    assert followed(healthy, log, until=3) == []
    assert healthy.seen == [["a", "b", "c"]]


class Flaky(MemoryLog):
    """Away once, then there."""

    away = True

    def read(self, **where: Any) -> Batch[Event]:
        if self.away:
            self.away = False
            raise Unavailable
        return super().read(**where)


def test_a_log_that_was_away_is_followed_when_it_is_back() -> None:
    log, consumer = Flaky(lambda: EPOCH), Names()
    given = Envelope(command="given", command_id=UUID(int=0), community=HARBOUR, actor="past")
    log.append(given, [named("a")], {})
    assert followed(consumer, log, until=1) == []
    assert consumer.seen == [["a"]]


def test_two_methods_may_not_take_the_same_kind() -> None:
    with pytest.raises(TypeError, match="two methods of Twice"):
        type("Twice", (Consumer,), {n: on(CommunityRenamed)(lambda _s, _b: None) for n in "ab"})
