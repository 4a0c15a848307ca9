"""What was done to devices from afar, and what is kept on them (M110, M111, A23)."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

from domain.devices import DeviceRegistered, DeviceRemoved, DeviceReplaced
from domain.ids import CommunityId, DeviceId
from domain.kernel import Unknown
from domain.maintenance import (
    AutopKept,
    ConnectType,
    ConnectTypeChosen,
    ExpansionModule,
    OperationAsked,
    OperationBegun,
    OperationEnded,
    OperationId,
    OperationKind,
    PushButton,
    PushButtonsChosen,
    UpkeepFound,
    WebControlOpened,
)
from domain.record import frozen
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.listing import Key as After
from projections.listing import Listing, Page
from projections.projector import Projector, Row, document

OperationState = Literal["asked", "begun", "done", "failed", "offline"]
Standing = Literal["pending", "verified", "mismatch", "rejected"]
SECRET = re.compile("password|passwd|pwd|secret|token|key|psk|pin", re.IGNORECASE)
NOTHING_KEPT: Final[Row] = {
    "connect": None,
    "module": None,
    "buttons": "[]",
    "lines": None,
    "state": None,
    "reason": None,
    "found_at": None,
    "web_by": None,
    "web_until": None,
}
PENDING: Final[Row] = {"state": "pending", "reason": None, "found_at": None}


@frozen
class OperationDoc:
    """`asked`: nobody has begun, and nobody will after `until`. `offline`: the device could not be
    reached, which is not that it `failed` (A23). `by`: the account that asked.
    """

    operation: OperationId
    device: DeviceId
    kind: OperationKind
    relay: int | None
    state: OperationState
    reason: str | None
    by: str
    asked_at: datetime
    until: datetime
    ended_at: datetime | None


@frozen
class UpkeepDoc:
    """What is kept on a device, and whether it was read back from it: `pending` until it was tried,
    null where nothing is known of the box that is there now. Of `autop`, the values of what looks
    like a secret are hidden; `reason` names settings.
    """

    device: DeviceId
    connect: ConnectType | None
    module: ExpansionModule | None
    buttons: tuple[PushButton, ...]
    autop: tuple[str, ...]
    state: Standing | None
    reason: str | None
    found_at: datetime | None


@frozen
class WebControlDoc:
    """Where the device's own web page is, `until` then, for whom asked last; else null."""

    device: DeviceId
    address: str | None
    until: datetime | None


