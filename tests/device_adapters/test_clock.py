"""T3, T4: the clock of a phone, from the community's zone down to what its door log shows."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from commands.ingest import Ingest
from commands.settings import ChangeSettings
from device_adapters.akuvox.phone import a_phone
from device_adapters.doorlog import DoorLogPoller
from device_adapters.simulator import PROFILES as MODELS
from device_adapters.simulator import Fleet, PluggedIn
from domain.access_groups import Schedule
from domain.devices import DeviceClockFoundRight, DeviceClockFoundWrong
from domain.kernel import Event
from domain.reports import DoorLogEntry
from domain.residents import PinRevoked
from eventlog.reports import MemoryReportLog
from tests.builders import ANN, FLAT_1, HARBOUR, SWIMMERS, a_pin, a_resident
from tests.device_adapters.houses import House, a_house, device_id, soon
from tests.scenario import MANAGER, a_bus

HERS = (a_resident(ANN, SWIMMERS), a_pin("2468", ANN, FLAT_1))
MORNINGS = Schedule(repeat="daily", start=time(8), end=time(9))


@dataclass
class Clock:
    """Ours, and that of the simulated phones."""

    at: datetime = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def unix(self) -> float:
        return self.at.timestamp()


@contextmanager
def homes(
    *models: str, at: datetime | None = None, when: Schedule = MORNINGS
) -> Iterator[tuple[House, Fleet, Clock]]:
    """All phones are doors of Ann in the mornings."""
    clock = Clock(at) if at else Clock()
    with (
        Fleet(models or ["X916"], clock=clock) as fleet,
        a_house(fleet, *HERS, when=when, wall=clock.unix) as house,
    ):
        soon(lambda: all(clocks(house, n) == ["UTC"] for n in range(len(fleet))))
        yield house, fleet, clock


def move(house: House, zone: str) -> None:
    a_bus(house.log).dispatch(ChangeSettings(zone=zone), community=HARBOUR, actor=MANAGER)


def clocks(house: House, n: int = 0) -> list[object]:
    """What was said of a phone's clock, in order: the zone, or how far off and why."""
    said: Sequence[Event] = [r.event for r in house.log.read(after=0, limit=100_000)]
    found = list[object]()
    for e in said:
        match e:
            case DeviceClockFoundRight(device=d, zone=zone) if d == device_id(n):
                found.append(zone)
            case DeviceClockFoundWrong(device=d, ahead=ahead, reason=why) if d == device_id(n):
                found.append((ahead, why))
    return found


def shown(sim: PluggedIn) -> str:
    return f"{sim.phone.now():%H:%M}"


def pass_time(clock: Clock, sim: PluggedIn, **time: float) -> None:
    """And wait until the adapter has asked the phone what time it is."""
    clock.at += timedelta(**time)
    asked = sim.phone.answered["system/status"]
    soon(lambda: sim.phone.answered["system/status"] > asked + 1)


@pytest.mark.parametrize("model", MODELS)
def test_t3_another_zone_of_the_community_is_told_to_every_model(model: str) -> None:
    with homes(model) as (house, fleet, _):
        assert shown(fleet[0]) == "08:30"
        move(house, "Asia/Kathmandu")
        soon(lambda: clocks(house) == ["UTC", "Asia/Kathmandu"])
        assert shown(fleet[0]) == "14:15"
        move(house, "America/St_Johns")
        soon(lambda: clocks(house)[2:] == ["America/St_Johns"])
        assert shown(fleet[0]) == "05:00"


def test_t3_schedules_follow_the_communitys_clock_and_rows_stay_as_they_are() -> None:
    with homes("X916", "E18") as (house, fleet, clock):
        soon(lambda: fleet[0].punch("2468").opened and fleet[1].punch("2468").opened)
        rows = [sim.state()["users"] for sim in fleet]
        move(house, "Asia/Tokyo")
        soon(lambda: clocks(house) == clocks(house, 1) == ["UTC", "Asia/Tokyo"])
        assert not any(sim.punch("2468").opened for sim in fleet)
        clock.at = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
        assert all(sim.punch("2468").opened for sim in fleet)
        assert [sim.state()["users"] for sim in fleet] == rows


@pytest.mark.parametrize(("model", "writes"), [("E18", 2), ("X915S", 2)])
def test_t3_a_phone_is_right_on_both_sides_of_a_change(model: str, writes: int) -> None:
    """An E18 keeps its offset until it is given another; an X915S goes by its city [G]."""
    before = datetime(2026, 3, 29, 0, 59, 50, tzinfo=UTC)
    with homes(model, at=before) as (house, fleet, clock):
        move(house, "Europe/Lisbon")
        soon(lambda: clocks(house) == ["UTC", "Europe/Lisbon"])
        assert shown(fleet[0]) == "00:59"
        clock.at += timedelta(seconds=20)
        soon(lambda: fleet[0].phone.answered["config/set"] == writes)
        soon(lambda: shown(fleet[0]) == "02:00")
        assert clocks(house) == ["UTC", "Europe/Lisbon"]


