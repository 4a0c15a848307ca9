"""What a community has decided about itself, for its settings screen."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from domain.accounts import Account
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
from projections.listing import Page
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
            installer text not null,
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
                installer=r.event.installer,
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

    def touched_by(self, account: Account) -> Page:
        """Those assigned to an account, and those that it opened itself, by name."""
        rows = self.db.execute(
            "select doc from settings where community = any(%s) or installer = %s"
            " order by name, community",
            [list(account.communities), str(account.account)],
        ).fetchall()
        return Page(docs=tuple(row[0] for row in rows))


def said(row: dict[str, Any]) -> SettingsDoc:
    return SettingsDoc(**{f.name: row[f.name] for f in fields(SettingsDoc)})
