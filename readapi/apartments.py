"""The buildings and apartments screens."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import BuildingId, CommunityId
from domain.record import frozen
from projections.apartments import ApartmentDetails, ApartmentDoc, Apartments, BuildingDoc
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

apartments = Blueprint("apartments", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@frozen
class ApartmentQuery(PageQuery):
    """`words` are looked for in number and name; all must be there."""

    building: BuildingId | None = None
    words: str | None = None


@apartments.route("/buildings")
@apartments.arguments(schema_of(PageQuery)(), location="query")
@apartments.response(200, page_of(BuildingDoc), headers=HEADERS)
def buildings(asked: PageQuery, *, community: UUID) -> Response:
    """The buildings, by name, and how many apartments each has (M65, M130)."""
    model = reached(Apartments, asked)
    page = model.listed_buildings(CommunityId(community), after=asked.after, limit=asked.size)
    return answer(page)


@apartments.route("/apartments")
@apartments.arguments(schema_of(ApartmentQuery)(), location="query")
@apartments.response(200, page_of(ApartmentDoc), headers=HEADERS)
def listed(asked: ApartmentQuery, *, community: UUID) -> Response:
    """By building and number, with the numbers of residents and devices (M65)."""
    model = reached(Apartments, asked)
    page = model.listed(
        CommunityId(community),
        building=asked.building,
        words=asked.words,
        after=asked.after,
        limit=asked.size,
    )
    return answer(page)


@apartments.route("/apartments/<uuid:apartment>")
@apartments.arguments(schema_of(After)(), location="query")
@apartments.response(200, schema_of(ApartmentDetails), headers=HEADERS)
def one(after: After, *, community: UUID, apartment: UUID) -> Response:
    """One apartment and its household, the master first (M65, M23)."""
    return item(reached(Apartments, after).of(CommunityId(community), apartment))
