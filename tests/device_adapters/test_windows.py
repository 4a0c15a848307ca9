from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from device_adapters.akuvox.windows import (
    DAILY,
    NORMAL,
    Window,
    name_of,
    row_of,
    windows,
    words_of,
)
from domain.access_groups import ALWAYS, Period, Schedule, legal_schedule

MONDAY = date(2026, 3, 2)
MINUTES = st.times().map(lambda t: t.replace(second=0, microsecond=0))
DATES = st.dates(MONDAY, MONDAY + timedelta(days=6))
NIGHT = Schedule(repeat="daily", start=time(22), end=time(6))
TRIP = Schedule(
    repeat="never", first=MONDAY, last=MONDAY + timedelta(days=3), start=time(12), end=time(9)
)


def at(day: int, hour: int = 0) -> datetime:
    """In March, on the phone's own clock."""
    return datetime.combine(date(2026, 3, day), time(hour))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    start, end = draw(MINUTES), draw(MINUTES)
    kind = draw(st.sampled_from(["daily", "weekly", "never"]))
    if kind == "weekly":
        days = draw(st.frozensets(st.integers(1, 7), min_size=1))
        return Schedule(repeat="weekly", start=start, end=end, days=days)
    if kind == "daily":
        return Schedule(repeat="daily", start=start, end=end)
    one, other = sorted([(draw(DATES), start), (draw(DATES), end)])
    return legal_schedule(
        Schedule(repeat="never", first=one[0], start=one[1], last=other[0], end=other[1])
    )


def admits(window: Window, local: datetime) -> bool:
    """The plainest phone: every condition by itself, the times read per day."""
    in_dates = not window.first or not window.last or window.first <= local.date() <= window.last
    hours = window.start <= local.time() <= window.end
    return in_dates and hours and local.isoweekday() % 7 in window.days


def wrong_at(schedule: Schedule, rows: tuple[Window, ...], local: datetime) -> bool:
    return any(admits(row, local) for row in rows) != schedule.covers(
        local.replace(tzinfo=UTC), UTC
    )


@given(schedules(), st.datetimes(at(1), at(10)))
@example(NIGHT, at(2, 6))
@example(TRIP, at(3, 10))
def test_a5_a32_the_rows_admit_when_the_schedule_does(schedule: Schedule, local: datetime) -> None:
    minute = local.replace(second=0, microsecond=0)
    assert not wrong_at(schedule, windows(schedule), minute)


@given(schedules(), st.tuples(DATES, DATES).map(sorted), st.datetimes(at(1), at(10)))
@example(NIGHT, [MONDAY, MONDAY], at(2, 23))
@example(NIGHT, [MONDAY, MONDAY], at(3, 2))
@example(TRIP, [MONDAY, MONDAY], at(2, 13))
def test_m35_within_a_period_the_rows_admit_as_the_schedule_does_and_never_outside(
    schedule: Schedule, dates: list[date], local: datetime
) -> None:
    minute = local.replace(second=0, microsecond=0)
    some = schedule.within(Period(first=dates[0], last=dates[1]))
    rows = windows(some) if some else ()
    here = minute.replace(tzinfo=UTC)
    wanted = dates[0] <= minute.date() <= dates[1] and schedule.covers(here, UTC)
    assert any(admits(row, minute) for row in rows) == wanted
    assert (some is not None and some.covers(here, UTC)) == wanted
    for row in rows:
        assert words_of(row_of(row)) == str(row)


def test_control_one_row_for_a_window_over_midnight_or_days_is_caught() -> None:
    unsplit = Window(kind=DAILY, start=NIGHT.start, end=NIGHT.end)
    assert wrong_at(NIGHT, (unsplit,), at(2, 23))
    per_day = Window(kind=NORMAL, start=TRIP.start, end=TRIP.end, first=TRIP.first, last=TRIP.last)
    assert wrong_at(TRIP, (per_day,), at(3, 10))


CHANGED = {  # zone: a night in which its clock is changed, UTC
    "America/Santiago": ("2026-09-05T20:00Z", "2026-04-04T20:00Z"),
    "America/Havana": ("2026-03-08T00:00Z", "2026-11-01T00:00Z"),
    "Australia/Lord_Howe": ("2026-10-03T10:00Z", "2026-04-04T10:00Z"),
}
NIGHTS = [(ZoneInfo(zone), night) for zone, nights in CHANGED.items() for night in nights]


@given(MINUTES, MINUTES, st.sampled_from(NIGHTS))
@example(time(23, 15), time(2), NIGHTS[1])
@example(time(0), time(3), NIGHTS[0])
def test_t1_a_phone_differs_from_the_rule_only_where_its_clock_shows_a_minute_twice(
    start: time, end: time, where: tuple[ZoneInfo, str]
) -> None:
    """It cannot tell the first from the second, and lets in at both."""
    zone, night = where
    schedule = Schedule(repeat="daily", start=start, end=end)
    rows = windows(schedule)
    for n in range(0, 14 * 60, 7):
        instant = datetime.fromisoformat(night) + timedelta(minutes=n)
        local = instant.astimezone(zone)
        may = any(admits(row, local.replace(tzinfo=None, fold=0)) for row in rows)
        twice = local.replace(fold=0).utcoffset() > local.replace(fold=1).utcoffset()  # type: ignore[operator]
        assert may == schedule.covers(instant, zone) or (may and twice), (schedule, local)


@given(schedules())
def test_a_row_read_back_means_what_was_written(schedule: Schedule) -> None:
    for window in windows(schedule):
        assert words_of(row_of(window)) == str(window)
        assert row_of(window)["Name"] == name_of(str(window))


def test_e18_gets_the_seven_day_flags_with_thur() -> None:
    thursdays = Schedule(repeat="weekly", days=frozenset({4}), start=time(8), end=time(9))
    row = row_of(windows(thursdays)[0])
    flags = [row[day] for day in ("Sun", "Mon", "Tue", "Wed", "Thur", "Fri", "Sat")]
    assert flags == list("0000100")
    assert row["Week"] == "4"


def test_what_makes_no_sense_equals_nothing_of_ours() -> None:
    assert words_of({"Type": "7", "TimeStart": "25:00"}).startswith("illegible")
    assert words_of({}) != str(windows(ALWAYS)[0])
