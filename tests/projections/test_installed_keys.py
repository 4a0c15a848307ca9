"""Vehicles, faces and floors on the phones, against what should be there (M27, M32-M36, D5)."""

from datetime import UTC, datetime, time, timedelta

import pytest

from config import Database
from domain import rights
from domain.access_groups import AccessGroup, AccessGroupEdited, Door, Period, Schedule
from domain.devices import Device, Outcome, SyncState
from domain.faces import FaceRemoved
from domain.ids import ResidentId
from domain.kernel import Event, fold
from domain.lifts import FloorsChosen
from domain.parking import VehiclesChanged
from domain.record import ERASED
from domain.residents import Resident
from domain.settings import TimeZoneChanged
from projections.devices.installed import Installed
from tests.builders import (
    ANN,
    BOB,
    FLAT_1,
    GATE,
    HARBOUR,
    NOW,
    SWIMMERS,
    TOWER,
    a_building,
    a_community,
    a_device,
    a_face,
    a_group,
    a_photo,
    a_pin,
    a_resident,
    an_apartment,
    floors,
    synced,
    vehicles,
)
from tests.read_models import House

PAST: list[Event] = [
    a_building(TOWER, "Tower"),
    an_apartment(FLAT_1, "12"),
    a_device(GATE, "Gate"),
    a_group(SWIMMERS, Door(device=GATE, relay=1)),
    a_resident(ANN, SWIMMERS),
    a_resident(BOB, SWIMMERS),
    a_pin("1357", BOB),
]
ALL = (
    vehicles("AB12", tags=("E280",)),
    a_face(a_photo()),
    FloorsChosen(resident=ANN, floors=floors(1, 3)),
)


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Installed)
    house.happened(*PAST)
    return house


def states(house: House, who: ResidentId = ANN, at: datetime = NOW) -> dict[str, str]:
    house.project(Installed)
    with house.reading(Installed) as model:
        found = model.doors(HARBOUR, who, at)
    return {c.kind: c.state for p in (*found.doors, *found.withdrawing) for c in p.credentials}


def found_so(house: House, state: SyncState = "verified") -> Event:
    """What an adapter says of all that Ann should have at the gate."""
    streams = house.log.streams(HARBOUR, [ANN, GATE, SWIMMERS])
    person, phone = fold(Resident, streams[ANN]), fold(Device, streams[GATE])
    group = fold(AccessGroup, streams[SWIMMERS])
    assert person
    assert phone
    assert group
    wanted = rights.evidence(rights.entries(person, phone, [group])).items()
    return synced(
        GATE,
        *(
            Outcome(
                holder=holder,
                kind=kind,
                state=state,
                digest=house.vault.digest(HARBOUR, "credential", text),
            )
            for (holder, kind), text in wanted
        ),
    )


def test_m32_m34_m27_each_key_shows_how_it_stands_at_a_phone(house: House) -> None:
    house.happened(*ALL)
    assert states(house) == dict.fromkeys(("uhf", "face", "floors"), "pending")
    house.happened(found_so(house))
    assert states(house) == dict.fromkeys(("uhf", "face", "floors"), "verified")
    assert states(house, BOB) == {"pin": "pending"}


def test_m36_a9_without_tags_the_plates_are_what_a_phone_should_hold(house: House) -> None:
    house.happened(*ALL, found_so(house))
    states(house)
    house.happened(found_so(house), vehicles("AB12"))
    assert states(house) | {"face": "", "floors": ""} == {
        "plate": "pending",
        "uhf": "withdrawing",
        "face": "",
        "floors": "",
    }


def test_m32_m27_another_photo_or_other_floors_are_not_yet_there(house: House) -> None:
    house.happened(*ALL)
    house.happened(found_so(house))
    house.happened(a_face(a_photo(1)), FloorsChosen(resident=ANN, floors=floors(1)))
    assert states(house) == {"uhf": "verified", "face": "pending", "floors": "pending"}
    house.happened(FaceRemoved(resident=ANN))
    assert states(house)["face"] == "withdrawing"


def test_m27_floors_show_no_door_of_the_phone(house: House) -> None:
    house.happened(*ALL)
    house.project(Installed)
    with house.reading(Installed) as model:
        [gate] = model.doors(HARBOUR, ANN, NOW).doors
    doors = {c.kind: [door.relay for door in c.doors] for c in gate.credentials}
    assert doors == {"uhf": [1], "face": [1], "floors": []}


def test_p3_vehicles_that_are_erased_are_wanted_nowhere(house: House) -> None:
    house.happened(*ALL, VehiclesChanged(resident=ANN, vehicles=ERASED))
    assert set(states(house)) == {"face", "floors"}
    house.keys.destroy(HARBOUR, ANN)
    assert states(house) == {}


def test_no_plate_tag_or_photo_lies_in_clear(house: House) -> None:
    house.happened(*ALL)
    house.project(Installed)
    with house.connect("read") as db:
        rows = db.execute("select * from installed_residents").fetchall()
    kept = repr([bytes(v) if isinstance(v, memoryview) else v for row in rows for v in row])
    assert "Ann Archer" in kept
    for secret in ("AB12", "E280", str(a_face(a_photo()).photo)):
        assert secret not in kept


def test_d7_what_is_over_for_good_by_the_communitys_clock_is_no_longer_wanted(
    house: House,
) -> None:
    today, over = NOW.date(), datetime(2026, 3, 2, 16, 1, tzinfo=UTC)
    until_five = Schedule(repeat="never", first=today, last=today, start=time(6), end=time(17))
    doors = frozenset({Door(device=GATE, relay=1)})
    house.happened(
        a_community(zone="Europe/Berlin"),
        a_pin("2468", ANN),
        AccessGroupEdited(group=SWIMMERS, name="Swimmers", schedule=until_five, doors=doors),
    )
    house.happened(found_so(house))
    assert states(house, at=over - timedelta(minutes=1)) == {"pin": "verified"}
    assert states(house, at=over) == {"pin": "withdrawing"}
    assert states(house, BOB, at=over) == {}
    house.happened(TimeZoneChanged(community=HARBOUR, zone="UTC"))
    assert states(house, at=over) == {"pin": "verified"}


def test_m35_d7_a_plate_is_no_longer_wanted_after_its_period(house: House) -> None:
    march = Period(first=NOW.date(), last=NOW.date())
    house.happened(a_community(), a_pin("2468", ANN), vehicles("AB12", period=march))
    assert states(house) == {"pin": "pending", "plate": "pending"}
    assert states(house, at=NOW + timedelta(days=1)) == {"pin": "pending"}
