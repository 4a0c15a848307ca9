"""Residents by spreadsheet, from real .xlsx bytes to events or to what each cell should say."""

from dataclasses import replace
from datetime import date

import pytest

from commands.residents.rows import ResidentRow
from commands.residents.sheet import ImportResidents
from domain.access_groups import Period
from domain.kernel import Event, MalformedRows
from domain.lifts import FloorsChosen
from domain.parking import VehiclesChanged
from domain.residents import (
    CardsChanged,
    Contact,
    ContactChanged,
    Email,
    Mobile,
    PinIssued,
    PinRevoked,
    ResidentAdded,
)
from schemas.sheets import SheetErrors, read_sheet
from schemas.sheets.rows import columns_of, load, locate
from schemas.sheets.writing import write_sheet
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CONTACT,
    EVERYBODY,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    SWIMMERS,
    a_building,
    a_community,
    a_default_group,
    a_group,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    floors,
    joined,
    vehicles,
)
from tests.scenario import MANAGER, a_bus, a_log, given

HOUSE: tuple[Event, ...] = (
    a_community(),
    a_building(),
    a_default_group(),
    a_group(SWIMMERS, number=123_456),
    an_apartment(FLAT_1, "1"),
    an_apartment(FLAT_2, "2#B"),
)
HOME = (*HOUSE, a_resident(ANN, EVERYBODY), joined(), a_pin("2468"))
COLUMNS = list(columns_of(ResidentRow).values())
NEW = {
    "Building": "tower",
    "Apt": "2#b",
    "Account Type": "0",
    "First Name": "Bob",
    "Last Name": "Baker",
}
ANNS = NEW | {"Apt": "1", "First Name": "Ann", "Last Name": "Archer"}


def sent(*rows: dict[str, str]) -> ImportResidents:
    sheet = read_sheet(write_sheet(COLUMNS, rows), COLUMNS)
    return ImportResidents(rows=tuple(load(ResidentRow, sheet)))


def said(*rows: dict[str, str], past: tuple[Event, ...] = HOME) -> list[str]:
    """What is wrong, as a user reads it."""
    sheet = read_sheet(write_sheet(COLUMNS, rows), COLUMNS)
    try:
        command = ImportResidents(rows=tuple(load(ResidentRow, sheet)))
        given(*past).when(command).decided()
    except SheetErrors as wrong:
        return list(map(str, wrong.errors))
    except MalformedRows as wrong:
        return list(map(str, locate(ResidentRow, sheet, wrong.errors).errors))
    return []


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_m43_m44_a_new_resident_with_codes() -> None:
    row = NEW | {
        "Email": "bob@example.org",
        "Mobile Number": "912345678",
        "Telephone Calling Code": "351",
        "Phone1": "0123",
        "RF Card": "0a1b;0A:1C",
        "PIN": "0246",
        "Access Group ID": "123456",
        "Remark": "tenant",
    }
    events = given(*HOME).when(sent(row)).decided()
    assert kinds(events) == ["ResidentAdded", "HouseholdJoined", "PinIssued", "CardsChanged"]
    added, _, pin, held = events
    assert isinstance(added, ResidentAdded)
    assert (added.apartment, added.groups) == (FLAT_2, frozenset({SWIMMERS}))
    assert added.contact == Contact(
        first_name="Bob",
        last_name="Baker",
        email=Email("bob@example.org"),
        mobile=Mobile("+351912345678"),
        phones=("0123",),
        remark="tenant",
    )
    assert isinstance(pin, PinIssued)
    assert pin.pin == "0246"
    assert isinstance(held, CardsChanged)
    assert isinstance(held.cards, frozenset)
    assert {c.code for c in held.cards} == {"0A1B", "0A1C"}


def test_m37_without_a_group_it_is_the_buildings_default() -> None:
    [added, _] = given(*HOME).when(sent(NEW)).decided()
    assert isinstance(added, ResidentAdded)
    assert added.groups == {EVERYBODY}


def test_m23_a_family_may_stand_above_its_master() -> None:
    family = NEW | {"Account Type": "1", "First Name": "Cleo"}
    events = given(*HOME).when(sent(family, NEW)).decided()
    assert [e.role for e in events if isinstance(e, ResidentAdded)] == ["master", "family"]
    assert said(family) == [
        "F2 (Account Type): the apartment has no master yet: add a row for the master, with 0"
    ]


