"""What is said of phones that cannot be brought to what they should hold, and of what is on them
beside it. Real sockets, the real commands, a log in memory.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import quantiles
from time import monotonic
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.alarms import SolveAlarm
from commands.sync import CheckDevice, ChooseStrangersPolicy
from device_adapters.akuvox import wire
from device_adapters.simulator import Fleet
from device_adapters.wants import Want, rank
from domain.alarms import AlarmRaised
from domain.ids import ResidentId
from domain.residents import PinRevoked
from domain.sync import CheckId, DeviceChecked, StrangersFound
from tests.builders import BOB, HARBOUR, SWIMMERS, a_pin, a_resident
from tests.device_adapters.houses import QUICK, House, a_house, device_id, soon
from tests.device_adapters.keeping import Kept, no_more
from tests.device_adapters.memory_phone import MemoryPhone
from tests.device_adapters.people import an_entry
from tests.device_adapters.test_sync import PEOPLE, crowd
from tests.scenario import INSTALLER, MANAGER, a_bus

STRANGER = {"UserID": "77", "Name": "Caretaker", "PrivatePIN": "9911"}
CLOUDS = {"UserID": "78", "Name": "Cloud", "SourceType": "2"}
IMPATIENT = replace(QUICK, patience=replace(QUICK.patience, breaker=0.2))


def alarms(house: House, kind: str) -> Sequence[AlarmRaised]:
    return [e for e in house.events(AlarmRaised) if isinstance(e, AlarmRaised) and e.kind == kind]


def ask(house: House, command: object) -> None:
    a_bus(house.log).dispatch(command, community=HARBOUR, actor=MANAGER)


def nth(n: int) -> ResidentId:
    """Of the crowd."""
    return ResidentId(UUID(int=10_000 + n))


def check(house: House) -> DeviceChecked:
    id = CheckId(uuid7())
    ask(house, CheckDevice(device=device_id(0), check=id))

    def done() -> list[DeviceChecked]:
        found = [e for e in house.events(DeviceChecked) if isinstance(e, DeviceChecked)]
        return [e for e in found if e.check == id]

    soon(done)
    return done()[0]


def in_place(house: House, n: int = 0) -> bool:
    return house.now(n).get((12, "pin")) == "verified"


def test_d2_one_silent_phone_of_twenty_slows_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same nineteen, without the twentieth and with it."""
    monkeypatch.setattr(wire, "SECONDS", 3.0)
    others = range(1, 20)

    def slowest(*, hangs: bool) -> float:
        with Fleet(["X916"] * 20) as fleet:
            if hangs:
                fleet[0].fault("hang")
            with a_house(fleet) as house:
                began, taken = monotonic(), dict[int, float]()
                house.happen(*PEOPLE)
                while len(taken) < len(others):
                    for n in others:
                        if n not in taken and in_place(house, n):
                            taken[n] = monotonic() - began
                    assert monotonic() - began < 20
                assert hangs != in_place(house, 0)
                return quantiles(taken.values(), n=100)[-1]

    without = slowest(hangs=False)
    assert slowest(hangs=True) < without + 2.5  # one wait for it alone would be 3 s


def test_d3_three_tries_then_it_is_left_alone_and_an_alarm_is_raised_once() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet) as house:
        fleet[0].fault("accept_and_drop")
        house.happen(*PEOPLE)
        soon(lambda: house.now().get((12, "pin")) == "mismatch")
        assert {one.tries for one in house.outcomes()} == {3}
        soon(lambda: alarms(house, "push_suspended"))
        [alarm] = alarms(house, "push_suspended")
        assert (alarm.device, alarm.name) == (device_id(0), "Door 0")
        writes = fleet[0].phone.answered["user/add"]
        house.lane().check()
        soon(lambda: check(house))
        assert fleet[0].phone.answered["user/add"] == writes
        house.happen(a_pin("9753", BOB))
        soon(lambda: fleet[0].phone.answered["user/add"] >= writes + 3)
        assert len(alarms(house, "push_suspended")) == 1


