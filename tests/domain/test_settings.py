import pytest

from commands.settings import ChangeSettings, CreateCommunity, PermitDeletingAccounts
from domain.kernel import Refused
from domain.settings import (
    CommunityRenamed,
    DeletingAccountsPermitted,
    PinModeChanged,
    TimeZoneChanged,
)
from tests.builders import (
    ANN,
    BOB,
    FLAT_2,
    HARBOUR,
    a_community,
    a_pin,
    a_resident,
)
from tests.scenario import INSTALLER, a_bus, a_log, given

OPEN = CreateCommunity(name="Harbour Quarter", zone="UTC")
TO_APT, TO_APT_NOT = ChangeSettings(pin_mode="apt_pin"), ChangeSettings(pin_mode="pin")


def test_m130_an_installer_opens_a_community() -> None:
    given().when(OPEN, by="installer").then(a_community())


def test_m130_a_property_manager_does_not() -> None:
    given().when(OPEN, by="manager").then_refused("installer-only")


def test_m130_opened_twice_is_already_so() -> None:
    given(a_community()).when(OPEN, by="installer").then_nothing()


def test_m116_the_zone_is_one_of_the_iana_database() -> None:
    given().when(CreateCommunity(name="X", zone="Mars/Phobos"), by="installer").then_refused("IANA")
    given(a_community()).when(ChangeSettings(zone="Mars/Phobos")).then_refused("IANA")


def test_m116_what_means_another_zone_on_each_machine_is_none() -> None:
    given(a_community()).when(ChangeSettings(zone="localtime")).then_refused("IANA")


def test_m113_m116_what_is_left_out_stays() -> None:
    given(a_community()).when(ChangeSettings(name="Quay")).then(
        CommunityRenamed(community=HARBOUR, name="Quay")
    )
    given(a_community()).when(ChangeSettings(zone="Asia/Tokyo")).then(
        TimeZoneChanged(community=HARBOUR, zone="Asia/Tokyo")
    )
    given(a_community()).when(ChangeSettings(name="Harbour Quarter", zone="UTC")).then_nothing()


def test_m115_the_pin_mode_changes() -> None:
    given(a_community()).when(TO_APT).then(PinModeChanged(community=HARBOUR, pin_mode="apt_pin"))


def test_a6_a_change_of_mode_that_makes_pins_clash_is_refused_with_the_list() -> None:
    anns, bobs = a_pin("2468", mode="apt_pin"), a_pin("2468", BOB, FLAT_2, "apt_pin")
    with pytest.raises(Refused, match="pin-clash") as no:
        given(a_community("apt_pin"), anns, bobs).when(TO_APT_NOT).decided()
    assert no.value.details == [str(ANN), str(BOB)]


def test_a6_claims_move_with_the_mode_and_back() -> None:
    log = a_log(a_community(), a_resident(), a_resident(BOB, home=FLAT_2), a_pin("2468"))
    bus = a_bus(log)
    for mode in ("apt_pin", "pin"):
        bus.dispatch(ChangeSettings(pin_mode=mode), community=HARBOUR, actor=INSTALLER)
    assert len(log.owners(HARBOUR, a_pin("2468").claims())) == 1
    assert not log.owners(HARBOUR, a_pin("2468", mode="apt_pin").claims())


def test_m39_the_installer_permits_deleting_accounts() -> None:
    ask = PermitDeletingAccounts(permitted=True)
    said = DeletingAccountsPermitted(community=HARBOUR, permitted=True)
    given(a_community()).when(ask, by="installer").then(said)
    given(a_community(), said).when(ask, by="installer").then_nothing()
    given(a_community()).when(ask).then_refused("installer-only")
