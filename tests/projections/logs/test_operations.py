"""M92, A26: who did what to what, and when."""

import json
from dataclasses import fields
from datetime import timedelta
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

import domain
from config import Database
from domain.access_groups import AccessGroupDeleted
from domain.alarms import AlarmSolved
from domain.apartments import ApartmentRenamed
from domain.devices import DeviceRemoved, Outcome
from domain.ids import CommunityId
from domain.kernel import EVENTS, Event
from domain.record import ERASED
from domain.residents import ContactChanged, PinRevoked, ResidentDeleted
from domain.settings import TimeZoneChanged
from projections.logs.operations import (
    UNSAID,
    WORDS,
    OperationDoc,
    OperationLog,
    Wanted,
)
from tests.builders import (
    ANN,
    BOB,
    CONTACT,
    ELSEWHERE,
    FIRE,
    FLAT_1,
    GATE,
    HARBOUR,
    NOW,
    SWIMMERS,
    TAMPERING,
    a_building,
    a_community,
    a_device,
    a_group,
    a_pin,
    a_resident,
    an_alarm,
    an_apartment,
    cards,
    clock_right,
    clock_wrong,
    joined,
    offline,
    online,
    synced,
)
from tests.projections.properties import cuts_alike, docs, few, is_its_schemas
from tests.read_models import House
from tests.scenario import also

PIN, CARD = "24680135", "DEADBEEF"
NOTE = "It was Mr Burke."
PAST: list[Event] = [
    a_community(),
    a_building(),
    an_apartment(FLAT_1, "12"),
    a_group(SWIMMERS, name="Swimmers"),
    a_device(GATE, "Gate"),
    a_resident(ANN),
    joined(ANN),
    a_pin(PIN, ANN),
    cards(ANN, CARD),
    a_resident(BOB),
    online(GATE),
    synced(GATE, Outcome(holder=ANN, kind="pin", state="verified", digest=b"x" * 32)),
    offline(GATE),
]


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(OperationLog)
    house.happened(*PAST)
    house.happened(a_community(home=ELSEWHERE), community=ELSEWHERE)
    return house


def shown(house: House, community: CommunityId = HARBOUR, **wanted: Any) -> list[dict[str, Any]]:
    house.project(OperationLog)
    with house.reading(OperationLog) as model:
        page = model.page(community, Wanted(**wanted), None, 200)
    return [json.loads(doc) for doc in page.docs]


def said(house: House, **wanted: Any) -> list[tuple[str, str]]:
    return [(op["type"], op["action"]) for op in shown(house, **wanted)]


def test_no_event_is_without_words() -> None:
    for module in walk_packages(domain.__path__, "domain."):
        import_module(module.name)
    assert set(EVENTS.values()) == set(WORDS) | UNSAID
    assert not set(WORDS) & UNSAID


def test_m92_the_newest_is_first_and_says_who_did_what_to_what(house: House) -> None:
    newest = shown(house)[0]
    assert newest == {
        "position": 10,
        "happened_at": (NOW + timedelta(microseconds=9)).isoformat(),
        "type": "user",
        "action": "added",
        "initiated_by": "past",
        "subject": str(BOB),
        "called": None,
        "command_id": str(house.log.read(after=9)[0].command_id),
    }
    assert said(house)[1:4] == [("RF card", "changed"), ("PIN", "issued"), ("user", "added")]
    assert [op["position"] for op in shown(house, ELSEWHERE)] == [14]


def test_what_a_household_says_again_is_said_once(house: House) -> None:
    assert [op["subject"] for op in shown(house, type="user")] == [str(BOB), str(ANN)]


def test_t3_m92_another_zone_is_there_and_of_each_phone_that_its_clock_goes_by_it(
    house: House,
) -> None:
    house.happened(
        TimeZoneChanged(community=HARBOUR, zone="Asia/Tokyo"),
        clock_right(GATE, "Asia/Tokyo"),
        clock_wrong(GATE, 3600),
    )
    assert said(house)[0] == ("time zone", "changed")
    newest = shown(house, syncs=True)[:3]
    assert [(op["action"], op["subject"], op["called"]) for op in newest[:2]] == [
        ("clock found wrong", str(GATE), "Gate"),
        ("clock found right", str(GATE), "Gate"),
    ]