class Maintenance(Projector):
    name = "maintenance"
    tables = """
        create table maintenance_operations (
            community uuid, operation uuid,
            device uuid not null, kind text not null, relay integer,
            state text not null, reason text, by text not null,
            asked_at timestamptz not null, until timestamptz not null, ended_at timestamptz,
            doc text not null,
            primary key (community, operation)
        );
        create index on maintenance_operations (community, device, asked_at desc, operation desc);
        create table maintenance_devices (
            community uuid, device uuid,
            address text not null, connect text, module text, buttons text not null,
            lines_sealed bytea, state text, reason text, found_at timestamptz,
            web_by text, web_until timestamptz,
            primary key (community, device)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.operations = self.gather("maintenance_operations", "operation")
        self.devices = self.gather("maintenance_devices", "device")

    @on(OperationAsked)
    def asked(self, batch: Batch[OperationAsked]) -> None:
        for r in batch:
            self.operations.set(
                r.community,
                r.event.operation,
                device=r.event.device,
                kind=r.event.kind,
                relay=r.event.relay,
                state="asked",
                reason=None,
                by=r.event.by,
                asked_at=r.event.asked_at,
                until=r.event.until,
                ended_at=None,
            )

    @on(OperationBegun)
    def begun(self, batch: Batch[OperationBegun]) -> None:
        for r in batch:
            self.operations.set(r.community, r.event.operation, state="begun")

    @on(OperationEnded)
    def ended(self, batch: Batch[OperationEnded]) -> None:
        for r in batch:
            said = {"state": r.event.ending, "reason": r.event.reason or None}
            self.operations.set(r.community, r.event.operation, ended_at=r.recorded_at, **said)

    @on(DeviceRegistered)
    def registered(self, batch: Batch[DeviceRegistered]) -> None:
        for r in batch:
            address = r.event.box.address
            self.devices.set(r.community, r.event.device, address=address, **NOTHING_KEPT)

    @on(DeviceReplaced)
    def replaced(self, batch: Batch[DeviceReplaced]) -> None:
        """What is kept has to come to the new box."""
        for r in batch:
            unknown = {"state": None, "reason": None, "found_at": None}
            address = r.event.box.address
            self.devices.set(r.community, r.event.device, address=address, **unknown)

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.device)

    @on(AutopKept)
    def kept(self, batch: Batch[AutopKept]) -> None:
        for r in batch:
            lines = r.event.lines
            said = json.dumps(lines) if isinstance(lines, tuple) else lines
            self.devices.set(r.community, r.event.device, lines=said, **PENDING)

    @on(ConnectTypeChosen)
    def connects(self, batch: Batch[ConnectTypeChosen]) -> None:
        for r in batch:
            self.devices.set(r.community, r.event.device, connect=r.event.connect, **PENDING)

    @on(PushButtonsChosen)
    def buttons(self, batch: Batch[PushButtonsChosen]) -> None:
        for r in batch:
            said = {"module": r.event.module, "buttons": document(r.event.buttons)}
            self.devices.set(r.community, r.event.device, **said, **PENDING)

    @on(UpkeepFound)
    def found(self, batch: Batch[UpkeepFound]) -> None:
        for r in batch:
            said = {"state": r.event.state, "reason": r.event.reason or None}
            self.devices.amend(r.community, r.event.device, found_at=r.recorded_at, **said)

    @on(WebControlOpened)
    def told(self, batch: Batch[WebControlOpened]) -> None:
        for r in batch:
            said = {"web_by": r.event.by, "web_until": r.event.until}
            self.devices.set(r.community, r.event.device, **said)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        self.put("maintenance_operations", map(written, self.gathered(self.operations)))
        devices = self.gathered(self.devices)
        self.seal(devices, "lines", "device")
        self.put("maintenance_devices", devices)

    def page(self, community: CommunityId, device: UUID, after: After | None, limit: int) -> Page:
        """M110: newest first."""
        keys = "asked_at", "operation"
        return (
            Listing("maintenance_operations", community, keys, descending=True)
            .where("device", device)
            .page(self.db, after, limit)
        )

    def of(self, community: CommunityId, operation: UUID) -> str:
        """Unknown if there is none."""
        return self.one("maintenance_operations", community, "operation", operation)

    def upkeep(self, community: CommunityId, device: UUID) -> UpkeepDoc:
        """M110, M111."""
        row = self._device(community, device)
        return UpkeepDoc(
            device=row["device"],
            connect=row["connect"],
            module=row["module"],
            buttons=tuple(
                PushButton(number=b["number"], calls=tuple(b["calls"]))
                for b in json.loads(row["buttons"])
            ),
            autop=self._lines(community, row),
            state=row["state"],
            reason=row["reason"],
            found_at=row["found_at"] and row["found_at"].astimezone(UTC),
        )

    def web_control(
        self, community: CommunityId, device: UUID, by: str, now: datetime
    ) -> WebControlDoc:
        """M110."""
        row = self._device(community, device)
        if row["web_by"] != by or row["web_until"] <= now:
            return WebControlDoc(device=row["device"], address=None, until=None)
        until = row["web_until"].astimezone(UTC)
        return WebControlDoc(device=row["device"], address=row["address"], until=until)

    def _device(self, community: CommunityId, device: UUID) -> Row:
        rows = self.rows("maintenance_devices", "device", [(community, device)])
        if not rows:
            raise Unknown("Device", device)
        return rows[community, device]

    def _lines(self, community: CommunityId, row: Row) -> tuple[str, ...]:
        if row["lines_sealed"] is None:
            return ()
        [text] = self.vault.open(community, [(row["device"], row["lines_sealed"])])
        return tuple(map(shown, json.loads(text))) if isinstance(text, str) else ()


def shown(line: str) -> str:
    key, _, value = line.partition(" = ")
    return f"{key} = {'***' if SECRET.search(key.rpartition('.')[2]) else value}"


def written(row: Row) -> Row:
    said = OperationDoc(
        operation=row["operation"],
        device=row["device"],
        kind=row["kind"],
        relay=row["relay"],
        state=row["state"],
        reason=row["reason"],
        by=row["by"],
        asked_at=row["asked_at"].astimezone(UTC),
        until=row["until"].astimezone(UTC),
        ended_at=row["ended_at"] and row["ended_at"].astimezone(UTC),
    )
    return row | {"doc": document(said)}
