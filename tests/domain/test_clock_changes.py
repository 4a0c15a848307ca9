"""T1: a schedule on every clock that is changed, against an oracle that walks minute by minute."""

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import pairwise, product
from random import Random
from zoneinfo import ZoneInfo

import pytest

from domain.access_groups import ALWAYS, WEEK, Period, Schedule, is_over

ZONES = (
    "America/Santiago",
    "Asia/Beirut",
    "Africa/Cairo",
    "America/Havana",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "America/St_Johns",
    "Europe/Lisbon",
    "America/New_York",
    "Pacific/Chatham",
    "Asia/Kathmandu",
    "Pacific/Auckland",
)
FIRST, LAST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# All schedules at all changes, not a few of each: TIME_SWEEP=1 (some minutes a zone).
SWEEP = bool(os.environ.get("TIME_SWEEP"))
Walk = Sequence[tuple[datetime, datetime]]  # an instant, and what the clock shows then


def changes(zone: ZoneInfo) -> Iterator[datetime]:
    """The first minute of each new offset."""
    days = [FIRST + n * DAY for n in range((LAST - FIRST).days)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    for day, (old, new) in zip(days, pairwise(offsets), strict=False):
        if new != old:
            minutes = [day + n * MINUTE for n in range(24 * 60 + 1)]
            yield minutes[bisect_left(minutes, True, key=partial(is_changed, zone, old))]


def is_changed(zone: ZoneInfo, old: timedelta | None, at: datetime) -> bool:
    return at.astimezone(zone).utcoffset() != old


CHANGES = [(name, change) for name in ZONES for change in changes(ZoneInfo(name))]


def walk(zone: ZoneInfo, change: datetime) -> Walk:
    """Five days about a change, minute by minute, as somebody sees them who looks at the clock."""
    minutes = (change - 2 * DAY + n * MINUTE for n in range(5 * 24 * 60))
    return [(m, m.astimezone(zone).replace(tzinfo=None, fold=0)) for m in minutes]


def first_after(seen: Walk, wall: datetime) -> int:
    return next(n for n, (_, shown) in enumerate(seen) if shown >= wall)


def opens(seen: Walk, wall: datetime) -> int:
    """The later one, or the first minute after a gap."""
    shown = [n for n, (_, at) in enumerate(seen) if at == wall]
    return shown[-1] if shown else first_after(seen, wall)


def closes(seen: Walk, wall: datetime) -> int:
    """After the earlier one, or with the gap."""
    shown = [n for n, (_, at) in enumerate(seen) if at == wall]
    return shown[0] + 1 if shown else first_after(seen, wall)


def begun(schedule: Schedule, seen: Walk) -> Iterator[tuple[datetime, datetime]]:
    """The windows whose ends the walk passes, as the clock shows their ends."""
    known = sorted({shown.date() for _, shown in seen})[1:-2]
    for day in [schedule.first] if schedule.first else known:
        if schedule.repeat == "weekly" and day.isoweekday() not in schedule.days:
            continue
        last = schedule.last or day + (schedule.end < schedule.start) * DAY
        yield datetime.combine(day, schedule.start), datetime.combine(last, schedule.end)


def oracle(schedule: Schedule, seen: Walk) -> set[int]:
    """The minutes of the walk at which it is open."""
    if (schedule.start, schedule.end) == (time(0), time(23, 59)):
        return {n for n, (_, shown) in enumerate(seen) if is_day_of(schedule, shown.date())}
    found = begun(schedule, seen)
    return {n for start, end in found for n in range(opens(seen, start), closes(seen, end))}


def is_day_of(schedule: Schedule, day: date) -> bool:
    if schedule.first and schedule.last:
        return schedule.first <= day <= schedule.last
    return not schedule.days or day.isoweekday() in schedule.days


def known_to(seen: Walk) -> range:
    """The minutes of the walk on which no window from before it or after it has a say."""
    days = sorted({shown.date() for _, shown in seen})
    inner = [n for n, (_, shown) in enumerate(seen) if days[1] < shown.date() < days[-2]]
    return range(inner[0], inner[-1] + 1)


def schedules(change: datetime, zone: ZoneInfo, chance: Random) -> Iterator[Schedule]:
    """Those whose ends lie in what is skipped or comes twice, or about it, and some others."""
    length = abs((change.astimezone(zone).utcoffset() or DAY) - before(change, zone))
    wall = (change - MINUTE).astimezone(zone).replace(tzinfo=None) + MINUTE
    edges = [wall + k * length / 2 for k in (-3, -2, -1, 0, 1, 2, 3)]
    edges += [edge + way for edge in edges for way in (-MINUTE, MINUTE)]
    near = [edge.time() for edge in edges]
    other = [time(0), time(23, 59), time(22), time(6), time(12, 30)]
    today = wall.date()
    for start in near + other:
        for end in chance.sample(near, 4) + other:
            yield Schedule(repeat="daily", start=start, end=end)
            days = frozenset(chance.sample(sorted(WEEK), 4)) | {today.isoweekday()}
            yield Schedule(repeat="weekly", start=start, end=end, days=days)
            if start <= end:
                yield Schedule(repeat="never", start=start, end=end, first=today, last=today)
            yield Schedule(
                repeat="never", start=start, end=end, first=today - DAY, last=today + DAY
            )
    yield ALWAYS


def before(change: datetime, zone: ZoneInfo) -> timedelta:
    return (change - MINUTE).astimezone(zone).utcoffset() or timedelta(0)


def telling(seen: Walk, open_at: set[int], change: datetime, chance: Random) -> Iterator[int]:
    """The minutes about each edge and about the change, and some by chance."""
    known = known_to(seen)
    edges = {n for n in open_at if {n - 1, n + 1} - open_at} | {2 * 24 * 60}
    near = {n + step for n in edges for step in (-60, -30, -1, 0, 1, 30, 60)}
    yield from (n for n in near if n in known)
    yield from chance.sample(known, 10)


@pytest.mark.parametrize("name", ZONES)
def test_t1_a32_a_schedule_is_open_when_the_oracle_says_so(name: str) -> None:
    zone, chance, compared = ZoneInfo(name), Random(name), 0
    for change in [change for where, change in CHANGES if where == name]:
        seen = walk(zone, change)
        all_of_them = list(schedules(change, zone, chance))
        for schedule in all_of_them if SWEEP else [*chance.sample(all_of_them, 3), ALWAYS]:
            open_at = oracle(schedule, seen)
            for n in telling(seen, open_at, change, chance):
                said = schedule.covers(seen[n][0], zone)
                assert said is (n in open_at), (schedule, *seen[n])
                compared += 1
    assert compared or name == "Asia/Kathmandu"


def test_t1_the_zones_change_their_clocks_in_all_the_ways_there_are() -> None:
    steps = {
        (name, change.astimezone(ZoneInfo(name)).utcoffset() - before(change, ZoneInfo(name)))  # type: ignore[operator]
        for name, change in CHANGES
    }
    hour, half = timedelta(hours=1), timedelta(minutes=30)
    assert {("America/Santiago", hour), ("America/Santiago", -hour)} <= steps
    assert {("Australia/Lord_Howe", half), ("Africa/Casablanca", -hour)} <= steps
    assert len(CHANGES) > 200


@pytest.mark.parametrize(
    ("zone", "last", "over"),
    [
        ("America/Santiago", "2026-09-05", "2026-09-06T04:00"),  # no 00:00 on the 6th
        ("America/Santiago", "2026-04-04", "2026-04-05T04:00"),  # 23:00 to 24:00 twice
        ("America/Havana", "2026-03-07", "2026-03-08T05:00"),  # no 00:00 on the 8th
        ("Asia/Beirut", "2026-03-28", "2026-03-28T22:00"),  # no 00:00 on the 29th
        ("UTC", "2026-09-05", "2026-09-06T00:00"),
    ],
)
def test_t2_a_right_ends_with_its_last_day_once_and_never_a_day_late(
    zone: str, last: str, over: str
) -> None:
    day, clock = date.fromisoformat(last), ZoneInfo(zone)
    days = Schedule(repeat="never", first=day - 2 * DAY, last=day)
    minutes = [at(over) + n * MINUTE for n in range(-24 * 60, 26 * 60)]
    assert [days.covers(m, clock) for m in minutes] == [m < at(over) for m in minutes]


@pytest.mark.parametrize("name", ZONES)
def test_t2_t1_once_a_right_has_ended_it_never_holds_again(name: str) -> None:
    """And one of some dates holds in the minute before."""
    zone, chance = ZoneInfo(name), Random(name)
    moments = [change for where, change in CHANGES if where == name] or [at("2026-03-28T22:00")]
    for change in moments if SWEEP else chance.sample(moments, min(3, len(moments))):
        day = (change - MINUTE).astimezone(zone).date()
        for last, end in product((day - DAY, day, day + DAY), (time(0, 30), time(6), time(23, 59))):
            once = Schedule(repeat="never", first=last - 2 * DAY, last=last, end=end)
            nights = Schedule(repeat="daily", start=time(22), end=end, first=day - DAY, last=last)
            for when in (once, nights):
                over = when.ends(zone)
                assert over
                assert not any(when.covers(over + n * 30 * MINUTE, zone) for n in range(6 * 48))
                assert when is nights or when.covers(over - MINUTE, zone)
    assert ALWAYS.ends(zone) is None


def test_t2_what_shall_end_with_the_calendar_has_no_end() -> None:
    for when in (
        Schedule(repeat="never", first=date(2026, 1, 1), last=date.max),
        Period(first=date(2026, 1, 1), last=date.max),
    ):
        assert not is_over(when, LAST, ZoneInfo("America/Havana"))


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00Z")


@pytest.mark.parametrize(
    ("start", "end", "utc", "may"),
    [
        # Santiago, 5 September 2026: after 23:59 (-4) comes 01:00 (-3).
        (time(0), time(3), "2026-09-06T03:59", False),
        (time(0), time(3), "2026-09-06T04:00", True),
        (time(20), time(0, 30), "2026-09-06T03:59", True),
        (time(20), time(0, 30), "2026-09-06T04:00", False),
        # 4 April 2026: after 23:59 (-3) comes 23:00 (-4) again.
        (time(23, 15), time(23, 45), "2026-04-05T02:15", False),
        (time(23, 15), time(2), "2026-04-05T02:15", False),
        (time(23, 15), time(2), "2026-04-05T03:14", False),
        (time(23, 15), time(2), "2026-04-05T03:15", True),
        (time(20), time(23, 30), "2026-04-05T02:30", True),
        (time(20), time(23, 30), "2026-04-05T02:31", False),
        (time(20), time(23, 30), "2026-04-05T03:10", False),
        (time(22), time(6), "2026-04-05T03:10", True),
        (time(0), time(23, 59), "2026-04-05T03:10", True),
    ],
)
def test_t1_whoever_doubts_stays_out(start: time, end: time, utc: str, may: bool) -> None:
    daily = Schedule(repeat="daily", start=start, end=end)
    assert daily.covers(at(utc), ZoneInfo("America/Santiago")) is may
