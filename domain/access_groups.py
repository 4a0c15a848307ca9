"""Access groups: which doors, and when."""

from bisect import bisect_left
from dataclasses import replace
from datetime import MAXYEAR, UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, Literal, Self

from domain.ids import BuildingId, DeviceId, GroupId
from domain.kernel import Claim, Event, Malformed, Refused, event
from domain.record import frozen
from domain.settings import legal_name

Repeat = Literal["never", "daily", "weekly"]
WEEK = frozenset(range(1, 8))
MIDNIGHT: Final = time(0)
LAST_MINUTE: Final = time(23, 59)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@frozen
class Schedule:
    """When a right holds, on the community's clock (M12, M13). Monday is 1.

    never: one window, from `first` at `start` to `last` at `end` (A5); daily and weekly: from
    `start` to `end` of a day, over midnight if `end` is before `start`. Both ends belong to it,
    to the minute (A32). From 00:00 to 23:59 are whole days, however long the clock makes them.
    With `first` and `last`, daily and weekly hold on these dates alone, to midnight (M35).
    """

    repeat: Repeat
    start: time = MIDNIGHT
    end: time = LAST_MINUTE
    days: frozenset[int] = frozenset()
    first: date | None = None
    last: date | None = None

    def covers(self, instant: datetime, zone: tzinfo) -> bool:
        """Where the clock is changed, whoever doubts stays out (T1): a start that is skipped is
        the first minute after the gap, and an end the last one before; of a start that comes
        twice the later counts, and of an end the earlier.
        """
        today = instant.astimezone(zone).date()
        if self.repeat != "never" and not self._holds_on(today):
            return False
        if (self.start, self.end) == (MIDNIGHT, LAST_MINUTE):
            return self._begins_on(today)
        if self.repeat == "never":
            return self._lasts(self.first, self.last, instant, zone)
        over = DAY if self.end < self.start else timedelta(0)
        return any(
            self._begins_on(day) and self._lasts(day, day + over, instant, zone)
            for day in (today - DAY, today)
        )

    def within(self, period: "Period") -> "Schedule | None":
        """What of it lies on these dates; None if nothing does."""
        if self.repeat != "never":
            return replace(self, first=period.first, last=period.last)
        began, ends = self.first or date.max, self.last or date.min
        first, last = max(began, period.first), min(ends, period.last)
        start = self.start if first == began else MIDNIGHT
        end = self.end if last == ends else LAST_MINUTE
        if first > last or (first == last and start > end):
            return None
        return replace(self, first=first, last=last, start=start, end=end)

    def ends(self, zone: tzinfo) -> datetime | None:
        """From when on it never holds again; None: there is no end."""
        if self.last is None or self.last.year == MAXYEAR:
            return None
        by_date = self.repeat != "never" or (self.start, self.end) == (MIDNIGHT, LAST_MINUTE)
        return midnight(self.last + DAY, zone) if by_date else closing(self.last, self.end, zone)

    def _holds_on(self, day: date) -> bool:
        return (self.first or day) <= day <= (self.last or day)

    def _begins_on(self, day: date) -> bool:
        """Whether a window of it does; for dates, whether it is one of them."""
        if self.repeat == "never":
            return (self.first or date.max) <= day <= (self.last or date.min)
        return self.repeat == "daily" or day.isoweekday() in self.days

    def _lasts(
        self, first: date | None, last: date | None, instant: datetime, zone: tzinfo
    ) -> bool:
        if first is None or last is None:
            return False
        return opening(first, self.start, zone) <= instant < closing(last, self.end, zone)


@frozen
class Period:
    """Dates of the community's calendar, both of them included (A13)."""

    first: date
    last: date

    def ends(self, zone: tzinfo) -> datetime | None:
        return None if self.last.year == MAXYEAR else midnight(self.last + DAY, zone)


def is_over(when: Schedule | Period, instant: datetime, zone: tzinfo) -> bool:
    """For good."""
    ends = when.ends(zone)
    return ends is not None and ends <= instant


@lru_cache(maxsize=4096)
def midnight(day: date, zone: tzinfo) -> datetime:
    """The instant with which a day begins, be it at 00:00 or not."""
    once, again = instants(day, MIDNIGHT, zone)
    return change_between(again, once, zone) if again < once else once


def opening(day: date, at: time, zone: tzinfo) -> datetime:
    """The instant at which a window with this start opens."""
    once, again = instants(day, at, zone)
    return change_between(again, once, zone) if again < once else again


@lru_cache(maxsize=4096)
def closing(day: date, at: time, zone: tzinfo) -> datetime:
    """The instant from which a window with this last minute is closed."""
    once, again = instants(day, at, zone)
    return change_between(again, once, zone) if again < once else once + MINUTE


