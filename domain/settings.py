"""What a community has decided about itself."""

from dataclasses import replace
from typing import Literal, Self
from zoneinfo import available_timezones

from domain.ids import CommunityId
from domain.kernel import Event, Malformed, Scope, begin, event
from domain.record import frozen

PinMode = Literal["pin", "apt_pin"]
NOT_ZONES = {"localtime", "Factory", "posixrules"}  # in some copies of the database


@event
class CommunityCreated(Event):
    """`installer` is the account that opened it, as the log names actors."""

    stream = "community"
    community: CommunityId
    installer: str
    name: str
    zone: str
    pin_mode: PinMode


@event
class CommunityRenamed(Event):
    stream = "community"
    community: CommunityId
    name: str


@event
class TimeZoneChanged(Event):
    """Every schedule of the community is read on another clock from now on (T3)."""

    stream = "community"
    community: CommunityId
    zone: str


@event
class PinModeChanged(Event):
    """M115. The claims on PINs move with it, or the append refuses with the clashes (A6)."""

    stream = "community"
    community: CommunityId
    pin_mode: PinMode

    def rescopes(self) -> dict[str, Scope]:
        return {"pin": "place" if self.pin_mode == "apt_pin" else "community"}


@event
class DeletingAccountsPermitted(Event):
    """The installer's switch Delete Account Permission (M6, M39)."""

    stream = "community"
    community: CommunityId
    permitted: bool


@frozen
class Settings:
    community: CommunityId
    installer: str
    name: str
    zone: str
    pin_mode: PinMode
    may_delete_accounts: bool = False

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, CommunityCreated() as e:
                return cls(
                    community=e.community,
                    installer=e.installer,
                    name=e.name,
                    zone=e.zone,
                    pin_mode=e.pin_mode,
                )
            case Settings(), CommunityRenamed(name=name):
                return replace(state, name=name)
            case Settings(), TimeZoneChanged(zone=zone):
                return replace(state, zone=zone)
            case Settings(), PinModeChanged(pin_mode=pin_mode):
                return replace(state, pin_mode=pin_mode)
            case Settings(), DeletingAccountsPermitted(permitted=permitted):
                return replace(state, may_delete_accounts=permitted)
        return state


def legal_zone(zone: str) -> str:
    if zone not in available_timezones() - NOT_ZONES:
        raise Malformed("zone", "not in the IANA time zone database; for example Europe/Lisbon")
    return zone


def legal_name(name: str, field: str = "name", most: int = 64) -> str:
    """What people call a thing: 1 to `most` printable characters."""
    if not 0 < len(name.strip()) <= most or not name.isprintable():
        raise Malformed(field, f"1 to {most} printable characters")
    return name.strip()


def create(known: Settings | None, wanted: CommunityCreated) -> list[Event]:
    """M115, M116."""
    legal_zone(wanted.zone)
    legal_name(wanted.name)
    return begin(known, wanted)


def change(
    now: Settings, *, name: str | None, zone: str | None, pin_mode: PinMode | None
) -> list[Event]:
    """M113, M115, M116: what is None stays."""
    home, events = now.community, list[Event]()
    if name is not None and legal_name(name) != now.name:
        events.append(CommunityRenamed(community=home, name=legal_name(name)))
    if zone is not None and legal_zone(zone) != now.zone:
        events.append(TimeZoneChanged(community=home, zone=zone))
    if pin_mode is not None and pin_mode != now.pin_mode:
        events.append(PinModeChanged(community=home, pin_mode=pin_mode))
    return events


def permit_deleting_accounts(now: Settings, permitted: bool) -> list[Event]:
    """M39."""
    if permitted == now.may_delete_accounts:
        return []
    return [DeletingAccountsPermitted(community=now.community, permitted=permitted)]
