"""M84, M85: who had a door opened from afar, though no phone says it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

import pytest

from commands.ingest import FromAfar, Ingest
from commands.maintenance import ReportEnded
from device_adapters.doorlog import DoorLogPoller
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.served import served
from device_adapters.openings import KEPT, Openings
from device_adapters.port import DoorLog, Opened
from device_adapters.simulator import Fleet
from domain.devices import Device
from domain.kernel import fold
from domain.maintenance import OperationAsked, OperationEnded
from domain.reports import DoorLogEntry
from eventlog.port import Accepted, Unavailable
from eventlog.reports import MemoryReportLog
from tests.builders import GATE, HARBOUR, NOW, a_community, a_device, a_lock, an_opening
from tests.device_adapters.houses import House, a_house, device_id, soon
from tests.device_adapters.test_door_logs import Reading
from tests.device_adapters.test_orders import a_serviced
from tests.device_adapters.witnesses import Alone
from tests.scenario import a_log

DOOR = device_id(0)
Timed = Sequence[tuple[str, float]]  # who, seconds


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def done(*openings: tuple[str, float], relay: int = 1) -> Openings:
    known = Openings()
    for n, (by, seconds) in enumerate(openings):
        known.done(an_opening(by, n, relay=relay), after(seconds))
    return known


def seen(*seconds: float, first: int = 1, relay: int = 1) -> list[FromAfar]:
    """Lines, numbered from the `first`."""
    return [
        FromAfar(epoch=0, id=id, relay=relay, at=after(at)) for id, at in enumerate(seconds, first)
    ]


def told(known: Openings, lines: Sequence[FromAfar]) -> Mapping[int, str]:
    return {id: asked.by for id, asked in known.of(GATE, lines).items()}


@pytest.mark.parametrize(
    ("openings", "lines", "by"),
    [
        ([("anna", 0)], [0], {1: "anna"}),
        ([("anna", 10)], [2, 9, 15], {2: "anna"}),
        ([("anna", 0)], [60], {1: "anna"}),
        ([("anna", 0)], [61], {}),
        ([("anna", 0)], [-61], {}),
        ([("anna", 0), ("beat", 20)], [1, 21], {1: "anna", 2: "beat"}),
        ([("anna", 0), ("beat", 20)], [1, 9, 21], {1: "anna", 3: "beat"}),
        ([("anna", 0), ("beat", 20)], [19], {1: "beat"}),
        # Phones say whole seconds: what is nearest crosses over.
        ([("anna", 10.9), ("beat", 11.3)], [10, 11], {1: "anna", 2: "beat"}),
        (
            [("anna", 0.1), ("beat", 0.2), ("anna", 0.9)],
            [0, 0, 0],
            {1: "anna", 2: "beat", 3: "anna"},
        ),
    ],
)
def test_m85_a_line_is_of_the_opening_that_is_nearest_and_each_has_one(
    openings: Timed, lines: Sequence[float], by: Mapping[int, str]
) -> None:
    assert told(done(*openings), seen(*lines)) == by


def test_m85_an_opening_at_another_relay_or_phone_is_another() -> None:
    known = done(("anna", 0), relay=2)
    assert told(known, seen(0)) == {}
    assert known.of(DOOR, seen(0, relay=2)) == {}
    assert told(known, [*seen(0), *seen(1, first=2, relay=2)]) == {2: "anna"}


def test_m85_a_line_keeps_its_opening_and_no_later_one_gets_it() -> None:
    known = done(("anna", 0))
    assert told(known, seen(5)) == {1: "anna"}
    assert told(known, seen(0, first=2)) == {}
    assert told(known, seen(5, 0)) == {1: "anna"}
    begun_anew = [replace(line, epoch=1) for line in seen(0)]
    assert told(known, begun_anew) == {}


def test_m85_what_is_told_again_was_done_once_and_when_it_was_told_first() -> None:
    known = done(("anna", 0))
    known.done(an_opening("anna", 0), after(300))
    assert told(known, seen(0, 300)) == {1: "anna"}


def test_m85_a_restart_opens_nothing_and_the_oldest_are_forgotten() -> None:
    known = Openings()
    known.done(replace(an_opening("anna"), kind="reboot", relay=None), NOW)
    assert told(known, seen(0)) == {}
    many = [(f"n{n}", 100.0 * n) for n in range(KEPT + 1)]
    lines = seen(*(at for _, at in many))
    assert told(done(*many), lines) == {id: f"n{id - 1}" for id in range(2, KEPT + 2)}


# With a phone


def now_asked(by: str, n: int = 1, **of: Any) -> OperationAsked:
    return an_opening(by, n, device=DOOR, at=datetime.now(UTC), **of)


def by(reading: Reading) -> list[str | None]:
    return [r.event.asked and r.event.asked.by for r in reading.entries()]


def test_m85_the_door_log_says_who_asked_and_of_what_nobody_asked_here_nothing() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet) as house:
        reading = Reading(house)
        house.happen(now_asked("anna", relay=2))
        soon(lambda: by(reading) == ["anna"])
        fleet[0].do(lambda phone: phone.trigger(2))
        soon(lambda: len(reading.entries()) == 2)
        assert by(reading) == ["anna", None]
        first, second = (r.event for r in reading.entries())
        assert (first.method, first.outcome, first.relay, first.holder) == (
            ("remote", "success", 2, None)
        )
        assert first.asked.operation == now_asked("anna").operation
        assert (second.method, second.relay) == ("remote", 2)


def test_m85_of_two_openings_in_a_row_each_is_given_to_who_asked_for_it() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet) as house:
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        house.happen(*(now_asked(who, n) for n, who in enumerate(("anna", "beat", "cleo"))))
        soon(lambda: len(house.events(OperationEnded)) == 3)
        reading = Reading(house)
        soon(lambda: len(reading.entries()) == 3)
        assert by(reading) == ["anna", "beat", "cleo"]


@pytest.mark.parametrize("off", [-45, 45, 7200])
def test_m85_t4_also_at_a_phone_whose_clock_is_off(off: int) -> None:
    """By less than a minute no clock is held to be wrong, and openings may follow sooner."""

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=off)

    with Fleet(["X916"], clock=clock) as fleet, a_house(fleet) as house:
        soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
        known = house.sync._orders.openings
        for n, (who, ago) in enumerate((("anna", 40), ("beat", 0))):
            known.done(now_asked(who, n), datetime.now(UTC) - timedelta(seconds=ago))
        fleet[0].do(lambda phone: phone.trigger(1))
        reading = Reading(house)
        soon(lambda: by(reading) == ["beat"])


def test_m85_also_of_a_phone_that_is_read_after_a_restart_of_ours() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet) as house:
        house.happen(now_asked("anna"))
        soon(lambda: house.events(OperationEnded))
        house.stop()
        with a_house(fleet, log=house.log) as again:
            reading = Reading(again)
            soon(reading.entries)
            assert by(reading) == ["anna"]


def test_m85_also_of_a_lock() -> None:
    gateway = Gateway([SimLock("itec", "L1")])
    with Fleet(["X916"]) as fleet, served(gateway) as server:
        lock = a_lock(device_id(1), serial="L1", address=server.url)
        with a_serviced(fleet[0], lock) as house:
            reading = Reading(house)
            house.happen(replace(now_asked("anna"), device=device_id(1)))
            soon(lambda: by(reading) == ["anna"])
            gateway.locks["L1"].note("remote", datetime.now(UTC), opened=True)
            soon(lambda: by(reading) == ["anna", None])


def test_m85_an_opening_is_remembered_while_the_log_is_down() -> None:
    """It is told late, when the phone's line is long written."""
    late = list[float]()

    class Cut(House):
        def tell(self, report: object, **options: Any) -> Accepted:
            if isinstance(report, ReportEnded) and len(late) < 3:
                late.append(300.0)
                raise ConnectionError
            return super().tell(report, **options)

        def __post_init__(self) -> None:
            self.wall = lambda: time() + sum(late)
            super().__post_init__()

    with Fleet(["X916"]) as fleet, a_house(fleet, kind=Cut) as house:
        reading = Reading(house)
        house.happen(now_asked("anna"))
        soon(lambda: house.events(OperationEnded))
        soon(lambda: by(reading) == ["anna"])
        assert len(late) == 3


