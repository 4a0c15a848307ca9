"""The residents screen."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.apartments import HouseholdRole
from domain.ids import ApartmentId, BuildingId, CommunityId
from domain.record import frozen
from projections.residents import ResidentDoc, Residents, Sort
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

residents = Blueprint("residents", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@frozen
class ResidentQuery(PageQuery):
    """`words` are looked for in names, e-mails, buildings and apartments; all must be there."""

    building: BuildingId | None = None
    apartment: ApartmentId | None = None
    role: HouseholdRole | None = None
    words: str | None = None
    sort: Sort = "name"


@residents.route("/residents")
@residents.arguments(schema_of(ResidentQuery), location="query")
@residents.response(200, page_of(ResidentDoc), headers=HEADERS)
def listed(asked: ResidentQuery, *, community: UUID) -> Response:
    """The people of a community, by name, or by building and apartment (M38)."""
    page = reached(Residents, asked).listed(
        CommunityId(community),
        building=asked.building,
        apartment=asked.apartment,
        role=asked.role,
        words=asked.words,
        sort=asked.sort,
        after=asked.after,
        limit=asked.size,
    )
    return answer(page)


@residents.route("/residents/<uuid:resident>")
@residents.arguments(schema_of(After), location="query")
@residents.response(200, schema_of(ResidentDoc), headers=HEADERS)
def one(after: After, *, community: UUID, resident: UUID) -> Response:
    """Contact, home and groups of a resident, and which keys there are, but no code (M38, M42)."""
    return item(reached(Residents, after).of(CommunityId(community), resident))
