"""M15, M107: the locks of a community, and whether they answer."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.apartments import BuildingRenamed
from domain.devices import DeviceEdited, DeviceRemoved, Login, Place
from domain.ids import CommunityId
from domain.kernel import Event, Unknown
from domain.locks import LockConnected, LockLinked, LockMoved, LockRemoved, LockRenamed
from projections.locks import LockDoc, Locks, Wanted
from tests.builders import (
    ATTIC,
    CELLAR,
    ELSEWHERE,
    FLAT_1,
    GATE,
    HARBOUR,
    NOW,
    TOWER,
    a_building,
    a_device,
    a_lock,
    an_apartment,
    offline,
    online,
)
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, docs, few, is_its_schemas
from tests.read_models import House

INSIDE = Place(building=TOWER, apartment=FLAT_1)
PAST: list[Event] = [
    a_building(TOWER, "Tower"),
    an_apartment(FLAT_1, "12"),
    a_device(GATE, "Gate"),
    a_lock(CELLAR, "Cellar 10", login=Login(user="house", password="hush"), phone=GATE),
    a_lock(ATTIC, "Cellar 9", "dormakaba", serial="D-7", place=INSIDE),
]
HEARD = st.lists(st.sampled_from([online(CELLAR), offline(CELLAR), online(ATTIC)]), max_size=3)


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Locks)
    house.happened(*PAST)
    house.happened(a_lock(CELLAR, "Pier", place=Place()), community=ELSEWHERE)
    return house


def shown(house: House, community: CommunityId = HARBOUR, **wanted: Any) -> list[dict[str, Any]]:
    house.project(Locks)
    with house.reading(Locks) as model:
        page = model.page(community, Wanted(**wanted), None, 200)
    return [json.loads(doc) for doc in page.docs]


def found(house: House, **wanted: Any) -> list[str]:
    return [doc["name"] for doc in shown(house, **wanted)]


def cellar(house: House) -> dict[str, Any]:
    [doc] = [doc for doc in shown(house) if doc["lock"] == str(CELLAR)]
    return doc


def test_m107_a_lock_its_place_and_the_phone_that_it_follows(house: House) -> None:
    assert cellar(house) == {
        "lock": str(CELLAR),
        "name": "Cellar 10",
        "brand": "itec",
        "serial": "LOCK36",
        "address": "http://127.0.0.1:8190",
        "building": str(TOWER),
        "building_name": "Tower",
        "apartment": None,
        "apartment_number": None,
        "phone": str(GATE),
        "phone_name": "Gate",
        "connection": {"reach": "never_seen", "since": None, "reason": None, "firmware": None},
    }
    assert "hush" not in repr(house.rows(Locks))
    assert [doc["name"] for doc in shown(house, ELSEWHERE)] == ["Pier"]


def test_m107_found_by_brand_place_reach_and_words(house: House) -> None:
    house.happened(online(ATTIC))
    assert found(house) == ["Cellar 9", "Cellar 10"]
    assert found(house, brand="itec") == ["Cellar 10"]
    assert found(house, building=TOWER) == ["Cellar 9", "Cellar 10"]
    assert found(house, apartment=FLAT_1) == ["Cellar 9"]
    assert found(house, reach="online") == ["Cellar 9"]
    assert found(house, words="d-7 tow") == ["Cellar 9"]
    assert found(house, words="10%") == []


def test_m107_what_becomes_of_it(house: House) -> None:
    moved = LockMoved(lock=CELLAR, place=INSIDE)
    house.happened(LockRenamed(lock=CELLAR, name="Bikes"), moved)
    house.happened(BuildingRenamed(building=TOWER, name="Spire"))
    doc = cellar(house)
    assert (doc["name"], doc["building_name"], doc["apartment_number"]) == ("Bikes", "Spire", "12")
    assert found(house, words="spire bikes") == ["Bikes"]
    house.happened(LockRemoved(lock=CELLAR))
    assert found(house) == ["Cellar 9"]
    house.happened(online(CELLAR))
    assert found(house) == ["Cellar 9"]
    with house.reading(Locks) as model, pytest.raises(Unknown):
        model.of(HARBOUR, CELLAR)


def test_m15_the_name_of_its_phone_is_that_of_today(house: House) -> None:
    house.happened(DeviceEdited(device=GATE, name="Portal", relays=a_device().relays))
    assert cellar(house)["phone_name"] == "Portal"
    house.happened(DeviceRemoved(device=GATE))
    doc = cellar(house)
    assert (doc["phone"], doc["phone_name"]) == (str(GATE), None)
    house.happened(LockLinked(lock=CELLAR, phone=None))
    assert cellar(house)["phone"] is None


def test_m107_since_when_it_answers_and_why_not(house: House) -> None:
    head = house.happened(online(CELLAR, "2.1"), offline(CELLAR, "no answer"))
    at = (NOW + timedelta(microseconds=head - 1)).isoformat()
    said = {"reach": "offline", "since": at, "reason": "no answer", "firmware": "2.1"}
    assert cellar(house)["connection"] == said
    house.happened(LockConnected(lock=CELLAR, address="http://127.0.0.1:9", login=None))
    assert cellar(house)["connection"]["reach"] == "never_seen"
    assert cellar(house)["address"] == "http://127.0.0.1:9"


def test_a_document_is_its_schemas(house: House) -> None:
    house.project(Locks)
    for doc in docs(house, Locks):
        is_its_schemas(doc, LockDoc)


@few
@forall(histories(), HEARD, st.integers(1, 7))
def test_e4_e5_the_same_rows_in_any_batches(
    module_database: Database, past: list[Event], heard: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Locks, [*past, *heard], batch)
