"""What may be asked about the community itself."""

from commands.bus import Things, command, handles
from domain import settings
from domain.kernel import Event, Malformed
from domain.settings import CommunityCreated, PinMode, Settings


@command
class CreateCommunity:
    """Open the community of this address; installers only (M130, M115, M116)."""

    name: str
    zone: str
    pin_mode: PinMode = "pin"


@handles(CreateCommunity)
def create_community(cmd: CreateCommunity, things: Things) -> list[Event]:
    things.only("installer")
    wanted = CommunityCreated(
        community=things.community,
        installer=things.actor.name,
        name=cmd.name,
        zone=cmd.zone,
        pin_mode=cmd.pin_mode,
    )
    return settings.create(things.find(Settings, things.community), wanted)


@command
class ChangeSettings:
    """Name, time zone and PIN mode; what is left out stays (M113, M115, M116)."""

    name: str | None = None
    zone: str | None = None
    pin_mode: PinMode | None = None


@handles(ChangeSettings)
def change_settings(cmd: ChangeSettings, things: Things) -> list[Event]:
    if cmd.name is cmd.zone is cmd.pin_mode is None:
        raise Malformed("body", "nothing to change: give name, zone or pin_mode")
    now = things.load(Settings, things.community)
    return settings.change(now, name=cmd.name, zone=cmd.zone, pin_mode=cmd.pin_mode)


@command
class PermitDeletingAccounts:
    """Let the property manager delete residents, or no longer; installers only (M6, M39)."""

    permitted: bool


@handles(PermitDeletingAccounts)
def permit_deleting_accounts(cmd: PermitDeletingAccounts, things: Things) -> list[Event]:
    things.only("installer")
    now = things.load(Settings, things.community)
    return settings.permit_deleting_accounts(now, cmd.permitted)
