"""The screen of third-party locks, and how far their synchronisation has come."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import ApartmentId, BuildingId, CommunityId
from domain.locks import Brand
from domain.record import frozen
from projections.devices.installed import Installed
from projections.devices.lock_sync import FailureDoc, SyncDoc
from projections.locks import LockDoc, Locks, Reach, Wanted
from projections.projector import document
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached, this_minute
from schemas.of import schema_of

locks = Blueprint("locks", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@frozen
class LockQuery(PageQuery):
    """`words` are looked for in name, serial and place, all must be there; `reach` is what was last
    heard of the lock.
    """

    brand: Brand | None = None
    building: BuildingId | None = None
    apartment: ApartmentId | None = None
    reach: Reach | None = None
    words: str | None = None


@locks.route("/locks")
@locks.arguments(schema_of(LockQuery)(), location="query")
@locks.response(200, page_of(LockDoc), headers=HEADERS)
def listed(asked: LockQuery, *, community: UUID) -> Response:
    """The locks of a community, by name (M107)."""
    wanted = Wanted(
        brand=asked.brand,
        building=asked.building,
        apartment=asked.apartment,
        reach=asked.reach,
        words=asked.words,
    )
    model = reached(Locks, asked)
    return answer(model.page(CommunityId(community), wanted, asked.after, asked.size))


@locks.route("/locks/sync")
@locks.arguments(schema_of(After)(), location="query")
@locks.response(200, schema_of(SyncDoc)(many=True), headers=HEADERS)
def sync(after: After, *, community: UUID) -> Response:
    """How far each brand's locks have been given each kind of codes, to 100 percent, and how many
    of these failed (M122, M133).
    """
    at = this_minute()
    model = reached(Installed, after, besides=at)
    return item(document(model.lock_sync_now(CommunityId(community), at)))


@locks.route("/locks/sync/failures")
@locks.arguments(schema_of(PageQuery)(), location="query")
@locks.response(200, page_of(FailureDoc), headers=HEADERS)
def failed(asked: PageQuery, *, community: UUID) -> Response:
    """The codes that locks do not hold though they should, each with the reason (M122)."""
    at = this_minute()
    model = reached(Installed, asked, besides=at)
    return answer(model.lock_failures(CommunityId(community), at, asked.after, asked.size))


@locks.route("/locks/<uuid:lock>")
@locks.arguments(schema_of(After)(), location="query")
@locks.response(200, schema_of(LockDoc), headers=HEADERS)
def one(after: After, *, community: UUID, lock: UUID) -> Response:
    """A lock: its maker's serial, its place, the door phone that it follows, and whether it answers
    (M15, M107).
    """
    return item(reached(Locks, after).of(CommunityId(community), lock))
