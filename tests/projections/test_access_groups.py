"""M17, A45, M16: access groups, the doors that they open, and who belongs to them."""

import json
from datetime import date, time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.access_groups import AccessGroupDeleted, AccessGroupEdited, Door, Schedule
from domain.apartments import BuildingRenamed
from domain.devices import DeviceEdited, DeviceMoved, DeviceRemoved, Place, Relay
from domain.kernel import Event, Unknown
from domain.locks import LockLinked, LockMoved, LockRemoved, LockRenamed
from domain.record import ERASED
from domain.residents import Contact, ContactChanged, GroupsChosen, ResidentDeleted
from projections.access_groups import AccessGroups
from projections.access_groups.documents import AccessGroupDetails, AccessGroupDoc, MemberDoc
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CELLAR,
    ELSEWHERE,
    EVERYBODY,
    FLAT_1,
    FLAT_2,
    GATE,
    GYM,
    HARBOUR,
    STAFF,
    SWIMMERS,
    TOWER,
    a_building,
    a_community,
    a_default_group,
    a_device,
    a_group,
    a_lock,
    a_resident,
    an_apartment,
)
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House

BOBS = Contact(first_name="Bob", last_name="Baker")
ONCE = Schedule(
    repeat="never", start=time(8), end=time(18, 30), first=date(2026, 3, 1), last=date(2026, 3, 9)
)


@pytest.fixture
def house(module_database: Database) -> House:
    """The gate is public in the Tower, the gym in the Annex; the same ids in another community."""
    house = House(module_database)
    house.forget(AccessGroups)
    house.happened(
        a_community(),
        a_building(TOWER, "Tower"),
        a_building(ANNEX, "Annex"),
        a_default_group(EVERYBODY, TOWER),
        an_apartment(FLAT_1, "10", TOWER),
        an_apartment(FLAT_2, "2", ANNEX),
        a_device(GATE, "Gate"),
        a_device(GYM, "Gym", place=Place(building=ANNEX)),
        a_group(SWIMMERS, Door(device=GYM, relay=2), when=ONCE, number=100_002, name="Swimmers"),
        a_group(STAFF, number=100_001, name="Staff"),
        a_resident(ANN, EVERYBODY, SWIMMERS),
        a_resident(BOB, SWIMMERS, home=FLAT_2, building=ANNEX, contact=BOBS),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(TOWER, "Elsewhere"),
        an_apartment(FLAT_1, "1", TOWER),
        a_device(GATE, "Elsewhere's"),
        a_default_group(EVERYBODY, TOWER),
        a_group(SWIMMERS, Door(device=GATE, relay=1), name="Elsewhere's"),
        a_resident(ANN, SWIMMERS),
        community=ELSEWHERE,
    )
    return house


def shown(house: House, group: UUID, community: Any = HARBOUR) -> Any:
    house.project(AccessGroups)
    with house.reading(AccessGroups) as model:
        return json.loads(model.of(community, group))


def doors(house: House, group: UUID, community: Any = HARBOUR) -> list[tuple[str, str]]:
    return [(d["device_name"], d["relay_name"]) for d in shown(house, group, community)["doors"]]


def found(house: House, **asked: Any) -> list[str]:
    house.project(AccessGroups)
    with house.reading(AccessGroups) as model:
        page = model.listed(HARBOUR, limit=50, **asked)
    return [json.loads(doc)["name"] for doc in page.docs]


def members(house: House, group: UUID, community: Any = HARBOUR) -> list[Any]:
    house.project(AccessGroups)
    with house.reading(AccessGroups) as model:
        page = model.members(community, group, limit=50)
    return [json.loads(doc) for doc in page.docs]


def names(house: House, group: UUID, community: Any = HARBOUR) -> list[str]:
    return [member["name"] for member in members(house, group, community)]


