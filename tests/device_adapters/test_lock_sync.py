"""Locks in lanes of their own, over real sockets: M15, M120-M122, M133, D2, D6."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commands.ingest import Ingest
from device_adapters.doorlog import DoorLogPoller
from device_adapters.locks.brands import PROFILES
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.lock import GatewayLock
from device_adapters.locks.served import Server, served
from device_adapters.port import Phone
from device_adapters.simulator import Fleet
from domain.access_groups import AccessGroupEdited, Door
from domain.devices import Device, DeviceRemoved, Login
from domain.ids import DeviceId
from domain.kernel import Event
from domain.locks import LockConnected, LockLinked, LockRegistered, LockRemoved
from domain.reports import DoorLogEntry
from domain.residents import PinIssued, PinRevoked
from eventlog.reports import MemoryReportLog
from tests.builders import (
    ANN,
    BOB,
    CLEO,
    FLAT_1,
    NOW,
    SWIMMERS,
    a_community,
    a_group,
    a_lock,
    a_pin,
    a_resident,
    cards,
    lock_sync,
)
from tests.device_adapters.houses import House, device_id, registered, soon
from tests.scenario import a_log

LOGIN = Login(user="house", password="hush")
PEOPLE: tuple[Event, ...] = (
    a_resident(ANN, SWIMMERS),
    a_resident(BOB, SWIMMERS),
    a_pin("246810", ANN),
    a_pin("1357", BOB),
    cards(BOB, "AB12"),
)


class Both(House):
    """Phones and locks side by side, each by its own driver."""

    def _connect(self, device: Device) -> Phone:
        if device.is_lock:
            return GatewayLock(device, PROFILES[device.box.model].paced(0, 0))
        return super()._connect(device)


class Corridor:
    """A phone (0), an iTec lock (1) and one of Dormakaba (2), and the swimmers."""

    def __init__(self, fleet: Fleet, gateway: Gateway, server: Server) -> None:
        self.gateway, self.server, self.fleet = gateway, server, fleet
        phone = registered(0, fleet[0])
        doors = [Door(device=device_id(n), relay=1) for n in range(3)]
        self.log = a_log(
            a_community(),
            phone,
            self.lock(1, "itec"),
            self.lock(2, "dormakaba"),
            a_group(SWIMMERS, *doors),
            *PEOPLE,
        )
        self.house = Both(self.log, fleet)

    def lock(self, n: int, brand: str, phone: DeviceId | None = None) -> LockRegistered:
        return a_lock(
            device_id(n),
            f"Lock {n}",
            brand,  # type: ignore[arg-type]
            serial=f"L{n}",
            address=self.server.url,
            login=LOGIN,
            phone=phone,
        )

    def codes(self, n: int) -> set[str]:
        """PINs and cards on a lock."""
        people = list(self.gateway.locks[f"L{n}"].people.values())
        return {c for one in people for c in [one["pin"], *one["cards"]] if c}


@pytest.fixture
def corridor() -> Iterator[Corridor]:
    sims = [SimLock("itec", "L1"), SimLock("dormakaba", "L2"), SimLock("itec", "L3")]
    gateway = Gateway(sims, ("house", "hush"))
    with Fleet(["X916"]) as fleet, served(gateway) as server:
        corridor = Corridor(fleet, gateway, server)
        try:
            yield corridor
        finally:
            corridor.house.stop()


def test_m133_nothing_is_sent_before_it_is_switched_on(corridor: Corridor) -> None:
    house = corridor.house
    soon(lambda: house.now(0).get((ANN.int, "pin")) == "verified")
    soon(lambda: house.comings_and_goings(1) == ["DeviceWentOnline"])
    assert corridor.codes(1) == corridor.codes(2) == set()
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: corridor.codes(1) == {"246810", "1357"})
    house.happen(lock_sync("itec", "pin", "card"))
    soon(lambda: corridor.codes(1) == {"246810", "1357", "AB12"})
    assert corridor.codes(2) == set()
    house.happen(lock_sync("itec", "card"))
    soon(lambda: corridor.codes(1) == {"AB12"})
    soon(lambda: house.now(1).get((ANN.int, "pin")) == "withdrawn")


def test_m120_m122_what_a_brand_does_not_take_is_said_with_its_reason(corridor: Corridor) -> None:
    house = corridor.house
    house.happen(lock_sync("dormakaba", "pin", "card"))
    soon(lambda: len(house.now(2)) == 3)
    assert house.now(2) == {
        (ANN.int, "pin"): "verified",
        (BOB.int, "pin"): "undeliverable",
        (BOB.int, "card"): "undeliverable",
    }
    reasons = {one.reason for one in house.outcomes(2) if one.reason}
    assert reasons == {
        "the lock takes only PINs of exactly 6 digits",
        "the lock takes only cards of exactly 20 letters and digits",
    }
    assert corridor.codes(2) == {"246810"}


def test_m133_a_residents_own_pin_goes_to_phones_alone(corridor: Corridor) -> None:
    house = corridor.house
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: corridor.codes(1) == {"246810", "1357"})
    own = PinIssued(
        resident=ANN, apartment=FLAT_1, pin="864208", pin_mode="pin", made_by="resident"
    )
    house.happen(own)
    soon(lambda: corridor.codes(1) == {"1357"})
    soon(lambda: "864208" in {u["PrivatePIN"] for u in corridor.fleet[0].state()["users"]})
    soon(lambda: house.now(1).get((ANN.int, "pin")) == "withdrawn")


def test_m15_a_linked_lock_follows_its_phone(corridor: Corridor) -> None:
    house, linked = corridor.house, corridor.lock(3, "itec", device_id(0))
    house.happen(lock_sync("itec", "pin"), linked)
    soon(lambda: corridor.codes(3) == {"246810", "1357"})
    only_the_lock = frozenset({Door(device=device_id(1), relay=1)})
    group = a_group(SWIMMERS)
    edited = AccessGroupEdited(
        group=SWIMMERS, name=group.name, schedule=group.schedule, doors=only_the_lock
    )
    house.happen(edited)
    soon(lambda: corridor.codes(3) == set())
    soon(lambda: corridor.codes(1) == {"246810", "1357"})
    house.happen(replace(edited, doors=frozenset({Door(device=device_id(0), relay=4)})))
    soon(lambda: corridor.codes(3) == {"246810", "1357"})
    house.happen(DeviceRemoved(device=device_id(0)))
    soon(lambda: corridor.codes(3) == set())


def test_m15_a_lock_that_is_linked_later_leaves_its_groups(corridor: Corridor) -> None:
    house = corridor.house
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: corridor.codes(1) == {"246810", "1357"})
    group = a_group(SWIMMERS)
    only_the_lock = frozenset({Door(device=device_id(1), relay=1)})
    house.happen(
        AccessGroupEdited(
            group=SWIMMERS, name=group.name, schedule=group.schedule, doors=only_the_lock
        ),
        LockLinked(lock=device_id(1), phone=device_id(0)),
    )
    soon(lambda: corridor.codes(1) == set())
    house.happen(LockLinked(lock=device_id(1), phone=None))
    soon(lambda: corridor.codes(1) == {"246810", "1357"})


def test_d6_d2_a_lock_that_is_away_gets_the_latest_when_it_is_back(corridor: Corridor) -> None:
    house, sim = corridor.house, corridor.gateway.locks["L1"]
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: house.now(1).get((BOB.int, "pin")) == "verified")
    sim.reachable = False
    soon(lambda: house.comings_and_goings(1)[-1:] == ["DeviceWentOffline"])
    house.happen(PinRevoked(resident=BOB), a_resident(CLEO, SWIMMERS), a_pin("777123", CLEO))
    soon(lambda: house.now(0).get((CLEO.int, "pin")) == "verified")
    assert corridor.codes(1) == {"246810", "1357"}
    corridor.gateway.asked.clear()
    sim.reachable = True
    soon(lambda: corridor.codes(1) == {"246810", "777123"})
    soon(lambda: house.now(1).get((CLEO.int, "pin")) == "verified")
    assert house.now(1)[BOB.int, "pin"] == "withdrawn"
    writes = [path for way, path in corridor.gateway.asked if way != "GET" and "/L1/" in path]
    assert writes == ["/v1/locks/L1/remove", "/v1/locks/L1/people"]
    assert house.comings_and_goings(1)[-1] == "DeviceWentOnline"


def test_d5_drift_at_the_makers_page_is_repaired(corridor: Corridor) -> None:
    house, sim = corridor.house, corridor.gateway.locks["L1"]
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: house.now(1).get((BOB.int, "pin")) == "verified")
    sim.people = {}
    house.lane(1).check()
    soon(lambda: corridor.codes(1) == {"246810", "1357"})
    assert "mismatch" in {one.state for one in house.outcomes(1)}
    soon(lambda: house.now(1).get((BOB.int, "pin")) == "verified")


def test_m107_another_gateway_and_the_end(corridor: Corridor) -> None:
    house = corridor.house
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: corridor.codes(1) == {"246810", "1357"})
    other = Gateway([SimLock("itec", "L1")])
    with served(other) as second:
        house.happen(LockConnected(lock=device_id(1), address=second.url, login=None))
        soon(lambda: len(other.locks["L1"].people) == 2)
        house.happen(LockRemoved(lock=device_id(1)))
        soon(lambda: other.locks["L1"].people == {})


def test_m107_a_lane_that_begins_anew_says_nothing_twice(corridor: Corridor) -> None:
    house = corridor.house
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: house.now(1).get((BOB.int, "pin")) == "verified")
    said = house.outcomes(1)
    house.stop()
    corridor.house = again = Both(corridor.log, corridor.fleet)
    soon(lambda: device_id(1) in again.sync.lanes)
    soon(lambda: again.lane(1).status().seen is not None)
    assert again.outcomes(1) == said


def test_m84_what_happens_at_a_lock_is_in_the_door_log(corridor: Corridor) -> None:
    house, sim = corridor.house, corridor.gateway.locks["L1"]
    reports = MemoryReportLog(lambda: NOW)
    house.poller = DoorLogPoller(Ingest(corridor.log, reports), lambda: datetime.now(UTC)).poll
    house.happen(lock_sync("itec", "pin"))
    soon(lambda: corridor.codes(1) == {"246810", "1357"})
    assert sim.present("pin", "246810", datetime.now(UTC))
    assert not sim.present("card", "AB12", datetime.now(UTC))
    house.lane(1).hint()
    soon(lambda: reports.head() == 2)
    first, second = (r.event for r in reports.read(after=0))
    assert isinstance(first, DoorLogEntry)
    assert isinstance(second, DoorLogEntry)
    assert (first.device, first.outcome, first.method, first.holder) == (
        device_id(1),
        "success",
        "pin",
        ANN,
    )
    assert first.door_name == "Lock 1"
    assert abs(first.happened_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert (second.outcome, second.method, second.holder) == ("failed", "card", BOB)
