"""What doors report: matched to people by a keyed hash, without a code in what is kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from commands.ingest import Ingest, Line, Witness, instant
from domain.alarms import FireInputsChosen
from domain.devices import Device, DeviceRegistered, Place
from domain.kernel import Event, fold
from domain.reports import AlarmReported, DoorLogEntry
from domain.residents import PinRevoked, ResidentDeleted
from eventlog.port import Conflict
from eventlog.reports import Cursor, MemoryReportLog
from tests.builders import (
    ANN,
    BOB,
    FLAT_1,
    FLAT_2,
    GATE,
    GYM,
    HARBOUR,
    NOW,
    TOWER,
    a_box,
    a_building,
    a_community,
    a_device,
    a_pin,
    a_resident,
    an_apartment,
    an_opening,
    cards,
    vehicles,
)
from tests.device_adapters.witnesses import Alone
from tests.scenario import a_log

HOME: tuple[Event, ...] = (
    a_building(),
    an_apartment(FLAT_1, "1"),
    an_apartment(FLAT_2, "2#B"),
    a_resident(ANN),
    a_resident(BOB, home=FLAT_2),
)
HEARD = datetime(2026, 7, 1, 12, 5, tzinfo=UTC)
NOON = datetime(2026, 7, 1, 12)  # noqa: DTZ001 - as a phone says it
ALONE = Alone()


def gate() -> Device:
    device = fold(Device, [a_device()])
    assert device
    return device


def a_line(id: int = 1, code: str = "", method: str = "PIN", *, success: bool = True) -> Line:
    return Line(id=id, local=NOON, method=method, name="Ann", code=code, relay=1, success=success)


def taken(
    *lines: Line,
    past: Sequence[Event],
    now: datetime = HEARD,
    witness: Witness = ALONE,
) -> list[DoorLogEntry]:
    reports = MemoryReportLog(lambda: NOW)
    ingest = Ingest(a_log(*past), reports)
    ingest.take(HARBOUR, gate(), lines, epoch=0, expected=None, now=now, witness=witness)
    return [r.event for r in reports.read(after=0) if isinstance(r.event, DoorLogEntry)]


IN_PIN_MODE = (a_community(zone="Europe/Lisbon"), *HOME, a_pin("2468"), cards(BOB, "0A1B2C"))


def test_m84_who_where_when_and_which_kind_but_no_code() -> None:
    [entry] = taken(a_line(code="2468"), past=IN_PIN_MODE)
    assert (entry.holder, entry.holder_kind, entry.apartment) == (ANN, "resident", FLAT_1)
    assert (entry.method, entry.outcome, entry.door_name) == ("pin", "success", "Gate 1")
    assert entry.building == TOWER
    assert entry.happened_at == datetime(2026, 7, 1, 11, tzinfo=UTC)
    assert entry.local == "2026-07-01T12:00:00"
    assert "2468" not in repr(entry)


@pytest.mark.parametrize("shown", ["0A1B2C", "0a1b2c", "A1B2C", "000A1B2C"])
def test_a8_a_card_is_known_however_the_phone_writes_it(shown: str) -> None:
    [entry] = taken(a_line(code=shown, method="RF"), past=IN_PIN_MODE)
    assert (entry.holder, entry.method) == (BOB, "card")


@pytest.mark.parametrize(
    ("code", "method", "kind"),
    [
        ("12-ab-34", "License Plate", "plate"),
        ("E280", "UHF", "uhf"),
        ("E280", "License Plate", "plate"),
        ("12AB34", "UHF Card", "uhf"),
    ],
)
def test_m33_m34_who_drove_in_is_known_whichever_the_phone_calls_it(
    code: str, method: str, kind: str
) -> None:
    past = (*IN_PIN_MODE, vehicles("12AB34", tags=("E280",), who=BOB))
    [entry] = taken(a_line(code=code, method=method), past=past)
    assert (entry.holder, entry.method, entry.credential_kind) == (BOB, kind, kind)
    assert code not in repr(entry)


def test_d8_m33_a_plate_that_was_given_up_and_still_opens_is_told() -> None:
    past = (*IN_PIN_MODE, vehicles("12AB34", who=BOB), vehicles(who=BOB))
    [entry] = taken(a_line(code="12AB34", method="License Plate"), past=past)
    assert entry.holder is None
    assert entry.revoked
    assert entry.revoked.holder == BOB


@pytest.mark.parametrize(
    ("code", "method"), [("1357", "PIN"), ("2468", "RF"), ("", "Input"), ("x" * 99, "RF Card")]
)
def test_m84_what_nobody_holds_is_nobodys(code: str, method: str) -> None:
    [entry] = taken(a_line(code=code, method=method, success=False), past=IN_PIN_MODE)
    assert (entry.holder, entry.apartment, entry.outcome) == (None, None, "failed")


@pytest.mark.parametrize("opened", [True, False])
def test_m85_a_face_is_whose_the_phone_knows_by_its_name_and_the_name_is_not_kept(
    opened: bool,
) -> None:
    witness = Alone({"Bob Burke": BOB})
    lines = [
        Line(id=n, local=NOON, method=method, name=name, code="", relay=1, success=opened)
        for n, (method, name) in enumerate(
            [("Face", "Bob Burke"), ("Face", "Ann"), ("Face", ""), ("Input", "Bob Burke")], 1
        )
    ]
    entries = taken(*lines, past=IN_PIN_MODE, witness=witness)
    assert [(e.holder, e.credential_kind) for e in entries] == [(BOB, "face"), *[(None, None)] * 3]
    assert (entries[0].holder_kind, entries[0].apartment) == ("resident", FLAT_2)
    assert "Burke" not in repr(entries)


def test_m85_the_face_of_somebody_who_was_deleted_is_nobodys() -> None:
    past = (*IN_PIN_MODE, ResidentDeleted(resident=BOB))
    [entry] = taken(a_line(method="Face"), past=past, witness=Alone({"Ann": BOB}))
    assert entry.holder is None


@pytest.mark.parametrize(
    ("method", "success", "by"),
    [
        ("HTTP API", True, "anna"),
        ("remote", True, "anna"),
        ("HTTP", False, None),
        ("PIN", True, None),
    ],
)
def test_m85_only_what_opened_from_afar_was_asked_for(
    method: str, success: bool, by: str | None
) -> None:
    witness = Alone()
    witness.openings.done(an_opening("anna"), datetime(2026, 7, 1, 11, tzinfo=UTC))
    line = a_line(method=method, success=success)
    [entry] = taken(line, past=IN_PIN_MODE, witness=witness)
    assert (entry.asked and entry.asked.by, entry.holder) == (by, None)


def test_m84_a_pin_that_was_taken_away_is_nobodys() -> None:
    [entry] = taken(a_line(code="2468"), past=(*IN_PIN_MODE, PinRevoked(resident=ANN)))
    assert entry.holder is None


def test_a6_in_apt_pin_mode_the_apartment_says_whose_pin_it_is() -> None:
    past = (
        a_community("apt_pin"),
        *HOME,
        a_pin("2468", ANN, FLAT_1, "apt_pin"),
        a_pin("2468", BOB, FLAT_2, "apt_pin"),
    )
    lines = [a_line(1, "1#2468"), a_line(2, "2#B#2468"), a_line(3, "2468"), a_line(4, "9#2468")]
    assert [entry.holder for entry in taken(*lines, past=past)] == [ANN, BOB, None, None]


@pytest.mark.parametrize(
    ("zone", "local", "heard", "happened"),
    [
        # Santiago shows 23:00 to 23:59 twice on 4 April, and no 00:30 on 6 September.
        ("America/Santiago", "2026-04-04T23:30", "2026-04-05T02:31", "2026-04-05T02:30"),
        ("America/Santiago", "2026-04-04T23:30", "2026-04-05T03:31", "2026-04-05T03:30"),
        ("America/Santiago", "2026-09-06T00:30", "2026-09-06T05:00", "2026-09-06T04:30"),
        # What cannot be: to come, never set, or no time at all.
        ("UTC", "2026-03-02T09:00", "2026-03-02T08:30", "2026-03-02T08:30"),
        ("UTC", "1970-01-01T00:05", "2026-03-02T08:30", "2026-03-02T08:30"),
        ("Asia/Tokyo", "0001-01-01T00:00", "2026-03-02T08:30", "2026-03-02T08:30"),
        ("America/Lima", "9999-12-31T23:59", "2026-03-02T08:30", "2026-03-02T08:30"),
    ],
)
def test_t4_what_a_phones_clock_says_as_far_as_it_can_be(
    zone: str, local: str, heard: str, happened: str
) -> None:
    said, now = datetime.fromisoformat(local), datetime.fromisoformat(f"{heard}Z")
    found = instant(said, ZoneInfo(zone), timedelta(0), now)
    assert found == datetime.fromisoformat(f"{happened}Z")


@pytest.mark.parametrize(
    ("ahead", "happened"),
    [(3600, "07:30"), (-3600, "09:30"), (59, "08:30"), (-61, "08:31:01"), (-9000, "10:30")],
)
def test_t4_a_clock_that_is_off_is_put_right_by_what_it_is_off(ahead: int, happened: str) -> None:
    said = datetime(2026, 3, 2, 8, 30)  # noqa: DTZ001 - a phone's, without a zone
    heard = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    found = instant(said, ZoneInfo("UTC"), timedelta(seconds=ahead), heard)
    assert found == datetime.fromisoformat(f"2026-03-02T{happened}Z")


def test_a_time_that_is_no_time_is_the_time_of_receipt() -> None:
    lineless = Line(id=1, local=None, method="PIN", name="", code="", relay=None, success=False)
    [entry] = taken(lineless, past=IN_PIN_MODE)
    assert (entry.happened_at, entry.local, entry.door_name) == (HEARD, "", "Gate 1")


def test_t4_a_time_yet_to_come_is_the_time_of_receipt_and_the_phones_word_is_kept() -> None:
    soon, later = NOW + timedelta(minutes=1), NOW + timedelta(hours=9)
    lines = [
        replace(a_line(n), local=at.replace(tzinfo=None)) for n, at in enumerate((soon, later), 1)
    ]
    first, second = taken(*lines, past=(a_community(), *HOME), now=NOW)
    assert (first.happened_at, second.happened_at) == (soon, NOW)
    assert second.local == f"{later:%Y-%m-%dT%H:%M:%S}"


def heard(
    *said: str, device: DeviceRegistered | None = None, wired: frozenset[int] = frozenset()
) -> list[AlarmReported]:
    """What is stored of what a phone's event URL says."""
    phone, reports = device or a_device(), MemoryReportLog(lambda: NOW)
    wiring = FireInputsChosen(device=phone.device, inputs=wired)
    ingest = Ingest(a_log(a_community(), phone, wiring), reports)
    for each in said:
        ingest.hear(HARBOUR, phone.device, each)
    return [r.event for r in reports.read(after=0) if isinstance(r.event, AlarmReported)]


