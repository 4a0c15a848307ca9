"""What was found on the phones when, and what opened there that should not have."""

from datetime import datetime
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import CommunityId, DeviceId
from domain.record import frozen
from projections.projector import document
from projections.sync import GapDoc, HistoryDoc, StrangersDoc, SyncHistory, UseDoc
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

sync = Blueprint("sync", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@frozen
class HistoryQuery(After):
    """`at`: a time with its zone; without it, everything that was ever found."""

    at: datetime | None = None


@frozen
class OfDevice(PageQuery):
    device: DeviceId | None = None


@sync.route("/devices/<uuid:device>/credentials/<uuid:holder>/history")
@sync.arguments(schema_of(HistoryQuery)(), location="query")
@sync.response(200, schema_of(HistoryDoc), headers=HEADERS)
def history(asked: HistoryQuery, *, community: UUID, device: UUID, holder: UUID) -> Response:
    """Since when and until when somebody's credentials were proved to be on a phone; with `at`,
    whether they were installed then (D5).
    """
    model = reached(SyncHistory, asked)
    return item(document(model.of(CommunityId(community), device, holder, asked.at)))


@sync.route("/devices/<uuid:device>/strangers")
@sync.arguments(schema_of(After)(), location="query")
@sync.response(200, schema_of(StrangersDoc), headers=HEADERS)
def strangers(after: After, *, community: UUID, device: UUID) -> Response:
    """How many records somebody entered at a phone itself, and what becomes of them (D15)."""
    model = reached(SyncHistory, after)
    return item(document(model.strangers(CommunityId(community), device)))


@sync.route("/revoked-uses")
@sync.arguments(schema_of(OfDevice)(), location="query")
@sync.response(200, page_of(UseDoc), headers=HEADERS)
def uses(asked: OfDevice, *, community: UUID) -> Response:
    """Doors that opened for what had been taken away, each with its exposure window (D8)."""
    model = reached(SyncHistory, asked)
    return answer(model.uses(CommunityId(community), asked.device, asked.after, asked.size))


@sync.route("/door-log-gaps")
@sync.arguments(schema_of(OfDevice)(), location="query")
@sync.response(200, page_of(GapDoc), headers=HEADERS)
def gaps(asked: OfDevice, *, community: UUID) -> Response:
    """Where lines of a phone's own log are lost (N12)."""
    model = reached(SyncHistory, asked)
    return answer(model.gaps(CommunityId(community), asked.device, asked.after, asked.size))
