"""What an emergency needs of a phone, and what those who go to it are told."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from device_adapters.port import Identity
from domain.devices import Device
from domain.emergency import DoorResult, Order, OrderId
from domain.ids import CommunityId, DeviceId
from domain.record import frozen


class Doors(Protocol):
    """A conversation of its own with a phone, beside that of its lane. Every method may raise
    device_adapters.port.Failure.
    """

    def identify(self) -> Identity: ...

    def hold(self, relay: int) -> None:
        """Open, until it is let go of."""

    def let_go(self, relay: int) -> None:
        """Shut, and the phone's own again."""

    def relays(self) -> Mapping[int, bool]:
        """Which are open, by number."""

    def inputs(self) -> Mapping[int, bool]:
        """Which contacts are closed, by number. Unsupported or Rejected if it cannot say."""

    def close(self) -> None: ...


class Withdrawn(Exception):
    """The phone is not ours to speak to any more, or there is nothing more to do there."""


@frozen
class Task:
    """What is ordered of a phone's relays, by number, as far as it is still to be done."""

    community: CommunityId
    device: Device
    orders: Mapping[int, Order]


class Desk(Protocol):
    """Who gives the orders out, and hears what came of them."""

    def task(self, device: DeviceId) -> Task | None:
        """None if nothing is to be done there, or not by us."""

    def may(self, device: DeviceId) -> None:
        """Asked before each request; raises Withdrawn."""

    def holds(self, device: DeviceId, relay: int, order: OrderId) -> bool:
        """Whether this is still what is ordered."""

    def alone(self, device: DeviceId) -> AbstractContextManager[object]:
        """In which others leave the phone to us."""

    def found(self, community: CommunityId, result: DoorResult) -> None:
        """Told each time; must not wait."""
