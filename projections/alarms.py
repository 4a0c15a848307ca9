"""Alarm records: what was raised where and when, and what somebody found out (M124-M127)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.alarms import AlarmId, AlarmKind, AlarmRaised, AlarmSolved, FireInputsChosen
from domain.devices import DeviceRemoved
from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.record import Erased, frozen
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Projector, Row, document


@frozen
class AlarmDoc:
    """`name` is of the door or device, as it was then; `solved_by` is the account's id. `note` is
    null also once it is forgotten.
    """

    alarm: AlarmId
    kind: AlarmKind
    device: DeviceId
    name: str
    relay: int | None
    building: BuildingId | None
    apartment: ApartmentId | None
    heard_at: datetime
    solved_at: datetime | None
    solved_by: str | None
    note: str | None


@frozen
class Wanted:
    """None asks for everything; from `since`, before `until`."""

    since: datetime | None = None
    until: datetime | None = None
    kind: AlarmKind | None = None
    device: UUID | None = None
    solved: bool | None = None


class Alarms(Projector):
    name = "alarms"
    tables = """
        create table alarms (
            community uuid,
            alarm uuid,
            kind text not null,
            device uuid not null,
            called text not null,
            relay int,
            building uuid,
            apartment uuid,
            heard_at timestamptz not null,
            solved boolean not null,
            solved_at timestamptz,
            solved_by text,
            note text,
            doc text not null,
            primary key (community, alarm)
        );
        create index on alarms (community, heard_at desc, alarm desc);
        create index on alarms (community, kind) where not solved;
        create table alarms_inputs (
            community uuid,
            device uuid,
            inputs int[] not null,
            primary key (community, device)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.alarms = self.gather("alarms", "alarm")
        self.inputs = self.gather("alarms_inputs", "device")

    @on(AlarmRaised)
    def raised(self, batch: Batch[AlarmRaised]) -> None:
        for r in batch:
            e = r.event
            self.alarms.set(
                r.community,
                e.alarm,
                kind=e.kind,
                device=e.device,
                called=e.name,
                relay=e.relay,
                building=e.building,
                apartment=e.apartment,
                heard_at=e.heard_at,
                solved=False,
                solved_at=None,
                solved_by=None,
                note=None,
            )

    @on(AlarmSolved)
    def solved(self, batch: Batch[AlarmSolved]) -> None:
        for r in batch:
            note = None if isinstance(r.event.note, Erased) else r.event.note
            said = {"solved_at": r.recorded_at, "solved_by": r.actor, "note": note}
            self.alarms.set(r.community, r.event.alarm, solved=True, **said)

    @on(FireInputsChosen)
    def chosen(self, batch: Batch[FireInputsChosen]) -> None:
        for r in batch:
            self.inputs.set(r.community, r.event.device, inputs=sorted(r.event.inputs))

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self.inputs.drop(r.community, r.event.device)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        rows = self.gathered(self.alarms)
        self.put("alarms", ({**row, "doc": document(said(row))} for row in rows))
        self.put("alarms_inputs", self.gathered(self.inputs))

    def page(self, community: CommunityId, wanted: Wanted, after: After | None, limit: int) -> Page:
        """M127. Newest first."""
        return (
            Listing("alarms", community, ("heard_at", "alarm"), descending=True)
            .since("heard_at", wanted.since)
            .until("heard_at", wanted.until)
            .where("kind", wanted.kind)
            .where("device", wanted.device)
            .where("solved", wanted.solved)
            .page(self.db, after, limit)
        )

    def unsolved(self, community: CommunityId) -> dict[str, int]:
        """How many of each kind nobody has solved yet; kinds of which there are any."""
        rows = self.db.execute(
            "select kind, count(*) from alarms where community = %s and not solved group by kind",
            [community],
        ).fetchall()
        return dict(rows)

    def fire_inputs(self, community: CommunityId, device: UUID) -> tuple[int, ...]:
        """Those of a device that a fire panel is wired to; none if nobody has said so."""
        row = self.db.execute(
            "select inputs from alarms_inputs where community = %s and device = %s",
            [community, device],
        ).fetchone()
        return tuple(row[0]) if row else ()


def said(row: Row) -> AlarmDoc:
    left_out = {"community", "called", "solved", "doc"}
    return AlarmDoc(name=row["called"], **{n: row[n] for n in row if n not in left_out})
