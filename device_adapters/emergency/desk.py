"""Gives out the orders of the book to the hands of this process."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from device_adapters.emergency.book import Book
from device_adapters.emergency.gate import Gate
from device_adapters.emergency.port import Task, Withdrawn
from domain.emergency import DoorResult, OrderId
from domain.ids import CommunityId, DeviceId


class FromBook:
    """device_adapters.emergency.port.Desk. What was ordered at this host is done without a lease,
    until it is in the log; everything else only by whom the phone is (ADR 18).
    """

    def __init__(
        self,
        book: Book,
        ours: Callable[[CommunityId], bool],
        gate: Gate,
        say: Callable[[CommunityId, DoorResult], None],
    ) -> None:
        self._book, self._ours, self._gate, self._say = book, ours, gate, say

    def task(self, device: DeviceId) -> Task | None:
        if (task := self._book.task(device)) is None or self._ours(task.community):
            return task
        local = {
            relay: order
            for relay, order in task.orders.items()
            if self._book.is_local(task.community, order.id)
        }
        return Task(community=task.community, device=task.device, orders=local) if local else None

    def may(self, device: DeviceId) -> None:
        if self.task(device) is None:
            raise Withdrawn

    def holds(self, device: DeviceId, relay: int, order: OrderId) -> bool:
        return self._book.order_at(device, relay) == order

    def alone(self, device: DeviceId) -> AbstractContextManager[object]:
        return self._gate.alone(device)

    def found(self, community: CommunityId, result: DoorResult) -> None:
        if self._book.found(community, result):
            self._say(community, result)
