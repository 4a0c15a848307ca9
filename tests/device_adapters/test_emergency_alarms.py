"""A28, S9: an alarm unlocks by itself only once the phone itself has confirmed it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from commands.emergency import SetEmergency
from device_adapters.akuvox import wire
from domain.access_groups import Door
from domain.alarms import AlarmId, AlarmRaised, FireInputsChosen
from domain.emergency import EmergencyAlarmChecked, UnlockOrdered
from tests.builders import an_alarm
from tests.device_adapters.emergencies import Scene, a_scene, door
from tests.device_adapters.houses import device_id, soon


def alarm(n: int, ago: timedelta = timedelta(0)) -> AlarmRaised:
    """As the reaction makes it of what came in by an event URL."""
    raised = an_alarm(AlarmId(UUID(bytes=uuid7().bytes)), "emergency", device_id(n))
    return replace(raised, heard_at=datetime.now(UTC) - ago)


def automatic(scene: Scene, *doors: Door) -> None:
    scene.say(SetEmergency(automatic=True, doors=frozenset(doors) if doors else None))


def findings(scene: Scene) -> list[str]:
    return [check.finding for check in scene.events(EmergencyAlarmChecked)]


def test_a28_a_phone_that_confirms_its_alarm_opens_the_group(tmp_path: Path) -> None:
    with a_scene(["X916", "E18", "R29"], tmp_path) as scene:
        automatic(scene, door(0), door(2))
        scene.fleet[1].do(lambda phone: phone.sense("emergency"))
        scene.happen(alarm(1))
        soon(lambda: scene.open_relays(0) == {1} and scene.open_relays(2) == {1})
        assert scene.open_relays(1) == set()
        [order] = scene.events(UnlockOrdered)
        assert (order.cause, findings(scene)) == ("automatic", ["confirmed"])


def test_a28_s9_a_forged_alarm_opens_nothing(tmp_path: Path) -> None:
    """The negative control is the test above: the same alarm, and a contact that is closed."""
    with a_scene(["X916", "E18"], tmp_path) as scene:
        automatic(scene)
        scene.happen(alarm(1))
        soon(lambda: findings(scene) == ["denied"])
        scene.happen(alarm(1))
        sleep(0.5)
        assert not scene.open_relays(0) | scene.open_relays(1)
        assert scene.events(UnlockOrdered) == []


def test_a28_nobody_is_asked_while_the_setting_is_off(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path) as scene:
        scene.fleet[0].do(lambda phone: phone.sense("emergency"))
        scene.happen(alarm(0))
        sleep(0.6)
        assert (findings(scene), scene.open_relays(0)) == ([], set())
        automatic(scene)  # while the alarm is fresh
        soon(lambda: scene.all_open(0))


def test_a28_an_old_alarm_opens_nothing(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path) as scene:
        automatic(scene)
        scene.fleet[0].do(lambda phone: phone.sense("emergency"))
        scene.happen(alarm(0, ago=timedelta(minutes=6)))
        sleep(0.6)
        assert (findings(scene), scene.open_relays(0)) == ([], set())


def test_m124_only_the_inputs_of_the_fire_panel_count(tmp_path: Path) -> None:
    """Somebody who holds an exit button down confirms no fire."""
    with a_scene(["X916"], tmp_path) as scene:
        automatic(scene)
        scene.happen(FireInputsChosen(device=device_id(0), inputs=frozenset({3})))
        scene.fleet[0].do(lambda phone: phone.wire(1, closed=True))
        scene.happen(alarm(0))
        soon(lambda: findings(scene) == ["denied"])
        scene.fleet[0].do(lambda phone: phone.wire(3, closed=True))
        scene.happen(alarm(0))
        soon(lambda: scene.all_open(0))


def unplug(scene: Scene, n: int) -> None:
    scene.fleet[n].unplug()


def replaced(scene: Scene, n: int) -> None:
    scene.fleet[n].do(lambda phone: phone.sense("emergency"))
    scene.fleet[n].fault("other_mac", mac="0C1105FFFFFF")


def nothing(scene: Scene, n: int) -> None:
    """An R29 has no such function."""


@pytest.mark.parametrize(
    ("model", "spoil"), [("X916", unplug), ("X916", replaced), ("R29", nothing)]
)
def test_a28_one_that_cannot_be_asked_opens_nothing_alone(
    tmp_path: Path,
    model: str,
    spoil: Callable[[Scene, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Off line; another box (D10); a model that cannot say. Two phones of which each says so are
    believed, for fire takes phones away.
    """
    monkeypatch.setattr(wire, "SECONDS", 0.5)
    with a_scene([model, "R29", "E18"], tmp_path) as scene:
        automatic(scene)
        spoil(scene, 0)
        scene.happen(alarm(0))
        soon(lambda: findings(scene) == ["silent"])
        sleep(0.3)
        assert scene.open_relays(2) == set()
        scene.happen(alarm(0))  # the same phone again bears nothing out
        sleep(0.6)
        assert scene.open_relays(2) == set()
        scene.happen(alarm(1))
        soon(lambda: scene.all_open(2))


def test_a28_one_that_is_back_is_asked_again(tmp_path: Path) -> None:
    with a_scene(["X916", "E18"], tmp_path) as scene:
        automatic(scene)
        scene.fleet[0].do(lambda phone: phone.sense("emergency"))
        scene.fleet[0].unplug()
        scene.happen(alarm(0))
        soon(lambda: findings(scene) == ["silent"])
        scene.fleet[0].plug_in()
        soon(lambda: scene.all_open(0, 1))
        assert findings(scene) == ["silent", "confirmed"]


def test_a28_who_does_not_speak_to_the_phones_asks_nobody(tmp_path: Path) -> None:
    with a_scene(["X916"], tmp_path, ours=False) as scene:
        automatic(scene)
        scene.fleet[0].do(lambda phone: phone.sense("emergency"))
        scene.happen(alarm(0))
        sleep(0.6)
        assert findings(scene) == []
        scene.ours = True
        soon(lambda: scene.all_open(0))


def test_a28_what_an_alarm_opened_stays_open_until_it_is_locked(tmp_path: Path) -> None:
    """Also when the alarm is over."""
    with a_scene(["X916"], tmp_path) as scene:
        automatic(scene)
        scene.fleet[0].do(lambda phone: phone.sense("emergency"))
        scene.happen(alarm(0))
        soon(lambda: scene.told(0, opened=True, word="verified"))
        scene.fleet[0].do(lambda phone: phone.wire(1, closed=False))
        sleep(0.4)
        assert scene.all_open(0)
        scene.lock()
        soon(lambda: scene.told(0, opened=False, word="verified"))
        assert scene.open_relays(0) == set()
