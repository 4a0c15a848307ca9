"""M118, N16: what is ordered of each door, and what came of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from config import Database
from domain.access_groups import Door
from domain.alarms import AlarmId
from domain.devices import DeviceEdited, DeviceRemoved, Relay
from domain.emergency import (
    DoorResult,
    DoorState,
    DoorsTried,
    EmergencyAlarmChecked,
    EmergencySettingChanged,
    Finding,
    LockOrdered,
    OrderId,
    UnlockOrdered,
    emergency_of,
)
from domain.ids import CommunityId
from domain.kernel import Event, Unknown
from projections.emergency import Emergencies
from projections.emergency.docs import EmergencyDoc, OrderDoc, ReportDoc
from projections.projector import document
from tests.builders import ELSEWHERE, FIRE, GATE, GYM, HARBOUR, NOW, a_device
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House
from tests.scenario import also

ID, SECOND = emergency_of(HARBOUR), timedelta(seconds=1)
FRONT, SIDE, POOL = (
    Door(device=GATE, relay=1),
    Door(device=GATE, relay=2),
    Door(device=GYM, relay=1),
)


def order_id(n: int) -> OrderId:
    return OrderId(UUID(int=800 + n))


def unlocked(n: int = 1, *doors: Door, drill: bool = False) -> UnlockOrdered:
    return UnlockOrdered(
        emergency=ID,
        order=order_id(n),
        generation=n,
        doors=frozenset(doors) if doors else None,
        cause="manual",
        drill=drill,
        given_at=NOW + n * SECOND,
        alarm=None,
    )


def locked(n: int = 2, *doors: Door) -> LockOrdered:
    return LockOrdered(
        emergency=ID,
        order=order_id(n),
        generation=n,
        doors=frozenset(doors) if doors else None,
        cause="manual",
        given_at=NOW + n * SECOND,
    )


def tried(
    n: int, door: Door, state: DoorState, after: float = 1.0, *, opened: bool = True
) -> DoorsTried:
    result = DoorResult(
        order=order_id(n),
        generation=n,
        door=door,
        open=opened,
        state=state,
        shown={"verified": opened, "failed": not opened, "offline": None}[state],
        at=NOW + (n + after) * SECOND,
        reason=None if state == "verified" else state,
    )
    return DoorsTried(report=uuid7(), results=(result,))


def checked(finding: Finding, alarm: AlarmId = FIRE) -> EmergencyAlarmChecked:
    return EmergencyAlarmChecked(
        emergency=ID, alarm=alarm, device=GATE, finding=finding, reason="why", heard_at=NOW
    )


def setting(automatic: bool, *doors: Door) -> EmergencySettingChanged:
    chosen = frozenset(doors) if doors else None
    return EmergencySettingChanged(emergency=ID, automatic=automatic, doors=chosen)


HOME: list[Event] = [a_device(GATE, relays=2), a_device(GYM, "Gym", relays=1)]


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Emergencies)
    house.happened(*HOME)
    house.happened(a_device(GYM, "Gym there", relays=1), community=ELSEWHERE)
    return house


def now(house: House, home: CommunityId = HARBOUR) -> EmergencyDoc:
    house.project(Emergencies)
    with house.reading(Emergencies) as model:
        found: EmergencyDoc = model.of(home)
    return found


def report(house: House, n: int = 1, home: CommunityId = HARBOUR) -> ReportDoc:
    house.project(Emergencies)
    with house.reading(Emergencies) as model:
        found: ReportDoc = model.report(home, order_id(n))
    return found


def doors(found: EmergencyDoc) -> dict[str, Any]:
    return {one.name: (one.commanded, one.state, one.red) for one in found.doors}


def test_m118_before_anything_is_ordered(house: House) -> None:
    found = now(house)
    assert (found.state, found.automatic, found.group, found.red) == ("off", False, None, 0)
    assert doors(found) == {
        "Gate 1": (None, None, False),
        "Gate 2": (None, None, False),
        "Gym 1": (None, None, False),
    }


def test_m118_the_setting_and_its_group(house: House) -> None:
    house.happened(setting(True, SIDE, FRONT))
    found = now(house)
    assert (found.automatic, found.group) == (True, (FRONT, SIDE))
    assert now(house, ELSEWHERE).automatic is False


def test_d13_what_is_not_as_ordered_is_red(house: House) -> None:
    house.happened(unlocked())
    found = now(house)
    assert (found.state, found.since, found.red) == ("on", NOW + SECOND, 3)
    house.happened(tried(1, FRONT, "verified"), tried(1, SIDE, "failed"), tried(1, POOL, "offline"))
    found = now(house)
    assert doors(found) == {
        "Gate 1": ("open", "verified", False),
        "Gate 2": ("open", "failed", True),
        "Gym 1": ("open", "offline", True),
    }
    assert [one.shown for one in found.doors] == ["open", "shut", None]
    assert now(house, ELSEWHERE).state == "off"


def test_a28_it_is_over_when_all_is_locked(house: House) -> None:
    house.happened(unlocked(), tried(1, FRONT, "verified"), locked(2, FRONT))
    found = now(house)
    assert (found.state, doors(found)["Gate 1"]) == ("on", ("shut", "pending", True))
    house.happened(locked(3), tried(3, FRONT, "verified", opened=False))
    found = now(house)
    assert (found.state, found.since) == ("off", None)
    assert doors(found)["Gate 1"] == ("shut", "verified", False)
    assert doors(found)["Gym 1"] == ("shut", "pending", True)


def test_d14_what_is_imported_late_holds_for_nothing_that_was_ordered_since(house: House) -> None:
    house.happened(locked(2))
    house.project(Emergencies)
    house.happened(unlocked(1))
    assert now(house).state == "off"
    assert report(house, 1).doors == ()


def test_n16_a_drill_says_that_it_is_one(house: House) -> None:
    house.happened(unlocked(drill=True))
    assert now(house).state == "drill"
    assert report(house).drill is True
    house.happened(unlocked(2, POOL))
    assert now(house).state == "on"


def test_n16_commanded_against_actual_with_times(house: House) -> None:
    also(house.log, unlocked(), by="asta")
    house.happened(
        tried(1, FRONT, "verified", 0.5),
        tried(1, POOL, "offline", 5),
        tried(1, POOL, "verified", 9.25),
        tried(1, FRONT, "failed", 20),
    )
    found = report(house)
    assert (found.action, found.given_by, found.verified, found.red) == ("unlock", "asta", 2, 1)
    assert found.slowest == 9250
    front, side, pool = found.doors
    assert (front.commanded, front.shown, front.state, front.milliseconds) == (
        "open",
        "shut",
        "failed",
        500,
    )
    assert (side.state, side.verified_at, side.milliseconds) == ("pending", None, None)
    assert (pool.state, pool.milliseconds, pool.reason) == ("verified", 9250, None)
    with pytest.raises(Unknown):
        report(house, home=ELSEWHERE)


def test_n16_a_report_still_names_what_is_gone_since(house: House) -> None:
    house.happened(unlocked(), tried(1, POOL, "verified"), locked(2), DeviceRemoved(device=GYM))
    [door] = report(house).doors
    assert door.name == "Gym 1"
    assert list(doors(now(house))) == ["Gate 1", "Gate 2"]


def test_a_word_that_comes_late_changes_nothing_newer(house: House) -> None:
    house.happened(unlocked(), tried(1, POOL, "verified", 3), tried(1, POOL, "offline", 2))
    assert doors(now(house))["Gym 1"] == ("open", "verified", False)


def test_a28_alarms_that_were_checked(house: House) -> None:
    house.happened(checked("silent"), checked("denied"), checked("confirmed", AlarmId(UUID(int=9))))
    assert [one.finding for one in now(house).checks] == ["denied", "confirmed"]
    assert now(house, ELSEWHERE).checks == ()


def test_names_are_those_of_today(house: House) -> None:
    relays = (Relay(number=1, name="In"), Relay(number=2, name="Out"))
    house.happened(DeviceEdited(device=GATE, name="Front", relays=relays))
    assert list(doors(now(house))) == ["Front, In", "Front, Out", "Gym 1"]


def test_the_documents_are_their_schemas(house: House) -> None:
    house.happened(setting(True, FRONT), unlocked(), tried(1, POOL, "offline"), checked("denied"))
    is_its_schemas(document(now(house)), EmergencyDoc)
    is_its_schemas(document(report(house)), ReportDoc)
    with house.reading(Emergencies) as model:
        [doc] = model.page(HARBOUR, None, 10).docs
    is_its_schemas(doc, OrderDoc)


MORE: list[Event] = [
    unlocked(1),
    locked(2, FRONT),
    replace(unlocked(3, FRONT, POOL), drill=True),
    locked(4),
    tried(1, FRONT, "verified", 1),
    tried(1, FRONT, "offline", 2),
    tried(4, POOL, "verified", 1, opened=False),
    setting(True, FRONT),
    setting(False),
    checked("silent"),
]


@few
@forall(st.permutations(MORE), st.integers(1, 4))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, more: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Emergencies, [*HOME, *more, DeviceRemoved(device=GYM)], batch)
