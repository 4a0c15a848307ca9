"""M124-M127: alarm records, solved and unsolved."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.alarms import AlarmSolved, FireInputsChosen
from domain.devices import DeviceRemoved
from domain.ids import CommunityId
from domain.kernel import Event
from domain.record import ERASED
from projections.alarms import AlarmDoc, Alarms, Wanted
from tests.builders import ELSEWHERE, FIRE, GATE, GYM, HARBOUR, NOW, TAMPERING, TOWER, an_alarm
from tests.projections.properties import cuts_alike, docs, few, is_its_schemas
from tests.read_models import House
from tests.scenario import also

HOUR = timedelta(hours=1)
SOLVED = AlarmSolved(alarm=TAMPERING, note="the wind")
PAST: list[Event] = [
    an_alarm(TAMPERING, "tamper", heard_at=NOW - HOUR),
    an_alarm(FIRE, "emergency", GYM, "Gym 1", relay=1),
]


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Alarms)
    house.happened(*PAST)
    house.happened(an_alarm(TAMPERING), an_alarm(FIRE), community=ELSEWHERE)
    return house


def shown(house: House, community: CommunityId = HARBOUR, **wanted: Any) -> list[dict[str, Any]]:
    house.project(Alarms)
    with house.reading(Alarms) as model:
        page = model.page(community, Wanted(**wanted), None, 50)
    return [json.loads(doc) for doc in page.docs]


def found(house: House, **wanted: Any) -> list[str]:
    return [alarm["kind"] for alarm in shown(house, **wanted)]


def test_m124_m126_the_newest_is_first_with_its_place(house: House) -> None:
    assert shown(house)[0] == {
        "alarm": str(FIRE),
        "kind": "emergency",
        "device": str(GYM),
        "name": "Gym 1",
        "relay": 1,
        "building": str(TOWER),
        "apartment": None,
        "heard_at": NOW.isoformat(),
        "solved_at": None,
        "solved_by": None,
        "note": None,
    }
    assert found(house) == ["emergency", "tamper"]


def test_m127_solved_by_whom_and_what_it_was(house: House) -> None:
    also(house.log, SOLVED, by="asta")
    fire, tampering = shown(house)
    at = house.log.read(after=0)[-1].recorded_at
    assert (tampering["solved_by"], tampering["note"]) == ("asta", "the wind")
    assert tampering["solved_at"] == at.isoformat()
    assert fire["solved_by"] is None
    assert [a["solved_by"] for a in shown(house, ELSEWHERE)] == [None, None]


def test_m127_one_asks_for_an_interval_a_kind_a_device_and_what_is_unsolved(house: House) -> None:
    house.happened(SOLVED)
    assert found(house, since=NOW) == ["emergency"]
    assert found(house, until=NOW) == ["tamper"]
    assert found(house, kind="tamper") == ["tamper"]
    assert found(house, device=GYM) == ["emergency"]
    assert found(house, solved=True) == ["tamper"]
    assert found(house, solved=False) == ["emergency"]


def test_m11_a59_what_nobody_has_solved_is_counted_by_kind(house: House) -> None:
    house.project(Alarms)
    with house.reading(Alarms) as model:
        assert model.unsolved(HARBOUR) == {"tamper": 1, "emergency": 1}
        house.happened(SOLVED)
        house.project(Alarms)
        assert model.unsolved(HARBOUR) == {"emergency": 1}
        assert model.unsolved(ELSEWHERE) == {"tamper": 2}


def test_m124_which_inputs_report_a_fire(house: House) -> None:
    house.happened(*(FireInputsChosen(device=d, inputs=frozenset({4, 2})) for d in (GATE, GYM)))
    house.happened(FireInputsChosen(device=GYM, inputs=frozenset()))
    house.project(Alarms)
    with house.reading(Alarms) as model:
        assert model.fire_inputs(HARBOUR, GATE) == (2, 4)
        assert model.fire_inputs(HARBOUR, GYM) == model.fire_inputs(ELSEWHERE, GATE) == ()
        house.happened(DeviceRemoved(device=GATE))
        house.project(Alarms)
        assert model.fire_inputs(HARBOUR, GATE) == ()


def test_a_note_that_is_forgotten_is_gone_and_the_alarm_solved(house: House) -> None:
    house.happened(AlarmSolved(alarm=TAMPERING, note=ERASED))
    assert [alarm["note"] for alarm in shown(house, solved=True)] == [None]


def test_the_document_is_its_schemas(house: House) -> None:
    house.happened(SOLVED)
    house.project(Alarms)
    for doc in docs(house, Alarms):
        is_its_schemas(doc, AlarmDoc)


MORE: list[Event] = [
    SOLVED,
    AlarmSolved(alarm=FIRE, note="toast"),
    FireInputsChosen(device=GATE, inputs=frozenset({1})),
    DeviceRemoved(device=GATE),
]


@few
@forall(st.permutations(MORE), st.integers(1, 4))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, more: list[Event], batch: int
) -> None:
    cuts_alike(module_database, Alarms, [*PAST, *more], batch)
