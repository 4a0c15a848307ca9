"""What a phone holds, and what its clock shows."""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from device_adapters.simulator import config as keys
from device_adapters.simulator.config import Config
from device_adapters.simulator.faults import Faults, Value
from device_adapters.simulator.frames import Frames
from device_adapters.simulator.journal import Journal
from device_adapters.simulator.profiles import Profile
from device_adapters.simulator.relays import Relays
from device_adapters.simulator.schedules import Schedules
from device_adapters.simulator.tables import ApartmentBook, Contacts, Groups, Row, Table
from device_adapters.simulator.users import Users

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Memory:
    """`clock` gives aware UTC; `version` grows with every change worth keeping."""

    def __init__(
        self,
        profile: Profile,
        *,
        mac: str = "0C1105000001",
        clock: Clock = utc_now,
        zone: str = "UTC",
        seed: int = 0,
        **standing_faults: Value,
    ) -> None:
        self.profile, self.mac, self.clock = profile, mac, clock
        self.version, self.boot_seconds = 0, 3.0
        self.up_since = clock()
        self.faults = Faults(seed, **standing_faults)
        self.config = Config(profile)
        self.config.values |= keys.clock_in(zone, clock())
        self.users, self.schedules = Users(profile), Schedules(profile)
        self.tables: dict[str, Table] = {
            "user": self.users,
            "schedule": self.schedules,
            "group": Groups(),
            "contact": ApartmentBook() if profile.apartment_book else Contacts(),
        }
        self.doors = Journal(profile.log_rows, ("Name", "Code"))
        self.calls = Journal(profile.log_rows, ("Name", "LocalIdentity"))
        self.journals = {"doorlog": self.doors, "calllog": self.calls}
        self.relays, self.frames = Relays(profile.relays), Frames()
        self.closed_inputs: set[int] = set()
        self.past: dict[str, list[tuple[datetime, Mapping[str, Row]]]] = defaultdict(list)
        self.backup: Mapping[str, Any] | None = None
        # Counted for whoever looks at /sim/state.
        self.answered: Counter[str] = Counter()
        self.urls_called: deque[str] = deque(maxlen=1000)
        self.most_at_once = self.hurried = 0

    def now(self) -> datetime:
        """What its clock shows, in its own zone."""
        skew = timedelta(seconds=self.faults.number("wrong_clock"))
        return (self.clock() + skew).astimezone(self.zone())

    def zone(self) -> tzinfo:
        """By its city, where the model knows cities, else by the offset until there is another."""
        city = keys.cities().get(self.config[keys.ZONE_NAME])
        if city and self.profile.knows_cities:
            return ZoneInfo(city)
        return offset(self.config[keys.TIME_ZONE])

    def is_down(self) -> bool:
        """While it boots, nothing of it works."""
        return self.clock() < self.up_since

    def uptime(self) -> int:
        """Seconds."""
        return int((self.clock() - self.up_since).total_seconds())

    def reboot(self) -> None:
        self.up_since = self.clock() + timedelta(seconds=self.boot_seconds)
        self.relays.until.clear()

    def factory_reset(self) -> None:
        for table in self.tables.values():
            table.reset()
        for journal in self.journals.values():
            journal.reset()
        self.config.reset()
        self.version += 1
        self.reboot()

    def dump(self) -> dict[str, Any]:
        """All that survives a power cut, as JSON takes it."""
        return {
            "model": self.profile.model,
            "mac": self.mac,
            "config": dict(self.config.values),
            "tables": {name: table.dump() for name, table in self.tables.items()},
            "journals": {name: journal.dump() for name, journal in self.journals.items()},
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """What `dump` gave."""
        kept = deepcopy(dict(kept))
        self.config.values = kept["config"]
        for name, table in self.tables.items():
            table.restore(kept["tables"][name])
        for name, journal in self.journals.items():
            journal.restore(kept["journals"][name])
        self.version += 1


def offset(text: str) -> timezone:
    """`GMT+3:00` as a zone; what cannot be read is GMT."""
    found = re.fullmatch(r"GMT([+-])(\d{1,2}):(\d\d)", text)
    if not found:
        return timezone.utc  # noqa: UP017 - one type for both answers
    away = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-away if found[1] == "-" else away)
