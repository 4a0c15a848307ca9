"""S17, S18: what a phone says without being asked, by syslog and of its doors."""

import socket
from collections.abc import Iterator

import pytest

from device_adapters.simulator.fleet import PluggedIn
from device_adapters.simulator.phone import Phone
from tests.device_adapters.simulator.phones import Clock, a_phone, a_user, tell, with_users

SYSLOG = "Config.Settings.LOGLEVEL.Remote"
URL = "Config.Features.ACTIONURL."
Said = list[tuple[str, int, str]]


def told_by_syslog(phone: Phone, **settings: str) -> Said:
    said = Said()
    phone.emit = lambda *line: said.append(line)
    wanted = {"Syslog": "1", "Server": "127.0.0.1", "ServerPort": "5140"} | settings
    tell(phone, "config", "set", {f"{SYSLOG}{name}": value for name, value in wanted.items()})
    return said


def told_by_url(phone: Phone, *events: str) -> list[str]:
    called = list[str]()
    phone.send = called.append
    urls = {f"{URL}{event}": f"http://127.0.0.1/{event}" for event in events}
    tell(phone, "config", "set", {f"{URL}Enable": "1"} | urls)
    return called


def test_s17_a_door_that_opens_is_a_line_with_the_raw_code_in_local_time() -> None:
    phone = with_users(a_phone(zone="Europe/Lisbon"), a_user(PrivatePIN="2468", CardCode="AB12"))
    said = told_by_syslog(phone)
    phone.present_pin("2468")
    phone.present_card("AB12")
    phone.present_card("EE")
    head = "<14>Mar  2 12:00:00 X916: OPENDOOR_LOG:"
    assert said == [
        ("127.0.0.1", 5140, f"{head}Type:PIN KeyCode:2468 Relay:1 Status:Successful"),
        ("127.0.0.1", 5140, f"{head}Type:RF KeyCode:AB12 Relay:1 Status:Successful"),
        ("127.0.0.1", 5140, f"{head}Type:RF KeyCode:EE Relay:0 Status:Failed"),
    ]


def test_s17_calls_buttons_and_motion_are_lines_too() -> None:
    phone = a_phone()
    said = told_by_syslog(phone)
    phone.call("Dialed", "Ann", "101")
    phone.call("Missed", "Ann", "101")
    tell(phone, "input", "set", {"Config.DoorSetting.INPUT.InputEnable": "1"})
    phone.press_input(1)
    assert phone.sense("motion")
    assert [line.partition("X916: ")[2] for _, _, line in said] == [
        "SIP_LOG:MakeCall-101",
        "SIP_LOG:Call Finished, callid=200002",
        "OPENDOOR_LOG:Type:INPUT KeyCode: Relay:1 Status:Successful",
        "start motion",
    ]


@pytest.mark.parametrize("off", [{"Syslog": "0"}, {"Server": ""}, {"ServerPort": "x"}])
def test_s17_nothing_is_said_when_off_or_offline(off: dict[str, str]) -> None:
    phone = a_phone()
    said = told_by_syslog(phone, **off)
    assert not phone.sense("motion")
    said = told_by_syslog(phone)
    phone.faults.set("offline", {})
    assert not phone.sense("motion")
    assert said == []


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(5)
        yield heard


def test_s17_a_line_comes_as_a_datagram(phone: PluggedIn, server: socket.socket) -> None:
    wanted = {"Syslog": "1", "Server": "127.0.0.1", "ServerPort": str(server.getsockname()[1])}
    phone.do(lambda p: p.config.change({f"{SYSLOG}{k}": v for k, v in wanted.items()}))
    phone.punch("1111")
    assert b"X916: OPENDOOR_LOG:Type:PIN KeyCode:1111 Relay:0 Status:Failed" in server.recv(1000)
    phone.do(lambda p: p.config.change({f"{SYSLOG}Server": "192.0.2.1"}))
    phone.punch("1111")  # nobody there, and not called: nothing waits
    phone.do(lambda p: p.config.change({f"{SYSLOG}Syslog": "0"}))


def test_s18_a_door_that_stays_open_is_told_once() -> None:
    clock = Clock()
    phone = with_users(a_phone(clock=clock), a_user(PrivatePIN="2468"))
    called = told_by_url(phone, "AlarmDoorOpenedTimeoutA", "BreakInAlarmA")
    tell(phone, "config", "set", {"Config.DoorSetting.INPUT.DoorOpenedTimeout": "30"})
    phone.present_pin("2468")
    assert not phone.door(1, opens=True)
    assert phone.state()["doors"] == {1: True, 2: False, 3: False, 4: False}
    for _ in range(3):
        clock.forward(seconds=20)
        phone.settle()
    assert called == ["http://127.0.0.1/AlarmDoorOpenedTimeoutA"]
    phone.door(1, opens=False)
    phone.present_pin("2468")
    phone.door(1, opens=True)
    clock.forward(seconds=31)
    phone.settle()
    assert called == ["http://127.0.0.1/AlarmDoorOpenedTimeoutA"] * 2


def test_s18_a_door_opened_while_its_relay_is_at_rest_was_forced() -> None:
    phone = a_phone()
    called = told_by_url(phone, "BreakInAlarmB")
    assert phone.door(2, opens=True)
    assert called == ["http://127.0.0.1/BreakInAlarmB"]
    assert not phone.door(1, opens=True)  # there is nobody to tell
    with pytest.raises(ValueError, match="relay is 1 to 4"):
        phone.door(5, opens=True)
