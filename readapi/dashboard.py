"""The first screen: how the community stands."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import CommunityId
from projections.dashboard import Dashboard, DashboardDoc
from projections.projector import document
from readapi.paging import item
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

dashboard = Blueprint("dashboard", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@dashboard.route("/dashboard")
@dashboard.arguments(schema_of(After), location="query")
@dashboard.response(200, schema_of(DashboardDoc), headers=HEADERS)
def counts(after: After, *, community: UUID) -> Response:
    """Buildings, apartments, residents, access groups, and door phones by state (M9, M10)."""
    return item(document(reached(Dashboard, after).of(CommunityId(community))))
