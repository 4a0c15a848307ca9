from dataclasses import replace

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from commands.residents import (
    AddResident,
    ChangeContact,
    ChooseGroups,
    DeleteResident,
    IssueCard,
    IssuePin,
    RevokeCard,
    RevokePin,
)
from domain.apartments import HouseholdLeft
from domain.kernel import Malformed, fold
from domain.record import ERASED
from domain.residents import (
    PIN,
    ContactChanged,
    GroupsChosen,
    PinRevoked,
    Resident,
    ResidentDeleted,
    card,
)
from domain.settings import DeletingAccountsPermitted
from tests.builders import (
    ANN,
    BOB,
    CLEO,
    CONTACT,
    EVERYBODY,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    STAFF,
    SWIMMERS,
    a_building,
    a_community,
    a_default_group,
    a_group,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    joined,
)
from tests.scenario import given

HOUSE = (
    a_community(),
    a_building(),
    a_default_group(),
    a_group(SWIMMERS),
    an_apartment(FLAT_1, "1"),
    an_apartment(FLAT_2, "2"),
)
FAMILY = (a_resident(ANN, EVERYBODY), joined(), a_resident(BOB, EVERYBODY, role="family"))
HOME = (*HOUSE, *FAMILY, joined(BOB, role="family"))
ADD = AddResident(resident=ANN, apartment=FLAT_1, contact=CONTACT)
ASK = IssuePin(resident=ANN, pin="2468")
PERMIT = DeletingAccountsPermitted(community=HARBOUR, permitted=True)


def test_m22_a_master_is_added_without_any_access_method() -> None:
    given(*HOUSE).when(ADD).then(a_resident(ANN, EVERYBODY), joined())


def test_m22_added_twice_is_already_so() -> None:
    given(*HOME).when(ADD).then_nothing()


def test_m22_an_apartment_has_one_master() -> None:
    given(*HOME).when(replace(ADD, resident=CLEO)).then_refused("master-exists")


def test_m22_the_apartment_must_be_there() -> None:
    given(*HOUSE[:4]).when(ADD).then_unknown("Apartment")


def test_m23_the_master_comes_first() -> None:
    ask = replace(ADD, resident=BOB, role="family")
    given(*HOUSE).when(ask).then_refused("master-missing")
    given(*HOUSE, a_resident(ANN), joined()).when(ask).then(
        a_resident(BOB, EVERYBODY, role="family"), joined(BOB, role="family")
    )


def test_m23_a_family_lives_in_its_masters_apartment() -> None:
    ask = AddResident(resident=CLEO, apartment=FLAT_2, contact=CONTACT, role="family")
    given(*HOME).when(ask).then_refused("master-missing")


def test_m37_groups_are_chosen_among_those_there_are() -> None:
    chosen = replace(ADD, groups=frozenset({SWIMMERS}))
    given(*HOUSE).when(chosen).then(a_resident(ANN, SWIMMERS), joined())
    given(*HOUSE).when(replace(ADD, groups=frozenset({STAFF}))).then_unknown("AccessGroup")


def test_m42_groups_and_contact_change_later() -> None:
    both = frozenset({SWIMMERS, EVERYBODY})
    given(*HOME).when(ChooseGroups(resident=ANN, groups=both)).then(
        GroupsChosen(resident=ANN, groups=both)
    )
    given(*HOME).when(ChooseGroups(resident=ANN, groups=frozenset({EVERYBODY}))).then_nothing()
    other = replace(CONTACT, remark="tenant")
    given(*HOME).when(ChangeContact(resident=ANN, contact=other)).then(
        ContactChanged(resident=ANN, contact=other)
    )
    given(*HOME).when(ChangeContact(resident=ANN, contact=CONTACT)).then_nothing()


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb"])
def test_m44_a_name_has_1_to_64_printable_characters(name: str) -> None:
    given(*HOUSE).when(replace(ADD, contact=replace(CONTACT, first_name=name))).then_refused("64")


def test_m28_a_resident_gets_a_pin() -> None:
    given(*HOME).when(ASK).then(a_pin("2468"))


def test_m28_the_same_pin_again_is_already_so() -> None:
    given(*HOME, a_pin("2468")).when(ASK).then_nothing()


@pytest.mark.parametrize("pin", ["9468", "2", "123456789", "12a4", "१२३४", ""])
def test_m28_what_is_not_2_to_8_digits_or_starts_with_nine_is_refused(pin: str) -> None:
    given(*HOME).when(replace(ASK, pin=pin)).then_refused("2 to 8 digits")


def test_a6_a_pin_has_one_owner_in_the_community() -> None:
    given(*HOME, a_pin("2468", BOB, FLAT_2)).when(ASK).then_refused("pin-taken")


def test_a6_in_apt_pin_mode_a_pin_has_one_owner_in_the_apartment() -> None:
    apt = (a_community("apt_pin"), *HOME[1:])
    elsewhere = a_pin("2468", CLEO, FLAT_2, "apt_pin")
    given(*apt, elsewhere).when(ASK).then(a_pin("2468", mode="apt_pin"))
    given(*apt, a_pin("2468", BOB, FLAT_1, "apt_pin")).when(ASK).then_refused("pin-taken")


