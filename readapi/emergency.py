"""The emergency screen: how each door stands, who ordered what, and the report of each order."""

import json
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response, send_file
from flask_smorest import Blueprint

from domain.accounts import PLATFORM
from domain.ids import CommunityId
from domain.record import frozen
from projections.accounts import Accounts
from projections.emergency import Emergencies
from projections.emergency.docs import EmergencyDoc, OrderDoc, ReportDoc, ReportedDoor
from projections.projector import document
from projections.settings import CommunitySettings
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of
from schemas.sheets import XLSX, Column
from schemas.sheets.writing import write_sheet

emergency = Blueprint("emergency", __name__, url_prefix="/api/v1/communities/<uuid:community>")
COLUMNS = [
    Column("Door", "The phone and the relay", width=36),
    Column("Device", "The device's id", width=38),
    Column("Relay", "Its number on the phone", width=8),
    Column("Commanded", "open or shut", width=12),
    Column("Actual", "How the relay was last read back for this order", width=12),
    Column("State", "verified, failed, offline or pending", width=12),
    Column("Ordered at", "By the community's clock", width=22),
    Column("Verified at", "When it was first read back as ordered", width=22),
    Column("Seconds", "From the order until then", width=10),
    Column("Last heard at", "By the community's clock", width=22),
    Column("Reason", "Why it is not as ordered", width=60),
    Column("Drill", "Whether it was one", width=8),
]


@frozen
class GivenBy:
    """An account; the name is null where it is no account or forgotten."""

    id: str
    name: str | None


@frozen
class EmergencyOrder(OrderDoc):
    given_by: GivenBy  # type: ignore[assignment]


@frozen
class EmergencyReport(ReportDoc):
    given_by: GivenBy  # type: ignore[assignment]


@emergency.route("/emergency")
@emergency.arguments(schema_of(After)(), location="query")
@emergency.response(200, schema_of(EmergencyDoc), headers=HEADERS)
def standing(after: After, *, community: UUID) -> Response:
    """Whether doors are held open, and of each door what is commanded and what it is; red are those
    that are not as ordered (M118, A28).
    """
    return item(document(reached(Emergencies, after).of(CommunityId(community))))


@emergency.route("/emergency/orders")
@emergency.arguments(schema_of(PageQuery)(), location="query")
@emergency.response(200, page_of(EmergencyOrder), headers=HEADERS)
def orders(query: PageQuery, *, community: UUID) -> Response:
    """All orders, newest first: given by hand, by an alarm, by broken glass (M118, N16)."""
    accounts = reached(Accounts, query, of=PLATFORM)
    page = reached(Emergencies, query).page(CommunityId(community), query.after, query.size)
    return answer(page, [named(json.loads(doc), accounts) for doc in page.docs])


@emergency.route("/emergency/orders/<uuid:order>")
@emergency.arguments(schema_of(After)(), location="query")
@emergency.response(200, schema_of(EmergencyReport), headers=HEADERS)
def report(after: After, *, community: UUID, order: UUID) -> Response:
    """The report of an order, of a drill as well: commanded against actual of each door (N16)."""
    accounts = reached(Accounts, after, of=PLATFORM)
    found = reached(Emergencies, after).report(CommunityId(community), order)
    return item(document(named(json.loads(document(found)), accounts)))


@emergency.route("/emergency/orders/<uuid:order>/export")
@emergency.arguments(schema_of(After)(), location="query")
@emergency.response(200, content_type=XLSX, headers=HEADERS)
def export(after: After, *, community: UUID, order: UUID) -> Response:
    """The same as a spreadsheet, in the community's time (N16, M86)."""
    home = CommunityId(community)
    zone = ZoneInfo(json.loads(reached(CommunitySettings, after).of(home))["zone"])
    found = reached(Emergencies, after).report(home, order)
    rows = [cells(found, door, zone) for door in found.doors]
    name = f"emergency-{found.action}-{found.given_at.astimezone(zone):%Y-%m-%d-%H%M}.xlsx"
    sheet = BytesIO(write_sheet(COLUMNS, rows))
    return send_file(sheet, XLSX, as_attachment=True, download_name=name)


def named(order: dict[str, Any], accounts: Accounts) -> dict[str, Any]:
    """Names change and are forgotten, so that only what is shown has them."""
    who = order["given_by"]
    return order | {"given_by": {"id": who, "name": accounts.names({who}).get(who)}}


def cells(order: ReportDoc, door: ReportedDoor, zone: ZoneInfo) -> Mapping[str, str]:
    seconds = "" if door.milliseconds is None else f"{door.milliseconds / 1000:.3f}"
    return {
        "Door": door.name,
        "Device": str(door.device),
        "Relay": str(door.relay),
        "Commanded": door.commanded,
        "Actual": door.shown or "unknown",
        "State": door.state,
        "Ordered at": local(order.given_at, zone),
        "Verified at": local(door.verified_at, zone),
        "Seconds": seconds,
        "Last heard at": local(door.at, zone),
        "Reason": door.reason or "",
        "Drill": "yes" if order.drill else "no",
    }


def local(at: datetime | None, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S.%f}"[:-3] if at else ""
