"""The locks of a community, as the doors that they are to rights."""

from collections.abc import Collection, Mapping

from domain.devices import Device
from domain.ids import DeviceId
from domain.kernel import Event
from domain.locks import Lock, LockSync, LockSyncChosen, door


class LockDoors:
    """Folded by the domain's own rules."""

    def __init__(self) -> None:
        self._locks: dict[DeviceId, Lock] = {}
        self._sync: LockSync | None = None

    def take(self, lock: DeviceId, happened: Event) -> None:
        before = self._locks.pop(lock, None)
        if after := Lock.evolve(before, happened):
            self._locks[lock] = after

    def choose(self, happened: Event) -> Collection[DeviceId]:
        """Those that are given other kinds of codes from now on (M133)."""
        self._sync = LockSync.evolve(self._sync, happened)
        brand = happened.brand if isinstance(happened, LockSyncChosen) else None
        return [id for id, lock in self._locks.items() if lock.brand == brand]

    def following(self, phone: DeviceId) -> Collection[DeviceId]:
        """M15."""
        return [id for id, lock in self._locks.items() if lock.phone == phone]

    def door(self, id: DeviceId, devices: Mapping[DeviceId, Device]) -> Device | None:
        lock = self._locks.get(id)
        phone = devices.get(lock.phone) if lock and lock.phone else None
        return door(lock, self._sync, phone) if lock else None
