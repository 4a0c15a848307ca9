from dataclasses import replace
from ipaddress import ip_network

import pytest

from commands.devices import (
    EditDevice,
    MoveDevice,
    RegisterDevice,
    RemoveDevice,
    ReplaceDevice,
)
from domain.alarms import FireInputsChosen
from domain.devices import (
    DeviceEdited,
    DeviceMoved,
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
    Login,
    Place,
    Relay,
    legal_address,
    sensors,
)
from domain.kernel import Malformed, Refused
from tests.builders import (
    FLAT_1,
    GATE,
    GYM,
    LOOPBACK,
    TOWER,
    a_box,
    a_building,
    a_community,
    a_device,
    an_apartment,
)
from tests.scenario import given

HOME = (a_community(), a_building(), an_apartment(), a_device())
BOX = a_box("http://127.0.0.1:8199", "0c:11:05:0a:00:99")
TWO = (Relay(number=1, name="Door"), Relay(number=2, name="Side", methods=frozenset({"card"})))
ASK = RegisterDevice(device=GYM, name="Gym", box=BOX, relays=TWO, place=Place(building=TOWER))


def test_m130_m101_an_installer_registers_a_phone() -> None:
    [made] = given(*HOME).when(ASK, by="installer").decided()
    assert isinstance(made, DeviceRegistered)
    assert (made.box.mac, made.relays, made.place) == ("0C11050A0099", TWO, ASK.place)
    assert isinstance(made.hint, str)
    assert len(made.hint) == 32
    given(*HOME).when(ASK).then_refused("installer-only")


def test_registered_twice_is_already_so_and_another_box_is_refused() -> None:
    known = a_device()
    ask = RegisterDevice(
        device=GATE, name="Gate", box=known.box, relays=known.relays, place=known.place
    )
    given(*HOME).when(ask, by="installer").then_nothing()
    given(*HOME).when(replace(ask, box=BOX), by="installer").then_refused("already-exists")


def test_a_mac_and_an_address_are_one_phones() -> None:
    same_mac, same_address = replace(BOX, mac="0C11050A0031"), a_box("http://127.0.0.1:8131")
    given(*HOME).when(replace(ASK, box=same_mac), by="installer").then_refused("mac-taken")
    given(*HOME).when(replace(ASK, box=same_address), by="installer").then_refused("address-taken")


def test_a_broken_phone_is_replaced_and_its_mac_is_free() -> None:
    new = replace(BOX, mac="0C11050A0099")
    ask = ReplaceDevice(device=GATE, box=BOX)
    said = DeviceReplaced(device=GATE, box=new, login=None)
    given(*HOME).when(ask, by="installer").then(said)
    given(*HOME, said).when(ask, by="installer").then_nothing()
    old = replace(ASK, box=a_device().box)
    assert given(*HOME, said).when(old, by="installer").decided()


def test_m100_m101_names_tones_and_methods_are_edited() -> None:
    two = (
        Relay(number=1, name="Door", dtmf="#11", methods=frozenset({"pin"})),
        Relay(number=2, name="Side"),
    )
    ask = EditDevice(device=GATE, name="North gate", relays=two)
    said = DeviceEdited(device=GATE, name="North gate", relays=two)
    given(*HOME).when(ask).then(said)
    given(*HOME, said).when(ask).then_nothing()
    given(*HOME).when(replace(ask, relays=two[:1])).then_refused("relays-are-the-hardwares")
    bad = (replace(two[0], dtmf="x"), two[1])
    given(*HOME).when(replace(ask, relays=bad)).then_refused("1 to 4 of")


def test_a30_a_phone_moves() -> None:
    flat = Place(building=TOWER, apartment=FLAT_1)
    ask = MoveDevice(device=GATE, place=Place(apartment=FLAT_1))
    given(*HOME).when(ask, by="installer").then(DeviceMoved(device=GATE, place=flat))
    given(*HOME, DeviceMoved(device=GATE, place=flat)).when(ask, by="installer").then_nothing()
    given(*HOME).when(ask).then_refused("installer-only")


def test_a_removed_phone_gives_up_its_mac() -> None:
    gone = DeviceRemoved(device=GATE)
    given(*HOME).when(RemoveDevice(device=GATE), by="installer").then(gone)
    again = replace(ASK, box=a_device().box)
    assert given(*HOME, gone).when(again, by="installer").decided()
    given(*HOME, gone).when(RemoveDevice(device=GATE), by="installer").then_nothing()


