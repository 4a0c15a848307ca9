"""D8, N12: what phones opened for while nobody looked, and what of it is lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import pytest

from commands.ingest import Ingest
from commands.reactions import ACTOR
from commands.reactions.sync import revoked_credential_used
from device_adapters.doorlog import DoorLogPoller, Gap
from device_adapters.port import DoorLog, Opened
from device_adapters.simulator import Fleet
from domain.alarms import AlarmRaised
from domain.devices import Device
from domain.kernel import Event, fold
from domain.reports import DoorLogEntry
from domain.residents import PinRevoked, ResidentDeleted
from domain.sync import DoorLogGapDetected, RevokedCredentialUsed
from eventlog.port import Recorded
from eventlog.reports import MemoryReportLog
from tests.builders import BOB, HARBOUR, NOW, a_community, a_device
from tests.device_adapters.houses import House, a_house, soon
from tests.device_adapters.test_sync import PEOPLE
from tests.device_adapters.witnesses import Alone
from tests.scenario import a_bus, a_log


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Reading:
    """A house whose door logs are read, and reacted to."""

    house: House
    reports: MemoryReportLog = field(default_factory=lambda: MemoryReportLog(now))

    def __post_init__(self) -> None:
        self.house.poller = DoorLogPoller(Ingest(self.house.log, self.reports), now).poll

    def entries(self) -> Sequence[Recorded[Any]]:
        found = self.reports.read(after=0, limit=10_000)
        return [r for r in found if isinstance(r.event, DoorLogEntry)]

    def react(self) -> None:
        """As the reactions do, however often."""
        for r in self.entries():
            if command := revoked_credential_used(r):
                id = UUID(int=r.position)
                bus = a_bus(self.house.log)
                bus.dispatch(command, community=HARBOUR, actor=ACTOR, command_id=id)

    def events(self, kind: type[Event]) -> Sequence[Any]:
        return self.house.events(kind)


def away(house: House) -> None:
    house.fleet[0].fault("offline")
    soon(lambda: house.lane().status().online is False)


def test_d8_a_withdrawn_pin_that_opens_at_an_offline_phone_is_an_event_and_an_alarm() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        reading = Reading(house)
        soon(lambda: house.now().get((12, "pin")) == "verified")
        away(house)
        house.happen(PinRevoked(resident=BOB))
        assert fleet[0].punch("1357").opened
        assert fleet[0].punch("2468").opened
        fleet[0].clear_faults()
        soon(lambda: len(reading.entries()) == 2)
        assert not fleet[0].punch("1357").opened
        soon(lambda: len(reading.entries()) == 3)
        reading.react()
        reading.react()
        [used] = reading.events(RevokedCredentialUsed)
        [revoked] = [r for r in house.log.read(after=0) if type(r.event) is PinRevoked]
        assert (used.holder, used.kind, used.relay) == (BOB, "pin", 1)
        assert used.revoked_at == revoked.recorded_at
        assert used.revoked_at < used.used_at
        assert used.used_at.replace(microsecond=0) <= used.removed_at
        [alarm] = [e for e in reading.events(AlarmRaised) if e.kind == "revoked_used"]
        assert (alarm.device, alarm.name) == (used.device, "Door 0 1")
        assert "1357" not in repr([r.event for r in house.log.read(after=0)][-2:])
        assert "1357" not in repr(reading.entries())


def test_d8_also_after_a_restart_and_of_somebody_who_was_deleted() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        reading = Reading(house)
        soon(lambda: house.now().get((12, "pin")) == "verified")
        away(house)
        house.stop()
        house.happen(ResidentDeleted(resident=BOB))
        assert fleet[0].punch("1357").opened
        fleet[0].clear_faults()
        with a_house(fleet, log=house.log) as again:
            reading = Reading(again)
            soon(reading.entries)
            reading.react()
            [used] = reading.events(RevokedCredentialUsed)
            assert used.holder == BOB
            assert used.removed_at is not None


def test_d8_control_what_was_used_before_it_was_withdrawn_is_nobodys_business() -> None:
    """Read late, because the phone was away: it is still known whose it was then."""
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        reading = Reading(house)
        soon(lambda: house.now().get((12, "pin")) == "verified")
        away(house)
        fleet[0].punch("1357")
        entry, ingest = a_line_of(fleet), Ingest(house.log, MemoryReportLog(now))
        house.happen(PinRevoked(resident=BOB))
        [revoked] = [r for r in house.log.read(after=0) if type(r.event) is PinRevoked]
        device = house.sync._sites[HARBOUR].devices[house.lane().device]
        before = replace(entry, local=revoked.recorded_at.replace(tzinfo=None, microsecond=0))
        poll = DoorLogPoller(ingest, lambda: revoked.recorded_at).poll
        poll(Shelf([before]), HARBOUR, device, Alone())
        [told] = [r.event for r in ingest.reports.read(after=0)]
        assert isinstance(told, DoorLogEntry)
        assert (told.holder, told.revoked) == (BOB, None)
        assert not reading.events(RevokedCredentialUsed)


def a_line_of(fleet: Fleet) -> Opened:
    row = fleet[0].do(lambda p: p.doors.ring[-1])
    return opened(int(row["ID"]), row["Code"])


def opened(id: int, code: str = "2468") -> Opened:
    return Opened(
        id=id,
        local=NOW.replace(tzinfo=None),
        method="PIN",
        name="Ann",
        code=code,
        relays=frozenset({1}),
        success=True,
    )


@dataclass
class Shelf:
    """A phone's log as a list of lines; `lost` and `late` ones are not shown, the latter once."""

    lines: Sequence[Opened]
    hidden: set[int] = field(default_factory=set)

    def door_log(self, after: int = 0) -> DoorLog:
        newest = self.lines[-1].id
        base = after if newest >= after else 0
        shown = [one for one in self.lines if one.id > base and one.id not in self.hidden]
        return DoorLog(newest=newest, lines=tuple(shown))


