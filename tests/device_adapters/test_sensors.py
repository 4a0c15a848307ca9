"""M99: whether doors are open, as their sensors at the inputs of real sockets' phones show it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from device_adapters.akuvox.phone import AkuvoxPhone, a_phone
from device_adapters.akuvox.profiles import CAUTIOUS
from device_adapters.port import Garbled, Phone, Unsupported
from device_adapters.sensors import AGAIN, SPARED, Sensors, inputs_of
from device_adapters.simulator import Fleet, PluggedIn
from domain.devices import Device, DeviceEdited, DeviceRegistered, Relay
from domain.ids import CommunityId
from domain.kernel import fold
from domain.reports import DoorSensed
from eventlog.port import Unavailable
from eventlog.reports import MemoryReportLog
from tests.builders import HARBOUR, NOW, a_community
from tests.device_adapters.houses import QUICK, a_house, device_id, registered, soon
from tests.device_adapters.memory_phone import MemoryPhone
from tests.device_adapters.strangers import speaking
from tests.device_adapters.test_sync import PEOPLE, crowd
from tests.scenario import a_log


def wired(n: int, sim: PluggedIn, *inputs: int | None) -> DeviceRegistered:
    """Its first relays have their sensors at these inputs."""
    relays = (Relay(number=i, name=f"Door {i}", sensor=at) for i, at in enumerate(inputs, 1))
    return replace(registered(n, sim), relays=tuple(relays))


@dataclass
class Watch:
    """One who looks at one phone, and what was told of it."""

    device: Device
    now: datetime = NOW
    reports: MemoryReportLog = field(default_factory=lambda: MemoryReportLog(lambda: NOW))
    deaf: bool = False

    def __post_init__(self) -> None:
        self.sensors = Sensors(self._note, lambda: self.now)

    def _note(self, home: CommunityId, found: DoorSensed) -> None:
        if self.deaf:
            raise Unavailable
        self.reports.note(home, found)

    def look(self, phone: Phone) -> list[tuple[int, bool | None]]:
        """All that was told until now."""
        self.sensors.look(phone, HARBOUR, self.device)
        said: list[Any] = [r.event for r in self.reports.read(after=0)]
        return [(one.relay, one.is_open) for one in said]


@contextmanager
def a_watch(fleet: Fleet, *inputs: int | None) -> Iterator[tuple[Watch, AkuvoxPhone]]:
    device = fold(Device, [wired(0, fleet[0], *inputs)])
    assert device
    with closing(a_phone(device, lambda known: known.paced(0, 0))) as phone:
        yield Watch(device), phone


def contact(sim: PluggedIn, number: int, *, closed: bool) -> None:
    sim.do(lambda phone: phone.wire(number, closed=closed))


def asked(sim: PluggedIn) -> int:
    """How often it was asked for its inputs."""
    return int(sim.state()["answered"]["input/status"])


def test_m99_what_the_sensors_show_is_told_when_it_changes() -> None:
    with Fleet(["X916"]) as fleet, a_watch(fleet, 2, None, 3) as (watch, phone):
        contact(fleet[0], 3, closed=True)
        contact(fleet[0], 1, closed=True)  # at which there is no sensor
        first = [(1, True), (3, False)]
        assert watch.look(phone) == first
        assert watch.look(phone) == first
        contact(fleet[0], 2, closed=True)
        assert watch.look(phone) == [*first, (1, False)]
        contact(fleet[0], 3, closed=False)
        assert watch.look(phone) == [*first, (1, False), (3, True)]


def test_m99_a_phone_without_a_sensor_is_not_asked() -> None:
    with Fleet(["X916"]) as fleet:
        for inputs, times in (((None, None), 0), ((None, 1), 1)):
            with a_watch(fleet, *inputs) as (watch, phone):
                watch.look(phone)
                assert asked(fleet[0]) == times


def test_m99_a_phone_that_cannot_say_is_unknown_and_spared_for_a_while() -> None:
    with Fleet(["R29"]) as fleet, a_watch(fleet, 2) as (watch, phone):
        assert watch.look(phone) == watch.look(phone) == [(1, None)]
        assert asked(fleet[0]) == 1
        watch.now += SPARED
        assert watch.look(phone) == [(1, None)]
        assert asked(fleet[0]) == 2


def test_m99_an_input_that_the_phone_does_not_show_is_unknown() -> None:
    with Fleet(["E12W"]) as fleet, a_watch(fleet, 4) as (watch, phone):
        assert watch.look(phone) == [(1, None)]


def test_m99_one_that_fell_silent_is_not_called_unknown_at_once() -> None:
    """Most likely it is away, which the lane finds out, and then what it showed last stands; if it
    answers all but this, nobody knows. Either way it does not hold the lane up at every beat.
    """
    with Fleet(["X916"]) as fleet, a_watch(fleet, 2) as (watch, phone):
        contact(fleet[0], 2, closed=True)
        assert watch.look(phone) == [(1, False)]
        fleet[0].fault("offline")
        assert watch.look(phone) == [(1, False)]
        fleet[0].clear_faults()
        before = asked(fleet[0])
        assert watch.look(phone) == [(1, False)]
        assert asked(fleet[0]) == before
        fleet[0].fault("offline")
        watch.now += SPARED
        assert watch.look(phone) == [(1, False), (1, None)]
        fleet[0].clear_faults()
        watch.now += SPARED
        assert watch.look(phone) == [(1, False), (1, None), (1, False)]
        fleet[0].fault("offline")
        assert watch.look(phone)[3:] == []


def test_m99_what_makes_no_sense_is_unknown() -> None:
    with Fleet(["X916"]) as fleet, a_watch(fleet, 1) as (watch, _):
        data = {"InputA": "ajar"}
        with (
            speaking({"retcode": 0, "message": "OK", "data": data}) as url,
            closing(AkuvoxPhone(url, None, CAUTIOUS.paced(0, 0))) as phone,
        ):
            with pytest.raises(Garbled):
                phone.inputs()
            assert watch.look(phone) == [(1, None)]


def test_m99_words_for_a_contact_mean_the_contact() -> None:
    said = {"InputA": "closed", "InputB": "Open", "InputC": "1", "InputD": 0, "Mode": "x"}
    with (
        speaking({"retcode": 0, "message": "OK", "data": said}) as url,
        closing(AkuvoxPhone(url, None, CAUTIOUS.paced(0, 0))) as phone,
    ):
        assert phone.inputs() == {1: True, 2: False, 3: True, 4: False}


def test_m99_a_driver_without_inputs_cannot_say() -> None:
    with pytest.raises(Unsupported):
        inputs_of(MemoryPhone())


def test_m99_it_is_told_again_once_a_day_and_by_whoever_takes_over() -> None:
    """Reports are kept for 30 days; and another process may have told otherwise meanwhile."""
    with Fleet(["X916"]) as fleet, a_watch(fleet, 2) as (watch, phone):
        assert watch.look(phone) == [(1, True)]
        watch.now += AGAIN - timedelta(seconds=1)
        assert watch.look(phone) == [(1, True)]
        watch.now += timedelta(seconds=1)
        assert watch.look(phone) == [(1, True)] * 2
        next_one = Watch(watch.device, watch.now, watch.reports)
        assert next_one.look(phone) == [(1, True)] * 3


def test_m99_what_the_log_did_not_take_is_told_with_the_next_look() -> None:
    with Fleet(["X916"]) as fleet, a_watch(fleet, 2) as (watch, phone):
        watch.deaf = True
        with pytest.raises(Unavailable):
            watch.look(phone)
        watch.deaf = False
        assert watch.look(phone) == [(1, True)]


def test_m99_no_credential_waits_for_a_door() -> None:
    """The control is the door log, which is read in the middle (D8)."""
    polled, looked = set[int](), set[int]()
    with Fleet(["X916"]) as fleet:
        users = fleet[0].phone.users
        with a_house(
            fleet,
            rhythm=replace(QUICK, heartbeat=0),
            batch=2,
            poller=lambda phone, home, device, beside: polled.add(len(users)),
            look=lambda phone, home, device: looked.add(len(users)),
        ) as house:
            soon(lambda: looked == {0})
            house.happen(*crowd(40))
            soon(lambda: 40 in looked)
            assert polled > {2, 20, 38}
            assert house.is_right()
            assert looked == {0, 40}


def test_m99_a_look_that_fails_holds_no_credential_up() -> None:
    def look(phone: Phone, home: CommunityId, device: Device) -> None:
        raise Unavailable

    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE, look=look) as house:
        soon(lambda: house.now().get((12, "pin")) == "verified")
        polls = len(house.polls)
        soon(lambda: len(house.polls) > polls + 2)
        assert house.comings_and_goings() == ["DeviceWentOnline"]


def test_m99_a_lane_tells_of_its_doors() -> None:
    reports = MemoryReportLog(lambda: NOW)
    with Fleet(["X916"]) as fleet:
        log = a_log(a_community(), wired(0, fleet[0], 2))
        look = Sensors(reports.note, lambda: NOW).look
        with a_house(fleet, log=log, look=look) as house:
            for moved in (False, True, False):
                contact(fleet[0], 2, closed=not moved)
                door = DoorSensed(device=device_id(0), relay=1, is_open=moved)
                soon(lambda d=door: reports.head() and reports.read(after=0)[-1].event == d)  # type: ignore[misc]
            assert reports.head() == 3
            rewired = wired(0, fleet[0], 3)
            house.happen(DeviceEdited(device=device_id(0), name="Door 0", relays=rewired.relays))
            soon(lambda: reports.head() == 4)


def test_m99_of_a_phone_that_goes_away_what_it_showed_last_stands() -> None:
    reports = MemoryReportLog(lambda: NOW)
    with Fleet(["X916"]) as fleet:
        log = a_log(a_community(), wired(0, fleet[0], 2))
        look = Sensors(reports.note, lambda: datetime.now(UTC)).look
        with a_house(fleet, log=log, look=look) as house:
            soon(lambda: reports.head() == 1)
            fleet[0].fault("offline")
            soon(lambda: house.comings_and_goings() == ["DeviceWentOnline", "DeviceWentOffline"])
            assert reports.head() == 1
