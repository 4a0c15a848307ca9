"""M65: buildings, their apartments, and who lives in each."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.apartments import ApartmentRenamed, BuildingRenamed, HouseholdLeft
from domain.devices import DeviceMoved, DeviceRemoved, Place
from domain.ids import ApartmentId
from domain.kernel import Event, Unknown
from domain.record import ERASED
from domain.residents import Contact, ContactChanged, ResidentDeleted
from projections.apartments import ApartmentDetails, ApartmentDoc, Apartments, BuildingDoc
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CLEO,
    ELSEWHERE,
    EVERYBODY,
    FLAT_1,
    FLAT_2,
    GATE,
    GYM,
    HARBOUR,
    STAFF,
    TOWER,
    a_building,
    a_community,
    a_device,
    a_resident,
    an_apartment,
    joined,
)
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House

FLAT_3 = ApartmentId(UUID(int=23))
CLEOS = Contact(first_name="Aaron", last_name="Archer")
IN_FLAT_1 = Place(building=TOWER, apartment=FLAT_1)


@pytest.fixture
def house(module_database: Database) -> House:
    """Ann, Cleo and a monitor in 10 of the Tower; 9 is empty, and so is 2 of the Annex."""
    house = House(module_database)
    house.forget(Apartments)
    house.happened(
        a_community(),
        a_building(TOWER, "Tower"),
        a_building(ANNEX, "Annex", STAFF),
        an_apartment(FLAT_1, "10", TOWER),
        an_apartment(FLAT_2, "2", ANNEX),
        an_apartment(FLAT_3, "9", TOWER),
        a_device(GATE, "Gate"),
        a_device(GYM, "Monitor", place=IN_FLAT_1),
        a_resident(ANN),
        joined(ANN),
        a_resident(CLEO, role="family", contact=CLEOS),
        joined(CLEO, role="family"),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(TOWER, "Elsewhere"),
        an_apartment(FLAT_1, "10", TOWER),
        a_resident(ANN),
        joined(ANN),
        community=ELSEWHERE,
    )
    return house


def shown(house: House, apartment: UUID = FLAT_1, community: Any = HARBOUR) -> Any:
    house.project(Apartments)
    with house.reading(Apartments) as model:
        return json.loads(model.of(community, apartment))


def found(house: House, **asked: Any) -> list[str]:
    house.project(Apartments)
    with house.reading(Apartments) as model:
        page = model.listed(HARBOUR, limit=50, **asked)
    return [json.loads(doc)["number"] for doc in page.docs]


def numbers(house: House, apartment: UUID = FLAT_1, community: Any = HARBOUR) -> tuple[int, int]:
    one = shown(house, apartment, community)
    assert one["residents"] == len(one["household"])
    return one["residents"], one["devices"]


def buildings(house: House, community: Any = HARBOUR) -> list[Any]:
    house.project(Apartments)
    with house.reading(Apartments) as model:
        page = model.listed_buildings(community, limit=50)
    return [json.loads(doc) for doc in page.docs]


def test_m65_an_apartment_shows_its_household_the_master_first(house: House) -> None:
    assert shown(house) == {
        "apartment": str(FLAT_1),
        "number": "10",
        "name": "10",
        "building": str(TOWER),
        "building_name": "Tower",
        "residents": 2,
        "devices": 1,
        "household": [
            {"resident": str(ANN), "role": "master", "name": "Ann Archer"},
            {"resident": str(CLEO), "role": "family", "name": "Aaron Archer"},
        ],
    }
    assert numbers(house, FLAT_3) == (0, 0)
    assert numbers(house, FLAT_1, ELSEWHERE) == (1, 0)


def test_m65_people_and_devices_come_and_go(house: House) -> None:
    assert numbers(house) == (2, 1)
    house.happened(
        HouseholdLeft(apartment=FLAT_1, resident=CLEO),
        ResidentDeleted(resident=CLEO),
        DeviceMoved(device=GATE, place=IN_FLAT_1),
    )
    assert numbers(house) == (1, 2)
    house.happened(
        DeviceRemoved(device=GYM),
        DeviceMoved(device=GATE, place=Place(building=ANNEX, apartment=FLAT_2)),
        a_resident(BOB, home=FLAT_2, building=ANNEX),
        joined(BOB, FLAT_2),
    )
    assert (numbers(house), numbers(house, FLAT_2)) == ((1, 0), (1, 1))
    house.happened(DeviceMoved(device=GATE, place=Place()))
    assert numbers(house, FLAT_2) == (1, 0)
    assert numbers(house, FLAT_1, ELSEWHERE) == (1, 0)


def test_m67_names_follow(house: House) -> None:
    shown(house)
    house.happened(
        ApartmentRenamed(apartment=FLAT_1, name="Penthouse"),
        BuildingRenamed(building=TOWER, name="Mast"),
        ContactChanged(resident=ANN, contact=ERASED),
    )
    one = shown(house)
    assert (one["name"], one["building_name"]) == ("Penthouse", "Mast")
    assert [member["name"] for member in one["household"]] == [None, "Aaron Archer"]
    assert shown(house, FLAT_2)["building_name"] == "Annex"
    assert shown(house, FLAT_1, ELSEWHERE)["building_name"] == "Elsewhere"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["2", "9", "10"]),
        ({"building": TOWER}, ["9", "10"]),
        ({"words": "1"}, ["10"]),
        ({"words": "PENT"}, ["9"]),
        ({"words": "pent", "building": ANNEX}, []),
    ],
)
def test_m65_search(house: House, asked: dict[str, Any], expected: list[str]) -> None:
    house.happened(ApartmentRenamed(apartment=FLAT_3, name="Penthouse"))
    assert found(house, **asked) == expected


def test_m65_m130_buildings_with_the_number_of_their_apartments(house: House) -> None:
    annex = {
        "building": str(ANNEX),
        "name": "Annex",
        "default_group": str(STAFF),
        "apartments": 1,
    }
    tower = {
        "building": str(TOWER),
        "name": "Tower",
        "default_group": str(EVERYBODY),
        "apartments": 2,
    }
    assert buildings(house) == [annex, tower]
    house.happened(
        an_apartment(ApartmentId(UUID(int=24)), "3", ANNEX),
        BuildingRenamed(building=ANNEX, name="Zenith"),
    )
    assert buildings(house) == [tower, annex | {"name": "Zenith", "apartments": 2}]
    assert [b["name"] for b in buildings(house, ELSEWHERE)] == ["Elsewhere"]


def test_an_apartment_that_is_not_there_is_unknown(house: House) -> None:
    with pytest.raises(Unknown):
        shown(house, FLAT_2, ELSEWHERE)


def test_documents_are_their_schemas(house: House) -> None:
    house.project(Apartments)
    with house.reading(Apartments) as model:
        for doc in model.listed(HARBOUR, limit=50).docs:
            is_its_schemas(doc, ApartmentDoc)
            is_its_schemas(model.of(HARBOUR, json.loads(doc)["apartment"]), ApartmentDetails)
        for doc in model.listed_buildings(HARBOUR, limit=50).docs:
            is_its_schemas(doc, BuildingDoc)


@few
@forall(histories(), st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, past: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Apartments, past, batch)
