"""A lock behind its gateway, without sockets, with the switches of MemoryPhone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from device_adapters.locks import people
from device_adapters.locks.brands import PROFILES
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.lock import GatewayLock
from device_adapters.locks.served import Server
from device_adapters.locks.wire import Said, Wire, understood
from device_adapters.port import Held, Offline
from domain.access_groups import ALWAYS
from domain.devices import Device, Login
from domain.kernel import fold
from domain.locks import Brand, Lock, door
from tests.builders import a_lock
from tests.device_adapters.memory_phone import MAC

SERIAL = MAC
LOGIN = Login(user="house", password="hush")
BEGAN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def lock_device(brand: Brand = "itec", address: str = "http://127.0.0.1:9") -> Device:
    lock = fold(Lock, [a_lock(brand=brand, serial=SERIAL, address=address)])
    assert lock
    return door(lock, None, None)


def connect(
    server: Server, brand: Brand = "itec", serial: str = SERIAL, login: Login | None = LOGIN
) -> GatewayLock:
    device = lock_device(brand, server.url)
    device = replace(device, login=login, box=replace(device.box, mac=serial))
    return GatewayLock(device, PROFILES[brand].paced(0, 0))


class Direct(Wire):
    """`fails_at`: the call with this number breaks off after it was done, or before."""

    def __init__(self, lock: SimLock) -> None:
        self.gateway, self._path = Gateway([lock], now=lambda: BEGAN), f"/v1/locks/{lock.serial}"
        self.calls: list[str] = []
        self.fails_at: int | None = None
        self.done = True
        self.changed: Callable[[], None] = lambda: None

    def _exchange(self, method: str, what: str, **content: Any) -> Said:
        fails = self.fails_at == len(self.calls)
        self.calls.append(f"{method} {what}")
        if fails and not self.done:
            raise Offline("no answer")
        status, said = self.gateway.answer(
            method, f"{self._path}{what}", content.get("params", {}), content.get("json"), None
        )
        if method != "GET":
            self.changed()
        if fails:
            raise Offline("no answer")
        return understood(httpx.Response(status, json=said))

    def close(self) -> None:
        pass


class WiredLock(GatewayLock):
    """Room for so many people; `seen` is shown the records after each change by the gateway."""

    def __init__(self, room: int = 500, brand: Brand = "itec") -> None:
        super().__init__(lock_device(brand), PROFILES[brand].paced(0, 0, batch=2))
        self.sim = SimLock(brand, SERIAL, room=room)
        self._wire = self.wire = Direct(self.sim)
        self.seen: Callable[[Mapping[str, Held]], None] = lambda records: None
        self.wire.changed = lambda: self.seen(self.records)

    @property
    def calls(self) -> list[str]:
        return self.wire.calls

    @property
    def records(self) -> dict[str, Held]:
        return {key: people.held(one, self.profile) for key, one in self.sim.people.items()}

    @records.setter
    def records(self, nothing: dict[str, Held]) -> None:
        assert not nothing, "a lock can only be reset"
        self.sim.people = {}

    @property
    def deaf(self) -> bool:
        return self.sim.deaf

    @deaf.setter
    def deaf(self, deaf: bool) -> None:
        self.sim.deaf = deaf

    @property
    def keeps_first(self) -> int | None:
        return self.sim.keeps

    @keeps_first.setter
    def keeps_first(self, most: int | None) -> None:
        self.sim.keeps = most

    @property
    def stale(self) -> int:
        return self.sim.stale

    @stale.setter
    def stale(self, readings: int) -> None:
        self.sim.stale = readings

    @property
    def fails_at(self) -> int | None:
        return self.wire.fails_at

    @fails_at.setter
    def fails_at(self, call: int | None) -> None:
        self.wire.fails_at = call

    @property
    def done(self) -> bool:
        return self.wire.done

    @done.setter
    def done(self, done: bool) -> None:
        self.wire.done = done

    def local_edit(self, key: str) -> None:
        """Somebody at the maker's own page."""
        times = people.TIMES.dump([ALWAYS])
        eve = {"key": key, "name": "Eve", "pin": "0000", "cards": [], "times": times}
        self.sim.people = self.sim.people | {key: eve}
