"""M38: the people of a community, how to reach them, and which keys they have."""

import json
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.access_groups import ALWAYS, AccessGroupDeleted, AccessGroupEdited, Period
from domain.apartments import ApartmentRenamed, BuildingRenamed
from domain.faces import FaceEnrolled, FaceRemoved
from domain.ids import ApartmentId, ResidentId
from domain.kernel import Event, Unknown
from domain.lifts import FloorsChosen
from domain.parking import VehiclesChanged
from domain.record import ERASED
from domain.residents import (
    CardsChanged,
    Contact,
    ContactChanged,
    Email,
    GroupsChosen,
    PinIssued,
    PinRevoked,
    ResidentAdded,
    ResidentDeleted,
)
from projections.residents import Residents
from projections.residents.documents import ResidentDoc
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CLEO,
    ELSEWHERE,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    STAFF,
    SWIMMERS,
    TOWER,
    a_building,
    a_community,
    a_face,
    a_group,
    a_photo,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    floors,
    vehicles,
)
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, docs, few, is_its_schemas
from tests.read_models import House

JUNE = Period(first=date(2026, 6, 1), last=date(2026, 6, 30))
DEE, FLAT_3 = ResidentId(UUID(int=19)), ApartmentId(UUID(int=23))
BOBS = Contact(first_name="Bob", last_name="Baker", email=Email("bob@example.org"))
CLEOS = Contact(first_name="Cleo", last_name="Archer", mobile=None, phones=("555",), remark="Owner")
ELSEWHERES = Contact(first_name="Ann", last_name="Elsewhere")


@pytest.fixture
def house(module_database: Database) -> House:
    """Ann and Cleo in 10 of the Tower, Bob in 2 of the Annex; another Ann in another community."""
    house = House(module_database)
    house.forget(Residents)
    house.happened(
        a_community(),
        a_building(TOWER, "Tower"),
        a_building(ANNEX, "Annex"),
        an_apartment(FLAT_1, "10", TOWER),
        an_apartment(FLAT_2, "2", ANNEX),
        a_group(SWIMMERS, name="Swimmers", number=100_002),
        a_group(STAFF, name="Staff", number=100_001),
        a_resident(ANN, SWIMMERS, STAFF),
        a_resident(BOB, SWIMMERS, home=FLAT_2, building=ANNEX, contact=BOBS),
        a_resident(CLEO, role="family", contact=CLEOS),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(TOWER, "Elsewhere"),
        an_apartment(FLAT_1, "10", TOWER),
        a_resident(ANN, contact=ELSEWHERES),
        community=ELSEWHERE,
    )
    return house


def shown(house: House, who: UUID = ANN, community: Any = HARBOUR) -> Any:
    house.project(Residents)
    with house.reading(Residents) as model:
        return json.loads(model.of(community, who))


def found(house: House, **asked: Any) -> list[str]:
    """The first names, in order."""
    house.project(Residents)
    with house.reading(Residents) as model:
        page = model.listed(HARBOUR, limit=50, **asked)
    return [json.loads(doc)["name"].split()[0] for doc in page.docs]


def test_m38_a_resident_shows_contact_home_groups_and_which_keys_there_are(house: House) -> None:
    house.happened(a_pin("2468"), cards(ANN, "0A1B", "0A2C"))
    assert shown(house) == {
        "resident": str(ANN),
        "role": "master",
        "name": "Ann Archer",
        "contact": {
            "first_name": "Ann",
            "last_name": "Archer",
            "email": None,
            "mobile": None,
            "phones": [],
            "remark": None,
        },
        "building": str(TOWER),
        "building_name": "Tower",
        "apartment": str(FLAT_1),
        "apartment_number": "10",
        "apartment_name": "10",
        "groups": [
            {"group": str(STAFF), "number": 100_001, "name": "Staff"},
            {"group": str(SWIMMERS), "number": 100_002, "name": "Swimmers"},
        ],
        "has_pin": True,
        "cards": 2,
        "vehicles": {"plates": 0, "uhf": 0, "first": None, "last": None},
        "has_face": False,
        "floors": [],
    }