def test_m17_a_group_shows_when_it_holds_what_it_opens_and_how_many_belong_to_it(
    house: House,
) -> None:
    assert shown(house, SWIMMERS) == {
        "group": str(SWIMMERS),
        "number": 100_002,
        "name": "Swimmers",
        "type": "self_created",
        "building": None,
        "building_name": None,
        "schedule": {
            "repeat": "never",
            "start": "08:00",
            "end": "18:30",
            "days": [],
            "first": "2026-03-01",
            "last": "2026-03-09",
        },
        "members": 2,
        "doors": [
            {"device": str(GYM), "device_name": "Gym", "relay": 2, "relay_name": "Gym 2"},
        ],
    }
    default = shown(house, EVERYBODY)
    assert (default["type"], default["building_name"]) == ("default", "Tower")
    assert default["schedule"]["repeat"] == "daily"


def test_m16_a_default_group_opens_the_public_doors_of_its_building(house: House) -> None:
    gate, gym = [("Gate", "Gate 1"), ("Gate", "Gate 2")], [("Gym", "Gym 1"), ("Gym", "Gym 2")]
    assert doors(house, EVERYBODY) == gate
    house.happened(DeviceMoved(device=GYM, place=Place(building=TOWER)))
    assert doors(house, EVERYBODY) == gate + gym
    house.happened(DeviceMoved(device=GATE, place=Place(building=TOWER, apartment=FLAT_1)))
    assert doors(house, EVERYBODY) == gym
    house.happened(DeviceMoved(device=GATE, place=Place()))
    assert doors(house, EVERYBODY) == gate + gym
    house.happened(DeviceRemoved(device=GYM))
    assert doors(house, EVERYBODY) == gate
    assert doors(house, EVERYBODY, ELSEWHERE) == [
        ("Elsewhere's", "Elsewhere's 1"),
        ("Elsewhere's", "Elsewhere's 2"),
    ]


def test_m16_a_door_hung_after_the_group_is_there_at_once(house: House) -> None:
    doors(house, EVERYBODY)
    house.happened(a_device(device=UUID(int=33), name="Door", relays=1))  # type: ignore[arg-type]
    assert doors(house, EVERYBODY)[0] == ("Door", "Door 1")


def test_m14_m15_locks_are_doors_but_one_that_follows_a_phone_is_not_listed(house: House) -> None:
    both = frozenset({Door(device=GYM, relay=2), Door(device=CELLAR, relay=1)})
    pool = AccessGroupEdited(group=SWIMMERS, name="Swimmers", schedule=ONCE, doors=both)
    house.happened(a_lock(CELLAR, "Cellar"), pool)
    cellar, gym = ("Cellar", "Cellar"), ("Gym", "Gym 2")
    assert doors(house, SWIMMERS) == [cellar, gym]
    assert cellar in doors(house, EVERYBODY), "it is in the public area of the Tower"
    house.happened(LockLinked(lock=CELLAR, phone=GATE))
    assert doors(house, SWIMMERS) == [gym]
    assert cellar not in doors(house, EVERYBODY)
    house.happened(LockLinked(lock=CELLAR, phone=None), LockRenamed(lock=CELLAR, name="Bikes"))
    assert doors(house, SWIMMERS) == [("Bikes", "Bikes"), gym]
    house.happened(LockMoved(lock=CELLAR, place=Place(building=TOWER, apartment=FLAT_1)))
    assert ("Bikes", "Bikes") not in doors(house, EVERYBODY)
    house.happened(LockRemoved(lock=CELLAR))
    assert doors(house, SWIMMERS) == [gym]


def test_m14_the_doors_of_a_self_created_group_follow_their_phones(house: House) -> None:
    doors(house, SWIMMERS)
    renamed = tuple(Relay(number=n, name=f"Turnstile {n}") for n in (1, 2))
    house.happened(DeviceEdited(device=GYM, name="Pool", relays=renamed))
    assert doors(house, SWIMMERS) == [("Pool", "Turnstile 2")]
    house.happened(DeviceRemoved(device=GYM))
    assert doors(house, SWIMMERS) == []
    assert doors(house, SWIMMERS, ELSEWHERE) == [("Elsewhere's", "Elsewhere's 1")]


