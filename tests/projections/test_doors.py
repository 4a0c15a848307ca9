"""M99: which doors are open, as their sensors last showed."""

from datetime import timedelta

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.ids import CommunityId, DeviceId
from domain.reports import DoorSensed
from eventlog.reports import MemoryReportLog
from projections.devices.doors import DoorSensors, Sensed
from tests.builders import ELSEWHERE, GATE, GYM, HARBOUR, NOW
from tests.projections.properties import few
from tests.read_models import House

MINUTE = timedelta(minutes=1)


def sensed(is_open: bool | None, device: DeviceId = GATE, relay: int = 1) -> DoorSensed:
    return DoorSensed(device=device, relay=relay, is_open=is_open)


class Clocked(House):
    """Each report comes a minute after the one before; the first at NOW."""

    def tell(self, *seen: DoorSensed, home: CommunityId = HARBOUR) -> None:
        for one in seen:
            self.reports.note(home, one)

    def shown(self, home: CommunityId = HARBOUR) -> dict[tuple[DeviceId, int], Sensed]:
        self.project(DoorSensors)
        with self.reading(DoorSensors) as model:
            return dict(model.of(home))


def a_house(database: Database) -> Clocked:
    house = Clocked(database)
    house.reports = MemoryReportLog(lambda: NOW + MINUTE * house.reports.head())
    house.forget(DoorSensors)
    return house


@pytest.fixture
def house(module_database: Database) -> Clocked:
    return a_house(module_database)


def test_m99_each_door_has_its_own_state_and_since_when(house: Clocked) -> None:
    house.tell(sensed(False), sensed(True, relay=2), sensed(True, GYM))
    house.tell(sensed(True), home=ELSEWHERE)
    at = [NOW + MINUTE * n for n in range(1, 5)]
    assert house.shown() == {
        (GATE, 1): Sensed(is_open=False, since=at[0]),
        (GATE, 2): Sensed(is_open=True, since=at[1]),
        (GYM, 1): Sensed(is_open=True, since=at[2]),
    }
    assert house.shown(ELSEWHERE) == {(GATE, 1): Sensed(is_open=True, since=at[3])}


def test_m99_told_again_is_no_change_and_the_other_way_is(house: Clocked) -> None:
    house.tell(sensed(False), sensed(False, GYM), sensed(False))
    assert house.shown()[GATE, 1] == Sensed(is_open=False, since=NOW + MINUTE)
    house.tell(sensed(True), sensed(True))
    assert house.shown()[GATE, 1] == Sensed(is_open=True, since=NOW + MINUTE * 4)
    assert house.shown()[GYM, 1] == Sensed(is_open=False, since=NOW + MINUTE * 2)


def test_m99_what_a_phone_cannot_say_is_not_known_any_more(house: Clocked) -> None:
    house.tell(sensed(False), sensed(False, GYM), sensed(None))
    assert house.shown().keys() == {(GYM, 1)}
    house.tell(sensed(False))
    assert house.shown()[GATE, 1] == Sensed(is_open=False, since=NOW + MINUTE * 4)


SEEN = st.builds(
    sensed, st.sampled_from([True, False, None]), st.sampled_from([GATE, GYM]), st.integers(1, 2)
)


@few
@forall(st.lists(SEEN, min_size=1, max_size=8), st.integers(1, 3))
def test_any_cut_and_a_rebuild_give_the_same_rows(
    module_database: Database, seen: list[DoorSensed], batch: int
) -> None:
    house = a_house(module_database)
    house.tell(*seen)
    house.tell(sensed(True), home=ELSEWHERE)
    house.project(DoorSensors)
    at_once = house.rows(DoorSensors)
    house.forget(DoorSensors)
    house.project(DoorSensors, batch=batch)
    assert house.rows(DoorSensors) == at_once
    house.rebuild(DoorSensors)
    assert house.rows(DoorSensors) == at_once
