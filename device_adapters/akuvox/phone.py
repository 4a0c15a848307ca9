"""An Akuvox door phone behind the port. Facts and their sources: device-protocol.md."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from time import monotonic, sleep
from typing import Any, Final
from uuid import UUID

from device_adapters.akuvox import fits, rows, windows, zones
from device_adapters.akuvox.contacts import IS_CLOSED, by_number
from device_adapters.akuvox.profiles import Profile, profile_of
from device_adapters.akuvox.rows import Row
from device_adapters.akuvox.windows import OURS, Window
from device_adapters.akuvox.wire import MOST_BYTES, Wire
from device_adapters.port import (
    DoorLog,
    Fit,
    Garbled,
    Held,
    Identity,
    Opened,
    Rejected,
    Status,
    Unsupported,
)
from domain.devices import Device, Login
from domain.rights import Entry
from domain.settings import PinMode

Photo = Callable[[UUID, str], bytes | None]  # whose, and which; None once it is gone
NO_PHOTOS: Final[Photo] = lambda holder, photo: None  # noqa: E731 - a default of two signatures
BYTES_A_ROW: Final = 800
MOST_PAGES: Final = 100
PAGES_AT_ONCE: Final = 8  # at 0.25 s a page a revocation waits for 2 s
PIN_MODES: Final[Mapping[str, PinMode]] = {"0": "pin", "1": "apt_pin"}
EVENT_URL: Final = "Config.Features.ACTIONURL."
# Without `$code` among their variables: a URL is written into logs on its way (S12).
EVENTS: Final = (
    "ValidCodeEntered",
    "InvalidCodeEntered",
    "ValidCardEntered",
    "InvalidCardEntered",
    *(f"Input{letter}{edge}" for letter in "ABCD" for edge in ("Triggered", "Closed")),
    "InputAlarm",
    "AlarmTriggered",
    "TamperAlarmTriggered",
    "AlarmDoorOpenedTimeoutA",
    "AlarmDoorOpenedTimeoutB",
    "BreakInAlarmA",
    "BreakInAlarmB",
    "BreakInAlarmC",
    "BreakInAlarmD",
)


def a_phone(
    device: Device, tune: Callable[[Profile], Profile] = lambda p: p, photo: Photo = NO_PHOTOS
) -> "AkuvoxPhone":
    """The phone in a place; `tune` has the last word on what is known of its model."""
    login = device.login if isinstance(device.login, Login) else None
    profile = tune(profile_of(device.box.model))
    return AkuvoxPhone(device.box.address, login, profile, photo=photo)


class AkuvoxPhone:
    def __init__(
        self,
        address: str,
        login: Login | None,
        profile: Profile,
        may: Callable[[], None] = lambda: None,
        photo: Photo = NO_PHOTOS,
    ) -> None:
        self.profile, self.limits, self._photo = profile, profile.limits, photo
        self._wire = Wire(address, login, profile.pause, may)
        self._ids: Mapping[str, str] = {}
        self._faces: frozenset[str] = frozenset()
        self._schedules: Sequence[Row] = ()
        self._by_hand: Sequence[str] = ()
        self._others = self.strangers = 0
        self._in_use: frozenset[str] = frozenset()
        self._zone: tzinfo | None = None
        self._started: datetime | None = None  # its clock, when the monotonic one began

    def identify(self) -> Identity:
        said = self._wire.get("system", "info").get("Status")
        if not isinstance(said, dict):
            raise Garbled("no Status")
        mac, model, firmware = (said.get(k) for k in ("MAC", "Model", "FirmwareVersion"))
        plain = "".join(filter(str.isalnum, str(mac))).upper()
        return Identity(mac=plain[:12], model=printable(model), firmware=printable(firmware))

    def status(self) -> Status:
        said = self._wire.get("system", "status")
        told, uptime = seconds(said, "SystemTime"), seconds(said, "UpTime")
        clock = None if told is None else datetime.fromtimestamp(told, UTC)
        self._started = clock and clock - timedelta(seconds=monotonic())
        return Status(
            clock=clock,
            uptime=None if uptime is None else timedelta(seconds=uptime),
        )

    def pin_mode(self) -> PinMode | None:
        """To refuse is not to say: the setting's name is a guess."""
        try:
            said = self._wire.ask("config", "get", {"item": [self.profile.pin_mode]})
        except (Rejected, Unsupported):
            return None
        return PIN_MODES.get(str(said.get(self.profile.pin_mode)))

    def set_pin_mode(self, mode: PinMode) -> None:
        codes = {mode: code for code, mode in PIN_MODES.items()}
        self._set_config({self.profile.pin_mode: codes[mode]})

    def zone(self) -> str | None:
        try:
            said = self._wire.ask("config", "get", {"item": [zones.OFFSET, zones.CITY]})
        except (Rejected, Unsupported):
            return None
        self._zone = zones.clock_of(said, self.profile)
        return zones.in_words(said)

    def shows_zone(self, zone: str, at: datetime) -> str:
        return zones.in_words(zones.settings(zone, at, self.profile)) or ""

    def set_zone(self, zone: str, at: datetime) -> None:
        self._zone = None  # until it is read again
        self._set_config(zones.settings(zone, at, self.profile))

    def fit(self, entry: Entry) -> Fit:
        return fits.fit(entry, self.profile)

    def overflow(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Who comes last finds no room; rows of others have theirs already."""
        room = self.profile.users - self._others
        if len(needed_by(entries)) <= self.profile.schedules:
            return {entry.key: f"the phone is full: {room} users" for entry in entries[room:]}
        over, taken = dict[str, str](), set[str]()
        for n, entry in enumerate(entries):
            if n - len(over) >= room:
                over[entry.key] = f"the phone is full: {room} users"
            elif len(taken | needed(entry)) > self.profile.schedules:
                over[entry.key] = f"the phone is full: {self.profile.schedules} schedules"
            else:
                taken |= needed(entry)
        return over

    def shows(self, entry: Entry) -> Held:
        return rows.shown(entry, self.profile)

    def read(self) -> Mapping[str, Held]:
        users = self._list("user", self.profile.users)
        self._schedules = self._list("schedule", self.profile.schedules)
        mine = rows.by_key(users)
        self._ids = {key: row["ID"] for key, row in mine.items()}
        self._others = len(users) - len(mine)
        self._by_hand = [row["ID"] for row in users if rows.by_hand(row)]
        self.strangers = len(self._by_hand)
        self._faces, self._in_use = frozenset(), frozenset()
        self._know(users)
        return Shown(mine, meanings(self._schedules), self.profile)

    def look_for(self, entries: Sequence[Entry]) -> Mapping[str, Held]:
        """device_adapters.port.Searched; `NameOrCode` finds what contains it [PL][SY]."""
        names, most = {rows.name_on(entry, self.profile) for entry in entries}, self.profile.users
        found = [row for name in names for row in self._list("user", most, NameOrCode=name)]
        mine = rows.by_key(list({row["ID"]: row for row in found}.values()))
        self._ids = {**self._ids, **{key: row["ID"] for key, row in mine.items()}}
        self._know(mine.values())
        return Shown(mine, meanings(self._schedules), self.profile)

    def _know(self, users: Collection[Row]) -> None:
        """What they bring with them: their photos are there, their schedules are in use."""
        self._faces |= {file for row in users if (file := rows.seen_face(row))}
        used = (windows.pairs_of(rows.schedule_value(row)) for row in users)
        self._in_use |= {id for pairs in used for id, _ in pairs}

    def withdraw(self, keys: Collection[str]) -> None:
        known = [{"ID": self._ids[key]} for key in keys if key in self._ids]
        self._ids = {key: id for key, id in self._ids.items() if key not in keys}
        if known:
            self._wire.post("user", "del", {"item": known})

    def put(self, entries: Collection[Entry]) -> None:
        """Whose schedules the phone did not take, or whose photo is gone, is left out, which the
        reading back will show."""
        ids = self._ensured(entries)
        ready = [e for e in entries if needed(e) <= ids.keys() and self._has_photo(e)]
        written = [(e.key, rows.row_of(e, ids, self.profile)) for e in ready]
        known = [{"ID": self._ids[key], **row} for key, row in written if key in self._ids]
        new = [row for key, row in written if key not in self._ids]
        for action, items in (("set", known), ("add", new)):
            if items:
                self._wire.post("user", action, {"item": items})

    def _has_photo(self, entry: Entry) -> bool:
        """Before the record that names it; what the phone shows that it knows is not sent again."""
        file = rows.face_file(entry)
        if file is None or file in self._faces:
            return True
        picture = self._photo(entry.holder, str(entry.face))
        if picture:
            self._wire.upload("filetool", file, picture, destFile="Face", index="")
        return picture is not None

    def withdraw_strangers(self) -> None:
        if self._by_hand:
            self._wire.post("user", "del", {"item": [{"ID": id} for id in self._by_hand]})

    def tidy(self, entries: Collection[Entry]) -> None:
        mine = [row for row in self._schedules if row.get("Name", "").startswith(OURS)]
        if not (idle := [row for row in mine if row["ID"] not in self._in_use]):
            return
        names = set(map(windows.name_of, needed_by(entries)))
        if gone := [row["ID"] for row in idle if row["Name"] not in names]:
            self._wire.post("schedule", "del", {"item": [{"ID": id} for id in gone]})
            self._schedules = [row for row in self._schedules if row["ID"] not in gone]

    def open(self, relay: int, seconds: int = 0) -> None:
        data = {"num": relay, "mode": 0, "level": 0, "delay": seconds}
        self._wire.post("relay", "trig", data)

    def inputs(self) -> Mapping[int, bool]:
        """device_adapters.port.Sensing; `input/status` is a guess after `relay/status` [G]."""
        return by_number("Input", IS_CLOSED, self._wire.get("input", "status"))

    def door_log(self, after: int = 0) -> DoorLog:
        """Pages come newest first [G]. What is far behind is read from its old end, some pages at a
        time: nobody waits for a long log, and nothing of it is passed over.
        """
        if not self.profile.users:
            return self._log(0, {}, more=False)
        first = self._log_page(1)
        newest = max(first, default=0)
        base = after if newest >= after else 0
        start = self._oldest_page(first, newest, base)
        last = max(1, start - PAGES_AT_ONCE + 1)
        found = dict(first) if last == 1 else {}
        for page in range(start, max(1, last - 1), -1):
            found |= self._log_page(page)
        return self._log(newest, {n: one for n, one in found.items() if n > base}, more=last > 1)

    def _oldest_page(self, first: Mapping[int, Opened], newest: int, base: int) -> int:
        """That with the line after `base`, or the last there is. Of a log that is new to us the
        most recent lines are enough.
        """
        if not first or min(first) <= base + 1:
            return 1
        page = ceil((newest - base) / len(first))
        page = page if base else min(page, MOST_PAGES)
        if page < 2 or self._log_page(page):
            return page
        full, empty = 1, page
        while empty - full > 1:
            middle = (full + empty) // 2
            full, empty = (middle, empty) if self._log_page(middle) else (full, middle)
        return full

    def _log_page(self, page: int) -> Mapping[int, Opened]:
        found = rows.rows_of(self._wire.get("doorlog", page=str(page)))
        return {line.id: line for line in map(rows.opened, found)}

    def report_to(self, url: str) -> None:
        wanted = {f"{EVENT_URL}{event}": f"{url}?event={event}" for event in EVENTS}
        wanted |= {f"{EVENT_URL}Enable": "1", f"{EVENT_URL}Method": ""}
        self._set_config(wanted)

    def close(self) -> None:
        self._wire.close()

    def _log(self, newest: int, found: Mapping[int, Opened], *, more: bool) -> DoorLog:
        clock = self._started and self._started + timedelta(seconds=monotonic())
        return DoorLog(
            newest=newest, lines=in_order(found), more=more, zone=self._zone, clock=clock
        )

    def _set_config(self, wanted: Mapping[str, str]) -> None:
        now = self._wire.ask("config", "get", {"item": list(wanted)})
        if other := {key: value for key, value in wanted.items() if now.get(key) != value}:
            self._wire.post("config", "set", other)

    def _list(self, target: str, most: int, **query: str) -> list[Row]:
        """All rows at once; where `num` promises more than came, page by page."""
        if not most:
            return []
        data = self._wire.get(target, "get", max(MOST_BYTES, most * BYTES_A_ROW), **query)
        found = rows.rows_of(data)
        promised = data.get("num")
        if isinstance(promised, int) and promised > len(found):
            found = [row for page in self._each_page(target, most, **query) for row in page]
        if any(not rows.text(row.get("ID", "")) for row in found):
            raise Garbled("a row without an id")
        return found

    def _each_page(self, target: str, most: int, **query: str) -> Iterator[list[Row]]:
        for page in range(1, most + 2):
            if not (found := rows.rows_of(self._wire.get(target, page=str(page), **query))):
                return
            yield found

    def _ensured(self, entries: Collection[Entry]) -> Mapping[str, str]:
        """Ids of the schedules that these need, by their words, after adding what is missing."""
        wanted = {str(w): w for e in entries for w, _ in rows.wanted_pairs(e)}
        if wanted.keys() <= (ids := ids_of(self._schedules)).keys():
            return ids
        missing = [window for words, window in wanted.items() if words not in ids]
        self._add_schedules(missing)
        sleep(self.limits.settle)
        self._schedules = self._list("schedule", self.profile.schedules)
        return ids_of(self._schedules)

    def _add_schedules(self, missing: Sequence[Window]) -> None:
        """One of ours that somebody changed is set right, under the id that people have."""
        named = {row.get("Name", ""): row["ID"] for row in self._schedules}
        items = list(map(windows.row_of, missing))
        changed = [{"ID": named[i["Name"]], **i} for i in items if i["Name"] in named]
        new = [item for item in items if item["Name"] not in named]
        for action, batch in (("set", changed), ("add", new)):
            if batch:
                self._wire.post("schedule", action, {"item": batch})


class Shown(Mapping[str, Held]):
    """Rows of a phone, made out one by one, for mostly a few of thousands are looked at."""

    def __init__(self, users: Mapping[str, Row], meaning: Mapping[str, str], p: Profile) -> None:
        self._users, self._meaning, self._profile = users, meaning, p

    def __getitem__(self, key: str) -> Held:
        return rows.held(self._users[key], self._meaning, self._profile)

    def __contains__(self, key: object) -> bool:
        return key in self._users

    def __iter__(self) -> Iterator[str]:
        return iter(self._users)

    def __len__(self) -> int:
        return len(self._users)


def needed(entry: Entry) -> frozenset[str]:
    return frozenset[str]().union(*(windows.words(grant.schedule) for grant in entry.grants))


def needed_by(entries: Collection[Entry]) -> frozenset[str]:
    """Thousands of people have the same few sets of grants."""
    kinds = {entry.grants: entry for entry in entries}
    return frozenset[str]().union(*map(needed, kinds.values()))


def meanings(schedules: Sequence[Row]) -> Mapping[str, str]:
    return {row["ID"]: windows.words_of(row) for row in schedules} | windows.FACTORY


def ids_of(schedules: Sequence[Row]) -> Mapping[str, str]:
    """Ours by what they mean, if that is still what they are called by; the oldest of twins."""
    mine = [row for row in reversed(schedules) if row.get("Name", "").startswith(OURS)]
    said = {windows.words_of(row): row for row in mine}
    good = {
        words: row["ID"] for words, row in said.items() if row["Name"] == windows.name_of(words)
    }
    return good | {str(windows.ALWAYS): "1001"}


def printable(said: object) -> str:
    return "".join(filter(str.isprintable, str(said)))[:64]


def seconds(said: Mapping[str, Any], name: str) -> int | None:
    value = str(said.get(name, ""))
    return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else None


def in_order(found: Mapping[int, Opened]) -> tuple[Opened, ...]:
    return tuple(found[id] for id in sorted(found))
