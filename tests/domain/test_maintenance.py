"""M110, M111, A23, A35: what may be done to devices from afar."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from commands.maintenance import (
    ChooseConnectType,
    ChoosePushButtons,
    KeepAutop,
    OpenDoor,
    OpenWebControl,
    RebootDevice,
    ReportEnded,
    ResetDevice,
    RunAutopOnce,
)
from domain.kernel import fold
from domain.maintenance import (
    AutopKept,
    ConnectTypeChosen,
    OperationAsked,
    OperationEnded,
    OperationId,
    OperationKind,
    PushButton,
    PushButtonsChosen,
    Upkeep,
    WebControlOpened,
    settings,
)
from tests.builders import CELLAR, GATE, GYM, NOW, a_box, a_community, a_device, a_lock
from tests.scenario import given

R20K = a_box("http://127.0.0.1:8132", "0C11050A0032", "R20K-2")
HOME = (a_community(), a_device(), a_device(GYM, "Gym", box=R20K), a_lock())
ID = OperationId(UUID(int=900))
LINES = ("Config.Account1.SIP.Timeout = 60", "Config.Voice.MIC.Volume=8")


def asked(kind: OperationKind, **more: object) -> OperationAsked:
    within = {"open": 10, "reboot": 600, "reset": 600, "autop": 30 * 86400}[kind]
    event = OperationAsked(
        operation=ID,
        device=GATE,
        kind=kind,
        relay=None,
        lines=(),
        by="manager",
        asked_at=NOW,
        until=NOW + timedelta(seconds=within),
    )
    return replace(event, **more)  # type: ignore[arg-type]


def test_a23_a_door_is_opened_from_afar_within_ten_seconds_or_not_at_all() -> None:
    ask = OpenDoor(operation=ID, device=GATE, relay=2)
    given(*HOME).when(ask).then(asked("open", relay=2))
    given(*HOME).when(replace(ask, device=CELLAR, relay=1)).then(
        asked("open", device=CELLAR, relay=1)
    )
    given(*HOME).when(replace(ask, relay=3)).then_refused("no such relay")
    given(*HOME).when(replace(ask, device=CELLAR)).then_refused("no such relay")
    given(*HOME[:1]).when(ask).then_unknown("Device")


def test_m110_reboot_and_reset_are_asked_once() -> None:
    given(*HOME).when(RebootDevice(operation=ID, device=GATE)).then(asked("reboot"))
    reset = ResetDevice(operation=ID, device=GATE)
    given(*HOME).when(reset).then(asked("reset"))
    given(*HOME, asked("reset")).when(reset).then_nothing()
    given(*HOME, asked("reboot")).when(reset).then_refused("already-exists")
    given(*HOME).when(RebootDevice(operation=ID, device=CELLAR)).then_unknown("Device")


def test_m111_one_time_autop_keeps_nothing() -> None:
    ask = RunAutopOnce(operation=ID, device=GATE, lines=LINES)
    [made] = given(*HOME).when(ask).decided()
    assert made == asked(
        "autop", lines=("Config.Account1.SIP.Timeout = 60", "Config.Voice.MIC.Volume = 8")
    )
    assert "Timeout" not in repr(made)
    given(*HOME).when(replace(ask, lines=())).then_refused("at least one")


def test_m111_a35_kept_commands_have_each_key_once_and_the_later_holds() -> None:
    twice = (*LINES, "Config.Voice.MIC.Volume = 9", LINES[0])
    kept = AutopKept(
        device=GATE,
        lines=("Config.Account1.SIP.Timeout = 60", "Config.Voice.MIC.Volume = 9"),
    )
    given(*HOME).when(KeepAutop(device=GATE, lines=twice)).then(kept)
    given(*HOME, kept).when(KeepAutop(device=GATE, lines=twice)).then_nothing()
    given(*HOME, kept).when(KeepAutop(device=GATE, lines=())).then(AutopKept(device=GATE, lines=()))
    assert settings(twice) == {"Config.Account1.SIP.Timeout": "60", "Config.Voice.MIC.Volume": "9"}


@pytest.mark.parametrize(
    ("line", "no"),
    [
        ("Config.Voice.MIC.Volume", "Config.Section.Group.Key"),
        ("Voice.MIC.Volume = 1", "Config.Section.Group.Key"),
        ("Config.Voice = 1", "Config.Section.Group.Key"),
        (f"Config.Voice.MIC.Volume = {'9' * 513}", "Config.Section.Group.Key"),
        ("Config.DoorSetting.APIFCGI.Password = hush", "kept-by-gatehouse"),
        ("Config.DoorSetting.RELAYSCHEDULE.RelayAEnable = 1", "kept-by-gatehouse"),
    ],
)
def test_m111_what_is_no_command_or_is_kept_by_the_house_is_refused(line: str, no: str) -> None:
    given(*HOME).when(KeepAutop(device=GATE, lines=(line,))).then_refused(no)
    given(*HOME).when(RunAutopOnce(operation=ID, device=GATE, lines=(line,))).then_refused(no)


def test_m110_connect_type() -> None:
    ask = ChooseConnectType(device=GATE, connect="tls")
    chosen = ConnectTypeChosen(device=GATE, connect="tls")
    given(*HOME).when(ask).then(chosen)
    given(*HOME, chosen).when(ask).then_nothing()


def test_m110_push_buttons_only_of_r20k_and_r20b() -> None:
    button = PushButton(number=6, calls=("101", "sip:102@10.0.0.1"))
    ask = ChoosePushButtons(device=GYM, module="MD06", buttons=(button,))
    chosen = PushButtonsChosen(device=GYM, module="MD06", buttons=(button,))
    given(*HOME).when(ask).then(chosen)
    given(*HOME, chosen).when(ask).then_nothing()
    given(*HOME).when(replace(ask, device=GATE)).then_refused("no-push-buttons")
    seventh = replace(button, number=7)
    given(*HOME).when(replace(ask, buttons=(seventh,))).then_refused("1 to 6")
    bigger = replace(ask, module="MD12", buttons=(seventh,))
    [made] = given(*HOME).when(bigger).decided()
    assert made == replace(chosen, module="MD12", buttons=(seventh,))
    given(*HOME).when(replace(ask, buttons=(button, button))).then_refused("each once")
    many = replace(button, calls=("1",) * 7)
    given(*HOME).when(replace(ask, buttons=(many,))).then_refused("6 SIP")


def test_m110_who_was_told_where_the_web_page_is() -> None:
    told = WebControlOpened(device=GATE, by="manager", until=NOW + timedelta(hours=1))
    given(*HOME).when(OpenWebControl(device=GATE)).then(told)


def test_an_operation_ends_once() -> None:
    ended = OperationEnded(operation=ID, device=GATE, ending="offline", reason="no answer")
    say = ReportEnded(operation=ID, device=GATE, ending="offline", reason="no answer")
    given(*HOME, asked("open")).when(say, by="system").then(ended)
    given(*HOME, asked("open"), ended).when(say, by="system").then_nothing()
    given(*HOME).when(say, by="system").then_nothing()


def test_m111_what_is_kept_is_folded() -> None:
    kept = AutopKept(device=GATE, lines=LINES)
    state = fold(Upkeep, [a_device(), kept, ConnectTypeChosen(device=GATE, connect="tcp")])
    assert state == Upkeep(lines=LINES, connect="tcp")
