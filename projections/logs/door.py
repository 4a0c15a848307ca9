"""The door log: who opened which door, when, with which kind of credential (M84, M85).

A row holds no code and no name: people are pseudonyms, named when a page is shown. It lies in a
table a day, so that what is older than 30 days (M82) goes by dropping tables.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from psycopg import sql

from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.record import frozen
from domain.reports import DoorLogEntry, EntryKind, EntryMethod, EntryOutcome, HolderKind
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Projector, document

KEPT = timedelta(days=30)


@frozen
class DoorLogDoc:
    """`happened_at` by the phone's clock, `received_at` by ours; `relay` counts from 1. `asked_by`:
    the account that had it opened from afar, as the log names actors.
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
    holder: UUID | None
    holder_kind: HolderKind | None
    apartment: ApartmentId | None
    asked_by: str | None


@frozen
class Wanted:
    """None asks for everything; from `since`, before `until`. `initiators` are people's pseudonyms
    and accounts.
    """

    since: datetime
    until: datetime | None = None
    building: UUID | None = None
    device: UUID | None = None
    apartment: UUID | None = None
    holder: UUID | None = None
    initiators: tuple[str, ...] | None = None
    kind: str | None = None
    outcome: str | None = None
    method: str | None = None


class DoorLog(Projector):
    name = "door_log"
    follows = "reports"
    tables = """
        create table door_log (
            community uuid not null,
            day date not null,
            position bigint not null,
            happened_at timestamptz not null,
            kind text not null,
            outcome text not null,
            method text not null,
            device uuid not null,
            building uuid,
            apartment uuid,
            initiator text,
            doc text not null,
            primary key (community, day, position)
        ) partition by range (day);
        create index on door_log (community, happened_at desc, position desc);
        create index on door_log (community, device, happened_at desc, position desc);
        create index on door_log (community, apartment, happened_at desc, position desc);
        create index on door_log (community, initiator, happened_at desc, position desc);
    """

    @on(DoorLogEntry)
    def entered(self, batch: Batch[DoorLogEntry]) -> None:
        self._make_room({r.recorded_at.date() for r in batch})
        self.put("door_log", [row(r) for r in batch])

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        """By the log's own clock, so that a rebuild keeps what was kept."""
        self._forget_before(batch[-1].recorded_at.date() - KEPT)

    def _make_room(self, days: set[date]) -> None:
        for day in sorted(days):
            self.db.execute(
                sql.SQL(
                    "create table if not exists {} partition of door_log"
                    " for values from ({}) to ({})"
                ).format(
                    sql.Identifier(partition(day)),
                    sql.Literal(day),
                    sql.Literal(day + timedelta(days=1)),
                )
            )

    def _forget_before(self, day: date) -> None:
        old = self.db.execute(
            "select relname from pg_inherits join pg_class on oid = inhrelid"
            " where inhparent = 'door_log'::regclass and relname < %s",
            [partition(day)],
        ).fetchall()
        for (name,) in old:
            self.db.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))

    def page(self, community: CommunityId, wanted: Wanted, after: After | None, limit: int) -> Page:
        """M85. Newest first."""
        return (
            Listing("door_log", community, ("happened_at", "position"), descending=True)
            .since("happened_at", wanted.since)
            .until("happened_at", wanted.until)
            .where("building", wanted.building)
            .where("device", wanted.device)
            .where("apartment", wanted.apartment)
            .where("initiator", wanted.holder and str(wanted.holder))
            .among("initiator", wanted.initiators)
            .where("kind", wanted.kind)
            .where("outcome", wanted.outcome)
            .where("method", wanted.method)
            .page(self.db, after, limit)
        )

    def openings(self, community: CommunityId, since: datetime, zone: str) -> dict[int, int]:
        """M10. How many doors were opened in each hour of the community's clock since then."""
        rows = self.db.execute(
            "select extract(hour from happened_at at time zone %s)::int, count(*) from door_log"
            " where community = %s and happened_at >= %s and outcome = 'success'"
            " and kind = 'door_release' group by 1 order by 1",
            [zone, community, since],
        ).fetchall()
        return {int(hour): int(count) for hour, count in rows}


def partition(day: date) -> str:
    return f"door_log_{day:%Y%m%d}"


def row(r: Recorded[DoorLogEntry]) -> dict[str, Any]:
    e = r.event
    doc = DoorLogDoc(
        position=r.position,
        happened_at=e.happened_at,
        received_at=r.recorded_at,
        kind=e.kind,
        outcome=e.outcome,
        method=e.method,
        device=e.device,
        relay=e.relay,
        door=e.door_name,
        building=e.building,
        holder=e.holder,
        holder_kind=e.holder_kind,
        apartment=e.apartment,
        asked_by=e.asked.by if e.asked else None,
    )
    return {
        "community": r.community,
        "day": r.recorded_at.date(),
        "position": r.position,
        "happened_at": e.happened_at,
        "kind": e.kind,
        "outcome": e.outcome,
        "method": e.method,
        "device": e.device,
        "building": e.building,
        "apartment": e.apartment,
        "initiator": str(e.holder) if e.holder else doc.asked_by,
        "doc": document(doc),
    }


def oldest_shown(now: datetime) -> datetime:
    """Whole days (UTC), so that a page is the same all day."""
    return datetime.combine((now - KEPT).date(), time(tzinfo=UTC))
