"""The operation log screen."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.accounts import PLATFORM
from domain.ids import CommunityId
from domain.record import frozen
from projections.accounts import Accounts
from projections.logs.operations import OperationLog, Wanted
from projections.residents import Residents
from readapi.paging import PageQuery, answer, items_of, page_of
from readapi.waiting import HEADERS, reached
from schemas.of import schema_of

SHOWN = timedelta(days=30)
operations = Blueprint(
    "operations", __name__, url_prefix="/api/v1/communities/<uuid:community>/logs"
)


@frozen
class OperationsQuery(PageQuery):
    """`all` shows what is older than 30 days, too, and what phones and adapters report (A26)."""

    type: str | None = None
    action: str | None = None
    initiated_by: str | None = None
    subject: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    all: bool = False


@frozen
class Initiator:
    """An account, or a part of the house; the name is null where it is forgotten."""

    id: str
    name: str | None


@frozen
class Subject:
    """What it was called then; a resident by the present name, null once deleted."""

    id: UUID
    name: str | None


@frozen
class Operation:
    position: int
    happened_at: datetime
    type: str
    action: str
    initiated_by: Initiator
    subject: Subject
    command_id: UUID


@operations.route("/operations")
@operations.arguments(schema_of(OperationsQuery)(), location="query")
@operations.response(200, page_of(Operation), headers=HEADERS)
def log(query: OperationsQuery, *, community: UUID) -> Response:
    """Who did what to what, and when, newest first (M92, A26)."""
    oldest = None if query.all else oldest_shown(datetime.now(UTC))
    accounts, people = reached(Accounts, query, of=PLATFORM), reached(Residents, query)
    model = reached(OperationLog, query, besides=oldest)
    home = CommunityId(community)
    page = model.page(home, wanted(query, oldest), query.after, query.size)
    return answer(page, named(items_of(page), accounts, people, home))


def oldest_shown(now: datetime) -> datetime:
    """Whole days, so that a page is the same all day."""
    return datetime.combine((now - SHOWN).date(), time(tzinfo=UTC))


def wanted(query: OperationsQuery, oldest: datetime | None) -> Wanted:
    return Wanted(
        type=query.type,
        action=query.action,
        initiated_by=query.initiated_by,
        subject=query.subject,
        since=max(filter(None, (query.since, oldest)), default=None),
        until=query.until,
        syncs=query.all,
    )


def named(
    said: list[dict[str, Any]], accounts: Accounts, residents: Residents, home: CommunityId
) -> list[dict[str, Any]]:
    """Names change and are forgotten, so that only what is shown has them."""
    who = accounts.names({op["initiated_by"] for op in said})
    people = residents.names(home, {op["subject"] for op in said if op["called"] is None})
    for op in said:
        called, subject = op.pop("called"), op["subject"]
        op["subject"] = {"id": subject, "name": called or people.get(subject)}
        op["initiated_by"] = {"id": op["initiated_by"], "name": who.get(op["initiated_by"])}
    return said
