"""S12-S18: who is let in, what opens, what is written down and told."""

from datetime import UTC, datetime

import pytest

from device_adapters.simulator.phone import Phone
from tests.device_adapters.simulator.phones import (
    Clock,
    a_phone,
    a_user,
    get,
    post,
    tell,
    with_users,
)

NORMAL, WEEKLY, DAILY = "0", "1", "2"
URL = "Config.Features.ACTIONURL."


def admits(schedule: dict[str, str], when: str, zone: str = "UTC", model: str = "X916") -> bool:
    """Whether a phone opens at this UTC time for a user with that schedule."""
    clock = Clock(datetime.fromisoformat(when).replace(tzinfo=UTC))
    phone = a_phone(model, clock, zone)
    assert post(phone, "schedule", "add", schedule)["retcode"] >= 0
    with_users(phone, a_user(PrivatePIN="2468", ScheduleRelay="1003-1"))
    return phone.present_pin("2468").opened


WEEKDAYS = {"Type": WEEKLY, "Week": "12345", "TimeStart": "08:00", "TimeEnd": "18:00"}
NIGHT = {"Type": WEEKLY, "Week": "5", "TimeStart": "22:00", "TimeEnd": "06:00"}
STAY = {
    "Type": NORMAL,
    "DateStart": "20260302",
    "DateEnd": "20260304",
    "Week": "0123456",
    "TimeStart": "00:00",
    "TimeEnd": "23:59",
}


@pytest.mark.parametrize(
    ("schedule", "when", "opens"),
    [
        (WEEKDAYS, "2026-03-02 08:00", True),
        (WEEKDAYS, "2026-03-02 18:00", True),
        (WEEKDAYS, "2026-03-02 18:01", False),
        (WEEKDAYS, "2026-03-01 12:00", False),  # a Sunday
        (STAY, "2026-03-01 23:59", False),
        (STAY, "2026-03-02 00:00", True),
        (STAY, "2026-03-04 23:59", True),
        (STAY, "2026-03-05 00:00", False),
        ({"Type": DAILY, "Daily": "09:00-10:00"}, "2026-03-01 09:30", True),
        ({"Type": DAILY, "Daily": "09:00-10:00"}, "2026-03-01 10:30", False),
        ({"Type": DAILY, "Daily": "23:00-01:00"}, "2026-03-01 00:30", True),
        (NIGHT, "2026-03-06 23:00", True),  # a Friday
        (NIGHT, "2026-03-07 05:00", True),  # begun on Friday
        (NIGHT, "2026-03-06 05:00", False),  # would have begun on Thursday
        ({"Type": NORMAL}, "2026-03-02 12:00", False),
    ],
)
def test_s12_schedules_are_evaluated(schedule: dict[str, str], when: str, *, opens: bool) -> None:
    assert admits(schedule, when) is opens


def test_s12_by_the_phones_own_clock_and_zone() -> None:
    assert admits(WEEKDAYS, "2026-03-02 05:30", "Europe/Moscow")
    assert not admits(WEEKDAYS, "2026-03-02 05:30", "UTC")
    assert admits(WEEKDAYS, "2026-07-06 06:30", "Europe/Madrid")  # summer time


def test_s12_the_offset_counts_where_the_name_is_unknown() -> None:
    phone = a_phone()
    zone = {"Config.Settings.SNTP.Name": "Moscow", "Config.Settings.SNTP.TimeZone": "GMT+3:00"}
    tell(phone, "config", "set", zone)
    assert phone.now().hour == 15


def test_s12_e18_needs_the_seven_flags() -> None:
    assert not admits(WEEKDAYS, "2026-03-02 12:00", model="E18")
    assert admits(WEEKDAYS | {"Mon": "1"}, "2026-03-02 12:00", model="E18")


def test_s12_always_is_always_and_never_never() -> None:
    phone = with_users(
        a_phone(),
        a_user("u1", PrivatePIN="1111", ScheduleRelay="1001-1"),
        a_user("u2", PrivatePIN="2222", ScheduleRelay="1002-1"),
    )
    assert phone.present_pin("1111").opened
    assert phone.present_pin("2222").reason == "outside schedule"


def test_s13_each_kind_of_credential() -> None:
    phone = with_users(
        a_phone(),
        a_user(PrivatePIN="2468", CardCode="AB12;0C34", FaceID="f1", LicensePlate="AA11;BB22"),
    )
    shown = {"pin": "2468", "card": "000ab12", "face": "f1", "qr": "2468", "plate": "bb22"}
    for kind, code in shown.items():
        assert phone.present(kind, code).opened, kind
        assert phone.present(kind, "9999").reason == "unknown code", kind


