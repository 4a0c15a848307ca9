"""What was found on the phones when: was a credential installed at a door at a time, and what
opened though it had been taken away (D5, D8, N12). From events alone: truth has a history.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal
from uuid import UUID

from psycopg.rows import dict_row

from domain.devices import CredentialKind, DeviceRemoved, DeviceReplaced, DeviceSynced, SyncState
from domain.ids import CommunityId, DeviceId
from domain.locks import LockConnected, LockRemoved
from domain.record import frozen
from domain.sync import (
    DoorLogGapDetected,
    OnStrangers,
    RevokedCredentialUsed,
    StrangersFound,
    StrangersPolicyChosen,
)
from eventlog.consumer import on
from eventlog.port import Batch
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Projector, Row, document

Installed = Literal["installed", "absent", "unsure"]
INSTALLED: dict[SyncState, Installed] = {
    "verified": "installed",
    "unverifiable": "installed",
    "withdrawn": "absent",
    "undeliverable": "absent",
}
SAID = """
    select kind, at, state, reason, tries from sync_words
    where community = %(community)s and device = %(device)s and holder = %(holder)s
    union all
    select k.kind, b.at, 'withdrawn', 'the phone was replaced or removed', 0 from sync_boxes b
    cross join (select distinct kind from sync_words where community = %(community)s
        and device = %(device)s and holder = %(holder)s) k
    where b.community = %(community)s and b.device = %(device)s
    order by kind, at"""


@frozen
class PeriodDoc:
    """From `since` until `until`, which is null for the last word, the credential was `installed`
    at the phone, or `absent`; `unsure` is what was neither: about to be replaced, found otherwise,
    or refused. `state` is the word of the adapter; `tries`: how often it was written in vain.
    """

    kind: CredentialKind
    installed: Installed
    since: datetime
    until: datetime | None
    state: SyncState
    reason: str | None
    tries: int


@frozen
class HistoryDoc:
    """Oldest first. Before the first period nothing was known to be there."""

    device: UUID
    holder: UUID
    periods: tuple[PeriodDoc, ...]


@frozen
class UseDoc:
    """A door opened for a credential that had been taken away (D8): `removed_at` is null where it
    was not yet proved to be off the phone.
    """

    use: UUID
    device: DeviceId
    relay: int | None
    holder: UUID
    kind: CredentialKind
    revoked_at: datetime
    used_at: datetime
    removed_at: datetime | None


@frozen
class GapDoc:
    """So many lines are missing in a phone's own log, between two that were read (N12)."""

    gap: UUID
    device: DeviceId
    epoch: int
    after: int
    before: int
    missing: int
    found_at: datetime


@frozen
class StrangersDoc:
    """D15: so many records somebody entered at the phone itself, as it was last found; `policy`:
    whether they are left alone or removed.
    """

    device: UUID
    records: int
    found_at: datetime | None
    policy: OnStrangers