def test_t3_a_phone_that_was_away_at_a_change_is_set_when_it_comes_back() -> None:
    with homes("E18", at=datetime(2026, 3, 28, 12, tzinfo=UTC)) as (house, fleet, clock):
        move(house, "Europe/Lisbon")
        soon(lambda: clocks(house) == ["UTC", "Europe/Lisbon"])
        fleet[0].unplug()
        soon(lambda: house.comings_and_goings()[-1:] == ["DeviceWentOffline"])
        clock.at += timedelta(days=1)
        assert shown(fleet[0]) == "12:00"
        fleet[0].plug_in()
        soon(lambda: shown(fleet[0]) == "13:00")


def test_t3_a_restarted_adapter_finds_a_clock_that_was_changed_meanwhile() -> None:
    with homes("E18", at=datetime(2026, 3, 28, 12, tzinfo=UTC)) as (house, fleet, clock):
        move(house, "Europe/Lisbon")
        soon(lambda: clocks(house) == ["UTC", "Europe/Lisbon"])
        house.stop()
        clock.at += timedelta(days=1)
        house.__post_init__()
        soon(lambda: shown(fleet[0]) == "13:00")
        assert clocks(house) == ["UTC", "Europe/Lisbon"]


def test_t3_a_phone_that_was_reset_is_told_its_zone_again() -> None:
    with homes("X916") as (house, fleet, clock):
        move(house, "Asia/Tokyo")
        soon(lambda: shown(fleet[0]) == "17:30")
        pass_time(clock, fleet[0], minutes=5)
        fleet[0].fault("factory_reset")
        clock.at += timedelta(seconds=5)
        soon(lambda: shown(fleet[0]) == "17:35")


# T4: clocks that are wrong


@pytest.mark.parametrize("hours", [1, -1])
def test_t4_a_clock_that_is_off_is_told_once_and_again_when_it_is_right(hours: int) -> None:
    with homes("X916") as (house, fleet, clock):
        fleet[0].fault("wrong_clock", seconds=59)
        clock.at += timedelta(minutes=1)
        soon(lambda: house.lane().status().clock_off == 59)
        fleet[0].fault("wrong_clock", seconds=hours * 3600)
        soon(lambda: clocks(house) == ["UTC", (hours * 3600, "")])
        fleet[0].fault("wrong_clock", seconds=hours * 3700)
        soon(lambda: house.lane().status().clock_off == hours * 3700)
        fleet[0].clear_faults()
        soon(lambda: clocks(house) == ["UTC", (hours * 3600, ""), "UTC"])


def test_t4_a_clock_of_1970_is_told_and_after_a_restart_not_again() -> None:
    with homes("X916") as (house, fleet, clock):
        years = round(clock.unix())
        fleet[0].fault("wrong_clock", seconds=-years)
        soon(lambda: clocks(house) == ["UTC", (-years, "")])
        house.stop()
        house.__post_init__()
        soon(lambda: house.lane().status().clock_off == -years)
        fleet[0].clear_faults()
        soon(lambda: clocks(house) == ["UTC", (-years, ""), "UTC"])


def test_t4_a_zone_that_a_phone_does_not_take_is_told_once() -> None:
    with Fleet(["X916"]) as fleet:
        sim = fleet[0].phone
        sim.profile = replace(sim.profile, unsupported=frozenset({"config/set"}))
        with a_house(fleet, *HERS) as house:
            soon(lambda: clocks(house) == ["UTC"])
            move(house, "Asia/Tokyo")
            soon(lambda: len(clocks(house)) == 2)
            assert isinstance(found := clocks(house)[1], tuple)
            assert found[0] == 0
            assert found[1]
            assert house.lane().status().suspended == 1
            move(house, "UTC")
            soon(lambda: clocks(house)[2:] == ["UTC"])


# The door log


@dataclass
class Read:
    """A door log polled into a report log. `received` is our time at each poll."""

    house: House
    clock: Clock
    reports: MemoryReportLog = field(init=False)

    def __post_init__(self) -> None:
        self.reports = MemoryReportLog(self.clock)
        poller = DoorLogPoller(Ingest(self.house.log, self.reports), self.clock)
        self.house.poller = poller.poll

    def entries(self) -> list[DoorLogEntry]:
        found = [r.event for r in self.reports.read(after=0)]
        return [entry for entry in found if isinstance(entry, DoorLogEntry)]

    def times(self) -> list[tuple[str, str]]:
        """Of each line what the phone said, and what that is."""
        return [(e.local[11:16], f"{e.happened_at:%H:%M}") for e in self.entries()]


def test_t3_rows_before_and_after_are_read_by_the_clock_that_the_phone_had() -> None:
    with homes("E18") as (house, fleet, clock):
        read = Read(house, clock)
        fleet[0].punch("2468")
        soon(lambda: len(read.entries()) == 1)
        fleet[0].unplug()
        soon(lambda: house.comings_and_goings()[-1:] == ["DeviceWentOffline"])
        clock.at += timedelta(minutes=10)
        fleet[0].punch("2468")
        move(house, "Asia/Tokyo")
        clock.at += timedelta(hours=2)
        fleet[0].plug_in()
        soon(lambda: clocks(house) == ["UTC", "Asia/Tokyo"])
        fleet[0].punch("2468")
        soon(lambda: len(read.entries()) == 3)
        assert read.times() == [("08:30", "08:30"), ("08:40", "08:40"), ("19:40", "10:40")]


