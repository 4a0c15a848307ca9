"""M115: PINs asked for with the apartment's number, from the settings down to the door."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from time import sleep
from uuid import UUID

import pytest

from commands.ingest import Ingest
from commands.settings import ChangeSettings
from device_adapters.akuvox.phone import a_phone
from device_adapters.doorlog import DoorLogPoller
from device_adapters.ledger import Credential
from device_adapters.port import Unsupported
from device_adapters.simulator import PROFILES, Fleet
from device_adapters.simulator.config import PIN_MODE
from domain.access_groups import Door
from domain.devices import Outcome
from domain.kernel import Refused
from domain.reports import DoorLogEntry
from domain.residents import PinRevoked
from domain.rights import evidence
from domain.settings import PinMode
from eventlog.memory import MemoryLog
from eventlog.reports import MemoryReportLog
from tests.builders import (
    ANN,
    BOB,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    NOW,
    SWIMMERS,
    a_building,
    a_community,
    a_group,
    a_pin,
    a_resident,
    an_apartment,
)
from tests.device_adapters.houses import House, a_house, device_id, digest, registered, soon
from tests.device_adapters.keeping import Hands, Kept, no_more, verified, wish
from tests.device_adapters.memory_phone import MemoryPhone
from tests.device_adapters.people import an_entry
from tests.device_adapters.witnesses import Alone
from tests.scenario import MANAGER, a_bus, a_log

HERS, HIS = an_entry(1, room="101"), an_entry(2, room="2#7")
BOTH = {(ANN.int, "pin"): "verified", (BOB.int, "pin"): "verified"}


def a_home(fleet: Fleet, mode: PinMode, anns: str = "2468", bobs: str = "2468") -> MemoryLog:
    """All phones are doors of Ann, in apartment 101, and of Bob, in apartment 2#7."""
    phones = [registered(n, sim) for n, sim in enumerate(fleet)]
    return a_log(
        a_community(mode),
        a_building(),
        an_apartment(FLAT_1, "101"),
        an_apartment(FLAT_2, "2#7"),
        *phones,
        a_group(SWIMMERS, *(Door(device=p.device, relay=1) for p in phones)),
        a_resident(ANN, SWIMMERS),
        a_resident(BOB, SWIMMERS, home=FLAT_2),
        a_pin(anns, ANN, FLAT_1, mode),
        a_pin(bobs, BOB, FLAT_2, mode),
    )


def switch(house: House, mode: PinMode) -> None:
    a_bus(house.log).dispatch(ChangeSettings(pin_mode=mode), community=HARBOUR, actor=MANAGER)


def proven(house: House, n: int = 0) -> bool:
    """Whether the last that was said is that all is there as it is wanted now."""
    said: Mapping[Credential, Outcome] = {(o.holder, o.kind): o for o in house.outcomes(n)}
    return house.now(n) == BOTH and all(
        said[credential].digest == digest(HARBOUR, "credential", text)
        for credential, text in evidence(house.desired(n)).items()
    )


def named(house: House) -> Sequence[UUID | None]:
    """Whom the door log of the first phone names, line by line."""
    reports = MemoryReportLog(lambda: NOW)
    device = house.sync._sites[HARBOUR].devices[device_id(0)]
    with closing(a_phone(device, lambda known: known.paced(0, 0))) as phone:
        DoorLogPoller(Ingest(house.log, reports), lambda: NOW).poll(phone, HARBOUR, device, Alone())
    entries = [r.event for r in reports.read(after=0)]
    return [entry.holder for entry in entries if isinstance(entry, DoorLogEntry)]


def test_m115_a6_one_pin_in_two_apartments_opens_for_each_and_the_log_says_for_whom() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, log=a_home(fleet, "apt_pin")) as house:
        soon(lambda: proven(house))
        punched = ("101#2468", "2#7#2468", "2468", "#2468", "7#2468", "101#1357")
        assert [fleet[0].punch(code).opened for code in punched] == [True] * 2 + [False] * 4
        assert named(house) == [ANN, BOB, None, None, None, None]


@pytest.mark.parametrize("model", [model for model in PROFILES if model != "E12W"])
def test_m115_every_model_with_a_keypad_holds_a_pin_with_its_room(model: str) -> None:
    with Fleet([model]) as fleet, a_house(fleet, log=a_home(fleet, "apt_pin")) as house:
        soon(lambda: proven(house))
        assert house.is_right()
        assert fleet[0].punch("2#7#2468").opened
        assert not fleet[0].punch("2468").opened


