"""What is asked of adapters, and what they say of phones: D3, D4, D8, D10, D15, N12."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid5

import pytest

from commands.sync import (
    CheckDevice,
    ChooseStrangersPolicy,
    ReportRevokedUse,
    ReportTrouble,
)
from domain.alarms import AlarmId, AlarmKind, AlarmRaised, AlarmSolved
from domain.devices import DeviceRemoved
from domain.sync import (
    CheckId,
    DeviceCheckAsked,
    RevokedCredentialUsed,
    StrangersPolicyChosen,
)
from tests.builders import ANN, CELLAR, GATE, GYM, NOW, TOWER, a_device, a_lock
from tests.scenario import given

CHECK = CheckId(UUID(int=77))
REMOVE = ChooseStrangersPolicy(device=GATE, policy="remove")
CHOSEN = StrangersPolicyChosen(device=GATE, policy="remove")


def test_d15_a_phone_is_checked_when_somebody_asks() -> None:
    asked = DeviceCheckAsked(check=CHECK, device=GATE)
    given(a_device()).when(CheckDevice(device=GATE, check=CHECK)).then(asked)
    given(a_device(), asked).when(CheckDevice(device=GATE, check=CHECK)).then_nothing()
    given(a_device(), a_device(GYM, "Gym"), asked).when(
        CheckDevice(device=GYM, check=CHECK)
    ).then_refused("already-exists")
    given().when(CheckDevice(device=GATE, check=CHECK)).then_unknown("Device")
    [of_a_lock] = given(a_lock()).when(CheckDevice(device=CELLAR, check=CHECK)).decided()
    assert of_a_lock == replace(asked, device=CELLAR)


def test_d15_m130_installers_choose_what_becomes_of_strangers() -> None:
    given(a_device()).when(REMOVE, by="installer").then(CHOSEN)
    given(a_device()).when(REMOVE).then_refused("installer-only")
    given().when(REMOVE, by="installer").then_unknown("Device")


def test_d15_strangers_are_reported_and_left_alone_as_long_as_nobody_says_otherwise() -> None:
    report = replace(REMOVE, policy="report")
    given(a_device()).when(report, by="installer").then_nothing()
    given(a_device(), CHOSEN).when(REMOVE, by="installer").then_nothing()
    back = StrangersPolicyChosen(device=GATE, policy="report")
    given(a_device(), CHOSEN).when(report, by="installer").then(back)


def alarm(kind: AlarmKind, times: int = 1, name: str = "Gate") -> AlarmRaised:
    id = uuid5(GATE, kind)
    for _ in range(times - 1):
        id = uuid5(id, "again")
    return AlarmRaised(
        alarm=AlarmId(id),
        kind=kind,
        device=GATE,
        name=name,
        relay=None,
        building=TOWER if name else None,
        apartment=None,
        heard_at=NOW,
    )


@pytest.mark.parametrize("kind", ["push_suspended", "phone_full", "wrong_box"])
def test_d3_d4_d10_trouble_is_an_alarm_until_somebody_has_solved_it(kind: AlarmKind) -> None:
    trouble, first, again = ReportTrouble(device=GATE, kind=kind), alarm(kind), alarm(kind, 2)
    given(a_device()).when(trouble).then(first)
    given(a_device(), first).when(trouble).then_nothing()
    solved = AlarmSolved(alarm=first.alarm, note="mended")
    given(a_device(), first, solved).when(trouble).then(again)
    given(a_device(), first, solved, again).when(trouble).then_nothing()


def test_trouble_of_a_phone_that_was_removed_is_not_dropped() -> None:
    trouble = ReportTrouble(device=GATE, kind="wrong_box")
    gone = alarm("wrong_box", name="")
    given(a_device(), DeviceRemoved(device=GATE)).when(trouble).then(gone)


def test_d8_a_use_is_an_event_with_its_exposure_window_and_an_alarm_at_the_door() -> None:
    report = ReportRevokedUse(
        device=GATE,
        relay=2,
        holder=ANN,
        kind="card",
        revoked_at=NOW - timedelta(hours=1),
        used_at=NOW - timedelta(minutes=10),
        removed_at=None,
        epoch=1,
        id=9,
    )
    used, raised = given(a_device()).when(report).decided()
    assert isinstance(used, RevokedCredentialUsed)
    assert isinstance(raised, AlarmRaised)
    assert (used.holder, used.kind, used.removed_at) == (ANN, "card", None)
    assert used.used_at - used.revoked_at == timedelta(minutes=50)
    assert (raised.kind, raised.name, raised.relay) == ("revoked_used", "Gate 2", 2)