def test_a21_the_same_file_again_changes_nothing() -> None:
    rows = (NEW | {"PIN": "0246", "RF Card": "0A1B"}, NEW | {"Account Type": "1", "Last Name": "C"})
    past = (*HOME, *given(*HOME).when(sent(*rows)).decided())
    given(*past).when(sent(*rows)).then_nothing()


def test_a20_blank_keeps_and_clear_empties() -> None:
    past = (*HOUSE, a_resident(contact=replace(CONTACT, remark="tenant")), joined(), a_pin("2468"))
    given(*past).when(sent(ANNS)).then_nothing()
    gone = ANNS | {"Remark": "#CLEAR", "PIN": "#CLEAR"}
    given(*past).when(sent(gone)).then(
        ContactChanged(resident=ANN, contact=CONTACT), PinRevoked(resident=ANN)
    )


def test_a21_a_uid_says_who_and_may_change_the_name() -> None:
    row = {"UID": str(ANN), "First Name": "Anna"}
    given(*HOME).when(sent(row)).then(
        ContactChanged(resident=ANN, contact=replace(CONTACT, first_name="Anna"))
    )
    assert said({"UID": str(BOB)}) == [
        "A2 (UID): nobody has this UID: leave it blank for a new resident"
    ]


def test_a21_an_ambiguous_name_is_refused() -> None:
    twin = (a_resident(BOB, EVERYBODY, role="family"), joined(BOB, role="family"))
    assert said(ANNS, past=(*HOME, *twin)) == [
        "A2 (UID): several residents of this name live there: give the UID"
    ]


def test_a44_unknown_buildings_and_apartments_are_refused() -> None:
    assert said(NEW | {"Building": "Mill"}, NEW | {"Apt": "9"}) == [
        "B2 (Building): no such building: the installer adds buildings",
        "D3 (Apt): no such apartment: the installer adds apartments",
    ]


def test_a49_several_cards_only_on_a_master() -> None:
    family = ANNS | {"Account Type": "1", "First Name": "Cleo", "RF Card": "0A;0B"}
    assert said(family) == ["O2 (RF Card): a member of the family has one card: leave one"]


def test_m28_a6_f7_every_bad_cell_is_told_at_once_without_its_secret() -> None:
    told = said(
        NEW | {"PIN": "9246", "Building": "Mill"},
        NEW | {"PIN": "2468"},
        NEW | {"First Name": "Dan", "Account Type": "1", "RF Card": "x" * 21},
        NEW | {"First Name": "Eve", "Account Type": "1", "Access Group ID": "999999"},
        NEW
        | {
            "First Name": "Fay",
            "Account Type": "1",
            "License Plate": "?",
            "UHF Card": "E1;E2;E3;E4;E5;E6",
            "Accessible Floors": "1;attic",
        },
    )
    assert told == [
        "B2 (Building): no such building: the installer adds buildings",
        "P2 (PIN): 2 to 8 digits, not starting with 9",
        "P3 (PIN): in use already: choose another",
        "O4 (RF Card): 1 to 20 letters and digits as printed on the card",
        "S5 (Access Group ID): no access group has this number: see the groups' list",
        "C6 (Accessible Floors): numbers by ';', of another building as Annex:7",
        "Q6 (License Plate): 2 to 12 letters and digits, as on the plate",
        "R6 (UHF Card): 5 at most for one person",
    ]


def test_a6_a_pin_in_use_or_twice_in_the_file() -> None:
    second = NEW | {"First Name": "Cleo", "Account Type": "1", "PIN": "1357"}
    assert said(NEW | {"PIN": "2468"}) == ["P2 (PIN): in use already: choose another"]
    assert said(NEW | {"PIN": "1357"}, second) == ["P3 (PIN): in row 2 too: choose another"]


def test_a21_the_same_person_twice_in_a_file() -> None:
    assert said(NEW, NEW) == ["G3 (First Name): the same person as in row 2"]


def test_f6_one_bad_row_and_nothing_is_done() -> None:
    log = a_log(*HOME)
    command = sent(NEW, NEW | {"First Name": "Cleo", "Apt": "9"})
    with pytest.raises(MalformedRows):
        a_bus(log).dispatch(command, community=HARBOUR, actor=MANAGER)
    assert log.head() == len(HOME)


def test_m44_e_mails_numbers_and_uids_are_checked_by_their_kind() -> None:
    told = said(
        NEW | {"Email": "bob"},
        NEW | {"UID": "7", "Email": "no"},
        NEW | {"Account Type": "2"},
    )
    assert [line.partition(":")[0] for line in told] == [
        "I2 (Email)",
        "I3 (Email)",
        "F4 (Account Type)",
    ]
    assert said(NEW | {"Mobile Number": "912345678"}) == [
        "K2 (Telephone Calling Code): missing: the mobile number needs it, or begins with +"
    ]


