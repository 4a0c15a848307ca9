"""M9, M10: how many of everything, and which phones answer."""

from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st
from psycopg.errors import CheckViolation

from config import Database
from domain.access_groups import AccessGroupDeleted
from domain.alarms import AlarmSolved
from domain.devices import DeviceRemoved, DeviceReplaced
from domain.ids import CommunityId
from domain.kernel import Event, Unknown
from domain.residents import ResidentDeleted
from projections.dashboard import Dashboard, DashboardDoc, DeviceCounts
from projections.projector import document
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CLEO,
    ELSEWHERE,
    FIRE,
    FLAT_1,
    FLAT_2,
    GATE,
    GYM,
    HARBOUR,
    STAFF,
    SWIMMERS,
    TAMPERING,
    a_box,
    a_building,
    a_community,
    a_default_group,
    a_device,
    a_group,
    a_resident,
    an_alarm,
    an_apartment,
    offline,
    online,
)
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House

NOTHING = DeviceCounts(registered=0, online=0, offline=0, never_seen=0)
PAST: list[Event] = [
    a_community(),
    a_building(),
    a_default_group(),
    an_apartment(FLAT_1, "1"),
    an_apartment(FLAT_2, "2"),
    a_resident(ANN),
    a_resident(BOB, home=FLAT_2),
    a_device(GATE),
    a_device(GYM, "Gym"),
]
REPLACED = DeviceReplaced(
    device=GATE, box=a_box("http://127.0.0.1:9000", "0C11050AFFFF"), login=None
)


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Dashboard)
    house.happened(*PAST)
    return house


def counts(house: House, community: CommunityId = HARBOUR) -> DashboardDoc:
    house.project(Dashboard)
    with house.reading(Dashboard) as model:
        found: DashboardDoc = model.of(community)
    return found


def devices(house: House) -> tuple[int, int, int, int]:
    found = counts(house).devices
    return found.registered, found.online, found.offline, found.never_seen


def test_m9_everything_is_counted_in_its_own_community(house: House) -> None:
    house.happened(a_community(home=ELSEWHERE), a_building(ANNEX), community=ELSEWHERE)
    assert counts(house) == DashboardDoc(
        buildings=1,
        apartments=2,
        residents=2,
        access_groups=1,
        unsolved_alarms=0,
        devices=DeviceCounts(registered=2, online=0, offline=0, never_seen=2),
    )
    assert counts(house, ELSEWHERE) == DashboardDoc(
        buildings=1,
        apartments=0,
        residents=0,
        access_groups=0,
        unsolved_alarms=0,
        devices=NOTHING,
    )


def test_m9_what_is_deleted_counts_no_longer(house: House) -> None:
    house.happened(a_group(SWIMMERS), a_group(STAFF), AccessGroupDeleted(group=SWIMMERS))
    house.happened(ResidentDeleted(resident=BOB))
    house.happened(DeviceRemoved(device=GYM))
    now = counts(house)
    assert (now.residents, now.access_groups, now.devices.registered) == (1, 2, 1)


def test_m11_a59_the_red_dot_counts_what_nobody_has_solved(house: House) -> None:
    house.happened(a_community(home=ELSEWHERE), an_alarm(FIRE), community=ELSEWHERE)
    house.happened(an_alarm(TAMPERING), an_alarm(FIRE, "emergency"))
    assert counts(house).unsolved_alarms == 2
    house.happened(AlarmSolved(alarm=TAMPERING, note="the wind"))
    assert counts(house).unsolved_alarms == 1
    assert counts(house, ELSEWHERE).unsolved_alarms == 1


def test_m10_a_phone_is_what_was_last_heard_of_it(house: House) -> None:
    house.happened(online(GATE), online(GATE), online(GYM), offline(GYM))
    assert devices(house) == (2, 1, 1, 0)
    house.happened(online(GYM), offline(GATE), offline(GATE))
    assert devices(house) == (2, 1, 1, 0)


def test_another_box_in_the_place_has_yet_to_be_seen(house: House) -> None:
    house.happened(online(GATE), online(GYM), REPLACED)
    assert devices(house) == (2, 1, 0, 1)


def test_what_is_heard_of_a_removed_phone_changes_nothing(house: House) -> None:
    house.happened(DeviceRemoved(device=GATE), offline(GATE))
    assert devices(house) == (1, 0, 0, 1)
    house.happened(online(GATE))
    assert devices(house) == (1, 0, 0, 1)


def test_a_batch_that_failed_is_not_counted_twice(house: House) -> None:
    house.project(Dashboard)
    position = house.happened(a_resident(CLEO))
    with house.connect("read") as db:
        model = Dashboard(db, house.vault)
        model.position = model.held()
        db.execute("alter table dashboard add constraint few check (residents < 3)")
        with pytest.raises(CheckViolation, match="few"):
            model.apply(house.log.read(after=model.position))
        db.execute("alter table dashboard drop constraint few")
        model.apply(house.log.read(after=model.position))
        assert model.held() == position
    assert counts(house).residents == 3


def test_a_community_that_nobody_opened_is_unknown(house: House) -> None:
    with pytest.raises(Unknown):
        counts(house, CommunityId(UUID(int=3)))


def test_the_document_is_its_schemas(house: House) -> None:
    is_its_schemas(document(counts(house)), DashboardDoc)


CHANGES: list[Event] = [
    *(online(d) for d in (GATE, GYM)),
    *(offline(d) for d in (GATE, GYM)),
    REPLACED,
    DeviceRemoved(device=GATE),
    ResidentDeleted(resident=ANN),
    a_resident(ANN),
    an_alarm(TAMPERING),
    an_alarm(FIRE),
]


@few
@forall(st.permutations(CHANGES), st.integers(1, 6))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, changes: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Dashboard, [*PAST, *changes], batch)