class SyncHistory(Projector):
    name = "sync"
    tables = """
        create table sync_words (
            community uuid, device uuid, holder uuid, kind text, at timestamptz,
            state text not null, reason text, tries int not null,
            primary key (community, device, holder, kind, at)
        );
        create table sync_boxes (
            community uuid, device uuid, at timestamptz, primary key (community, device, at)
        );
        create table sync_uses (
            community uuid, use uuid, device uuid not null, holder uuid not null,
            used_at timestamptz not null, doc text not null, primary key (community, use)
        );
        create index on sync_uses (community, used_at desc, use desc);
        create table sync_gaps (
            community uuid, gap uuid, device uuid not null,
            found_at timestamptz not null, doc text not null, primary key (community, gap)
        );
        create index on sync_gaps (community, found_at desc, gap desc);
        create table sync_strangers (
            community uuid, device uuid, records int not null, found_at timestamptz,
            primary key (community, device)
        );
        create table sync_policies (
            community uuid, device uuid, policy text not null, primary key (community, device)
        )"""

    @on(DeviceSynced)
    def synced(self, batch: Batch[DeviceSynced]) -> None:
        rows = (
            {
                "community": r.community,
                "device": r.event.device,
                "holder": one.holder,
                "kind": one.kind,
                "at": r.recorded_at,
                "state": one.state,
                "reason": one.reason,
                "tries": one.tries,
            }
            for r in batch
            for one in r.event.outcomes
        )
        self.put("sync_words", rows)

    @on(DeviceReplaced, DeviceRemoved)
    def another(self, batch: Batch[DeviceReplaced | DeviceRemoved]) -> None:
        """What was on the old box is not on the new one, or on none."""
        for r in batch:
            home, device, at = r.community, r.event.device, r.recorded_at
            self.db.execute(
                "insert into sync_boxes values (%s, %s, %s) on conflict do nothing",
                [home, device, at],
            )
        gone = ({"community": r.community, "device": r.event.device} for r in batch)
        self.drop("sync_strangers", gone)

    @on(LockConnected, LockRemoved)
    def another_gateway(self, batch: Batch[LockConnected | LockRemoved]) -> None:
        for r in batch:
            self.db.execute(
                "insert into sync_boxes values (%s, %s, %s) on conflict do nothing",
                [r.community, r.event.lock, r.recorded_at],
            )
        gone = ({"community": r.community, "device": r.event.lock} for r in batch)
        self.drop("sync_strangers", gone)

    @on(StrangersFound)
    def strangers_found(self, batch: Batch[StrangersFound]) -> None:
        rows = (
            {
                "community": r.community,
                "device": r.event.device,
                "records": r.event.records,
                "found_at": r.recorded_at,
            }
            for r in batch
        )
        self.put("sync_strangers", rows)

    @on(StrangersPolicyChosen)
    def policy_chosen(self, batch: Batch[StrangersPolicyChosen]) -> None:
        chosen = ((r.community, r.event.device, r.event.policy) for r in batch)
        rows = ({"community": c, "device": d, "policy": p} for c, d, p in chosen)
        self.put("sync_policies", rows)

    @on(RevokedCredentialUsed)
    def used(self, batch: Batch[RevokedCredentialUsed]) -> None:
        self.put("sync_uses", (use_row(r.community, r.event) for r in batch))

    @on(DoorLogGapDetected)
    def gap(self, batch: Batch[DoorLogGapDetected]) -> None:
        self.put("sync_gaps", (gap_row(r.community, r.event, r.recorded_at) for r in batch))

    def of(
        self, community: CommunityId, device: UUID, holder: UUID, at: datetime | None
    ) -> HistoryDoc:
        """All periods, or those of a time."""
        asked = {"community": community, "device": device, "holder": holder}
        with self.db.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(SAID, asked).fetchall()
        found = periods(rows)
        wanted = (p for p in found if at is None or holds(p, at))
        return HistoryDoc(device=device, holder=holder, periods=tuple(wanted))

    def strangers(self, community: CommunityId, device: UUID) -> StrangersDoc:
        """Of an unknown phone there are none."""
        found = self.rows("sync_strangers", "device", [(community, device)]).values()
        chosen = self.rows("sync_policies", "device", [(community, device)]).values()
        row: Row = next(iter(found), {"records": 0, "found_at": None})
        at = row["found_at"]
        return StrangersDoc(
            device=device,
            records=row["records"],
            found_at=at.astimezone(UTC) if at else None,
            policy=next((each["policy"] for each in chosen), "report"),
        )

    def uses(
        self, community: CommunityId, device: UUID | None, after: After | None, limit: int
    ) -> Page:
        """Newest first."""
        return (
            Listing("sync_uses", community, ("used_at", "use"), descending=True)
            .where("device", device)
            .page(self.db, after, limit)
        )

    def gaps(
        self, community: CommunityId, device: UUID | None, after: After | None, limit: int
    ) -> Page:
        """Newest first."""
        return (
            Listing("sync_gaps", community, ("found_at", "gap"), descending=True)
            .where("device", device)
            .page(self.db, after, limit)
        )


def periods(rows: Sequence[Row]) -> list[PeriodDoc]:
    """Each word holds until the next of its kind."""
    return [
        PeriodDoc(
            kind=row["kind"],
            installed=INSTALLED.get(row["state"], "unsure"),
            since=row["at"].astimezone(UTC),
            until=after["at"].astimezone(UTC) if after and after["kind"] == row["kind"] else None,
            state=row["state"],
            reason=row["reason"],
            tries=row["tries"],
        )
        for row, after in pairwise([*rows, None])
        if row
    ]


def holds(period: PeriodDoc, at: datetime) -> bool:
    return period.since <= at and (period.until is None or at < period.until)


def use_row(community: CommunityId, e: RevokedCredentialUsed) -> Row:
    said = UseDoc(
        use=e.use,
        device=e.device,
        relay=e.relay,
        holder=e.holder,
        kind=e.kind,
        revoked_at=e.revoked_at,
        used_at=e.used_at,
        removed_at=e.removed_at,
    )
    kept = {"device": e.device, "holder": e.holder, "used_at": e.used_at}
    return {"community": community, "use": e.use, **kept, "doc": document(said)}


def gap_row(community: CommunityId, e: DoorLogGapDetected, at: datetime) -> Row:
    said = GapDoc(
        gap=e.gap,
        device=e.device,
        epoch=e.epoch,
        after=e.after,
        before=e.before,
        missing=e.missing,
        found_at=at,
    )
    kept: dict[str, Any] = {"device": e.device, "found_at": at, "doc": document(said)}
    return {"community": community, "gap": e.gap, **kept}
