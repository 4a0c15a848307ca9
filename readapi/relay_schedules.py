"""When the doors of a device are held open."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import CommunityId
from projections.projector import document
from projections.relay_schedules import HeldOpen, RelaySchedulesDoc
from readapi.paging import item
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

relay_schedules = Blueprint(
    "relay schedules", __name__, url_prefix="/api/v1/communities/<uuid:community>"
)


@relay_schedules.route("/devices/<uuid:device>/relay-schedules")
@relay_schedules.arguments(schema_of(After)(), location="query")
@relay_schedules.response(200, schema_of(RelaySchedulesDoc), headers=HEADERS)
def chosen(after: After, *, community: UUID, device: UUID) -> Response:
    """The access groups during whose hours each relay of a phone, or an iTec lock, is held open,
    and whether it was read back to do so (M103, M107).
    """
    return item(document(reached(HeldOpen, after).of(CommunityId(community), device)))