def test_a8_a_card_of_the_same_person_typed_otherwise_is_the_same() -> None:
    past = (*HOME, cards(ANN, "0A1B"))
    given(*past).when(sent(ANNS | {"RF Card": "0a:1b"})).then_nothing()


def test_a22_a_number_of_thousands_of_digits_is_no_groups() -> None:
    assert said(NEW | {"Access Group ID": "1" * 5000}) == [
        "S2 (Access Group ID): no access group has this number: see the groups' list"
    ]


def test_a21_a_new_name_of_a_row_before_is_known_to_the_rows_after() -> None:
    renamed = {"UID": str(ANN), "First Name": "Anna"}
    again = ANNS | {"First Name": "Anna", "Last Name": "Archer"}
    assert said(renamed, again) == ["G3 (First Name): the same person as in row 2"]
    bob = {"UID": str(BOB), "First Name": "Ann", "Last Name": "Archer"}
    home = (*HOME, a_resident(BOB, EVERYBODY, role="family"), joined(BOB, role="family"))
    assert said(renamed, bob | {"First Name": "Bob"}, ANNS, past=home) == [
        "F4 (Account Type): the apartment has a master already: 1 makes a member of the family"
    ]


VEHICLES = {"License Plate": "12-AB-34; CD 56", "UHF Card": "e2:80"}
ANNEXED = (*HOME, a_building(ANNEX, "Annex", SWIMMERS))


def test_m44_m33_m34_m27_vehicles_and_floors_come_with_the_row() -> None:
    floors_too = {"Accessible Floors": "2;-1;annex:7"}
    *_, changed, chosen = given(*ANNEXED).when(sent(NEW | VEHICLES | floors_too)).decided()
    assert isinstance(changed, VehiclesChanged)
    assert isinstance(chosen, FloorsChosen)
    assert changed.vehicles == vehicles("12-AB-34", "CD 56", tags=("e2:80",)).vehicles
    assert chosen.floors == floors(2, -1) | floors(7, building=ANNEX)


def test_a20_m45_a_blank_cell_keeps_vehicles_and_floors_and_clear_empties_them() -> None:
    there = (vehicles("AB12", tags=("E280",)), FloorsChosen(resident=ANN, floors=floors(2)))
    given(*HOME, *there).when(sent(ANNS)).then_nothing()
    other = sent(ANNS | {"UHF Card": "E281"})
    given(*HOME, *there).when(other).then(vehicles("AB12", tags=("E281",)))
    gone = sent(ANNS | {"License Plate": "#CLEAR", "Accessible Floors": "#CLEAR"})
    given(*HOME, *there).when(gone).then(
        vehicles(tags=("E280",)), FloorsChosen(resident=ANN, floors=frozenset())
    )


def test_m35_a_period_stays_when_plates_are_imported() -> None:
    june = Period(first=date(2026, 6, 1), last=date(2026, 6, 30))
    given(*HOME, vehicles("AB12", period=june)).when(sent(ANNS | {"License Plate": "CD34"})).then(
        vehicles("CD34", period=june)
    )


def test_m33_m34_a_plate_or_a_tag_in_use_or_twice_in_the_file() -> None:
    past = (*HOME, vehicles("AB12", tags=("E280",)))
    cleo = NEW | {"First Name": "Cleo", "Account Type": "1"}
    told = said(
        NEW | {"License Plate": "ab-12"},
        cleo | {"UHF Card": "E2:80"},
        cleo | {"First Name": "Dan", "License Plate": "XY99"},
        cleo | {"First Name": "Eve", "License Plate": "XY-99"},
        past=past,
    )
    assert told == [
        "Q2 (License Plate): in use already: choose another",
        "R3 (UHF Card): in use already: choose another",
        "Q5 (License Plate): in row 4 too: choose another",
    ]


def test_a10_m27_what_is_wrong_with_vehicles_and_floors_is_told_by_cell() -> None:
    told = said(
        NEW | {"License Plate": "A1;A2;A3;A4;A5;A6", "Accessible Floors": "Mill:3"},
        NEW | {"First Name": "Cleo", "Account Type": "1", "Accessible Floors": "900"},
    )
    assert told == [
        "C2 (Accessible Floors): no such building: write its name as in Gatehouse",
        "Q2 (License Plate): 5 at most for one person",
        "C3 (Accessible Floors): numbers from -9 to 200",
    ]