# With other pollers, and a log of reports that fails


def gate() -> Device:
    device = fold(Device, [a_device()])
    assert device
    return device


@dataclass
class Shelf:
    """A phone's log; `first` is done before it is shown."""

    seconds: list[float] = field(default_factory=list)
    first: Callable[[], object] = lambda: None

    def door_log(self, after: int = 0) -> DoorLog:
        self.first()
        lines = [
            Opened(
                id=id,
                local=(NOW + timedelta(seconds=at)).replace(tzinfo=None),
                method="HTTP API",
                name="",
                code="",
                relays=frozenset({1}),
                success=True,
            )
            for id, at in enumerate(self.seconds, 1)
        ]
        return DoorLog(
            newest=len(lines), lines=tuple(one for one in lines if one.id > after), zone=UTC
        )


class Failing(MemoryReportLog):
    fails = 0

    def append(self, *given: Any, **options: Any) -> int:
        if self.fails:
            self.fails -= 1
            raise Unavailable
        return super().append(*given, **options)


class Desk:
    """Pollers of the gate, which Anna had opened."""

    def __init__(self) -> None:
        self.reports, self.witness = Failing(lambda: NOW), Alone(openings=done(("anna", 0)))
        self.log = a_log(a_community(), a_device())

    def poll(self, shelf: Shelf, witness: Alone | None = None) -> list[str | None]:
        poller = DoorLogPoller(Ingest(self.log, self.reports), lambda: after(50))
        poller.poll(shelf, HARBOUR, gate(), witness or self.witness)
        entries = [r.event for r in self.reports.read(after=0)]
        return [e.asked.by if e.asked else None for e in entries if isinstance(e, DoorLogEntry)]


def test_m85_what_could_not_be_stored_is_still_hers_when_it_is_read_again() -> None:
    desk, shelf = Desk(), Shelf([1])
    desk.reports.fails = 1
    with pytest.raises(Unavailable):
        desk.poll(shelf)
    shelf.seconds.append(2)
    assert desk.poll(shelf) == ["anna", None]


def test_m85_a_line_that_another_poller_was_faster_with_uses_the_opening_up() -> None:
    desk, other = Desk(), Shelf([1])
    busy = Shelf([1], first=lambda: desk.poll(other, Alone()))
    assert desk.poll(busy) == [None]
    assert desk.poll(Shelf([1, 2])) == [None, None]