def test_d3_a_solved_alarm_is_raised_again_when_it_happens_again() -> None:
    with (
        Fleet(["X916"]) as fleet,
        a_house(fleet, a_resident(BOB, SWIMMERS), rhythm=IMPATIENT) as house,
    ):
        for times in (1, 2):
            fleet[0].fault("accept_and_drop")
            house.happen(a_pin(f"864{times}", BOB))
            soon(partial(lambda n: len(alarms(house, "push_suspended")) == n, times))
            fleet[0].clear_faults()
            soon(lambda: house.now().get((12, "pin")) == "verified")
            ask(house, SolveAlarm(alarm=alarms(house, "push_suspended")[-1].alarm, note="mended"))


def test_d4_a_full_phone_keeps_residents_by_apartment_lists_the_others_and_alarms() -> None:
    """Whoever finds no room is said so with the reason; who goes makes room for the next."""
    with Fleet(["X916"]) as fleet, a_house(fleet, *crowd(6), users=4) as house:
        fleet[0].fault("capacity", users=4)
        soon(lambda: len(house.now()) == 6)
        missing = [who for (who, _), state in house.now().items() if state == "undeliverable"]
        assert missing == [nth(4).int, nth(5).int]
        reasons = {one.reason for one in house.outcomes() if one.state == "undeliverable"}
        assert reasons == {"the phone is full: 4 users"}
        soon(lambda: alarms(house, "phone_full"))
        house.happen(PinRevoked(resident=nth(0)))
        soon(lambda: house.now().get((nth(4).int, "pin")) == "verified")
        assert house.now()[nth(5).int, "pin"] == "undeliverable"
        assert len(alarms(house, "phone_full")) == 1


def test_d4_what_must_go_is_gone_before_the_next_one_comes() -> None:
    """The phone would refuse the other order: it holds no more than four."""
    with Fleet(["X916"]) as fleet, a_house(fleet, *crowd(4), users=4) as house:
        soon(lambda: list(house.now().values()).count("verified") == 4)
        fleet[0].fault("capacity", users=4)
        newer = crowd(2, first=10_004)
        house.happen(PinRevoked(resident=nth(0)), *newer)
        soon(lambda: house.now().get((nth(4).int, "pin")) == "verified")
        assert house.now()[nth(0).int, "pin"] == "withdrawn"
        soon(lambda: house.now().get((nth(5).int, "pin")) == "undeliverable")
        assert not {"rejected", "mismatch"} & {one.state for one in house.outcomes()}


def test_d4_staff_first_then_residents_by_apartment_then_temp_keys_by_expiry() -> None:
    key, later = rank("temp_key", "2026-03-02T09:00"), rank("temp_key", "2026-03-02T10:00")
    first, second = rank("resident", "a1"), rank("resident", "b1")
    ranks = {1: later, 2: second, 3: rank("staff", "z"), 4: key, 5: first}
    wishes = {UUID(int=n): Want(rank=r, entries=(an_entry(n),)) for n, r in ranks.items()}
    for room, kept in enumerate([[3], [3, 5], [3, 5, 2], [3, 5, 2, 4]], 1):
        phone = MemoryPhone(room=room)
        Kept(phone).run(wishes)
        assert set(phone.records) == {an_entry(n).key for n in kept}
    phone = MemoryPhone(room=2)
    (full := Kept(phone)).run(wishes)
    full.run(no_more(3))
    assert set(phone.records) == {an_entry(n).key for n in (5, 2)}


def test_d10_another_box_raises_an_alarm_and_gets_nothing() -> None:
    with Fleet(["X916"]) as fleet:
        fleet[0].fault("other_mac", mac="0C1105FFFFFF")
        with a_house(fleet, *PEOPLE) as house:
            soon(lambda: alarms(house, "wrong_box"))
            assert not fleet[0].phone.answered["user/add"]
            fleet[0].clear_faults()
            soon(lambda: in_place(house))
            assert len(alarms(house, "wrong_box")) == 1


