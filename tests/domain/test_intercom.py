"""What residents may do with a door phone beside opening doors (M102, M101)."""

from dataclasses import replace

import pytest

from commands.devices import EditDevice
from commands.intercom import ChooseIntercom
from domain.capabilities import is_multi_tenant
from domain.devices import DeviceEdited, Place, Relay
from domain.intercom import EVERYTHING, EVERYWAY, IntercomChosen
from tests.builders import FLAT_1, GATE, TOWER, a_box, a_building, a_community, a_device
from tests.scenario import given

HOME = (a_community(), a_building(), a_device())


def chosen(**but: object) -> IntercomChosen:
    said = IntercomChosen(device=GATE, monitoring=EVERYWAY, calling=True, directory=EVERYTHING)
    return replace(said, **but)  # type: ignore[arg-type]


def test_m102_residents_may_watch_and_call_until_somebody_says_otherwise() -> None:
    as_it_is = ChooseIntercom(device=GATE, monitoring=EVERYWAY, calling=True)
    given(*HOME).when(as_it_is).then_nothing()
    silent = ChooseIntercom(device=GATE, calling=False)
    given(*HOME).when(silent).then(chosen(calling=False))
    by_app = ChooseIntercom(device=GATE, monitoring=frozenset({"app"}))
    both = chosen(calling=False, monitoring=frozenset({"app"}))
    given(*HOME, chosen(calling=False)).when(by_app).then(both)
    given(*HOME, both).when(by_app).then_nothing()
    unwatched = ChooseIntercom(device=GATE, monitoring=frozenset())
    given(*HOME).when(unwatched).then(chosen(monitoring=frozenset()))


@pytest.mark.parametrize(
    ("model", "place", "may"),
    [
        ("X916", Place(building=TOWER), True),
        ("R29", Place(building=TOWER), True),
        ("X916", Place(), False),
        ("X916", Place(building=TOWER, apartment=FLAT_1), False),
        ("E12W", Place(building=TOWER), False),
        ("R20A", Place(building=TOWER), False),
    ],
)
def test_m102_a_directory_is_chosen_for_phones_of_several_tenants_in_one_buildings_public_area(
    model: str, place: Place, may: bool
) -> None:
    phone = a_device(box=a_box(model=model), place=place)
    ask = ChooseIntercom(device=GATE, directory=frozenset({"apartments"}))
    asked = given(a_community(), a_building(), phone).when(ask)
    if may:
        asked.then(chosen(directory=frozenset({"apartments"})))
    else:
        asked.then_refused("no-directory-there")


def test_m102_which_models_are_for_several_tenants_is_data() -> None:
    assert [is_multi_tenant(model) for model in ("x915S", "R20K", "R20A", "E18", "?")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_m101_a_relay_may_be_left_out_of_the_pages_of_the_app() -> None:
    two = (
        Relay(number=1, name="Door", on_home_page=False),
        Relay(number=2, name="Side", on_talking_page=False, methods=frozenset({"plate", "uhf"})),
    )
    ask = EditDevice(device=GATE, name="Gate", relays=two)
    given(*HOME).when(ask).then(DeviceEdited(device=GATE, name="Gate", relays=two))
