"""The door log screen."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.record import frozen
from domain.reports import EntryKind, EntryMethod, EntryOutcome, HolderKind
from projections.logs.door import DoorLog, Wanted, oldest_shown
from projections.residents import Residents
from readapi.paging import PageQuery, answer, items_of, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

MOST_NAMED = 1000
door = Blueprint("door log", __name__, url_prefix="/api/v1/communities/<uuid:community>/logs")


@frozen
class DoorLogQuery(PageQuery):
    """`after_position` is of the reports. `initiated_by` are words of a name; `kind` is call,
    door_release or door_close; times are with their zone, from `since`, before `until`.
    """

    since: datetime | None = None
    until: datetime | None = None
    building: BuildingId | None = None
    device: DeviceId | None = None
    apartment: ApartmentId | None = None
    initiated_by: str | None = None
    holder: UUID | None = None
    kind: EntryKind | None = None
    outcome: EntryOutcome | None = None
    method: EntryMethod | None = None


@frozen
class Holder:
    """The person by the present name; null once deleted or forgotten."""

    id: UUID
    kind: HolderKind
    name: str | None


@frozen
class DoorLogEntry:
    """`happened_at` by the phone's clock, `received_at` by ours; `holder` is null if unknown."""

    position: int
    happened_at: datetime
    received_at: datetime
    kind: EntryKind
    outcome: EntryOutcome
    method: EntryMethod
    device: DeviceId
    relay: int | None
    door: str
    building: BuildingId | None
    apartment: ApartmentId | None
    holder: Holder | None


@door.route("/door")
@door.arguments(schema_of(DoorLogQuery)(), location="query")
@door.response(200, page_of(DoorLogEntry), headers=HEADERS)
def log(query: DoorLogQuery, *, community: UUID) -> Response:
    """Who was at which door, when and with what, and whether it opened; newest first (M84, M85)."""
    home, oldest = CommunityId(community), oldest_shown(datetime.now(UTC))
    people = reached(Residents, After())
    model = reached(DoorLog, query, besides=oldest)
    page = model.page(home, wanted(query, home, oldest, people), query.after, query.size)
    return answer(page, named(items_of(page), people, home))


def wanted(query: DoorLogQuery, home: CommunityId, oldest: datetime, people: Residents) -> Wanted:
    holders: tuple[UUID, ...] | None = (query.holder,) if query.holder else None
    if query.initiated_by:
        meant = people.called(home, query.initiated_by, MOST_NAMED)
        holders = tuple(who for who in meant if query.holder in (None, who))
    return Wanted(
        since=max(query.since, oldest) if query.since else oldest,
        until=query.until,
        building=query.building,
        device=query.device,
        apartment=query.apartment,
        holders=holders,
        kind=query.kind,
        outcome=query.outcome,
        method=query.method,
    )


def named(said: list[dict[str, Any]], people: Residents, home: CommunityId) -> list[dict[str, Any]]:
    """Names change and are forgotten, so that only what is shown has them."""
    names = people.names(home, {e["holder"] for e in said if e["holder"]})
    for e in said:
        id, kind = e.pop("holder"), e.pop("holder_kind")
        e["holder"] = id and {"id": id, "kind": kind, "name": names.get(id)}
    return said