MIXED = ("offline", "hang", "accept_and_drop", "lost_ack", "partial_batch", "error_rate")


def test_d12_a_small_fleet_heals_after_mixed_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m bench converge` does it with two hundred."""
    monkeypatch.setattr(wire, "SECONDS", 0.5)
    with Fleet(["X916", "E18"] * 6) as fleet, a_house(fleet, rhythm=IMPATIENT) as house:
        for n, sim in enumerate(fleet):
            sim.fault(MIXED[n % len(MIXED)])
        house.happen(*PEOPLE, *crowd(20))
        house.happen(*(PinRevoked(resident=nth(n)) for n in range(0, 20, 4)))
        soon(lambda: all(device_id(n) in house.sync.lanes for n in range(12)))
        for n, sim in enumerate(fleet):
            sim.clear_faults()
            if n % 4 == 0:
                sim.do(lambda p: p.users.reset())
                house.lane(n).check()
        soon(lambda: all(house.is_right(n) for n in range(12)), 20)


def strangers(house: House) -> list[int]:
    found = [e for e in house.events(StrangersFound) if isinstance(e, StrangersFound)]
    return [e.records for e in found]


def users(house: House) -> set[str]:
    return {row["UserID"] for row in house.fleet[0].phone.users}


def enter_by_hand(house: House) -> None:
    house.fleet[0].fault("local_edit", op="add", row=STRANGER)
    house.fleet[0].do(lambda p: p.users.force({**p.users.defaults, **CLOUDS}))


def test_d15_a_user_entered_at_the_phone_is_an_event_and_is_left_alone() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: in_place(house))
        enter_by_hand(house)
        found = check(house)
        assert (found.right, found.drifted, found.strangers) == (2, 0, 1)
        soon(lambda: strangers(house) == [1])
        assert {"77", "78"} < users(house)


def test_d15_who_wants_it_so_has_them_removed_but_never_the_clouds() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: in_place(house))
        policy = ChooseStrangersPolicy(device=device_id(0), policy="remove")
        a_bus(house.log).dispatch(policy, community=HARBOUR, actor=INSTALLER)
        enter_by_hand(house)
        house.lane().check()
        soon(lambda: strangers(house) == [1, 0])
        assert "77" not in users(house)
        assert "78" in users(house)
        assert house.is_right()


def test_d15_what_was_chosen_and_asked_is_known_in_the_next_life() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: in_place(house))
        house.stop()
        enter_by_hand(house)
        policy = ChooseStrangersPolicy(device=device_id(0), policy="remove")
        a_bus(house.log).dispatch(policy, community=HARBOUR, actor=INSTALLER)
        ask(house, CheckDevice(device=device_id(0), check=CheckId(uuid7())))
        with a_house(fleet, log=house.log) as again:
            soon(lambda: strangers(again) == [1, 0])
            soon(lambda: len(again.events(DeviceChecked)) == 1)


@pytest.mark.parametrize("how", ["timer", "asked"])
def test_d15_drift_is_found_on_a_timer_and_on_demand(how: str) -> None:
    """And after a restart, see test_sync.py."""
    rhythm = replace(QUICK, scan=0.2 if how == "timer" else 3600)
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE, rhythm=rhythm) as house:
        soon(lambda: in_place(house))
        fleet[0].do(lambda p: p.users.reset())
        if how == "asked":
            assert check(house).drifted == 2
        soon(lambda: [one.state for one in house.outcomes()].count("mismatch") == 3)
        soon(lambda: set(house.now().values()) == {"verified"})
        assert house.is_right()


def test_d15_control_without_any_of_these_it_is_not_found() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *PEOPLE) as house:
        soon(lambda: in_place(house))
        fleet[0].do(lambda p: p.users.reset())
        polls = len(house.polls)
        soon(lambda: len(house.polls) > polls + 5)
        assert in_place(house)
        assert not house.is_right()