def test_m33_m34_m35_a_resident_shows_how_many_vehicles_and_for_how_long(house: House) -> None:
    house.happened(vehicles("AB12", "CD34", tags=("E280",), period=JUNE))
    said = {"plates": 2, "uhf": 1, "first": "2026-06-01", "last": "2026-06-30"}
    assert shown(house)["vehicles"] == said
    assert shown(house, BOB)["vehicles"]["plates"] == 0
    house.happened(VehiclesChanged(resident=ANN, vehicles=ERASED))
    assert shown(house)["vehicles"] == dict.fromkeys(said, None) | {"plates": 0, "uhf": 0}


def test_m32_a_resident_shows_that_there_is_a_photo_and_not_which(house: House) -> None:
    house.happened(a_face(a_photo()), a_face(a_photo(1), BOB), FaceRemoved(resident=BOB))
    assert (shown(house)["has_face"], shown(house, BOB)["has_face"]) == (True, False)
    assert str(a_face(a_photo()).photo) not in json.dumps(shown(house))
    house.happened(FaceEnrolled(resident=ANN, photo=ERASED))
    assert not shown(house)["has_face"]


def test_m27_floors_show_by_building_and_follow_its_name(house: House) -> None:
    chosen = floors(10, 2) | floors(7, building=ANNEX)
    house.happened(FloorsChosen(resident=ANN, floors=chosen))
    assert floor_names(house) == [("Annex", 7), ("Tower", 2), ("Tower", 10)]
    house.happened(BuildingRenamed(building=ANNEX, name="Villa"))
    assert floor_names(house) == [("Tower", 2), ("Tower", 10), ("Villa", 7)]
    house.happened(FloorsChosen(resident=ANN, floors=frozenset()))
    assert floor_names(house) == []


def floor_names(house: House) -> list[tuple[str, int]]:
    return [(floor["building_name"], floor["number"]) for floor in shown(house)["floors"]]


def test_m38_what_changes_shows_and_only_there(house: House) -> None:
    before = shown(house), shown(house, ANN, ELSEWHERE)
    house.happened(
        ContactChanged(resident=BOB, contact=CLEOS),
        GroupsChosen(resident=BOB, groups=frozenset({STAFF})),
        a_pin("2468", BOB),
        cards(BOB, "0A1B"),
    )
    bob = shown(house, BOB)
    assert (bob["name"], bob["contact"]["remark"]) == ("Cleo Archer", "Owner")
    assert [group["name"] for group in bob["groups"]] == ["Staff"]
    assert (bob["has_pin"], bob["cards"]) == (True, 1)
    assert (shown(house), shown(house, ANN, ELSEWHERE)) == before


def test_m67_m130_a_home_that_is_renamed_shows_its_new_name(house: House) -> None:
    before = shown(house), shown(house, BOB)["building_name"]
    house.happened(BuildingRenamed(building=ANNEX, name="Mews"))
    assert (before[1], shown(house, BOB)["building_name"]) == ("Annex", "Mews")
    assert found(house, words="mews") == ["Bob"]
    house.happened(ApartmentRenamed(apartment=FLAT_2, name="Penthouse"))
    assert shown(house, BOB)["apartment_name"] == "Penthouse"
    assert shown(house) == before[0]


def test_m38_keys_that_are_taken_away_are_gone(house: House) -> None:
    house.happened(a_pin("2468", BOB), cards(BOB, "0A1B"))
    assert (shown(house, BOB)["has_pin"], shown(house, BOB)["cards"]) == (True, 1)
    house.happened(PinRevoked(resident=BOB), cards(BOB))
    assert (shown(house, BOB)["has_pin"], shown(house, BOB)["cards"]) == (False, 0)


def test_m17_an_edited_group_shows_its_new_name(house: House) -> None:
    shown(house)
    house.happened(
        AccessGroupEdited(group=SWIMMERS, name="Pool", schedule=ALWAYS, doors=frozenset())
    )
    assert [group["name"] for group in shown(house)["groups"]] == ["Staff", "Pool"]