@pytest.mark.parametrize("seconds", [3600, -3600, -1_772_000_000])
def test_t4_rows_keep_the_phones_time_and_are_in_the_order_of_receipt(seconds: int) -> None:
    with homes("X916") as (house, fleet, clock):
        read = Read(house, clock)
        fleet[0].punch("2468")
        soon(lambda: len(read.entries()) == 1)
        fleet[0].fault("wrong_clock", seconds=seconds)
        soon(lambda: len(clocks(house)) == 2)
        pass_time(clock, fleet[0], minutes=1)
        fleet[0].punch("2468")
        soon(lambda: len(read.entries()) == 2)
        first, second = read.entries()
        assert second.local == f"{clock.at + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}"
        assert abs(second.happened_at - clock.at) < timedelta(seconds=5)
        received = [r.recorded_at for r in read.reports.read(after=0)]
        assert received == sorted(received)
        assert (first.id, second.id) == (1, 2)


def test_t4_a_phone_that_shows_a_zone_and_does_not_go_by_it_is_found_out() -> None:
    """A setting may wait for a restart [PY], or summer time be added to it [G]."""
    with homes("X916") as (house, fleet, clock):
        sim, read = fleet[0], Read(house, clock)
        sim.do(lambda phone: setattr(phone, "zone", lambda: UTC))
        move(house, "Europe/Berlin")
        soon(lambda: clocks(house) == ["UTC", "Europe/Berlin"])
        for _ in range(2):
            sim.punch("2468")
            pass_time(clock, sim, seconds=1)
        wrong = (0, "its door log is 60 minutes behind")
        soon(lambda: clocks(house)[2:] == [wrong])
        house.stop()
        house.__post_init__()
        soon(lambda: house.lane().status().online)
        sim.do(lambda phone: delattr(phone, "zone"))
        pass_time(clock, sim, seconds=1)
        assert clocks(house)[2:] == [wrong]
        sim.punch("2468")
        soon(lambda: clocks(house)[2:] == [wrong, "Europe/Berlin"])
        assert len(read.entries()) == 3


def test_t5_a_step_of_our_own_clock_stops_nothing_and_changes_no_order() -> None:
    ours, phones = Clock(), Clock()
    with (
        Fleet(["X916"], clock=phones) as fleet,
        a_house(fleet, *HERS, wall=ours.unix) as house,
    ):
        read, sim = Read(house, ours), fleet[0]
        soon(lambda: clocks(house) == ["UTC"])

        def works_after_a_step(seconds: int, pin: str) -> None:
            ours.at = phones.at + timedelta(seconds=seconds)
            soon(lambda: house.lane().status().clock_off == -seconds)
            house.happen(PinRevoked(resident=ANN), a_pin(pin, ANN, FLAT_1))
            soon(lambda: sim.punch(pin).opened)

        works_after_a_step(-3600, "1111")
        works_after_a_step(86_400, "2222")
        works_after_a_step(0, "3333")
        soon(lambda: clocks(house) == ["UTC", (3600, ""), "UTC"])
        soon(lambda: len(read.entries()) == len(sim.state()["doorlog"]))
        assert [e.id for e in read.entries()] == sorted(e.id for e in read.entries())
        assert house.comings_and_goings() == ["DeviceWentOnline"]
        assert {e.local[:16] for e in read.entries()} == {"2026-03-02T08:30"}


# D7: the phone knows the end


def test_d7_an_offline_phone_refuses_by_itself_when_the_right_is_over() -> None:
    today = date(2026, 3, 2)
    until_five = Schedule(
        repeat="never", first=today, last=date(2026, 3, 4), start=time(6), end=time(17)
    )
    with homes("X916", "E18", when=until_five) as (house, fleet, clock):
        soon(lambda: all(sim.punch("2468").opened for sim in fleet))
        for sim in fleet:
            sim.unplug()
        house.stop()
        clock.at = datetime(2026, 3, 4, 17, 0, 59, tzinfo=UTC)
        assert all(sim.punch("2468").opened for sim in fleet)
        clock.at = datetime(2026, 3, 4, 17, 1, tzinfo=UTC)
        assert not any(sim.punch("2468").opened for sim in fleet)
        clock.at = datetime(2027, 3, 3, 12, tzinfo=UTC)
        assert not any(sim.punch("2468").opened for sim in fleet)
        house.__post_init__()


@pytest.mark.parametrize("model", ["E18", "X915S"])
def test_t3_a_phone_takes_the_zone_and_shows_it(model: str) -> None:
    with homes(model) as (house, _, clock):
        device = house.sync._sites[HARBOUR].devices[device_id(0)]
        with closing(a_phone(device, lambda known: known.paced(0, 0))) as phone:
            phone.set_zone("Asia/Tokyo", clock.at)
            assert phone.zone() == phone.shows_zone("Asia/Tokyo", clock.at)
            assert phone.door_log().zone
