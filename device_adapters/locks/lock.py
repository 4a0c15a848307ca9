"""A lock of another maker behind the port: what speaks for it is a gateway (ADR 17)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from device_adapters.locks import people
from device_adapters.locks.brands import Profile
from device_adapters.locks.wire import Wire
from device_adapters.port import (
    DoorLog,
    Fit,
    Garbled,
    Held,
    Identity,
    Offline,
    Rejected,
    Status,
    Unsupported,
    WrongBox,
)
from domain.devices import Device, Login
from domain.locks import DOOR
from domain.rights import HELD_OPEN, Entry
from domain.settings import PinMode


class GatewayLock:
    """`device`: the lock as domain.locks.door gives it, its serial for a MAC."""

    def __init__(
        self, device: Device, profile: Profile, may: Callable[[], None] = lambda: None
    ) -> None:
        self.profile, self.limits, self.strangers = profile, profile.limits, 0
        login = device.login if isinstance(device.login, Login) else None
        self._serial = device.box.mac
        self._wire = Wire(device.box.address, login, self._serial, profile.pause, may)
        self._mode: PinMode = "pin"
        self._room: int | None = None
        self._strange: Collection[str] = ()

    def identify(self) -> Identity:
        said = self._state()
        if said.get("brand") != self.profile.brand:
            raise WrongBox("a lock of another brand answers")
        serial, model, firmware = (
            str(said.get(k, ""))[:64] for k in ("serial", "model", "firmware")
        )
        return Identity(mac=serial, model=model, firmware=firmware)

    def status(self) -> Status:
        said = self._state()
        clock, uptime = people.instant(said.get("clock")), said.get("uptime")
        return Status(
            clock=clock and clock.replace(tzinfo=UTC),
            uptime=timedelta(seconds=uptime) if isinstance(uptime, int | float) else None,
        )

    def pin_mode(self) -> PinMode | None:
        """It asks for the PIN alone, however the phones of the community do (M115)."""
        return self._mode

    def set_pin_mode(self, mode: PinMode) -> None:
        self._mode = mode

    def zone(self) -> str | None:
        said = self._state().get("zone")
        return said if isinstance(said, str) else None

    def shows_zone(self, zone: str, at: datetime) -> str:
        return zone

    def set_zone(self, zone: str, at: datetime) -> None:
        if self.zone() != zone:
            self._wire.put("/zone", {"zone": zone})

    def fit(self, entry: Entry) -> Fit:
        """M107: what says when it is held open is no person."""
        if entry.key == HELD_OPEN:
            return Fit(entry=entry, lacks={})
        return people.fit(entry, self.profile.brand)

    def overflow(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        if self._room is None:
            return {}
        room = max(0, self._room - len(self._strange))
        keys = [entry.key for entry in entries if entry.key != HELD_OPEN]
        return dict.fromkeys(keys[room:], f"the lock is full: {room} people")

    def shows(self, entry: Entry) -> Held:
        if entry.key == HELD_OPEN:
            return people.open_at(frozenset(people.words(people.times_of(entry))))
        return people.shown(entry, self.profile)

    def read(self) -> Mapping[str, Held]:
        said = self._wire.get("/people")
        room, everybody = said.get("room"), people.by_key(said.get("people"))
        self._room = room if isinstance(room, int) else None
        self._strange = [key for key in everybody if not people.KEY.fullmatch(key)]
        self.strangers = len(self._strange)
        held = {
            key: people.held(person, self.profile)
            for key, person in everybody.items()
            if people.KEY.fullmatch(key)
        }
        return held | self._held_open() if self.profile.holds_open else held

    def _held_open(self) -> dict[str, Held]:
        times = frozenset(people.words(self._state().get("open_times")))
        return {HELD_OPEN: people.open_at(times)} if times else {}

    def withdraw(self, keys: Collection[str]) -> None:
        if HELD_OPEN in keys:
            self._wire.put("/open-times", {"times": []})
        if gone := sorted(set(keys) - {HELD_OPEN}):
            self._wire.post("/remove", {"keys": gone})

    def withdraw_strangers(self) -> None:
        if self._strange:
            self.withdraw(self._strange)

    def put(self, entries: Collection[Entry]) -> None:
        found = [people.person_of(e, self.profile) for e in entries if e.key != HELD_OPEN]
        if found:
            self._wire.put("/people", {"people": found})
        for entry in entries:
            if entry.key == HELD_OPEN:
                self._wire.put("/open-times", {"times": people.times_of(entry)})

    def tidy(self, entries: Collection[Entry]) -> None:
        """Times are said with the people."""

    def open(self, relay: int, seconds: int = 0) -> None:
        if relay != DOOR:
            raise Rejected("a lock has one door")
        self._wire.post("/open", {"seconds": seconds} if seconds else {})

    def door_log(self, after: int = 0) -> DoorLog:
        said = self._wire.get("/log", after=str(after))
        newest, lines = said.get("newest"), said.get("entries")
        if type(newest) is not int or not isinstance(lines, list):
            raise Garbled("no log")
        found = sorted(map(people.opened, lines), key=lambda line: line.id)
        return DoorLog(
            newest=newest,
            lines=tuple(line for line in found if newest < after or line.id > after),
            more=said.get("more") is True,
            zone=UTC,
        )

    def report_to(self, url: str) -> None:
        raise Unsupported("a lock calls nobody")

    def close(self) -> None:
        self._wire.close()

    def _state(self) -> Mapping[str, object]:
        said = self._wire.get()
        if said.get("reachable") is not True:
            raise Offline("its gateway does not reach the lock")
        return said


def printable(said: object) -> str:
    return "".join(filter(str.isprintable, str(said)))[:64]