def test_a6_a_revoked_pin_is_free() -> None:
    given(*HOME, a_pin("2468", BOB), PinRevoked(resident=BOB)).when(ASK).then(a_pin("2468"))


def test_a6_a_replaced_pin_is_free() -> None:
    given(*HOME, a_pin("2468", BOB), a_pin("1357", BOB)).when(ASK).then(a_pin("2468"))


def test_m42_revoking_a_pin_and_revoking_none() -> None:
    ask = RevokePin(resident=ANN)
    given(*HOME, a_pin("2468")).when(ask).then(PinRevoked(resident=ANN))
    given(*HOME).when(ask).then_nothing()


def test_m29_a_master_holds_several_cards() -> None:
    ask = IssueCard(resident=ANN, card="0a:1b-2c 3d")
    given(*HOME).when(ask).then(cards(ANN, "0a:1b-2c 3d"))
    given(*HOME, cards(ANN, "FF01")).when(ask).then(cards(ANN, "FF01", "0a:1b-2c 3d"))
    given(*HOME, cards(ANN, "0A1B2C3D")).when(ask).then_nothing()


def test_a49_a_family_member_holds_one() -> None:
    ask = IssueCard(resident=BOB, card="FF02")
    given(*HOME).when(ask).then(cards(BOB, "FF02"))
    given(*HOME, cards(BOB, "FF01")).when(ask).then_refused("one-card-for-family")


def test_m29_a_card_has_one_owner() -> None:
    ask = IssueCard(resident=ANN, card="ff01")
    given(*HOME, cards(BOB, "FF01")).when(ask).then_refused("card-taken")
    given(*HOME, cards(BOB, "FF01"), cards(BOB)).when(ask).then(cards(ANN, "ff01"))


def test_m42_a_card_is_taken_away_and_the_others_stay() -> None:
    ask = RevokeCard(resident=ANN, card="FF01")
    given(*HOME, cards(ANN, "FF01", "FF02")).when(ask).then(cards(ANN, "FF02"))
    given(*HOME, cards(ANN, "FF02")).when(ask).then_nothing()


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("0a:1b-2c 3d", "0A1B2C3D"),
        (" 00ff ", "00FF"),
        ("dk-key 7", None),
        ("DK_7z", "DK_7Z"),
        ("A" * 20, "A" * 20),
        ("A" * 21, None),
        ("", None),
    ],
)
def test_a8_a_card_is_hex_without_separators_or_upper_text(typed: str, code: str | None) -> None:
    if code is None:
        with pytest.raises(Malformed):
            card(typed)
    else:
        assert (card(typed).code, card(typed).typed) == (code, typed.strip())


@forall(st.binary(min_size=1, max_size=10), st.sampled_from(":- "))
def test_a8_however_hex_is_written_it_is_one_card(code: bytes, between: str) -> None:
    assert card(code.hex(between)).code == card(code.hex()).code == code.hex().upper()


@forall(st.text("0123456789x", max_size=9))
def test_m28_two_to_eight_digits_not_starting_with_nine(text: str) -> None:
    legal = text.isdecimal() and 2 <= len(text) <= 8 and text[0] != "9"
    assert bool(PIN.fullmatch(text)) == legal


def test_m39_a_manager_deletes_only_with_the_installers_permission() -> None:
    ask = DeleteResident(resident=BOB)
    left = (HouseholdLeft(apartment=FLAT_1, resident=BOB), ResidentDeleted(resident=BOB))
    given(*HOME).when(ask).then_refused("not-permitted")
    given(*HOME, PERMIT).when(ask).then(*left)
    given(*HOME).when(ask, by="installer").then(*left)


def test_m39_deleted_twice_is_already_so() -> None:
    given(*HOME, PERMIT).when(DeleteResident(resident=CLEO)).then_nothing()


def test_a40_a_master_does_not_leave_the_family_behind() -> None:
    ask = DeleteResident(resident=ANN)
    given(*HOME, PERMIT).when(ask).then_refused("family-still-there")
    given(*HOME, PERMIT).when(replace(ask, with_family=True)).then(
        HouseholdLeft(apartment=FLAT_1, resident=BOB),
        HouseholdLeft(apartment=FLAT_1, resident=ANN),
        ResidentDeleted(resident=BOB),
        ResidentDeleted(resident=ANN),
    )


def test_m39_what_a_deleted_resident_had_is_free() -> None:
    past = (*HOME, a_pin("2468", BOB), cards(BOB, "FF01"), ResidentDeleted(resident=BOB))
    given(*past).when(ASK).then(a_pin("2468"))
    given(*past).when(IssueCard(resident=ANN, card="FF01")).then(cards(ANN, "FF01"))


def test_what_is_personal_is_masked_wherever_it_is_printed() -> None:
    holder = fold(Resident, [a_resident(ANN), a_pin("2468"), cards(ANN, "FF01")])
    shown = repr([ASK, holder, a_pin("2468"), a_pin("2468").claims(), cards(ANN, "FF01"), CONTACT])
    assert not [secret for secret in ("2468", "FF01", "Archer") if secret in shown]


def test_erased_values_are_accepted() -> None:
    forgotten = replace(cards(ANN), cards=ERASED)
    state = fold(Resident, [replace(a_resident(), contact=ERASED), forgotten])
    assert state is not None
    assert (state.held, forgotten.claims()) == (frozenset(), [])
