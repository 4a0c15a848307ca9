"""D13, M118, A28: from the order straight to the doors. No stream, no projector, no lane runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pytest

from device_adapters.akuvox import wire
from device_adapters.akuvox.doors import doors_of
from device_adapters.emergency.hand import Connect, Hand
from device_adapters.emergency.port import Doors
from device_adapters.simulator import PluggedIn
from domain.devices import Device, DeviceRemoved, DeviceReplaced
from tests.builders import HARBOUR
from tests.device_adapters.emergencies import QUICK, a_scene, door
from tests.device_adapters.houses import box_of, device_id, soon

FLEET = ["X916", "R29", "X915S", "E18", "S532", "E12W", "R20A", "X916"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is given up after half a second, so that a test need not take six."""
    monkeypatch.setattr(wire, "SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
def test_d13_m118_every_reachable_door_opens_at_once_and_the_others_when_they_come_back(
    tmp_path: Path,
) -> None:
    """Three phones are offline, one hangs."""
    away, hung, there = (0, 1, 2), 3, (4, 5, 6, 7)
    with a_scene(FLEET, tmp_path) as scene:
        for n in away:
            scene.fleet[n].unplug()
        scene.fleet[hung].fault("hang")
        scene.unlock()
        assert soon(lambda: scene.all_open(*there), 2) < 2
        soon(lambda: scene.told(*there, opened=True, word="verified"))
        soon(lambda: scene.told(*away, opened=True, word="offline"))
        assert all(one.reason for n in away for one in scene.results(n))
        scene.fleet[0].plug_in()
        soon(lambda: scene.all_open(0))
        soon(lambda: scene.told(0, opened=True, word="verified"))
        soon(lambda: scene.told(hung, opened=True, word="offline"), 8)
        scene.fleet[hung].clear_faults()
        soon(lambda: scene.told(hung, opened=True, word="verified"), 8)


def test_d13_a28_they_stay_open_until_they_are_locked_and_that_is_an_order_of_its_own(
    tmp_path: Path,
) -> None:
    with a_scene(["X916", "E18", "R29"], tmp_path) as scene:
        scene.fleet[2].unplug()
        scene.unlock()
        soon(lambda: scene.told(0, 1, opened=True, word="verified"))
        sleep(0.5)
        assert scene.all_open(0, 1)
        scene.lock()
        soon(lambda: scene.told(0, 1, opened=False, word="verified"))
        assert not scene.open_relays(0) | scene.open_relays(1)
        scene.fleet[2].plug_in()
        soon(lambda: scene.told(2, opened=False, word="verified"))
        assert scene.fleet[2].state()["doorlog"] == []  # it was never opened


def test_a28_a_locked_door_is_the_phones_own_again(tmp_path: Path) -> None:
    """Relay mode 1 is over: what its keypad opens shuts by itself, and nobody looks at it."""
    with a_scene(["X916"], tmp_path) as scene:
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="verified"))
        scene.lock()
        soon(lambda: scene.told(0, opened=False, word="verified"))
        asked = dict(scene.fleet[0].state()["answered"])
        scene.fleet[0].do(lambda phone: phone.trigger(1, delay=1))
        assert scene.open_relays(0) == {1}
        soon(lambda: not scene.open_relays(0))
        assert scene.fleet[0].state()["answered"] == asked


def test_a28_a_phone_that_restarts_meanwhile_is_opened_again(tmp_path: Path) -> None:
    with a_scene(["X916", "R29"], tmp_path) as scene:
        scene.unlock()
        soon(lambda: scene.told(0, 1, opened=True, word="verified"))
        scene.fleet[0].fault("reboot", seconds=0.3)
        soon(lambda: scene.told(0, opened=True, word="offline"))
        soon(lambda: scene.all_open(0, 1))
        soon(lambda: scene.told(0, opened=True, word="verified"))
        assert len(scene.results(1)) == scene.fleet[1].phone.relays.count  # nothing said twice


def test_a28_a_door_that_somebody_shuts_is_opened_again(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path) as scene:
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="verified"))
        scene.fleet[0].do(lambda phone: phone.relays.close(2))
        soon(lambda: scene.all_open(0))
        soon(lambda: len(scene.results(0)) == 6)
        assert [one.state for one in scene.results(0)[4:]] == ["failed", "verified"]


