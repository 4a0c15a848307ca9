"""The floors to which lifts take somebody, building by building (M27)."""

from dataclasses import replace

import pytest

from commands.residents.keys import ChooseFloors
from domain import lifts
from domain.access_groups import AccessGroup
from domain.devices import Device, Place
from domain.kernel import Malformed, fold
from domain.lifts import Floor, FloorsChosen, legal_floors
from domain.residents import Resident
from domain.rights import entries, evidence
from tests.builders import (
    ANN,
    ANNEX,
    EVERYBODY,
    FLAT_1,
    TOWER,
    a_building,
    a_community,
    a_default_group,
    a_device,
    a_resident,
    an_apartment,
    floors,
    joined,
)
from tests.scenario import given

HOME = (
    a_community(),
    a_building(),
    a_building(ANNEX, "Annex"),
    an_apartment(),
    a_resident(),
    joined(),
)


def test_m27_floors_are_chosen_in_several_buildings_all_at_once() -> None:
    asked = frozenset({*floors(1, -1), Floor(building=ANNEX, number=7)})
    chosen = FloorsChosen(resident=ANN, floors=asked)
    given(*HOME).when(ChooseFloors(resident=ANN, floors=asked)).then(chosen)
    given(*HOME, chosen).when(ChooseFloors(resident=ANN, floors=asked)).then_nothing()


def test_m27_of_a_building_that_is_not_there_nobody_has_floors() -> None:
    ask = ChooseFloors(resident=ANN, floors=floors(1))
    given(a_community(), an_apartment(), a_resident(), joined()).when(ask).then_unknown("Building")


@pytest.mark.parametrize("number", [-10, 201])
def test_m27_no_lift_goes_there(number: int) -> None:
    ask = ChooseFloors(resident=ANN, floors=floors(number))
    given(*HOME).when(ask).then_refused("numbers from")


def test_a12_floors_are_counted_across_all_buildings() -> None:
    both = floors(*range(6)) | floors(*range(5), building=ANNEX)
    assert legal_floors(both) == both
    with pytest.raises(Malformed, match="10 at most"):
        legal_floors(both, most=10)


def at(place: Place) -> list[frozenset[int]]:
    phone, tower = fold(Device, [a_device()]), fold(AccessGroup, [a_default_group()])
    asked = floors(1, 3) | floors(7, building=ANNEX)
    person = fold(Resident, [a_resident(ANN, EVERYBODY), FloorsChosen(resident=ANN, floors=asked)])
    assert phone
    assert tower
    assert person
    relays = replace(tower, building=None, doors=frozenset())
    groups = [tower if place.building == TOWER and not place.apartment else relays]
    found = entries(replace(person, pin="2468"), replace(phone, place=place), groups)
    return [one.floors for one in found]


def test_m27_a_phone_of_the_public_area_calls_the_lift_of_its_building() -> None:
    assert at(Place(building=TOWER)) == [frozenset({1, 3})]
    person = fold(Resident, [FloorsChosen(resident=ANN, floors=floors(1))])
    assert person is None
    asked = floors(1, 3) | floors(7, building=ANNEX)
    assert lifts.of_building(asked, ANNEX) == frozenset({7})
    assert lifts.of_building(asked, None) == frozenset()
    assert at(Place(building=TOWER, apartment=FLAT_1)) == []


def test_m27_floors_have_a_proof_of_their_own_and_change_that_of_no_code() -> None:
    phone, tower = fold(Device, [a_device()]), fold(AccessGroup, [a_default_group()])
    person = fold(Resident, [a_resident(ANN, EVERYBODY)])
    assert phone
    assert tower
    assert person
    plain = replace(person, pin="2468", face="photo")
    some, others = (replace(plain, floors=floors(n)) for n in (1, 2))
    none, one, two = (evidence(entries(who, phone, [tower])) for who in (plain, some, others))
    assert one[ANN, "floors"] != two[ANN, "floors"]
    assert none == {k: v for k, v in one.items() if k != (ANN, "floors")}
    held = entries(some, phone, [tower])
    assert [record.floors for record in held] == [frozenset({1})] * 2
    assert [record.first for record in held] == [True, False]