@pytest.mark.parametrize(
    "address",
    [
        "http://phone.local",
        "http://2130706433",
        "http://10.0.0.1",
        "http://169.254.169.254",
        "http://[::ffff:10.0.0.1]",
        "http://user@127.0.0.1",
        "http://127.0.0.1/api",
        "http://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "127.0.0.1",
        "http://0.0.0.0",
        "",
    ],
)
def test_s10_an_address_is_an_ip_where_phones_may_be(address: str) -> None:
    with pytest.raises(Malformed, match=r"box\.address"):
        legal_address(address, LOOPBACK)


def test_s10_what_is_allowed_is_written_one_way() -> None:
    assert legal_address("http://127.0.0.1:8101/", LOOPBACK) == "http://127.0.0.1:8101"
    assert legal_address("https://[2001:db8::1]", (ip_network("2001:db8::/32"),))


def test_the_numbers_of_relays_have_no_gap() -> None:
    ask = replace(ASK, relays=(TWO[1],))
    given(*HOME).when(ask, by="installer").then_refused("without a gap")


def test_a_login_is_masked() -> None:
    made = replace(a_device(), login=Login(user="api", password="canary-7"))
    assert "canary-7" not in repr([made, made.login])


WIRED = (Relay(number=1, name="Door", sensor=3), Relay(number=2, name="Side"))
WIRING = EditDevice(device=GATE, name="Gate", relays=WIRED)
FITTED = DeviceEdited(device=GATE, name="Gate", relays=WIRED)
PANEL = FireInputsChosen(device=GATE, inputs=frozenset({3}))


def test_m99_an_installer_says_which_input_tells_whether_a_door_is_open() -> None:
    given(*HOME).when(WIRING, by="installer").then(FITTED)
    given(*HOME, FITTED).when(WIRING, by="installer").then_nothing()
    [made] = given(*HOME).when(replace(ASK, relays=WIRED), by="installer").decided()
    assert isinstance(made, DeviceRegistered)
    assert sensors(made.relays) == {1: 3}


def test_m99_m130_a_manager_edits_the_rest_and_leaves_the_wiring_alone() -> None:
    renamed = replace(WIRING, relays=(replace(WIRED[0], name="Street", dtmf="1"), WIRED[1]))
    given(*HOME, FITTED).when(renamed).then(replace(FITTED, relays=renamed.relays))
    for other in (None, 4):
        moved = replace(WIRING, relays=(replace(WIRED[0], sensor=other), WIRED[1]))
        given(*HOME, FITTED).when(moved).then_refused("installer-only")
        given(*HOME, FITTED).when(moved, by="installer").then(replace(FITTED, relays=moved.relays))
    given(*HOME).when(WIRING).then_refused("installer-only")


@pytest.mark.parametrize(
    ("inputs", "why"),
    [((0, None), "1 to 4"), ((5, None), "1 to 4"), ((-1, 2), "1 to 4"), ((2, 2), "of its own")],
)
def test_m99_an_input_is_one_of_the_phones_and_of_one_door(
    inputs: tuple[int | None, ...], why: str
) -> None:
    relays = tuple(replace(r, sensor=n) for r, n in zip(TWO, inputs, strict=True))
    for ask in (replace(ASK, relays=relays), replace(WIRING, relays=relays)):
        with pytest.raises(Malformed) as wrong:
            given(*HOME).when(ask, by="installer").decided()
        assert (wrong.value.field, why in wrong.value.message) == ("relays.sensor", True)


def test_m99_m124_a_fire_panels_input_is_no_doors() -> None:
    for ask in (WIRING, replace(ASK, device=GATE, relays=WIRED)):
        with pytest.raises(Refused) as no:
            given(*HOME, PANEL).when(ask, by="installer").decided()
        assert (no.value.code, no.value.field) == ("fire-panels-input", "relays.sensor")
        assert no.value.details == ["3"]
    elsewhere = replace(WIRING, relays=(replace(WIRED[0], sensor=2), WIRED[1]))
    said = replace(FITTED, relays=elsewhere.relays)
    given(*HOME, PANEL).when(elsewhere, by="installer").then(said)