class Desk:
    """A poller of one phone, with what it has stored and said."""

    def __init__(self) -> None:
        self.reports, self.witness = MemoryReportLog(now), Alone()
        ingest = Ingest(a_log(a_community(), a_device()), self.reports)
        self.poller = DoorLogPoller(ingest, now)

    @cached_property
    def device(self) -> Device:
        found = fold(Device, [a_device()])
        assert found
        return found

    def poll(self, shelf: Shelf) -> list[int]:
        self.poller.poll(shelf, HARBOUR, self.device, self.witness)
        found = [r.event for r in self.reports.read(after=0, limit=10_000)]
        return [e.id for e in found if isinstance(e, DoorLogEntry)]


def some(*ids: int) -> list[Opened]:
    return [opened(id) for id in ids]


def test_n12_a_hole_that_is_filled_by_the_next_poll_is_no_gap() -> None:
    desk, shelf = Desk(), Shelf(some(1, 2, 3, 4, 5, 6), hidden={4})
    assert desk.poll(shelf) == [1, 2, 3]
    shelf.hidden.clear()
    assert desk.poll(shelf) == [1, 2, 3, 4, 5, 6]
    assert desk.witness.gaps == []


def test_n12_a_hole_that_stays_is_told_once_and_passed_over() -> None:
    desk, shelf = Desk(), Shelf(some(1, 2, 3, 7, 8))
    assert desk.poll(shelf) == [1, 2, 3]
    assert desk.poll(shelf) == [1, 2, 3, 7, 8]
    assert desk.witness.gaps == [Gap(epoch=0, after=3, before=7, missing=3)]
    assert desk.poll(Shelf(some(1, 2, 3, 7, 8, 9))) == [1, 2, 3, 7, 8, 9]
    assert len(desk.witness.gaps) == 1


def test_n12_what_was_overwritten_while_it_was_away_is_told() -> None:
    desk = Desk()
    desk.poll(Shelf(some(1, 2)))
    late = Shelf(some(40, 41))
    desk.poll(late)
    assert desk.poll(late) == [1, 2, 40, 41]
    assert desk.witness.gaps == [Gap(epoch=0, after=2, before=40, missing=37)]


def test_n12_several_holes_are_one_gap_and_each_is_tried_twice() -> None:
    desk, shelf = Desk(), Shelf(some(1, 3, 5, 7), hidden=set())
    desk.poll(shelf)
    assert desk.poll(shelf) == [1, 3, 5, 7]
    assert desk.witness.gaps == [Gap(epoch=0, after=1, before=7, missing=3)]


@pytest.mark.parametrize("first", [1, 500])
def test_n12_control_where_a_log_begins_there_is_no_gap(first: int) -> None:
    desk = Desk()
    assert desk.poll(Shelf(some(first, first + 1))) == [first, first + 1]
    assert desk.poll(Shelf(some(1, 2))) == [first, first + 1, 1, 2] if first > 1 else True
    assert desk.witness.gaps == []


def test_n12_a_long_log_is_read_from_its_old_end_and_nothing_is_missing() -> None:
    """More lines than one poll reads; new ones come while it is read."""
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        reading = Reading(house)
        soon(lambda: house.now().get((12, "pin")) == "verified")
        fleet[0].punch("2468")
        soon(lambda: len(reading.entries()) == 1)
        away(house)
        for _ in range(230):
            fleet[0].punch("2468")
        fleet[0].clear_faults()
        soon(lambda: len(reading.entries()) > 90)
        for _ in range(5):
            fleet[0].punch("2468")
        soon(lambda: len(reading.entries()) == 236)
        assert [r.event.id for r in reading.entries()] == list(range(1, 237))
        assert not reading.events(DoorLogGapDetected)


def test_n12_a_ring_that_went_round_is_an_event_and_the_rest_is_read() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        reading = Reading(house)
        soon(lambda: house.now().get((12, "pin")) == "verified")
        fleet[0].punch("2468")
        soon(lambda: len(reading.entries()) == 1)
        away(house)
        for _ in range(150):
            fleet[0].punch("2468")
        fleet[0].do(lambda p: p.doors.lose(60))
        fleet[0].clear_faults()
        soon(lambda: len(reading.entries()) == 92)
        soon(lambda: reading.events(DoorLogGapDetected))
        [gap] = reading.events(DoorLogGapDetected)
        assert (gap.after, gap.before, gap.missing) == (1, 61, 59)