def test_m115_a_phone_without_keypad_is_not_troubled() -> None:
    with Fleet(["E12W"]) as fleet, a_house(fleet, log=a_home(fleet, "apt_pin")) as house:
        soon(lambda: house.now() == dict.fromkeys(BOTH, "undeliverable"))


def test_m115_another_mode_moves_the_phones_over_and_back() -> None:
    with (
        Fleet(["X916", "E18"]) as fleet,
        a_house(fleet, log=a_home(fleet, "pin", bobs="1357")) as house,
    ):
        soon(lambda: proven(house, 0) and proven(house, 1))
        assert [sim.phone.answered["config/set"] for sim in fleet] == [0, 0]
        moved(house, fleet, "apt_pin", ["101#2468", "2#7#1357"], ["2468", "1357"])
        moved(house, fleet, "pin", ["2468", "1357"], ["101#2468", "2#7#1357"])
        assert [sim.phone.answered["config/set"] for sim in fleet] == [2, 2]


def moved(
    house: House, fleet: Fleet, mode: PinMode, good: Sequence[str], bad: Sequence[str]
) -> None:
    setting = {"pin": "0", "apt_pin": "1"}[mode]
    switch(house, mode)
    soon(lambda: {sim.phone.config[PIN_MODE] for sim in fleet} == {setting})
    soon(lambda: proven(house, 0) and proven(house, 1))
    for sim in fleet:
        assert all(sim.punch(code).opened for code in good)
        assert not any(sim.punch(code).opened for code in bad)


def test_a6_a_refused_switch_changes_nothing_on_a_phone() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, log=a_home(fleet, "apt_pin")) as house:
        soon(lambda: proven(house))
        sim, before = fleet[0], writes(fleet)
        with pytest.raises(Refused, match="pin"):
            switch(house, "pin")
        looked = sim.phone.answered["user/get"]
        house.lane().check()
        soon(lambda: sim.phone.answered["user/get"] > looked)
        sleep(0.2)
        assert writes(fleet) == before
        assert [sim.punch(code).opened for code in ("101#2468", "2#7#2468", "2468")] == [
            True,
            True,
            False,
        ]
        house.happen(PinRevoked(resident=BOB))
        switch(house, "pin")
        soon(lambda: sim.punch("2468").opened)
        assert not sim.punch("101#2468").opened


def writes(fleet: Fleet) -> Mapping[str, int]:
    done = fleet[0].phone.answered
    return {name: many for name, many in done.items() if not name.endswith(("get", "info", "us"))}


def test_m115_d15_a_phone_that_was_reset_is_told_the_mode_again() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, log=a_home(fleet, "apt_pin")) as house:
        soon(lambda: proven(house))
        sleep(1.1)  # uptimes are whole seconds
        fleet[0].fault("factory_reset")
        soon(lambda: [one.state for one in house.outcomes()].count("mismatch") == 2)
        soon(lambda: proven(house))
        assert fleet[0].punch("101#2468").opened


def test_m115_a_phone_that_was_away_is_moved_over_when_it_comes_back() -> None:
    with (
        Fleet(["X916"]) as fleet,
        a_house(fleet, log=a_home(fleet, "pin", bobs="1357")) as house,
    ):
        soon(lambda: proven(house))
        fleet[0].unplug()
        switch(house, "apt_pin")
        soon(lambda: house.lane().status().waiting == 2)
        fleet[0].plug_in()
        soon(lambda: proven(house) and fleet[0].punch("101#2468").opened)
        assert not fleet[0].punch("2468").opened


def test_m115_a_phone_that_tells_no_settings_still_gets_plain_pins() -> None:
    with Fleet(["X916"]) as fleet:
        sim = fleet[0].phone
        sim.profile = replace(sim.profile, unsupported=frozenset({"config/get"}))
        with a_house(fleet, log=a_home(fleet, "pin", bobs="1357")) as house:
            soon(lambda: proven(house))
            switch(house, "apt_pin")
            soon(lambda: house.now() == dict.fromkeys(BOTH, "rejected"))


