"""A consumer takes the log in order and in runs, and stops loudly at what it cannot take."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from domain.ids import CommunityId
from domain.kernel import Event
from domain.settings import CommunityRenamed, DeletingAccountsPermitted, TimeZoneChanged
from eventlog.consumer import Consumer, on, take
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
    with pytest.raises(KeyError):
        take(consumer, a_log(named("a"), named("b"), named("c")).read(after=0))
    assert (consumer.seen, consumer.position) == ([["a"]], 1)


def test_a_log_that_is_away_is_no_culprit_to_be_looked_for() -> None:
    class Away(Names):
        tries = 0

        def apply(self, batch: Sequence[Recorded[Any]]) -> None:
            self.tries += 1
            raise Unavailable

    consumer = Away()
    with pytest.raises(Unavailable):
        take(consumer, a_log(named("a"), named("b")).read(after=0))
    assert consumer.tries == 1


def test_two_methods_may_not_take_the_same_kind() -> None:
    with pytest.raises(TypeError, match="two methods of Twice"):
        type("Twice", (Consumer,), {n: on(CommunityRenamed)(lambda _s, _b: None) for n in "ab"})