def test_a59_who_solved_an_alarm_and_where_it_was_but_not_who_raised_it(house: House) -> None:
    house.happened(an_alarm(TAMPERING, name="Gate"), an_alarm(FIRE, "emergency", name="Gym"))
    also(house.log, AlarmSolved(alarm=TAMPERING, note=NOTE), by="asta")
    [newest, before, *_] = shown(house)
    assert {name: newest[name] for name in ("type", "action", "initiated_by", "called")} == {
        "type": "alarm",
        "action": "solved",
        "initiated_by": "asta",
        "called": "Gate",
    }
    assert (newest["subject"], before["type"]) == (str(TAMPERING), "user")
    assert said(house, type="alarm") == [("alarm", "solved"), *[("alarm", "raised")] * 2]
    assert NOTE not in repr(docs(house, OperationLog))


def test_what_phones_report_shows_when_it_is_asked_for(house: House) -> None:
    assert "device sync" not in {type_ for type_, _ in said(house)}
    assert said(house, type="device sync") == [
        ("device sync", "went offline"),
        ("device sync", "synced"),
        ("device sync", "went online"),
    ]
    assert len(said(house, syncs=True)) == len(PAST) - 1
    assert said(house, subject=GATE) == [("device", "registered")]
    assert len(said(house, subject=GATE, syncs=True)) == 4
    assert {op["called"] for op in shown(house, type="device sync")} == {"Gate"}


def test_a_thing_has_the_name_that_it_had_then_or_last(house: House) -> None:
    house.happened(ApartmentRenamed(apartment=FLAT_1, name="Penthouse"))
    house.happened(AccessGroupDeleted(group=SWIMMERS), DeviceRemoved(device=GATE), online(GATE))
    called = {(op["type"], op["action"]): op["called"] for op in shown(house, syncs=True)}
    assert called["apartment", "created"] == "12"
    assert called["apartment", "renamed"] == "Penthouse"
    assert called["access group", "deleted"] == "Swimmers"
    assert called["device", "removed"] == "Gate"
    assert called["device sync", "went online"] == "Gate"


def test_nobodys_name_is_in_it(house: House) -> None:
    house.project(OperationLog)
    assert CONTACT.first_name not in repr(house.rows(OperationLog))


def test_no_code_is_in_it(house: House) -> None:
    house.project(OperationLog)
    rows = repr(house.rows(OperationLog))
    assert PIN not in rows
    assert CARD not in rows


def test_m92_filters_by_action_initiator_subject_and_time(house: House) -> None:
    assert said(house, type="user", action="added", subject=ANN) == [("user", "added")]
    assert said(house, action="issued") == [("PIN", "issued")]
    assert said(house, initiated_by="nobody") == []
    assert len(said(house, initiated_by="past")) == len(said(house))
    third, sixth = (NOW + timedelta(microseconds=n) for n in (2, 5))
    between = shown(house, since=third, until=sixth, syncs=True)
    assert [op["position"] for op in between] == [5, 4, 3]


def test_pages_join_without_loss_while_more_happens(house: House) -> None:
    expected = [op["position"] for op in shown(house)]
    found, after = list[int](), None
    with house.reading(OperationLog) as model:
        while True:
            page = model.page(HARBOUR, Wanted(), after, 3)
            found += [json.loads(doc)["position"] for doc in page.docs]
            if page.after is None:
                break
            after = page.after
            house.happened(PinRevoked(resident=ANN))
            house.project(OperationLog)
    assert found == expected


def test_documents_are_their_schemas(house: House) -> None:
    house.project(OperationLog)
    for doc in docs(house, OperationLog):
        is_its_schemas(doc, OperationDoc)
        assert len(json.loads(doc)) == len(fields(OperationDoc))


CHANGES: list[Event] = [
    ApartmentRenamed(apartment=FLAT_1, name="Penthouse"),
    AccessGroupDeleted(group=SWIMMERS),
    DeviceRemoved(device=GATE),
    TimeZoneChanged(community=HARBOUR, zone="Asia/Shanghai"),
    ResidentDeleted(resident=BOB),
    ContactChanged(resident=ANN, contact=ERASED),
    online(GATE),
    a_pin("1357", ANN),
]


@few
@forall(st.permutations(CHANGES), st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, changes: list[Event], batch: int
) -> None:
    cuts_alike(module_database, OperationLog, [*PAST, *changes], batch)
