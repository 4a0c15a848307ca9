"""The settings screen."""

from uuid import UUID

from flask import Response, g
from flask_smorest import Blueprint

from domain.ids import CommunityId
from projections.settings import CommunitySettings, SettingsDoc
from readapi.paging import answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

communities = Blueprint("communities", __name__, url_prefix="/api/v1")
settings = Blueprint("settings", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@communities.route("/communities")
@communities.arguments(schema_of(After)(), location="query")
@communities.response(200, page_of(SettingsDoc), headers=HEADERS)
def ours(after: After) -> Response:
    """The communities that the asking account may touch (M8)."""
    return answer(reached(CommunitySettings, after, etag=False).touched_by(g.account))


@settings.route("/settings")
@settings.arguments(schema_of(After)(), location="query")
@settings.response(200, schema_of(SettingsDoc), headers=HEADERS)
def of_the_community(after: After, *, community: UUID) -> Response:
    """Name, time zone, PIN mode and what is permitted (M113, M115, M116, M39)."""
    return item(reached(CommunitySettings, after).of(CommunityId(community)))
