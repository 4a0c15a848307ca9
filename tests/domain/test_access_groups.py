from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from commands.access_groups import (
    AddPeople,
    CreateAccessGroup,
    DeleteAccessGroup,
    EditAccessGroup,
    RemovePeople,
)
from domain.access_groups import (
    ALWAYS,
    AccessGroupCreated,
    AccessGroupDeleted,
    AccessGroupEdited,
    Door,
    Schedule,
)
from domain.residents import GroupsChosen
from tests.builders import (
    ANN,
    BOB,
    EVERYBODY,
    GATE,
    SWIMMERS,
    a_building,
    a_community,
    a_default_group,
    a_device,
    a_group,
    a_resident,
)
from tests.scenario import given

HOME = (a_community(), a_building(), a_default_group(), a_device())
FRONT = Door(device=GATE, relay=1)
CREATE = CreateAccessGroup(
    group=SWIMMERS, name="Swimmers", schedule=ALWAYS, doors=frozenset({FRONT})
)
EDIT = EditAccessGroup(group=SWIMMERS, name="Divers", schedule=ALWAYS, doors=frozenset())


def test_m12_m14_a22_a_group_is_created_with_a_number_of_its_own() -> None:
    [created] = given(*HOME).when(CREATE).decided()
    assert isinstance(created, AccessGroupCreated)
    assert 100_000 <= created.number < 1_000_000
    assert created == replace(a_group(SWIMMERS, FRONT), number=created.number)


def test_m12_created_twice_is_already_so_and_another_is_refused() -> None:
    given(*HOME, a_group(SWIMMERS, FRONT)).when(CREATE).then_nothing()
    given(*HOME, a_group(SWIMMERS)).when(CREATE).then_refused("already-exists")


def test_m14_doors_are_relays_of_phones_that_are_there() -> None:
    ask = replace(CREATE, doors=frozenset({Door(device=GATE, relay=3)}))
    given(*HOME).when(ask).then_unknown("Relay")
    given(*HOME[:3]).when(CREATE).then_unknown("Device")


DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("schedule", "wrong"),
    [
        (Schedule(repeat="never"), "first and a last"),
        (Schedule(repeat="daily", first=DAY, last=DAY), "first and a last"),
        (Schedule(repeat="weekly"), "weekdays"),
        (Schedule(repeat="weekly", days=frozenset({0})), "weekdays"),
        (Schedule(repeat="daily", days=frozenset({1})), "weekdays"),
        (Schedule(repeat="daily", start=time(8, 30, 15)), "hours and minutes"),
        (Schedule(repeat="never", first=DAY, last=DAY - timedelta(1)), "before it starts"),
        (Schedule(repeat="never", first=date(1, 1, 1), last=DAY), "2000 to 2099"),
        (Schedule(repeat="never", first=DAY, last=date(9999, 12, 31)), "2000 to 2099"),
        (
            Schedule(repeat="never", first=DAY, last=DAY, start=time(9), end=time(8)),
            "before it starts",
        ),
    ],
)
def test_m13_a_schedule_says_what_its_repeat_needs_and_no_more(
    schedule: Schedule, wrong: str
) -> None:
    given(*HOME).when(replace(CREATE, schedule=schedule)).then_refused(wrong)


def test_m17_a_group_is_edited_as_a_whole() -> None:
    said = AccessGroupEdited(group=SWIMMERS, name="Divers", schedule=ALWAYS, doors=frozenset())
    given(*HOME, a_group(SWIMMERS, FRONT)).when(EDIT).then(said)
    given(*HOME, a_group(SWIMMERS, FRONT), said).when(EDIT).then_nothing()


def test_m16_a_default_group_stays_and_keeps_its_doors() -> None:
    given(*HOME).when(DeleteAccessGroup(group=EVERYBODY)).then_refused("default-group-stays")
    ask = replace(EDIT, group=EVERYBODY, doors=frozenset({FRONT}))
    given(*HOME).when(ask).then_refused("default-group-keeps-its-doors")


def test_m131_a_group_of_ones_own_is_deleted() -> None:
    ask = DeleteAccessGroup(group=SWIMMERS)
    given(*HOME, a_group()).when(ask).then(AccessGroupDeleted(group=SWIMMERS))
    given(*HOME).when(ask).then_nothing()


def test_m18_people_come_and_go() -> None:
    past = (*HOME, a_group(), a_resident(ANN, EVERYBODY), a_resident(BOB, SWIMMERS))
    both = frozenset({ANN, BOB})
    given(*past).when(AddPeople(group=SWIMMERS, residents=both)).then(
        GroupsChosen(resident=ANN, groups=frozenset({EVERYBODY, SWIMMERS}))
    )
    given(*past).when(RemovePeople(group=SWIMMERS, residents=both)).then(
        GroupsChosen(resident=BOB, groups=frozenset())
    )


MINUTES = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=17 * n) for n in range(8 * 85)]
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))
weekdays = st.frozensets(st.integers(1, 7), min_size=1)


def tick(schedule: Schedule, local: datetime) -> bool:
    """A32 by walking: a window opens at its start and is open to the minute of its end."""
    length = (schedule.end.hour * 60 + schedule.end.minute) - (
        schedule.start.hour * 60 + schedule.start.minute
    )
    for back in (0, 1):
        day = local.date() - timedelta(back)
        opens = datetime.combine(day, schedule.start, UTC)
        closes = opens + timedelta(minutes=length % (24 * 60))
        if opens <= local <= closes and (not schedule.days or day.isoweekday() in schedule.days):
            return True
    return False


@forall(times, times, weekdays | st.just(frozenset[int]()))
def test_m13_a32_a_window_opens_on_its_day_and_may_last_over_midnight(
    start: time, end: time, days: frozenset[int]
) -> None:
    schedule = Schedule(repeat="weekly" if days else "daily", start=start, end=end, days=days)
    assert [schedule.covers(m, UTC) for m in MINUTES] == [tick(schedule, m) for m in MINUTES]


def test_a5_never_is_one_window_from_a_date_and_time_to_another() -> None:
    once = Schedule(
        repeat="never", first=DAY, last=DAY + timedelta(2), start=time(14), end=time(10)
    )
    may = {"02T13:59": False, "02T14:00": True, "03T03:00": True, "04T10:00": True}
    for at, expected in (may | {"04T10:01": False, "09T15:00": False}).items():
        assert once.covers(datetime.fromisoformat(f"2026-03-{at}:00Z"), UTC) is expected, at
