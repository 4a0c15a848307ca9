"""Lanes speak of phones; the log wants to know whose."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from commands.bus import Dispatch
from commands.devices import (
    ReportClockRight,
    ReportClockWrong,
    ReportOffline,
    ReportOnline,
    ReportSync,
)
from commands.ingest import FromAfar
from commands.sync import ReportChecked, ReportGap, ReportStrangers, ReportTrouble
from device_adapters.doorlog import Gap
from device_adapters.lane import Lane
from device_adapters.openings import Openings
from device_adapters.terms import Compared
from domain.accounts import Actor
from domain.alarms import AlarmKind
from domain.devices import CredentialKind, Outcome
from domain.ids import CommunityId, DeviceId
from domain.reports import Asked
from domain.sync import CheckId

ADAPTER: Final = Actor(name="device adapter", role="system")


class Reporting:
    def __init__(self, dispatch: Dispatch, homes: dict[DeviceId, CommunityId]) -> None:
        self._dispatch, self._homes = dispatch, homes

    def synced(self, device: DeviceId, outcomes: tuple[Outcome, ...]) -> None:
        self._say(device, ReportSync(device=device, outcomes=outcomes))

    def online(self, device: DeviceId, firmware: str) -> None:
        self._say(device, ReportOnline(device=device, firmware=firmware))

    def offline(self, device: DeviceId, reason: str) -> None:
        self._say(device, ReportOffline(device=device, reason=reason))

    def clock_right(self, device: DeviceId, zone: str) -> None:
        self._say(device, ReportClockRight(device=device, zone=zone))

    def clock_wrong(self, device: DeviceId, ahead: int, reason: str) -> None:
        self._say(device, ReportClockWrong(device=device, ahead=ahead, reason=reason))

    def strangers(self, device: DeviceId, records: int) -> None:
        self._say(device, ReportStrangers(device=device, records=records))

    def trouble(self, device: DeviceId, kind: AlarmKind) -> None:
        self._say(device, ReportTrouble(device=device, kind=kind))

    def checked(self, device: DeviceId, check: CheckId, found: Compared) -> None:
        done = ReportChecked(
            check=check,
            device=device,
            right=found.right,
            drifted=found.drifted,
            strangers=found.strangers,
        )
        self._say(device, done)

    def gap(self, device: DeviceId, gap: Gap) -> None:
        """Once, though it may be found again before what follows it is stored."""
        found = ReportGap(
            device=device,
            epoch=gap.epoch,
            after=gap.after,
            before=gap.before,
            missing=gap.missing,
        )
        self._say(device, found, uuid5(device, f"gap/{gap.epoch}/{gap.after}/{gap.before}"))

    def _say(self, device: DeviceId, report: object, id: UUID | None = None) -> None:
        home = self._homes[device]
        self._dispatch(report, community=home, actor=ADAPTER, command_id=id)


class Beside:
    """What there is to know beside a phone's own log, and to say of it (doorlog.Witness)."""

    def __init__(self, lane: Lane, openings: Openings, reporting: Reporting) -> None:
        self._lane, self._openings, self._reporting = lane, openings, reporting

    def gone(self, holder: UUID, kind: CredentialKind) -> datetime | None:
        return self._lane.gone((holder, kind))

    def bearer(self, name: str, at: datetime) -> UUID | None:
        return self._lane.bearer(name, at)

    def asked(self, lines: Sequence[FromAfar]) -> Mapping[int, Asked]:
        return self._openings.of(self._lane.device, lines)

    def gap(self, gap: Gap) -> None:
        self._reporting.gap(self._lane.device, gap)

    def more(self) -> None:
        self._lane.hint()