def test_s13_a_keypad_takes_two_to_eight_digits() -> None:
    phone = with_users(
        a_phone(),
        *(
            a_user(f"u{n}", PrivatePIN=pin)
            for n, pin in enumerate(("1", "12", "12ab", "123456789"))
        ),
    )
    opened = [phone.present_pin(pin).opened for pin in ("1", "12", "12ab", "123456789")]
    assert opened == [False, True, False, False]


def test_s13_a_model_without_a_keypad() -> None:
    phone = with_users(a_phone("E12W"), a_user(PrivatePIN="2468", CardCode="AB12"))
    assert phone.present_pin("2468").reason == "no keypad"
    assert phone.present_card("AB12").opened


def test_s13_apartment_and_pin() -> None:
    phone = with_users(
        a_phone(),
        a_user("u1", PrivatePIN="2468", Room="101", ScheduleRelay="1001-1"),
        a_user("u2", PrivatePIN="2468", Room="102", ScheduleRelay="1001-2"),
        a_user("u3", PrivatePIN="2468"),
    )
    assert phone.present_pin("2468").relays == (1,)
    tell(phone, "config", "set", {"Config.DoorSetting.PASSWORD.PinMode": "1"})
    assert phone.present_pin("102#2468").relays == (2,)
    assert not phone.present_pin("2468").opened
    assert not phone.present_pin("103#2468").opened
    assert not phone.present_pin("#2468").opened


def test_s13_a_relay_takes_only_its_methods() -> None:
    phone = with_users(a_phone(), a_user(PrivatePIN="2468", CardCode="AB", ScheduleRelay="1001-12"))
    tell(phone, "config", "set", {"Config.DoorSetting.RELAY.AccessMethodA": "card"})
    assert phone.present_pin("2468").relays == (2,)
    assert phone.present_card("AB").relays == (1, 2)
    tell(phone, "config", "set", {"Config.DoorSetting.RELAY.AccessMethodB": "card"})
    assert phone.present_pin("2468").reason == "PIN is off here"


def relays(phone: Phone) -> str:
    return "".join(str(value) for value in get(phone, "relay/status")["data"].values())


def test_s14_a_relay_closes_after_its_hold_delay() -> None:
    clock = Clock()
    phone = with_users(a_phone(clock=clock), a_user(PrivatePIN="2468"))
    tell(phone, "config", "set", {"Config.DoorSetting.RELAY.HoldDelayA": "3"})
    phone.present_pin("2468")
    assert relays(phone) == "1000"
    clock.forward(seconds=2.9)
    assert relays(phone) == "1000"
    clock.forward(seconds=0.1)
    assert relays(phone) == "0000"


def test_s14_triggered_by_the_api() -> None:
    clock = Clock()
    phone = a_phone(clock=clock)
    assert tell(phone, "relay", "trig", {"num": 2, "mode": 0, "delay": 9})["retcode"] == 0
    assert tell(phone, "relay", "trig", {"num": "3", "mode": 1})["retcode"] == 0
    assert relays(phone) == "0110"
    clock.forward(hours=1)
    assert relays(phone) == "0010"
    tell(phone, "relay", "trig", {"num": 3, "mode": 1, "level": 1})
    assert relays(phone) == "0000"
    for wrong in ({"num": 5}, {"num": 1, "delay": 70_000}, {"num": 1, "mode": 2}, {}):
        assert tell(phone, "relay", "trig", wrong)["retcode"] == -1


def test_s14_held_open_by_a_relay_schedule() -> None:
    phone, where = a_phone(), "Config.DoorSetting.RELAYSCHEDULE.RelayB"
    tell(phone, "config", "set", {f"{where}Enable": "1", f"{where}Schedule": "1001/"})
    assert relays(phone) == "0100"


def test_s15_the_door_log_is_newest_first_in_local_time_with_the_raw_code() -> None:
    clock = Clock()
    phone = with_users(
        a_phone(clock=clock, zone="Europe/Moscow"),
        a_user(PrivatePIN="2468", ScheduleRelay="1001-12"),
    )
    phone.present_pin("2468")
    clock.forward(minutes=1)
    phone.present_card("EE")
    failed, opened = get(phone, "doorlog/get")["data"]["item"]
    expected = {
        "ID": "1",
        "Date": "2026-03-02",
        "Time": "15:00:00",
        "Name": "Ann",
        "Code": "2468",
        "Type": "PIN",
        "Relay": "12",
        "Status": "Succ",
        "AccessMode": "0",
    }
    assert opened == expected
    assert (failed["ID"], failed["Time"], failed["Status"]) == ("2", "15:01:00", "Failed")
    assert (failed["Name"], failed["Code"], failed["Type"]) == ("Unknown", "EE", "Card")