def test_m115_a_phone_without_people_is_told_the_mode_too() -> None:
    with Fleet(["X916"]) as fleet:
        log = a_log(a_community(), registered(0, fleet[0]))
        with a_house(fleet, log=log) as house:
            soon(lambda: house.comings_and_goings() == ["DeviceWentOnline"])
            switch(house, "apt_pin")
            soon(lambda: fleet[0].phone.config[PIN_MODE] == "1")


# The keeper alone


def kept_in(mode: PinMode, phone: MemoryPhone) -> Kept:
    return Kept(phone, Hands(pin_mode=mode))


def names(phone: MemoryPhone) -> list[str]:
    """Of the writes, in order."""
    return [name for name, what in phone.calls if what]


def test_m115_the_mode_is_set_after_revocations_before_grants_and_once() -> None:
    kept = kept_in("pin", phone := MemoryPhone())
    kept.run(wish(an_entry(3)))
    kept.hands.pin_mode = "apt_pin"
    assert set(kept.run(no_more(3), wish(HERS))) >= {verified(HERS)}
    assert names(phone) == ["put", "withdraw", "set_pin_mode", "put"]
    kept.restart()
    assert kept.run(wish(HIS)) == [verified(HIS)]
    assert names(phone).count("set_pin_mode") == 1


def test_m115_the_room_is_part_of_what_is_verified() -> None:
    kept = kept_in("apt_pin", phone := MemoryPhone())
    kept.run(wish(HERS))
    phone.records = {HERS.key: replace(phone.records[HERS.key], room="102")}
    kept.keeper.forget()
    drift = Outcome(holder=HERS.holder, kind="pin", state="mismatch", reason="changed on the phone")
    assert kept.run() == [drift, verified(HERS)]
    assert phone.records[HERS.key].room == "101"
    assert verified(HERS) != verified(replace(HERS, room="102")) != verified(an_entry(1))


@pytest.mark.parametrize("said", ["pin", None])
def test_m115_d3_no_pin_is_verified_where_it_is_asked_for_in_another_way(
    said: PinMode | None,
) -> None:
    class Obstinate(MemoryPhone):
        def set_pin_mode(self, mode: PinMode) -> None:
            self._call("set_pin_mode", [mode])

    kept = kept_in("apt_pin", phone := Obstinate(mode=said))
    card = an_entry(5, None, "0A1B")
    why = "asks for PINs in another way"
    assert set(kept.run(wish(HERS, card))) == {
        Outcome(holder=HERS.holder, kind="pin", state="mismatch", reason=why, tries=3),
        verified(card),
    }
    assert names(phone).count("set_pin_mode") == 3
    assert kept.keeper.suspended() == 1
    assert kept.run() == []
    phone.mode = "apt_pin"
    kept.hands.seconds += 301
    assert kept.run() == [verified(HERS)]


def test_m115_a_phone_that_knows_no_mode_takes_plain_pins_and_says_why_not_others() -> None:
    class Simple(MemoryPhone):
        def set_pin_mode(self, mode: PinMode) -> None:
            raise Unsupported("api unsupported")

    kept = kept_in("pin", Simple(mode=None))
    assert kept.run(wish(an_entry(1))) == [verified(an_entry(1))]
    kept.hands.pin_mode = "apt_pin"
    _, said = kept.run(wish(HERS))
    assert (said.state, said.reason) == ("rejected", "api unsupported")
    assert kept.keeper.suspended() == 1
    kept.hands.pin_mode = "pin"
    assert kept.run(wish(an_entry(1))) == [verified(an_entry(1))]
    assert kept.keeper.suspended() == 0


def test_m115_a_phone_that_falls_silent_about_its_mode_is_not_taken_for_a_new_one() -> None:
    kept = kept_in("apt_pin", phone := MemoryPhone())
    kept.run(wish(HERS))
    kept.hands.pin_mode, phone.mode = "pin", None
    kept.keeper.forget()
    kept.run(wish(an_entry(1)))
    assert names(phone).count("set_pin_mode") == 2


def test_m115_d15_a_mode_changed_at_the_phone_is_said_and_set_right() -> None:
    kept = kept_in("apt_pin", phone := MemoryPhone())
    kept.run(wish(HERS))
    phone.mode = "pin"
    kept.keeper.forget()
    drift = Outcome(holder=HERS.holder, kind="pin", state="mismatch", reason="changed on the phone")
    assert kept.run() == [drift, verified(HERS)]
    assert phone.pin_mode() == "apt_pin"
