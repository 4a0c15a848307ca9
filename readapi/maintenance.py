"""What was done to devices from afar, and what is kept on them."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response, g
from flask_smorest import Blueprint

from domain.accounts import PLATFORM
from domain.ids import CommunityId
from domain.record import frozen
from projections.accounts import Accounts
from projections.maintenance import Maintenance, OperationDoc, UpkeepDoc, WebControlDoc
from projections.projector import document
from readapi.paging import PageQuery, answer, item, items_of, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

maintenance = Blueprint("maintenance", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@frozen
class AskedBy:
    """An account; the name is null where it is forgotten."""

    id: str
    name: str | None


@frozen
class DeviceOperation(OperationDoc):
    by: AskedBy  # type: ignore[assignment]


@maintenance.route("/devices/<uuid:device>/operations")
@maintenance.arguments(schema_of(PageQuery)(), location="query")
@maintenance.response(200, page_of(DeviceOperation), headers=HEADERS)
def operations(asked: PageQuery, *, community: UUID, device: UUID) -> Response:
    """What was done to a device from afar, newest first, and what came of it (M110, A23)."""
    accounts = reached(Accounts, asked, of=PLATFORM)
    model = reached(Maintenance, asked)
    page = model.page(CommunityId(community), device, asked.after, asked.size)
    return answer(page, named(items_of(page), accounts))


@maintenance.route("/operations/<uuid:operation>")
@maintenance.arguments(schema_of(After)(), location="query")
@maintenance.response(200, schema_of(DeviceOperation), headers=HEADERS)
def operation(after: After, *, community: UUID, operation: UUID) -> Response:
    """What came of an operation, by the id that it was asked with (M110, A23)."""
    accounts = reached(Accounts, after, of=PLATFORM)
    found = reached(Maintenance, after).of(CommunityId(community), operation)
    [doc] = named([json.loads(found)], accounts)
    return item(document(doc))


@maintenance.route("/devices/<uuid:device>/upkeep")
@maintenance.arguments(schema_of(After)(), location="query")
@maintenance.response(200, schema_of(UpkeepDoc), headers=HEADERS)
def upkeep(after: After, *, community: UUID, device: UUID) -> Response:
    """The autop commands, the connect type and the push buttons that are kept on a device, and
    whether they are on it (M110, M111).
    """
    return item(document(reached(Maintenance, after).upkeep(CommunityId(community), device)))


@maintenance.route("/devices/<uuid:device>/web-control")
@maintenance.arguments(schema_of(After)(), location="query")
@maintenance.response(200, schema_of(WebControlDoc), headers=HEADERS)
def web_control(after: After, *, community: UUID, device: UUID) -> Response:
    """Where the device's own web page is, within the hour for which you asked (M110)."""
    model = reached(Maintenance, after, etag=False)
    by = g.actor.name
    found = model.web_control(CommunityId(community), device, by, datetime.now(UTC))
    return item(document(found))


def named(said: list[dict[str, Any]], accounts: Accounts) -> list[dict[str, Any]]:
    """Names change and are forgotten, so that only what is shown has them."""
    names = accounts.names({one["by"] for one in said})
    return [one | {"by": {"id": one["by"], "name": names.get(one["by"])}} for one in said]
