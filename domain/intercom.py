"""What residents may do with a door phone beside opening doors: watch, call, look up (M102)."""

from dataclasses import replace
from typing import Literal, Self

from domain.capabilities import is_multi_tenant
from domain.devices import Device, Place
from domain.ids import DeviceId
from domain.kernel import Event, Refused, event
from domain.record import frozen

Through = Literal["monitor", "app"]
Listed = Literal["apartments", "residents"]
EVERYWAY: frozenset[Through] = frozenset({"monitor", "app"})
EVERYTHING: frozenset[Listed] = frozenset({"apartments", "residents"})


@event
class IntercomChosen(Event):
    """The whole of it. `monitoring`: through what residents may watch; none of them: not at all.
    `directory`: what the phone's screen lists, where it has such a screen.
    """

    stream = "device"
    device: DeviceId
    monitoring: frozenset[Through]
    calling: bool
    directory: frozenset[Listed]


@frozen
class Intercom:
    """Of a device, in whose stream it is said; allowed until somebody says otherwise [G]."""

    monitoring: frozenset[Through] = EVERYWAY
    calling: bool = True
    directory: frozenset[Listed] = EVERYTHING

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        if not isinstance(event, IntercomChosen):
            return state
        return cls(monitoring=event.monitoring, calling=event.calling, directory=event.directory)


def has_directory(model: str, place: Place) -> bool:
    """M102: for phones of several tenants, in the public area of one building."""
    return is_multi_tenant(model) and place.building is not None and place.apartment is None


def choose(
    now: Intercom | None,
    device: Device,
    *,
    monitoring: frozenset[Through] | None,
    calling: bool | None,
    directory: frozenset[Listed] | None,
) -> list[Event]:
    """M102: what is None stays."""
    if directory is not None and not has_directory(device.box.model, device.place):
        raise Refused("no-directory-there", "directory")
    known = now or Intercom()
    wanted = replace(
        known,
        monitoring=known.monitoring if monitoring is None else monitoring,
        calling=known.calling if calling is None else calling,
        directory=known.directory if directory is None else directory,
    )
    if wanted == known:
        return []
    return [
        IntercomChosen(
            device=device.device,
            monitoring=wanted.monitoring,
            calling=wanted.calling,
            directory=wanted.directory,
        )
    ]