@pytest.mark.parametrize(
    ("said", "kind", "relay", "name"),
    [
        ("InputAlarm", "emergency", None, "Gate"),
        ("AlarmTriggered", "tamper", None, "Gate"),
        ("TamperAlarmTriggered", "tamper", None, "Gate"),
        ("BreakInAlarmB", "break_in", 2, "Gate 2"),
        ("AlarmDoorOpenedTimeoutA", "door_held", 1, "Gate 1"),
        ("BreakInAlarmD", "break_in", 4, "Gate"),
    ],
)
def test_m124_m126_an_alarm_is_stored_with_its_place(
    said: str, kind: str, relay: int | None, name: str
) -> None:
    [alarm] = heard(said)
    assert (alarm.kind, alarm.said, alarm.relay, alarm.door_name) == (kind, said, relay, name)
    assert (alarm.device, alarm.building, alarm.apartment) == (GATE, TOWER, None)


def test_m125_an_indoor_monitors_alarm_is_an_arming_alarm_of_its_apartment() -> None:
    home, box = Place(building=TOWER, apartment=FLAT_1), a_box(model="S567W")
    monitor = a_device(GYM, "Hall", box=box, place=home, relays=1)
    [zone, log] = heard("AlarmTriggered", "AlarmLog", device=monitor)
    assert {(a.kind, a.door_name, a.apartment) for a in (zone, log)} == {("arming", "Hall", FLAT_1)}


