"""A schedule of ours as rows of a phone's schedule table, and back to words for comparing.

A phone compares HH:MM, ends included, and what it does at midnight is not documented: a window
over midnight is two rows, one over several dates up to three (device-protocol.md 1.2 [G], A32).
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, time, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from typing import Final

from domain.access_groups import WEEK, Schedule
from domain.record import frozen

FLAGS: Final = ("Sun", "Mon", "Tue", "Wed", "Thur", "Fri", "Sat")
ALL_DAYS: Final = frozenset(range(7))
NORMAL, WEEKLY, DAILY = "0", "1", "2"
FIRST, LAST = time(0), time(23, 59)
OURS: Final = "GH-"


@frozen
class Window:
    """Within a day. Days count from Sunday, 0, as on the phone; dates only where kind is normal."""

    kind: str
    start: time
    end: time
    days: frozenset[int] = ALL_DAYS
    first: date | None = None
    last: date | None = None

    def __str__(self) -> str:
        """The same for windows that mean the same."""
        days = "".join(map(str, sorted(self.days)))
        dates = f"{self.first:%Y%m%d}-{self.last:%Y%m%d}" if self.first and self.last else ""
        return " ".join(filter(None, [dates, days, f"{self.start:%H:%M}-{self.end:%H:%M}"]))


ALWAYS: Final = Window(kind=DAILY, start=FIRST, end=LAST)
FACTORY: Final = {"1001": str(ALWAYS), "1002": "never"}  # on every phone [SY][KF]


@cache
def windows(schedule: Schedule) -> tuple[Window, ...]:
    if schedule.repeat == "never":
        return tuple(once(schedule))
    days = frozenset(day % 7 for day in schedule.days or WEEK)
    if schedule.start <= schedule.end:
        return (recurring(schedule, schedule.start, schedule.end, days),)
    after = frozenset((day + 1) % 7 for day in days)
    evening = recurring(schedule, schedule.start, LAST, days)
    return evening, recurring(schedule, FIRST, schedule.end, after)


def recurring(schedule: Schedule, start: time, end: time, days: frozenset[int]) -> Window:
    """Only rows of the normal kind have dates (M35)."""
    kind = NORMAL if schedule.first else DAILY if days == ALL_DAYS else WEEKLY
    return Window(
        kind=kind, start=start, end=end, days=days, first=schedule.first, last=schedule.last
    )


@cache
def words(schedule: Schedule) -> frozenset[str]:
    return frozenset(map(str, windows(schedule)))


def once(schedule: Schedule) -> Iterator[Window]:
    """From an hour of one day to an hour of another; whole days between are one row."""
    first, last = schedule.first or date.max, schedule.last or date.min
    if first == last:
        yield dated(first, last, schedule.start, schedule.end)
        return
    if schedule.start > FIRST:
        yield dated(first, first, schedule.start, LAST)
        first += timedelta(days=1)
    whole = last if schedule.end == LAST else last - timedelta(days=1)
    if first <= whole:
        yield dated(first, whole, FIRST, LAST)
    if schedule.end < LAST:
        yield dated(last, last, FIRST, schedule.end)


def dated(first: date, last: date, start: time, end: time) -> Window:
    return Window(kind=NORMAL, start=start, end=end, first=first, last=last)


def name_of(words: str) -> str:
    """By its content, so that it is known again by whoever comes next."""
    return OURS + sha256(words.encode()).hexdigest()[:12]


def row_of(window: Window) -> dict[str, str]:
    """With all seven flags, which E18 wants beside Week [PL]."""
    hours = f"{window.start:%H:%M}", f"{window.end:%H:%M}"
    return {
        "Name": name_of(str(window)),
        "Type": window.kind,
        "Mode": window.kind,
        "DateStart": f"{window.first:%Y%m%d}" if window.first else "",
        "DateEnd": f"{window.last:%Y%m%d}" if window.last else "",
        "TimeStart": hours[0],
        "TimeEnd": hours[1],
        "Daily": "-".join(hours) if window.kind == DAILY else "",
        "Week": "".join(map(str, sorted(window.days))),
        **{flag: str(int(day in window.days)) for day, flag in enumerate(FLAGS)},
    }


def words_of(row: Mapping[str, str]) -> str:
    """What a row of the phone means; what makes no sense is quoted and equals nothing of ours."""
    try:
        return str(window_of(row))
    except (KeyError, ValueError):
        return f"illegible {sorted(row.items())}"


def window_of(row: Mapping[str, str]) -> Window:
    kind = row["Type"]
    start, _, end = hours_of(row, kind).partition("-")
    first, last = dates_of(row, kind)
    return Window(
        kind=kind,
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        days=ALL_DAYS if kind == DAILY else days_of(row),
        first=first,
        last=last,
    )


def hours_of(row: Mapping[str, str], kind: str) -> str:
    """From `Daily` and from the pair, where they are there; which of them counts is not known, so
    that a row in which they differ means nothing."""
    pair = "-".join(filter(None, [row.get("TimeStart"), row.get("TimeEnd")]))
    said = {pair, row.get("Daily", "") if kind == DAILY else ""} - {""}
    if len(said) != 1:
        raise ValueError(said)
    return said.pop()


def days_of(row: Mapping[str, str]) -> frozenset[int]:
    if any(flag in row for flag in FLAGS):
        return frozenset(day for day, flag in enumerate(FLAGS) if row.get(flag) == "1")
    return frozenset(map(int, row["Week"]))


def dates_of(row: Mapping[str, str], kind: str) -> tuple[date | None, date | None]:
    if kind != NORMAL:
        return None, None
    return date.fromisoformat(row["DateStart"]), date.fromisoformat(row["DateEnd"])


@lru_cache
def pairs_of(value: str) -> tuple[tuple[str, frozenset[int]], ...]:
    """`1001-12;1003-1;` as schedule ids and relays, whichever the separator."""
    found = re.findall(r"(\d+)-(\d+)", value, re.ASCII)
    return tuple((id, frozenset(map(int, relays))) for id, relays in found)


def opens(pairs: Collection[tuple[str, frozenset[int]]]) -> frozenset[str]:
    """Words of windows with relays, each window once."""
    relays = dict[str, frozenset[int]]()
    for words, numbers in pairs:
        relays[words] = relays.get(words, frozenset()) | numbers
    return frozenset(f"{w} @{''.join(map(str, sorted(numbers)))}" for w, numbers in relays.items())
