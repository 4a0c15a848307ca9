"""The door log screen."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.accounts import PLATFORM
from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.record import frozen
from domain.reports import EntryKind, EntryMethod, EntryOutcome, HolderKind
from projections.accounts import Accounts
from projections.logs.door import DoorLog, Wanted, oldest_shown
from projections.residents import Residents
from readapi.logs.operations import Initiator
from readapi.paging import PageQuery, answer, items_of, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

MOST_NAMED = 1000
door = Blueprint("door log", __name__, url_prefix="/api/v1/communities/<uuid:community>/logs")


@frozen
class DoorLogQuery(PageQuery):
    """`after_position` is of the reports. `initiated_by` are words of a person's or an account's
    name, or the id of one; `kind` is call, door_release or door_close; times are with their zone,
    from `since`, before `until`.
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
    """`happened_at` by the phone's clock, `received_at` by ours; `holder` is null if unknown.
    `asked_by`: the account that had it opened from afar; null if nobody here did.
    """

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
    asked_by: Initiator | None


@door.route("/door")
@door.arguments(schema_of(DoorLogQuery)(), location="query")
@door.response(200, page_of(DoorLogEntry), headers=HEADERS)
def log(query: DoorLogQuery, *, community: UUID) -> Response:
    """Who was at which door, when and with what, and whether it opened; newest first (M84, M85)."""
    home, oldest = CommunityId(community), oldest_shown(datetime.now(UTC))
    people, accounts = reached(Residents, After()), reached(Accounts, After(), of=PLATFORM)
    model = reached(DoorLog, query, besides=oldest)
    initiators = meant(query.initiated_by, people, accounts, home) if query.initiated_by else None
    page = model.page(home, wanted(query, oldest, initiators), query.after, query.size)
    return answer(page, named(items_of(page), people, accounts, home))


def meant(words: str, people: Residents, accounts: Accounts, home: CommunityId) -> tuple[str, ...]:
    named = map(str, people.called(home, words, MOST_NAMED))
    return (words, *named, *accounts.called(words, MOST_NAMED))


def wanted(query: DoorLogQuery, oldest: datetime, initiators: tuple[str, ...] | None) -> Wanted:
    return Wanted(
        since=max(query.since, oldest) if query.since else oldest,
        until=query.until,
        building=query.building,
        device=query.device,
        apartment=query.apartment,
        holder=query.holder,
        initiators=initiators,
        kind=query.kind,
        outcome=query.outcome,
        method=query.method,
    )


def named(
    said: list[dict[str, Any]], people: Residents, accounts: Accounts, home: CommunityId
) -> list[dict[str, Any]]:
    """Names change and are forgotten, so that only what is shown has them."""
    names = people.names(home, {e["holder"] for e in said if e["holder"]})
    askers = accounts.names({e["asked_by"] for e in said if e["asked_by"]})
    for e in said:
        by = e["asked_by"]
        e["asked_by"] = by and {"id": by, "name": askers.get(by)}
        id, kind = e.pop("holder"), e.pop("holder_kind")
        e["holder"] = id and {"id": id, "kind": kind, "name": names.get(id)}
    return said
