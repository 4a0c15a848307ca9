"""M99, M100, M101: the phones of a community, and whether they answer."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain.apartments import BuildingRenamed
from domain.devices import (
    DeviceEdited,
    DeviceMoved,
    DeviceRemoved,
    DeviceReplaced,
    Login,
    Place,
    Relay,
)
from domain.ids import CommunityId
from domain.intercom import IntercomChosen
from domain.kernel import Event, Unknown
from projections.devices.phones import DeviceDoc, Devices, Wanted
from tests.builders import (
    ANNEX,
    ELSEWHERE,
    FLAT_1,
    GATE,
    GYM,
    HARBOUR,
    NOW,
    TOWER,
    a_box,
    a_building,
    a_device,
    an_apartment,
    clock_right,
    clock_wrong,
    offline,
    online,
)
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, docs, few, is_its_schemas
from tests.read_models import House

REPLACED = DeviceReplaced(
    device=GATE, box=a_box("http://127.0.0.1:9000", "0C11050AFFFF", "R29"), login=None
)
PAST: list[Event] = [
    a_building(TOWER, "Tower"),
    a_building(ANNEX, "Annex"),
    an_apartment(FLAT_1, "12"),
    a_device(GATE, "Gate 10", login=Login(user="admin", password="hush")),
    a_device(GYM, "Gate 9", place=Place(building=TOWER, apartment=FLAT_1), relays=1),
]

FACTORY = {
    "dtmf": None,
    "methods": ["card", "face", "pin", "plate", "uhf"],
    "on_home_page": True,
    "on_talking_page": True,
    "sensor": None,
    "door": None,
}


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Devices)
    house.happened(*PAST)
    house.happened(a_device(GATE, "Pier", place=Place()), community=ELSEWHERE)
    return house


def shown(house: House, community: CommunityId = HARBOUR, **wanted: Any) -> list[dict[str, Any]]:
    house.project(Devices)
    with house.reading(Devices) as model:
        page = model.page(community, Wanted(**wanted), None, 200)
    return [json.loads(doc) for doc in page.docs]


def found(house: House, **wanted: Any) -> list[str]:
    return [doc["name"] for doc in shown(house, **wanted)]


UNKNOWN_CLOCK = {
    "schedules": "unknown",
    "since": None,
    "zone": None,
    "ahead": 0,
    "reason": None,
}


def the_gate(house: House) -> dict[str, Any]:
    return shown(house)[1] if len(shown(house)) > 1 else shown(house)[0]


def test_m99_m100_m101_a_phone_shows_place_hardware_relays_and_connection(house: House) -> None:
    assert the_gate(house) == {
        "device": str(GATE),
        "name": "Gate 10",
        "box": {
            "mac": "0C11050A0031",
            "model": "X916",
            "firmware": "916.30.10.114",
            "address": "http://127.0.0.1:8131",
        },
        "building": str(TOWER),
        "building_name": "Tower",
        "apartment": None,
        "apartment_number": None,
        "relays": [
            {"number": 1, "name": "Gate 10 1"} | FACTORY,
            {"number": 2, "name": "Gate 10 2"} | FACTORY,
        ],
        "intercom": {
            "monitoring": ["app", "monitor"],
            "calling": True,
            "directory": ["apartments", "residents"],
        },
        "connection": {"reach": "never_seen", "since": None, "reason": None, "firmware": None},
        "clock": UNKNOWN_CLOCK,
    }
    assert [doc["name"] for doc in shown(house, ELSEWHERE)] == ["Pier"]


def test_m102_what_residents_may_do_and_a_directory_only_where_there_is_one(house: House) -> None:
    chosen = IntercomChosen(
        device=GATE,
        monitoring=frozenset({"app"}),
        calling=False,
        directory=frozenset({"residents"}),
    )
    house.happened(chosen)
    said = {"monitoring": ["app"], "calling": False}
    assert the_gate(house)["intercom"] == said | {"directory": ["residents"]}
    for place in (Place(), Place(building=TOWER, apartment=FLAT_1)):
        house.happened(DeviceMoved(device=GATE, place=place))
        assert the_gate(house)["intercom"] == said | {"directory": None}
    house.happened(DeviceMoved(device=GATE, place=Place(building=TOWER)))
    assert the_gate(house)["intercom"]["directory"] == ["residents"]
    house.happened(replace(REPLACED, box=replace(REPLACED.box, model="E12W")))
    assert the_gate(house)["intercom"]["directory"] is None


def test_s8_neither_login_nor_hint_is_in_it(house: House) -> None:
    house.project(Devices)
    rows = repr(house.rows(Devices))
    assert "hush" not in rows
    assert "hint" not in rows


def test_m99_names_sort_as_people_count(house: House) -> None:
    assert found(house) == ["Gate 9", "Gate 10"]


def test_m99_found_by_place_words_mac_reach_and_model(house: House) -> None:
    house.happened(online(GYM), REPLACED)
    assert found(house, building=TOWER) == ["Gate 9", "Gate 10"]
    assert found(house, building=ANNEX) == []
    assert found(house, apartment=FLAT_1) == ["Gate 9"]
    assert found(house, words="GATE tow") == ["Gate 9", "Gate 10"]
    assert found(house, words="gate ffff") == ["Gate 10"]
    assert found(house, words="gate 100%") == []
    assert found(house, mac="0C:11:05:0a:ff") == ["Gate 10"]
    assert found(house, mac="gate") == []
    assert found(house, reach="online") == ["Gate 9"]
    assert found(house, reach="never_seen") == ["Gate 10"]
    assert found(house, model="R29") == ["Gate 10"]


def test_m99_since_when_it_answers_or_not_and_why(house: House) -> None:
    head = house.happened(online(GATE, "916.30.10.200"), online(GYM))
    at = [NOW + timedelta(microseconds=n) for n in range(head - 2, head + 2)]
    said = {"reach": "online", "reason": None, "firmware": "916.30.10.200"}
    assert the_gate(house)["connection"] == said | {"since": at[0].isoformat()}
    house.happened(offline(GATE, "no answer"))
    said |= {"reach": "offline", "reason": "no answer"}
    assert the_gate(house)["connection"] == said | {"since": at[2].isoformat()}


def test_t4_a_wrong_clock_makes_schedules_unreliable_until_it_is_right(
    house: House,
) -> None:
    head = house.happened(clock_right(GATE, "Asia/Tokyo"), clock_right(GYM))
    at = [NOW + timedelta(microseconds=n) for n in range(head - 2, head + 2)]
    right = {"schedules": "reliable", "zone": "Asia/Tokyo", "ahead": 0, "reason": None}
    assert the_gate(house)["clock"] == right | {"since": at[0].isoformat()}
    house.happened(clock_wrong(GATE, -3600, "api unsupported"))
    wrong = {"schedules": "unreliable", "ahead": -3600, "reason": "api unsupported"}
    assert the_gate(house)["clock"] == right | wrong | {"since": at[2].isoformat()}
    house.happened(clock_right(GATE, "Asia/Tokyo"))
    assert the_gate(house)["clock"]["schedules"] == "reliable"
    house.happened(REPLACED)
    assert the_gate(house)["clock"] == UNKNOWN_CLOCK


def test_m100_m101_m130_edited_moved_replaced_and_removed(house: House) -> None:
    relays = (
        Relay(number=1, name="In", dtmf="1#", methods=frozenset({"pin"}), on_talking_page=False),
        Relay(number=2, name="Out", methods=frozenset()),
    )
    house.happened(online(GATE), DeviceEdited(device=GATE, name="Gate 10", relays=relays))
    house.happened(DeviceMoved(device=GATE, place=Place(building=ANNEX)), REPLACED)
    now = the_gate(house)
    said = {"number": 1, "name": "In", "dtmf": "1#", "methods": ["pin"]}
    assert now["relays"][0] == FACTORY | said | {"on_talking_page": False}
    assert (now["building_name"], now["box"]["mac"]) == ("Annex", "0C11050AFFFF")
    assert now["connection"]["reach"] == "never_seen"
    house.happened(DeviceRemoved(device=GATE), online(GATE))
    assert found(house) == ["Gate 9"]
    house.happened(offline(GATE))
    assert found(house) == ["Gate 9"]


def test_m130_a_building_renamed_is_found_by_its_new_name(house: House) -> None:
    house.project(Devices)
    house.happened(BuildingRenamed(building=TOWER, name="Spire"))
    assert {doc["building_name"] for doc in shown(house)} == {"Spire"}
    assert len(found(house, words="spire")) == 2
    assert found(house, words="tower") == []


def test_a_phone_of_another_community_is_unknown(house: House) -> None:
    house.project(Devices)
    with house.reading(Devices) as model:
        assert json.loads(model.of(ELSEWHERE, GATE))["name"] == "Pier"
        with pytest.raises(Unknown):
            model.of(ELSEWHERE, GYM)


def test_m99_a_door_with_a_sensor_is_unknown_until_it_was_read(house: House) -> None:
    relays = (Relay(number=1, name="In", sensor=2), Relay(number=2, name="Out"))
    house.happened(DeviceEdited(device=GATE, name="Gate 10", relays=relays))
    [inside, outside] = the_gate(house)["relays"]
    unknown = {"state": "unknown", "since": None, "seen": None}
    assert (inside["sensor"], inside["door"]) == (2, unknown)
    assert (outside["sensor"], outside["door"]) == (None, None)


def test_documents_are_their_schemas(house: House) -> None:
    relays = (Relay(number=1, name="In", sensor=2), Relay(number=2, name="Out"))
    house.happened(online(GATE), DeviceEdited(device=GATE, name="Gate 10", relays=relays))
    house.project(Devices)
    for doc in docs(house, Devices):
        is_its_schemas(doc, DeviceDoc)


HEARD = st.lists(
    st.sampled_from([online(GATE), offline(GATE), online(GYM), REPLACED, offline(GYM)]), max_size=5
)


@few
@forall(histories(), HEARD, st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, past: list[Event], heard: list[Event], batch: int
) -> None:
    removed = {e.device for e in past if isinstance(e, DeviceRemoved)}
    some = [e for e in heard if not (isinstance(e, DeviceReplaced) and e.device in removed)]
    cuts_alike(module_database, Devices, [*past, *some], batch)
