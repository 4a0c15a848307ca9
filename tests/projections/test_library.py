"""M93, M94, A54: every PIN and card in force, whose it is and since when."""

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.access_groups import Period
from domain.apartments import BuildingRenamed
from domain.ids import CommunityId
from domain.kernel import Event
from domain.record import ERASED
from domain.residents import (
    CardsChanged,
    Contact,
    ContactChanged,
    PinIssued,
    PinRevoked,
    ResidentDeleted,
    card,
)
from eventlog.sealing import Keyring, KeyringVault, StoredKey
from projections.library import Kind, Library, LibraryEntry, LibraryFilter
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CLEO,
    ELSEWHERE,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    TOWER,
    a_building,
    a_community,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    vehicles,
)
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House, MemoryKeys

JUNE = Period(first=date(2026, 6, 1), last=date(2026, 6, 30))
BOBS = Contact(first_name="Bob", last_name="Baker")
CLEOS = Contact(first_name="Cleo", last_name="Archer")


class CountedKeys(MemoryKeys):
    """Whose keys were asked for, each time."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = list[set[UUID]]()

    def load(self, community: UUID, subjects: Collection[UUID]) -> Mapping[UUID, StoredKey]:
        self.looks.append(set(subjects))
        return super().load(community, subjects)


@pytest.fixture
def house(module_database: Database) -> House:
    """Ann and Cleo in 10 of the Tower, Bob in 2 of the Annex; another Ann in another community."""
    house = House(module_database)
    house.forget(Library)
    house.happened(
        a_community(),
        a_building(TOWER, "Tower"),
        a_building(ANNEX, "Annex"),
        an_apartment(FLAT_1, "10", TOWER),
        an_apartment(FLAT_2, "2", ANNEX),
        a_resident(ANN),
        a_resident(BOB, home=FLAT_2, building=ANNEX, contact=BOBS),
        a_resident(CLEO, role="family", contact=CLEOS),
        a_pin("2468", ANN),
        a_pin("1357", BOB, FLAT_2),
        cards(ANN, "0a:1b", "0A2C"),
        cards(BOB, "my-1b-tag"),
    )
    house.happened(
        a_community(home=ELSEWHERE),
        a_building(TOWER, "Elsewhere"),
        an_apartment(FLAT_1, "10", TOWER),
        a_resident(ANN),
        a_pin("2469"),
        cards(ANN, "0A1B"),
        community=ELSEWHERE,
    )
    return house


def entries(
    house: House, kind: Kind = "pin", home: CommunityId = HARBOUR, **asked: Any
) -> list[dict[str, Any]]:
    house.project(Library)
    with house.reading(Library) as model:
        page = model.listed(kind, home, LibraryFilter(**asked), limit=50)
    return [json.loads(doc) for doc in page.docs]


def codes(house: House, kind: Kind = "pin", **asked: Any) -> list[str]:
    return sorted(entry["code"] for entry in entries(house, kind, **asked))


def holding(house: House, kind: Kind, part: str, *, exact: bool = False) -> list[str]:
    house.project(Library)
    with house.reading(Library) as model:
        ids = (model.exactly if exact else model.holding)(kind, HARBOUR, part)
        page = model.listed(kind, HARBOUR, ids=ids, limit=50)
    return sorted(json.loads(doc)["code"] for doc in page.docs)


def since(house: House, kind: Kind, code: str) -> datetime:
    [found] = [e["since"] for e in entries(house, kind) if e["code"] == code]
    return datetime.fromisoformat(found)


def test_m93_a_pin_shows_whose_it_is_where_and_since_when(house: House) -> None:
    ann, bob = entries(house)
    [recorded] = [r for r in house.log.read(after=0) if r.event == a_pin("2468")]
    assert bob["code"] == "1357"
    assert ann == {
        "id": str(ANN),
        "holder": str(ANN),
        "identity": "master",
        "name": "Ann Archer",
        "building": str(TOWER),
        "building_name": "Tower",
        "apartment": str(FLAT_1),
        "apartment_number": "10",
        "since": recorded.recorded_at.isoformat(),
        "issued": True,
        "first": None,
        "last": None,
        "code": "2468",
    }


def test_m94_a_card_shows_as_doors_compare_it(house: House) -> None:
    assert codes(house, "card") == ["0A1B", "0A2C", "MY-1B-TAG"]
    assert codes(house, "card", building=ANNEX) == ["MY-1B-TAG"]
    assert [e["code"] for e in entries(house, "card", ELSEWHERE)] == ["0A1B"]


def test_m93_a_pin_that_is_changed_or_revoked_is_out_of_force(house: House) -> None:
    assert codes(house) == ["1357", "2468"]
    house.happened(a_pin("8642", ANN))
    assert codes(house) == ["1357", "8642"]
    house.happened(PinRevoked(resident=ANN))
    assert codes(house) == ["1357"]


def test_m39_with_its_holder_goes_every_code(house: House) -> None:
    codes(house)
    house.happened(ResidentDeleted(resident=ANN))
    assert (codes(house), codes(house, "card")) == (["1357"], ["MY-1B-TAG"])
    assert [e["code"] for e in entries(house, "pin", ELSEWHERE)] == ["2469"]


def test_m94_a_card_that_stays_keeps_its_since_and_one_that_comes_back_begins_anew(
    house: House,
) -> None:
    before = since(house, "card", "0A1B"), since(house, "card", "0A2C")
    house.happened(cards(ANN, "0A1B"), cards(ANN, "0A1B", "0A2C"))
    assert since(house, "card", "0A1B") == before[0]
    assert since(house, "card", "0A2C") > before[1]


@pytest.mark.parametrize("batch", [1, 100])
def test_m94_a_card_may_change_hands(house: House, batch: int) -> None:
    house.project(Library)
    house.happened(cards(BOB), cards(ANN, "0A2C"), cards(BOB, "0A1B"))
    house.project(Library, batch=batch)
    held = {e["code"]: e["name"] for e in entries(house, "card")}
    assert held == {"0A2C": "Ann Archer", "0A1B": "Bob Baker"}


def test_names_and_homes_follow(house: House) -> None:
    codes(house)
    house.happened(
        ContactChanged(resident=ANN, contact=CLEOS), BuildingRenamed(building=TOWER, name="Mast")
    )
    for kind in ("pin", "card"):
        [*_, last] = entries(house, kind)
        assert (last["name"], last["building_name"]) == ("Cleo Archer", "Mast")
    assert entries(house, "pin", ELSEWHERE)[0]["name"] == "Ann Archer"


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"building": TOWER}, ["0246", "2468"]),
        ({"apartment": FLAT_2}, ["1357"]),
        ({"identity": "family"}, ["0246"]),
        ({"words": "ARCH ann"}, ["2468"]),
        ({"words": "tower"}, []),
    ],
)
def test_m93_search(house: House, asked: dict[str, Any], expected: list[str]) -> None:
    house.happened(a_pin("0246", CLEO))
    assert codes(house, **asked) == expected


def test_m93_search_by_a_part_of_the_pin_or_by_all_of_it(house: House) -> None:
    house.happened(a_pin("0246", CLEO))
    assert holding(house, "pin", "24") == ["0246", "2468"]
    assert holding(house, "pin", "35") == ["1357"]
    assert holding(house, "pin", "2469") == []
    assert holding(house, "pin", "24", exact=True) == []
    assert holding(house, "pin", "2468", exact=True) == ["2468"]


def test_a43_a8_search_by_a_part_of_a_card_as_anybody_would_type_it(house: House) -> None:
    assert holding(house, "card", "a:1b") == ["0A1B"]
    assert holding(house, "card", "1b") == ["0A1B", "MY-1B-TAG"]
    assert holding(house, "card", "-1b-") == ["0A1B", "MY-1B-TAG"]
    assert holding(house, "card", "y-1") == ["MY-1B-TAG"]
    assert holding(house, "card", "0A-1B", exact=True) == ["0A1B"]
    assert holding(house, "card", "0A", exact=True) == []


def test_m80_plates_and_tags_by_building_apartment_and_resident(house: House) -> None:
    house.happened(vehicles("AB-12", "CD-34"), vehicles(tags=("E2:80",), who=BOB))
    assert codes(house, "plate") == ["AB12", "CD34"]
    assert codes(house, "uhf") == ["E280"]
    assert codes(house, "plate", apartment=FLAT_2) == []
    assert codes(house, "uhf", building=ANNEX) == ["E280"]
    assert codes(house, "plate", holder=ANN) == ["AB12", "CD34"]
    assert codes(house, "plate", holder=BOB) == []
    assert codes(house, "card", holder=BOB) == ["MY-1B-TAG"]
    assert entries(house, "plate", ELSEWHERE) == []


def test_m80_m36_the_library_says_which_plates_no_phone_is_given(house: House) -> None:
    house.happened(vehicles("AB12", tags=("E280",)), vehicles("CD34", who=BOB))
    assert {e["code"]: e["issued"] for e in entries(house, "plate")} == {
        "AB12": False,
        "CD34": True,
    }
    assert [e["issued"] for e in entries(house, "uhf")] == [True]
    house.happened(vehicles("AB12"))
    assert {e["issued"] for e in entries(house, "plate")} == {True}


def test_m80_m35_a_period_shows_with_every_vehicle_of_the_person_and_no_card(house: House) -> None:
    house.happened(vehicles("AB12", "CD34", period=JUNE))
    assert {(e["first"], e["last"]) for e in entries(house, "plate")} == {
        ("2026-06-01", "2026-06-30")
    }
    assert {e["first"] for e in entries(house, "card")} == {None}
    since = [e["since"] for e in entries(house, "plate")]
    house.happened(vehicles("AB12", "CD34"))
    assert {e["first"] for e in entries(house, "plate")} == {None}
    assert [e["since"] for e in entries(house, "plate")] == since


@pytest.mark.parametrize("batch", [1, 100])
def test_m80_a_plate_may_change_hands_and_leaves_cards_alone(house: House, batch: int) -> None:
    house.happened(vehicles("AB12"), vehicles(), vehicles("AB12", who=BOB))
    house.project(Library, batch=batch)
    assert [(e["code"], e["name"]) for e in entries(house, "plate")] == [("AB12", "Bob Baker")]
    assert codes(house, "card") == ["0A1B", "0A2C", "MY-1B-TAG"]
    house.happened(ResidentDeleted(resident=BOB))
    assert codes(house, "plate") == []


def test_m80_search_by_a_part_of_a_plate_as_anybody_would_type_it(house: House) -> None:
    house.happened(vehicles("12-AB-34", tags=("E2801160",)))
    assert holding(house, "plate", "2a") == ["12AB34"]
    assert holding(house, "plate", "2-a") == ["12AB34"]
    assert holding(house, "plate", "12 ab 34", exact=True) == ["12AB34"]
    assert holding(house, "plate", "12ab3", exact=True) == []
    assert holding(house, "uhf", "80:11") == ["E2801160"]


def test_a54_what_residents_made_themselves_is_not_in_the_library(house: House) -> None:
    own = frozenset({card("1F2E"), card("CAFE", "resident")})
    house.happened(
        replace(a_pin("7531", CLEO), made_by="resident"), CardsChanged(resident=CLEO, cards=own)
    )
    assert codes(house) == ["1357", "2468"]
    assert "CAFE" not in codes(house, "card")


def test_p1_with_a_destroyed_key_nothing_opens(house: House) -> None:
    house.project(Library)
    house.keys.destroy(HARBOUR, ANN)
    assert {e["name"]: e["code"] for e in entries(house)} == {
        "Ann Archer": None,
        "Bob Baker": "1357",
    }
    assert holding(house, "pin", "24") == []
    assert [e["code"] for e in entries(house, "pin", ELSEWHERE)] == ["2469"]


def test_p3_what_is_erased_in_the_log_is_not_in_force(house: House) -> None:
    house.happened(
        PinIssued(resident=ANN, apartment=FLAT_1, pin=ERASED, pin_mode="pin"),
        CardsChanged(resident=ANN, cards=ERASED),
        ContactChanged(resident=BOB, contact=ERASED),
    )
    assert [(e["name"], e["code"]) for e in entries(house)] == [(None, "1357")]
    assert codes(house, "card") == ["MY-1B-TAG"]


def test_the_keys_of_a_batch_are_looked_up_together(house: House) -> None:
    """A second round trip for a kind of rows would be one too many."""
    keys = CountedKeys()
    vault = KeyringVault(Keyring(keys.master, keys), lambda home: home.bytes)
    with house.connect("read") as db:
        model = Library(db, vault)
        model.create()
        model.apply(house.log.read(after=0))
    assert keys.looks == [{ANN, BOB}, {ANN}]


def test_no_code_lies_in_clear(house: House) -> None:
    house.happened(
        a_pin("24681357", CLEO),
        cards(CLEO, "CAFE24681357"),
        vehicles("AB24681357", tags=("E224681357",), who=CLEO),
    )
    house.project(Library)
    with house.connect("read") as db:
        rows = db.execute("select * from library_codes").fetchall()
    kept = repr([bytes(v) if isinstance(v, memoryview) else v for row in rows for v in row])
    assert "Cleo" in kept
    assert "24681357" not in kept


def test_documents_are_their_schemas(house: House) -> None:
    house.happened(vehicles("AB12", period=JUNE))
    for entry in entries(house) + entries(house, "card") + entries(house, "plate"):
        is_its_schemas(json.dumps(entry), LibraryEntry)


@few
@forall(histories(), st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, past: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Library, past, batch)