def instants(day: date, at: time, zone: tzinfo) -> tuple[datetime, datetime]:
    """The one or the two times at which a clock shows this; if it never does, the second is
    before the change and the first after it (PEP 495).
    """
    wall = datetime.combine(day, at.replace(fold=0), zone)
    return wall.astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The first minute of the new time."""
    new = after.astimezone(zone).utcoffset()
    minutes = range((after - before) // MINUTE)
    found = bisect_left(
        minutes, True, key=lambda m: (before + m * MINUTE).astimezone(zone).utcoffset() == new
    )
    return before + found * MINUTE


ALWAYS = Schedule(repeat="daily")


@frozen
class Door:
    """A relay of a door phone; relays count from 1 (A)."""

    device: DeviceId
    relay: int


@event
class AccessGroupCreated(Event):
    """`number` is what a spreadsheet calls it by (A22); `building`, whose default group it is."""

    stream = "group"
    group: GroupId
    number: int
    name: str
    schedule: Schedule
    doors: frozenset[Door]
    building: BuildingId | None = None

    def claims(self) -> list[Claim]:
        return [group_number(self.number)]


@event
class AccessGroupEdited(Event):
    """The whole of it, as it is from now on."""

    stream = "group"
    group: GroupId
    name: str
    schedule: Schedule
    doors: frozenset[Door]


@event
class AccessGroupDeleted(Event):
    stream = "group"
    releases = ("group_number",)
    group: GroupId


@frozen
class AccessGroup:
    group: GroupId
    number: int
    name: str
    schedule: Schedule
    doors: frozenset[Door]
    building: BuildingId | None = None

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, AccessGroupCreated() as e:
                return cls(
                    group=e.group,
                    number=e.number,
                    name=e.name,
                    schedule=e.schedule,
                    doors=e.doors,
                    building=e.building,
                )
            case AccessGroup(), AccessGroupEdited(name=name, schedule=schedule, doors=doors):
                return replace(state, name=name, schedule=schedule, doors=doors)
            case AccessGroup(), AccessGroupDeleted():
                return None
        return state


def group_number(number: int) -> Claim:
    return Claim(kind="group_number", value=str(number))


def legal_schedule(wanted: Schedule) -> Schedule:
    """M13: never has dates, weekly has days, daily has neither."""
    one_off = wanted.repeat == "never"
    if one_off != (wanted.first is not None and wanted.last is not None):
        raise Malformed("schedule.first", "a first and a last date go with repeat never, alone")
    if (wanted.repeat == "weekly") != bool(wanted.days) or not wanted.days <= WEEK:
        raise Malformed("schedule.days", "weekdays from 1 (Monday) to 7 go with repeat weekly")
    if any(t.second or t.microsecond or t.tzinfo for t in (wanted.start, wanted.end)):
        raise Malformed("schedule.start", "hours and minutes of the community's clock, as 08:30")
    if any(day and not 2000 <= day.year < 2100 for day in (wanted.first, wanted.last)):
        raise Malformed("schedule.first", "dates from 2000 to 2099, as phones know them")
    if wanted.first and wanted.last and (wanted.last, wanted.end) < (wanted.first, wanted.start):
        raise Malformed("schedule.last", "ends before it starts")
    return wanted


def create(known: AccessGroup | None, wanted: AccessGroupCreated) -> list[Event]:
    """M12 to M14. The same again is already so; the number is the house's, not the caller's."""
    legal_name(wanted.name)
    legal_schedule(wanted.schedule)
    if known is None:
        return [wanted]
    if known == AccessGroup.evolve(None, replace(wanted, number=known.number)):
        return []
    raise Refused("already-exists", "group")


def edit(now: AccessGroup, *, name: str, schedule: Schedule, doors: frozenset[Door]) -> list[Event]:
    """M17. The doors of a default group are those of its building's public area (M16)."""
    if now.building and doors != now.doors:
        raise Refused("default-group-keeps-its-doors", "doors")
    name = legal_name(name)
    wanted = AccessGroupEdited(
        group=now.group, name=name, schedule=legal_schedule(schedule), doors=doors
    )
    return [] if AccessGroup.evolve(now, wanted) == now else [wanted]


def delete(known: AccessGroup | None) -> list[Event]:
    """M131: the rights from it end with it. M16: not a default group."""
    if known and known.building:
        raise Refused("default-group-stays", "group")
    return [AccessGroupDeleted(group=known.group)] if known else []


def default_group(group: GroupId, number: int, building: BuildingId, name: str) -> Event:
    """M16: made with its building, over all public doors of it, at all times."""
    return AccessGroupCreated(
        group=group,
        number=number,
        name=name[:64],
        schedule=ALWAYS,
        doors=frozenset(),
        building=building,
    )
