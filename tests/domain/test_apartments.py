from dataclasses import replace

from hypothesis import given as forall
from hypothesis import strategies as st

from commands.apartments import (
    CreateApartment,
    CreateBuilding,
    RenameApartment,
    RenameBuilding,
)
from domain.access_groups import ALWAYS, AccessGroupCreated
from domain.apartments import (
    NUMBER,
    ApartmentCreated,
    ApartmentRenamed,
    BuildingCreated,
    BuildingRenamed,
)
from tests.builders import (
    ANNEX,
    FLAT_1,
    FLAT_2,
    TOWER,
    a_building,
    a_community,
    a_default_group,
    an_apartment,
)
from tests.scenario import given

HOME = (a_community(), a_building(), a_default_group(), an_apartment())
BUILD = CreateBuilding(building=ANNEX, name="Annex")


def test_m16_a_building_comes_with_its_default_group() -> None:
    building, group = given(a_community()).when(BUILD, by="installer").decided()
    assert isinstance(building, BuildingCreated)
    assert isinstance(group, AccessGroupCreated)
    assert (group.group, group.building, group.schedule) == (building.default_group, ANNEX, ALWAYS)


def test_m130_buildings_and_apartments_are_the_installers() -> None:
    given(*HOME).when(BUILD).then_refused("installer-only")
    ask = CreateApartment(apartment=FLAT_2, building=TOWER, number="2")
    given(*HOME).when(ask).then_refused("installer-only")


def test_m130_the_property_manager_edits_them() -> None:
    given(*HOME).when(RenameBuilding(building=TOWER, name="Mill")).then(
        BuildingRenamed(building=TOWER, name="Mill")
    )
    given(*HOME).when(RenameApartment(apartment=FLAT_1, name="Attic")).then(
        ApartmentRenamed(apartment=FLAT_1, name="Attic")
    )
    given(*HOME).when(RenameBuilding(building=TOWER, name="Tower")).then_nothing()
    given(*HOME).when(RenameApartment(apartment=FLAT_1, name="1")).then_nothing()


def test_a_building_twice_is_already_so_and_another_name_is_refused() -> None:
    given(*HOME).when(CreateBuilding(building=TOWER, name="Tower"), by="installer").then_nothing()
    given(*HOME).when(CreateBuilding(building=TOWER, name="X"), by="installer").then_refused(
        "exist"
    )


def test_a44_two_buildings_do_not_share_a_name() -> None:
    ask = CreateBuilding(building=ANNEX, name="TOWER ")
    given(*HOME).when(ask, by="installer").then_refused("building-taken")


def test_a44_two_apartments_of_a_building_do_not_share_a_number() -> None:
    ask = CreateApartment(apartment=FLAT_2, building=TOWER, number="1")
    given(*HOME).when(ask, by="installer").then_refused("apartment-taken")
    other = (a_building(ANNEX, "Annex"), an_apartment(FLAT_2, "7", ANNEX))
    again = replace(ask, building=ANNEX)
    given(*HOME, *other[:1]).when(again, by="installer").then(
        ApartmentCreated(apartment=FLAT_2, building=ANNEX, number="1", name="1")
    )


def test_an_apartment_needs_its_building() -> None:
    ask = CreateApartment(apartment=FLAT_2, building=ANNEX, number="1")
    given(*HOME).when(ask, by="installer").then_unknown("Building")


def test_m44_a_buildings_name_has_at_most_128_characters() -> None:
    longest, longer = (replace(BUILD, name="x" * length) for length in (128, 129))
    assert len(given(a_community()).when(longest, by="installer").decided()) == 2
    given(a_community()).when(longer, by="installer").then_refused("128")


@forall(st.text("aZ9#-é ", max_size=66))
def test_a33_an_apartments_number_is_letters_digits_and_the_sharp(text: str) -> None:
    legal = 0 < len(text) <= 64 and not set(text) & set("-é ")
    assert bool(NUMBER.fullmatch(text)) == legal
