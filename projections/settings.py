"""What a community has decided about itself, for its settings screen."""

from collections.abc import Sequence
from typing import Any

from domain.ids import CommunityId
from domain.record import frozen
from domain.settings import (
    CommunityCreated,
    CommunityRenamed,
    DeletingAccountsPermitted,
    PinMode,
    PinModeChanged,
    TimeZoneChanged,
)
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.projector import Projector, document


@frozen
class SettingsDoc:
    """`zone` is a name of the IANA time zone database."""

    community: CommunityId
    name: str
    zone: str
    pin_mode: PinMode
    may_delete_accounts: bool


class CommunitySettings(Projector):
    name = "settings"
    tables = """
        create table settings (
            community uuid primary key,
            name text not null,
            zone text not null,
            pin_mode text not null,
            may_delete_accounts boolean not null,
            doc text not null
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.settings = self.gather("settings", "community")

    @on(CommunityCreated)
    def created(self, batch: Batch[CommunityCreated]) -> None:
        for r in batch:
            self.settings.set(
                r.community,
                r.community,
                name=r.event.name,
                zone=r.event.zone,
                pin_mode=r.event.pin_mode,
                may_delete_accounts=False,
            )

    @on(CommunityRenamed)
    def renamed(self, batch: Batch[CommunityRenamed]) -> None:
        for r in batch:
            self.settings.set(r.community, r.community, name=r.event.name)

    @on(TimeZoneChanged)
    def moved(self, batch: Batch[TimeZoneChanged]) -> None:
        for r in batch:
            self.settings.set(r.community, r.community, zone=r.event.zone)

    @on(PinModeChanged)
    def changed_mode(self, batch: Batch[PinModeChanged]) -> None:
        for r in batch:
            self.settings.set(r.community, r.community, pin_mode=r.event.pin_mode)

    @on(DeletingAccountsPermitted)
    def permitted(self, batch: Batch[DeletingAccountsPermitted]) -> None:
        for r in batch:
            allowed = r.event.permitted
            self.settings.set(r.community, r.community, may_delete_accounts=allowed)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        rows = self.gathered(self.settings)
        self.put("settings", ({**row, "doc": document(said(row))} for row in rows))

    def of(self, community: CommunityId) -> str:
        """M113, M115, M116, M39."""
        return self.one("settings", community, "community", community)


def said(row: dict[str, Any]) -> SettingsDoc:
    return SettingsDoc(**{name: row[name] for name in row if name != "doc"})
