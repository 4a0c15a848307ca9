"""What may be asked about watching, calling and looking names up at a door phone."""

from commands.bus import Things, command, handles
from domain import intercom
from domain.devices import Device
from domain.ids import DeviceId
from domain.intercom import Intercom, Listed, Through
from domain.kernel import Event


@command
class ChooseIntercom:
    """Through what residents may watch a door phone, whether they may call it, and what the screen
    of one for several tenants in a building's public area lists; what is left out stays (M102).
    """

    device: DeviceId
    monitoring: frozenset[Through] | None = None
    calling: bool | None = None
    directory: frozenset[Listed] | None = None


@handles(ChooseIntercom)
def choose_intercom(cmd: ChooseIntercom, things: Things) -> list[Event]:
    return intercom.choose(
        things.find(Intercom, cmd.device),
        things.load(Device, cmd.device),
        monitoring=cmd.monitoring,
        calling=cmd.calling,
        directory=cmd.directory,
    )