def test_m118_selected_doors_alone(tmp_path: Path) -> None:
    with a_scene(["X916", "E18"], tmp_path) as scene:
        scene.unlock(door(0, 2), door(1, 1))
        soon(lambda: scene.open_relays(0) == {2} and scene.open_relays(1) == {1})
        scene.unlock(door(0, 4))
        soon(lambda: scene.open_relays(0) == {2, 4})
        scene.lock(door(0, 2))
        soon(lambda: scene.open_relays(0) == {4})
        assert scene.open_relays(1) == {1}


def test_m118_doors_come_and_go_meanwhile(tmp_path: Path) -> None:
    """All doors are those that there are at any time; another box in a place is opened, too."""
    with a_scene(
        ["X916", "E18", "E18"],
        tmp_path,
    ) as scene:
        scene.happen(DeviceRemoved(device=device_id(0)), DeviceRemoved(device=device_id(2)))
        scene.unlock()
        soon(lambda: scene.all_open(1))
        box = box_of(scene.fleet[2])
        scene.happen(DeviceReplaced(device=device_id(1), box=box, login=None))
        soon(lambda: scene.all_open(2))
        assert scene.open_relays(0) == set()


def test_d10_another_box_at_the_address_is_not_opened(tmp_path: Path) -> None:
    with a_scene(["X916", "E18"], tmp_path) as scene:
        scene.fleet[0].fault("other_mac", mac="0C1105FFFFFF")
        scene.unlock()
        soon(lambda: scene.told(1, opened=True, word="verified"))
        soon(lambda: scene.told(0, opened=True, word="failed"))
        assert scene.open_relays(0) == set()
        assert "0C1105FFFFFF" in str(scene.results(0)[0].reason)
        scene.fleet[0].clear_faults()
        soon(lambda: scene.told(0, opened=True, word="verified"))


def test_d10_nor_one_that_was_put_in_its_place_meanwhile(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path) as scene:
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="verified"))
        scene.fleet[0].fault("other_mac", mac="0C1105FFFFFF")
        scene.fleet[0].do(lambda phone: phone.relays.close(1))
        soon(lambda: "0C1105FFFFFF" in str(scene.results(0)[-1].reason))
        assert scene.open_relays(0) == {2, 3, 4}


def test_a_phone_that_says_yes_and_does_nothing_is_not_called_open(tmp_path: Path) -> None:
    """Read back: verified is what the relay is seen to be."""

    def drops(*given: object, **more: object) -> None:
        """Says that it is done."""

    with a_scene(["X916", "E18"], tmp_path) as scene:
        phone = scene.fleet[0].phone
        phone.trigger = drops  # type: ignore[method-assign]
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="failed"))
        assert scene.results(0)[0].reason == "the relay stays shut"
        del phone.trigger
        soon(lambda: scene.told(0, opened=True, word="verified"))


# Who may


def test_d13_only_whose_the_phones_are_goes_there(tmp_path: Path) -> None:
    """Without the lease nothing is sent, not even what was begun (ADR 18)."""
    with a_scene(["X916", "E18"], tmp_path, ours=False) as scene:
        scene.unlock()
        sleep(0.5)
        assert scene.open_relays(0) | scene.open_relays(1) == set()
        scene.ours = True
        soon(lambda: scene.told(0, 1, opened=True, word="verified"))
        scene.ours = False
        scene.fleet[0].do(lambda phone: phone.relays.close(1))
        sleep(0.5)
        assert scene.open_relays(0) == {2, 3, 4}


def test_d13_who_has_not_heard_of_the_log_may_have_missed_an_order(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path, heard=0.6) as scene:
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="verified"))
        scene.followed.away = True
        sleep(1)
        scene.fleet[0].do(lambda phone: phone.relays.close(1))
        sleep(0.5)
        assert scene.open_relays(0) == {2, 3, 4}
        scene.lock()
        scene.followed.away = False
        soon(lambda: scene.told(0, opened=False, word="verified"))
        assert len(scene.fleet[0].state()["doorlog"]) == 4  # opened once each, never late