def test_s15_the_log_is_paged_and_filtered() -> None:
    clock = Clock()
    phone = with_users(a_phone(clock=clock), a_user(PrivatePIN="2468"))
    for code in ["2468", *["1111"] * 11]:
        phone.present_pin(code)
        clock.forward(minutes=1)
    pages = [get(phone, f"doorlog/get?page={n}")["data"]["item"] for n in (1, 2, 3)]
    assert [[row["ID"] for row in page][:1] for page in pages] == [["12"], ["2"], []]
    for query, found in (
        ("Status=Succ", ["1"]),
        ("NameOrCode=Ann", ["1"]),
        ("TimeStart=2026-03-02 12:10:00", ["12", "11"]),
        ("TimeEnd=2026-03-02 12:01:00", ["2", "1"]),
    ):
        rows = get(phone, f"doorlog/get?{query}")["data"]["item"]
        assert [row["ID"] for row in rows] == found, query


def test_s15_the_ring_forgets_the_oldest_but_numbers_rise() -> None:
    phone = a_phone()
    for _ in range(phone.profile.log_rows + 5):
        phone.present_pin("1111")
    ids = [int(row["ID"]) for row in get(phone, "doorlog/get")["data"]["item"]]
    assert (ids[0], ids[-1], len(ids)) == (1005, 6, 1000)


def test_s15_calls() -> None:
    phone = a_phone()
    phone.call("Missed", "Ann", "sip:101@10.0.0.1")
    row = get(phone, "calllog/get")["data"]["item"][0]
    assert (row["ID"], row["Type"], row["Name"], row["Num"]) == ("1", "Missed", "Ann", "1")


def told(phone: Phone, **urls: str) -> list[str]:
    """The action URLs that it calls from now on."""
    called: list[str] = []
    phone.send = called.append
    settings = {f"{URL}{event}": url for event, url in urls.items()}
    tell(phone, "config", "set", {f"{URL}Enable": "1"} | settings)
    return called


def test_s16_a_valid_code_tells_its_url_with_the_variables_and_no_relay_url() -> None:
    phone = with_users(a_phone(), a_user(PrivatePIN="2468", Name="Ann & Bob"))
    called = told(
        phone,
        ValidCodeEntered="http://127.0.0.1/t?m=$mac&n=$user_name&u=$userid&r=$relay1status&x=$odd",
        RelayATriggered="http://127.0.0.1/relay",
    )
    phone.present_pin("2468")
    assert called == [
        "http://127.0.0.1/t?m=0C1105000001&n=Ann%20%26%20Bob&u=u1&r=1&x=$odd",
    ]


def test_s16_other_events() -> None:
    clock = Clock()
    phone = a_phone(clock=clock)
    called = told(
        phone,
        InvalidCardEntered="http://127.0.0.1/card?c=$card_sn",
        RelayBTriggered="http://127.0.0.1/open?r=$relay_id",
        RelayBClosed="http://127.0.0.1/closed",
    )
    phone.present_card("EE")
    tell(phone, "relay", "trig", {"num": 2})
    clock.forward(minutes=1)
    phone.settle()
    tails = [url.removeprefix("http://127.0.0.1/") for url in called]
    assert tails == ["card?c=EE", "open?r=2", "closed"]


def test_s16_nothing_is_told_when_off_or_offline() -> None:
    phone = a_phone()
    called = told(phone, InvalidCodeEntered="http://127.0.0.1/no")
    phone.faults.set("offline", {})
    phone.present_pin("1111")
    phone.faults.clear()
    tell(phone, "config", "set", {f"{URL}Enable": "0"})
    phone.present_pin("1111")
    assert called == []
    assert len(phone.doors.ring) == 2


def test_s18_sensors_and_the_exit_button() -> None:
    phone = a_phone()
    called = told(
        phone,
        InputAlarm="http://127.0.0.1/fire",
        AlarmTriggered="http://127.0.0.1/tamper",
        AlarmDoorOpenedTimeoutB="http://127.0.0.1/held",
        InputATriggered="http://127.0.0.1/input",
    )
    assert phone.sense("emergency")
    assert phone.sense("tamper")
    assert phone.sense("door_held", 2)
    assert not phone.sense("break_in")  # it has no URL for that
    assert not phone.press_input(1).opened
    tell(phone, "input", "set", {"Config.DoorSetting.INPUT.InputEnable": "1"})
    assert phone.press_input(1).relays == (1,)
    tails = [url.removeprefix("http://127.0.0.1/") for url in called]
    assert tails == ["fire", "tamper", "held", "input", "input"]
    assert phone.doors.ring[-1]["Type"] == "Input"