def test_m131_a_deleted_group_is_nobodys_group(house: House) -> None:
    shown(house)
    house.happened(AccessGroupDeleted(group=SWIMMERS))
    assert [group["name"] for group in shown(house)["groups"]] == ["Staff"]
    assert shown(house, BOB)["groups"] == []


def test_m39_a_deleted_resident_is_not_shown(house: House) -> None:
    shown(house)
    house.happened(ResidentDeleted(resident=ANN))
    with pytest.raises(Unknown):
        shown(house)
    assert found(house) == ["Bob", "Cleo"]
    assert shown(house, ANN, ELSEWHERE)["name"] == "Ann Elsewhere"


def test_m39_one_who_goes_and_a_home_that_is_renamed_in_one_batch_stay_apart(house: House) -> None:
    shown(house)
    house.happened(ResidentDeleted(resident=ANN), ApartmentRenamed(apartment=FLAT_1, name="Loft"))
    assert found(house) == ["Bob", "Cleo"]


def test_p3_a_forgotten_person_has_no_name_and_no_keys(house: House) -> None:
    house.happened(
        ResidentAdded(
            resident=DEE,
            apartment=FLAT_1,
            building=TOWER,
            role="family",
            contact=ERASED,
            groups=frozenset(),
        ),
        PinIssued(resident=DEE, apartment=FLAT_1, pin=ERASED, pin_mode="pin"),
        CardsChanged(resident=DEE, cards=ERASED),
    )
    gone = shown(house, DEE)
    assert (gone["name"], gone["contact"], gone["has_pin"], gone["cards"]) == (None, None, False, 0)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["Ann", "Bob", "Cleo"]),
        ({"building": ANNEX}, ["Bob"]),
        ({"building": TOWER}, ["Ann", "Cleo"]),
        ({"apartment": FLAT_1}, ["Ann", "Cleo"]),
        ({"role": "family"}, ["Cleo"]),
        ({"role": "master", "building": TOWER}, ["Ann"]),
        ({"words": "arch"}, ["Ann", "Cleo"]),
        ({"words": "ARCHER leo"}, ["Cleo"]),
        ({"words": "nnex"}, ["Bob"]),
        ({"words": "bob@EXAMPLE"}, ["Bob"]),
        ({"words": "tower 10"}, ["Ann", "Cleo"]),
        ({"words": "archer annex"}, []),
        ({"words": "%"}, []),
    ],
)
def test_m38_search(house: House, asked: dict[str, Any], expected: list[str]) -> None:
    assert found(house, **asked) == expected


def test_m38_sort_by_name_or_by_apartment_9_before_10(house: House) -> None:
    dees = Contact(first_name="Dee", last_name="Dyer")
    house.happened(an_apartment(FLAT_3, "9"), a_resident(DEE, home=FLAT_3, contact=dees))
    assert found(house, sort="name") == ["Ann", "Bob", "Cleo", "Dee"]
    assert found(house, sort="apartment") == ["Bob", "Dee", "Ann", "Cleo"]


def test_a_page_is_one_prepared_statement_that_gives_documents(house: House) -> None:
    house.project(Residents)
    with house.reading(Residents) as model:
        for _ in range(3):
            model.listed(HARBOUR, limit=50)
        said = model.db.execute(
            "select statement, generic_plans + custom_plans from pg_prepared_statements"
        ).fetchall()
    [(statement, runs)] = [one for one in said if "residents" in one[0]]
    assert statement.startswith('select doc, "name", "resident" from "residents"')
    assert runs == 3


def test_documents_are_their_schemas(house: House) -> None:
    house.happened(a_pin("2468", BOB))
    house.project(Residents)
    assert len(docs(house, Residents)) == 4
    for doc in docs(house, Residents):
        is_its_schemas(doc, ResidentDoc)


def test_no_code_is_kept(house: House) -> None:
    house.happened(a_pin("24681357"), cards(ANN, "CAFE24681357"))
    house.project(Residents)
    assert "24681357" not in repr(house.rows(Residents))


@few
@forall(histories(), st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, past: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Residents, past, batch)