def test_m124_an_input_reports_a_fire_where_a_fire_panel_is_wired_to_it() -> None:
    buttons = ("InputATriggered", "InputBTriggered", "InputCClosed")
    [fire] = heard(*buttons, wired=frozenset({2, 3}))
    assert (fire.kind, fire.said, fire.relay) == ("emergency", "InputBTriggered", None)


@pytest.mark.parametrize("said", ["", "ValidCodeEntered", "InputATriggered", "AlarmLog", "x" * 999])
def test_m124_what_is_no_alarm_is_only_a_hint(said: str) -> None:
    assert heard(said) == []


def test_s9_a_phone_that_says_it_a_thousand_times_has_said_it_once() -> None:
    assert [a.kind for a in heard(*["AlarmTriggered", "InputAlarm"] * 1000)] == [
        "tamper",
        "emergency",
    ]


def test_s9_nothing_is_heard_of_a_phone_that_is_not_there() -> None:
    reports = MemoryReportLog(lambda: NOW)
    Ingest(a_log(a_community()), reports).hear(HARBOUR, GATE, "AlarmTriggered")
    assert reports.head() == 0


def test_n12_two_pollers_of_a_phone_store_nothing_twice() -> None:
    reports = MemoryReportLog(lambda: NOW)
    ingest = Ingest(a_log(*IN_PIN_MODE), reports)
    ingest.take(
        HARBOUR, gate(), [a_line(1), a_line(2)], epoch=0, expected=None, now=NOW, witness=ALONE
    )
    with pytest.raises(Conflict):
        ingest.take(HARBOUR, gate(), [a_line(1)], epoch=0, expected=None, now=NOW, witness=ALONE)
    seen = Cursor(epoch=0, last_id=2)
    assert ingest.cursor(HARBOUR, gate()) == seen
    ingest.take(HARBOUR, gate(), [a_line(1)], epoch=1, expected=seen, now=NOW, witness=ALONE)
    assert reports.head() == 3