def test_d13_a_restart_leaves_them_open_and_goes_on(tmp_path: Path) -> None:
    with a_scene(["X916", "E18"], tmp_path, running=False) as scene:
        with scene.service():
            scene.unlock()
            soon(lambda: scene.told(0, 1, opened=True, word="verified"))
        assert scene.all_open(0, 1)
        scene.fleet[1].do(lambda phone: phone.reboot())
        with scene.service():
            soon(lambda: scene.all_open(0, 1), 8)
            scene.lock()
            soon(lambda: scene.told(0, 1, opened=False, word="verified"))
        asked = [dict(phone.state()["answered"]) for phone in scene.fleet]
        with scene.service():
            sleep(0.5)
        assert [phone.state()["answered"] for phone in scene.fleet] == asked  # that is done


# What comes late


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("doubt", "in_the_end"), [(2.5, set()), (0.0, {1})])
def test_d13_an_unlock_that_was_given_up_does_not_open_a_locked_door_for_good(
    tmp_path: Path, doubt: float, in_the_end: set[int]
) -> None:
    """The phone hears it and does it when it gets round to it, after the lock. Without a doubt,
    which is the control, nobody looks again.
    """
    with a_scene(["X916"], tmp_path, pace=replace(QUICK, doubt=doubt), running=False) as scene:
        scene.connect = once_late(scene.fleet[0], 1500)
        with scene.service():
            scene.unlock(door(0))
            soon(lambda: scene.results(0))
            scene.lock(door(0))
            begun = monotonic()
            soon(lambda: len(scene.fleet[0].state()["doorlog"]) == 2, 8)  # the late one is done
            assert monotonic() - begun < 2.4
            soon(lambda: scene.words(0) == {1: (False, "verified")}, 8)
            sleep(1)
            assert scene.open_relays(0) == in_the_end


def once_late(sim: PluggedIn, ms: int) -> Connect:
    """The first unlock is heard now and done later."""
    late = [True]

    def connect(device: Device, may: Callable[[], None]) -> Doors:
        phone = doors_of(device, may, paced=False)
        hold = phone.hold

        def slow(relay: int) -> None:
            if late:
                sim.fault("latency", ms=ms)
            try:
                hold(relay)
            finally:
                late.clear()
                sim.clear_faults()

        phone.hold = slow  # type: ignore[method-assign]
        return phone

    return connect


def test_d13_a_newer_order_stops_the_older_one_on_its_way(tmp_path: Path) -> None:
    """The phone hangs while it is to be unlocked, and is locked when it is back."""
    with a_scene(["X916", "E18"], tmp_path) as scene:
        scene.fleet[0].fault("offline")
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="offline"))
        scene.lock()
        soon(lambda: scene.told(1, opened=False, word="verified"))
        scene.fleet[0].clear_faults()
        soon(lambda: scene.told(0, opened=False, word="verified"))
        assert scene.fleet[0].state()["doorlog"] == []


def test_d13_a_lock_stops_an_unlock_in_its_middle(tmp_path: Path) -> None:
    """Four relays, one after the other: none opens once the lock is known."""
    with a_scene(["X916"], tmp_path, running=False) as scene, scene.service() as service:
        scene.fleet[0].fault("latency", ms=200)
        scene.unlock()
        soon(lambda: scene.open_relays(0))
        scene.lock()
        soon(lambda: not service.book.towns[HARBOUR].orders.orders[-1].open)
        many = len(scene.fleet[0].state()["doorlog"])
        assert many < 4
        scene.fleet[0].clear_faults()
        soon(lambda: scene.told(0, opened=False, word="verified"))
        assert len(scene.fleet[0].state()["doorlog"]) <= many + 1  # that was under way
        assert scene.open_relays(0) == set()


def test_lanes_leave_a_phone_alone_meanwhile(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path) as scene:
        scene.fleet[0].fault("latency", ms=300)
        scene.unlock(door(0))
        soon(lambda: scene.gate._inside[device_id(0)])
        begun = monotonic()
        scene.gate.wait(device_id(0))
        assert monotonic() - begun > 0.2
        assert scene.open_relays(0) == {1}


def test_a_hand_ends_when_nothing_is_to_be_done(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path, running=False) as scene, scene.service() as service:
        scene.unlock()
        soon(lambda: scene.told(0, opened=True, word="verified"))
        scene.lock()
        soon(lambda: scene.told(0, opened=False, word="verified"))
        [(hand, _)] = service._hands.values()
        assert isinstance(hand, Hand)
        soon(lambda: hand.ended)
