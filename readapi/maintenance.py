"""What was done to devices from afar, and what is kept on them."""

from datetime import UTC, datetime
from uuid import UUID

from flask import Response, g
from flask_smorest import Blueprint

from domain.ids import CommunityId
from projections.maintenance import Maintenance, OperationDoc, UpkeepDoc, WebControlDoc
from projections.projector import document
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

maintenance = Blueprint("maintenance", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@maintenance.route("/devices/<uuid:device>/operations")
@maintenance.arguments(schema_of(PageQuery)(), location="query")
@maintenance.response(200, page_of(OperationDoc), headers=HEADERS)
def operations(asked: PageQuery, *, community: UUID, device: UUID) -> Response:
    """What was done to a device from afar, newest first, and what came of it (M110, A23)."""
    model = reached(Maintenance, asked)
    return answer(model.page(CommunityId(community), device, asked.after, asked.size))


@maintenance.route("/operations/<uuid:operation>")
@maintenance.arguments(schema_of(After)(), location="query")
@maintenance.response(200, schema_of(OperationDoc), headers=HEADERS)
def operation(after: After, *, community: UUID, operation: UUID) -> Response:
    """What came of an operation, by the id that it was asked with (M110, A23)."""
    return item(reached(Maintenance, after).of(CommunityId(community), operation))


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