def test_m17_an_edited_group_is_as_it_is_from_now_on(house: House) -> None:
    shown(house, SWIMMERS)
    house.happened(
        AccessGroupEdited(
            group=SWIMMERS,
            name="Runners",
            schedule=Schedule(repeat="weekly", days=frozenset({2, 7})),
            doors=frozenset({Door(device=GATE, relay=1)}),
        )
    )
    now = shown(house, SWIMMERS)
    assert (now["name"], now["schedule"]["days"], now["members"]) == ("Runners", [2, 7], 2)
    assert doors(house, SWIMMERS) == [("Gate", "Gate 1")]
    assert shown(house, SWIMMERS, ELSEWHERE)["name"] == "Elsewhere's"


def test_m131_a_deleted_group_is_not_shown(house: House) -> None:
    shown(house, SWIMMERS)
    house.happened(AccessGroupDeleted(group=SWIMMERS))
    with pytest.raises(Unknown):
        shown(house, SWIMMERS)
    with pytest.raises(Unknown):
        members(house, SWIMMERS)
    assert found(house) == ["Staff", "Tower"]
    assert names(house, SWIMMERS, ELSEWHERE) == ["Ann Archer"]


def test_m18_members_by_name_with_their_homes(house: House) -> None:
    [ann, bob] = members(house, SWIMMERS)
    assert ann["name"] == "Ann Archer"
    assert bob == {
        "resident": str(BOB),
        "role": "master",
        "name": "Bob Baker",
        "building": str(ANNEX),
        "building_name": "Annex",
        "apartment": str(FLAT_2),
        "apartment_number": "2",
    }
    assert names(house, EVERYBODY) == ["Ann Archer"]
    assert names(house, STAFF) == []


def test_m18_members_come_go_and_are_counted(house: House) -> None:
    names(house, SWIMMERS)
    house.happened(
        GroupsChosen(resident=ANN, groups=frozenset({STAFF})),
        GroupsChosen(resident=BOB, groups=frozenset({STAFF, SWIMMERS})),
    )
    assert (names(house, SWIMMERS), shown(house, SWIMMERS)["members"]) == (["Bob Baker"], 1)
    assert shown(house, STAFF)["members"] == 2
    assert (names(house, EVERYBODY), shown(house, EVERYBODY)["members"]) == ([], 0)
    house.happened(ResidentDeleted(resident=BOB))
    assert (names(house, STAFF), shown(house, STAFF)["members"]) == (["Ann Archer"], 1)
    assert shown(house, SWIMMERS, ELSEWHERE)["members"] == 1


def test_names_of_people_and_buildings_follow(house: House) -> None:
    names(house, SWIMMERS)
    house.happened(
        ContactChanged(resident=ANN, contact=ERASED), BuildingRenamed(building=ANNEX, name="Mews")
    )
    [gone, bob] = members(house, SWIMMERS)
    assert (gone["name"], bob["building_name"]) == (None, "Mews")
    house.happened(BuildingRenamed(building=TOWER, name="Mast"))
    assert shown(house, EVERYBODY)["building_name"] == "Mast"
    assert shown(house, EVERYBODY, ELSEWHERE)["building_name"] == "Elsewhere"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["Staff", "Swimmers", "Tower"]),
        ({"type": "default"}, ["Tower"]),
        ({"type": "self_created"}, ["Staff", "Swimmers"]),
        ({"words": "SWIM"}, ["Swimmers"]),
        ({"words": "100001"}, ["Staff"]),
        ({"words": "s", "type": "default"}, []),
    ],
)
def test_a45_search(house: House, asked: dict[str, Any], expected: list[str]) -> None:
    assert found(house, **asked) == expected


def test_documents_are_their_schemas(house: House) -> None:
    house.project(AccessGroups)
    with house.reading(AccessGroups) as model:
        for doc in model.listed(HARBOUR, limit=50).docs:
            is_its_schemas(doc, AccessGroupDoc)
        for group in (EVERYBODY, SWIMMERS, STAFF):
            is_its_schemas(model.of(HARBOUR, group), AccessGroupDetails)
        for doc in model.members(HARBOUR, SWIMMERS, limit=50).docs:
            is_its_schemas(doc, MemberDoc)


@few
@forall(histories(), st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, past: list[Event], batch: int
) -> None:
    cuts_alike(module_database, AccessGroups, past, batch)
