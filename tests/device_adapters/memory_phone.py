"""A phone without wires, for many thousand passes; what can go wrong with it is a switch."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from device_adapters.port import (
    DoorLog,
    Fit,
    Held,
    Identity,
    Limits,
    Offline,
    Rejected,
    Status,
    Unsupported,
)
from domain.access_groups import ALWAYS
from domain.rights import Entry, grant_text
from domain.settings import PinMode

MAC = "0C11050A0001"


@dataclass
class MemoryPhone:
    """`fails_at`: the call with this number, and no other, breaks off after it was done, or
    before if `done` is false. `stale`: so many reads still give what was before. `seen` is shown
    the records after each change that came by the API.
    """

    limits: Limits = field(default_factory=lambda: Limits(batch=2, settle=0))
    mac: str = MAC
    room: int = 1000
    records: dict[str, Held] = field(default_factory=dict)
    deaf: bool = False
    keeps_first: int | None = None
    poison: frozenset[str] = frozenset()
    down: bool = False
    fails_at: int | None = None
    done: bool = True
    stale: int = 0
    strangers: int = 0
    mode: PinMode | None = "pin"
    clock: datetime | None = None
    shown: str | None = "+0000"
    seen: Callable[[Mapping[str, Held]], None] = lambda records: None
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    _before: dict[str, Held] = field(default_factory=dict)

    def identify(self) -> Identity:
        self._call("identify")
        return Identity(mac=self.mac, model="X916", firmware="1.0")

    def status(self) -> Status:
        self._call("status")
        return Status(clock=self.clock, uptime=timedelta(hours=1))

    def pin_mode(self) -> PinMode | None:
        self._call("pin_mode")
        return self.mode

    def set_pin_mode(self, mode: PinMode) -> None:
        self._call("set_pin_mode", [mode])
        if not self.deaf:
            self.mode = mode
        self._after()

    def zone(self) -> str | None:
        self._call("zone")
        return self.shown

    def shows_zone(self, zone: str, at: datetime) -> str:
        return f"{at.astimezone(ZoneInfo(zone)):%z}"

    def set_zone(self, zone: str, at: datetime) -> None:
        self._call("set_zone", [zone])
        if not self.deaf:
            self.shown = self.shows_zone(zone, at)
        self._after()

    def fit(self, entry: Entry) -> Fit:
        return Fit(entry=entry, lacks={})

    def overflow(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        return dict.fromkeys([entry.key for entry in entries[self.room :]], "full")

    def shows(self, entry: Entry) -> Held:
        return Held(
            name=entry.name,
            pin=entry.pin,
            cards=entry.cards,
            opens=frozenset(map(grant_text, entry.grants)),
            room=entry.room,
            vehicles=vehicles(entry),
            face=entry.face,
            floors=entry.floors,
        )

    def read(self) -> Mapping[str, Held]:
        self._call("read")
        return self._as_read()

    def _as_read(self) -> Mapping[str, Held]:
        if self.stale:
            self.stale -= 1
            return self._before
        return dict(self.records)

    def withdraw(self, keys: Collection[str]) -> None:
        self._call("withdraw", keys)
        left = list(keys)[: self.keeps_first]
        if not self.deaf:
            self._remember()
            self.records = {k: v for k, v in self.records.items() if k not in left}
            self.seen(self.records)
        self._after()

    def put(self, entries: Collection[Entry]) -> None:
        self._call("put", [entry.key for entry in entries])
        for entry in list(entries)[: self.keeps_first]:
            if entry.key in self.poison:
                raise Rejected("Failed")
            if entry.key not in self.records and len(self.records) >= self.room:
                raise Rejected("Failed")
            if not self.deaf:
                self._remember()
                self.records = {**self.records, entry.key: self.shows(entry)}
                self.seen(self.records)
        self._after()

    def withdraw_strangers(self) -> None:
        self._call("withdraw_strangers")
        self.strangers = 0

    def tidy(self, entries: Collection[Entry]) -> None:
        self._call("tidy")

    def open(self, relay: int, seconds: int = 0) -> None:
        self._call("open")

    def door_log(self, after: int = 0) -> DoorLog:
        self._call("door_log")
        return DoorLog(newest=0, lines=())

    def report_to(self, url: str) -> None:
        self._call("report_to")

    def close(self) -> None:
        pass

    def local_edit(self, key: str) -> None:
        """Somebody at its web page."""
        self.records = {
            **self.records,
            key: Held(name="Eve", pin="0000", cards=frozenset(), opens=ALL_DAY),
        }

    def _call(self, name: str, keys: Collection[str] = ()) -> None:
        if self.down or (self.fails_at == len(self.calls) and not self.done):
            self.calls.append(("broken", ()))
            raise Offline("no answer")
        self.calls.append((name, tuple(keys)))

    def _after(self) -> None:
        if self.fails_at == len(self.calls) - 1:
            raise Offline("no answer")

    def _remember(self) -> None:
        if not self.stale:
            self._before = self.records


def vehicles(entry: Entry) -> frozenset[str]:
    sets = entry.uhf, entry.plates
    return frozenset[str]().union(*(codes for codes in sets if isinstance(codes, frozenset)))


ALL_DAY = frozenset({f"{ALWAYS.repeat}::@1"})


@dataclass
class SearchedPhone(MemoryPhone):
    """`blind`: to some words it answers with nobody, as if it wrote them in another way."""

    blind: tuple[str, ...] = ()
    refuses: bool = False

    def look_for(self, entries: Sequence[Entry]) -> Mapping[str, Held]:
        self._call("look_for", [one.key for one in entries])
        if self.refuses:
            raise Unsupported("no such search")
        names = [str(one.name) for one in entries if one.name not in self.blind]
        rows = self._as_read().items()
        return {key: row for key, row in rows if any(name in str(row.name) for name in names)}
