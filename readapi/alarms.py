"""The alarm records screen, and who can report what."""

import json
from datetime import datetime
from io import BytesIO
from typing import Any, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, send_file
from flask_smorest import Blueprint

from domain.accounts import PLATFORM
from domain.alarms import AlarmId, AlarmKind
from domain.capabilities import CAPABLE, capable
from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.kernel import Malformed
from domain.record import frozen
from projections.accounts import Accounts
from projections.alarms import Alarms, Wanted
from projections.devices.phones import Devices
from projections.emergency import Emergencies
from projections.emergency.docs import Standing
from projections.listing import Page
from projections.projector import document
from projections.settings import CommunitySettings
from readapi.paging import USUAL, Paged, answer, item, items_of, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of
from schemas.sheets import LIMITS, XLSX, Column
from schemas.sheets.writing import write_sheet

alarms = Blueprint("alarms", __name__, url_prefix="/api/v1/communities/<uuid:community>")
TITLES: dict[str, str] = {
    "emergency": "Emergency alarm",
    "arming": "Arming alarm",
    "tamper": "Tamper alarm",
    "break_in": "Break-in",
    "door_held": "Door held open",
    "revoked_used": "Withdrawn credential used",
    "push_suspended": "Phone does not take a credential",
    "phone_full": "Phone is full",
    "wrong_box": "Another phone answers",
}
COLUMNS = [
    Column("Time", "By the community's clock", width=20),
    Column("Alarm", "Its kind"),
    Column("Where", "The door or device, as it was called then", width=28),
    Column("Device", "The device's id", width=38),
    Column("Status", "Solved or unsolved", width=10),
    Column("Solved at", "By the community's clock", width=20),
    Column("Solved by", "The account's name"),
    Column("Note", "What it was", width=60),
]


@frozen
class Interval(After):
    """Times are with their zone, from `since`, before `until`; without them, all there is."""

    since: datetime | None = None
    until: datetime | None = None
    kind: AlarmKind | None = None
    device: DeviceId | None = None
    solved: bool | None = None


@frozen
class AlarmQuery(Interval, Paged):
    """As the interval of an export, page by page."""

    limit: int = USUAL
    cursor: str | None = None


@frozen
class Solver:
    """An account; the name is null where it is forgotten."""

    id: str
    name: str | None


@frozen
class AlarmRecord:
    """`name` is of the door, or of the device where it is of no door, as it was called then."""

    alarm: AlarmId
    kind: AlarmKind
    device: DeviceId
    name: str
    relay: int | None
    building: BuildingId | None
    apartment: ApartmentId | None
    heard_at: datetime
    solved_at: datetime | None
    solved_by: Solver | None
    note: str | None


@frozen
class Unsolved:
    """The red dots: of every kind, and in all. `doors`: whether they are held open because of an
    emergency, or as a drill (M118).
    """

    total: int
    emergency: int
    arming: int
    tamper: int
    break_in: int
    door_held: int
    revoked_used: int
    push_suspended: int
    phone_full: int
    wrong_box: int
    doors: Standing


@frozen
class Capabilities:
    """By model and firmware, as the manual's tables say; what these do not name is false.

    `fire_inputs` are those that a fire panel is said to be wired to.
    """

    fire_inputs: tuple[int, ...]
    tamper_alarms: bool
    failure_reasons: bool
    screensaver: bool


@alarms.route("/alarms")
@alarms.arguments(schema_of(AlarmQuery)(), location="query")
@alarms.response(200, page_of(AlarmRecord), headers=HEADERS)
def listed(query: AlarmQuery, *, community: UUID) -> Response:
    """Emergency, arming and tamper alarms, newest first, with what was found out (M124-M127)."""
    accounts = reached(Accounts, query, of=PLATFORM)
    model = reached(Alarms, query)
    page = model.page(CommunityId(community), wanted(query), query.after, query.size)
    return answer(page, named(page, accounts))


@alarms.route("/alarms/unsolved")
@alarms.arguments(schema_of(After)(), location="query")
@alarms.response(200, schema_of(Unsolved), headers=HEADERS)
def unsolved(after: After, *, community: UUID) -> Response:
    """How many alarms wait for somebody: the red dots (M11, A59)."""
    counts = reached(Alarms, after).unsolved(CommunityId(community))
    of_each = {kind: counts.get(kind, 0) for kind in get_args(AlarmKind)}
    doors = reached(Emergencies, after).state(CommunityId(community))
    return item(document(Unsolved(total=sum(counts.values()), doors=doors, **of_each)))


@alarms.route("/alarms/export")
@alarms.arguments(schema_of(Interval)(), location="query")
@alarms.response(200, content_type=XLSX, headers=HEADERS)
def export(query: Interval, *, community: UUID) -> Response:
    """The alarms of an interval as a spreadsheet, in the community's time (M127, M86)."""
    home = CommunityId(community)
    zone = ZoneInfo(json.loads(reached(CommunitySettings, query).of(home))["zone"])
    accounts = reached(Accounts, query, of=PLATFORM)
    found = reached(Alarms, query).page(home, wanted(query), None, LIMITS.rows)
    if found.after:
        raise Malformed("since", f"more than {LIMITS.rows} alarms: choose a shorter interval")
    rows = [cells(alarm, zone) for alarm in named(found, accounts)]
    sheet = BytesIO(write_sheet(COLUMNS, rows))
    return send_file(sheet, XLSX, as_attachment=True, download_name="alarms.xlsx")


@alarms.route("/devices/<uuid:device>/capabilities")
@alarms.arguments(schema_of(After)(), location="query")
@alarms.response(200, schema_of(Capabilities), headers=HEADERS)
def capabilities(after: After, *, community: UUID, device: UUID) -> Response:
    """What a device can report with the firmware that was last seen on it (M126, M87, M128), and
    which of its inputs report a fire (M124).
    """
    inputs = reached(Alarms, after).fire_inputs(CommunityId(community), device)
    said = json.loads(reached(Devices, after).of(CommunityId(community), device))
    firmware = said["connection"]["firmware"] or said["box"]["firmware"]
    model = said["box"]["model"]
    can = {feature: capable(model, firmware, feature) for feature in CAPABLE}
    return item(document(Capabilities(fire_inputs=inputs, **can)))


def wanted(query: Interval) -> Wanted:
    return Wanted(
        since=query.since,
        until=query.until,
        kind=query.kind,
        device=query.device,
        solved=query.solved,
    )


def named(page: Page, accounts: Accounts) -> list[dict[str, Any]]:
    """Names change and are forgotten, so that only what is shown has them."""
    said = items_of(page)
    names = accounts.names({alarm["solved_by"] for alarm in said if alarm["solved_by"]})
    for alarm in said:
        who = alarm["solved_by"]
        alarm["solved_by"] = who and {"id": who, "name": names.get(who)}
    return said


def cells(alarm: dict[str, Any], zone: ZoneInfo) -> dict[str, str]:
    who = alarm["solved_by"] or {}
    return {
        "Time": local(alarm["heard_at"], zone),
        "Alarm": TITLES[alarm["kind"]],
        "Where": alarm["name"],
        "Device": alarm["device"],
        "Status": "Solved" if who else "Unsolved",
        "Solved at": local(alarm["solved_at"], zone),
        "Solved by": who.get("name") or who.get("id", ""),
        "Note": alarm["note"] or "",
    }


def local(at: str | None, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M:%S}" if at else ""
