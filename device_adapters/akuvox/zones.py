"""A zone as an Akuvox phone is told it, and what its clock shows then.

`GMT+3:00` and the city's name are what SmartYard-Server writes, with the offset of the day [SY]; an
older SmartYard and provisioning of Akuvox desk phones write `+03:00`. Nothing tells whether a phone
goes by the city where clocks are changed: unless its profile says so, it is taken to keep the
offset that it was given until it is given another [G].
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from device_adapters.akuvox.profiles import Profile

SNTP: Final = "Config.Settings.SNTP."
OFFSET, CITY = f"{SNTP}TimeZone", f"{SNTP}Name"
DAY: Final = timedelta(days=1)


def settings(zone: str, at: datetime, profile: Profile) -> dict[str, str]:
    """What a phone is to be told, at this time, of a zone by its name in the IANA database."""
    clock = ZoneInfo(zone)
    away = standard(clock, at) if profile.knows_cities else at.astimezone(clock).utcoffset()
    return {OFFSET: written(away or timedelta(0)), CITY: city(zone)}


def in_words(shown: Mapping[str, object]) -> str | None:
    said = [str(shown.get(key) or "") for key in (OFFSET, CITY)]
    return " ".join(said) if said[0] else None


def clock_of(shown: Mapping[str, object], profile: Profile) -> tzinfo | None:
    """By which a phone that shows these settings writes its door log; None if it cannot be told."""
    if profile.knows_cities and (zone := cities().get(str(shown.get(CITY)))):
        return ZoneInfo(zone)
    found = re.fullmatch(r"(?:GMT)?([+-])(\d{1,2}):(\d\d)", str(shown.get(OFFSET)), re.ASCII)
    if not found or (away := timedelta(hours=int(found[2]), minutes=int(found[3]))) >= DAY:
        return None
    return timezone(-away if found[1] == "-" else away)


def written(away: timedelta) -> str:
    """GMT+3:00, GMT-9:30."""
    minutes = abs(away) // timedelta(minutes=1)
    return f"GMT{'-' if away < timedelta(0) else '+'}{minutes // 60}:{minutes % 60:02}"


def standard(clock: tzinfo, at: datetime) -> timedelta:
    """The offset of that year's winter; utcoffset less dst is not that in Dublin."""
    year = at.astimezone(clock).year
    seasons = (datetime(year, month, 1, tzinfo=UTC).astimezone(clock) for month in (1, 7))
    return min(season.utcoffset() or timedelta(0) for season in seasons)


def city(zone: str) -> str:
    return zone.rpartition("/")[2]


@cache
def cities() -> Mapping[str, str]:
    return {city(zone): zone for zone in sorted(available_timezones())}
