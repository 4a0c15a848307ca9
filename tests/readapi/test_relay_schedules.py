"""M103, M107: GET …/devices/{id}/relay-schedules, from the rows of its read model."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain import relay_schedules as rules
from domain import rights
from domain.access_groups import (
    ALWAYS,
    AccessGroup,
    AccessGroupDeleted,
    AccessGroupEdited,
    Schedule,
)
from domain.devices import Device, DeviceRemoved, DeviceReplaced, Outcome, SyncState
from domain.ids import DeviceId
from domain.kernel import Event, fold
from domain.relay_schedules import RelayScheduleChosen, RelaySchedules
from domain.rights import NOBODY
from projections.projector import document
from projections.relay_schedules import HeldOpen, RelaySchedulesDoc
from readapi.relay_schedules import relay_schedules
from tests.builders import (
    CELLAR,
    ELSEWHERE,
    GATE,
    GYM,
    HARBOUR,
    STAFF,
    SWIMMERS,
    a_box,
    a_device,
    a_group,
    a_lock,
    synced,
)
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House

OFFICE = Schedule(repeat="weekly", days=frozenset({1, 2}), start=time(8), end=time(18))
CHOSEN = RelayScheduleChosen(device=GATE, relay=2, groups=frozenset({STAFF}))
REPLACED = DeviceReplaced(
    device=GATE, box=a_box("http://127.0.0.1:9000", "0C11050AFFFF"), login=None
)
PAST: list[Event] = [
    a_device(GATE),
    a_lock(CELLAR),
    a_group(STAFF, when=OFFICE, name="Staff"),
    a_group(SWIMMERS, when=ALWAYS),
]


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(HeldOpen)
    house.happened(*PAST)
    house.happened(*PAST, replace(CHOSEN, relay=1), community=ELSEWHERE)
    house.project(HeldOpen)
    return house


@pytest.fixture
def web(house: House) -> Iterator[FlaskClient]:
    with house.web(relay_schedules) as web:
        yield web


def more(house: House, *events: Event) -> None:
    house.happened(*events)
    house.project(HeldOpen)


def got(web: FlaskClient, device: DeviceId = GATE) -> Any:
    answer = web.get(f"/api/v1/communities/{HARBOUR}/devices/{device}/relay-schedules")
    assert answer.status_code == 200
    return answer.get_json()


def now(house: House, cls: Any, id: UUID) -> Any:
    return fold(cls, house.log.streams(HARBOUR, [id])[id])


def found(house: House, state: SyncState, reason: str | None = None) -> Event:
    """What an adapter says of all that is wanted, by the rules."""
    groups = {id: g for id in (STAFF, SWIMMERS) if (g := now(house, AccessGroup, id))}
    wanted = rules.record(now(house, RelaySchedules, GATE), now(house, Device, GATE), groups)
    texts = rights.evidence([wanted] if wanted else []).values()
    digest = next((house.vault.digest(HARBOUR, "credential", text) for text in texts), None)
    outcome = Outcome(holder=NOBODY, kind="held_open", state=state, digest=digest, reason=reason)
    return synced(GATE, outcome)


def test_m103_when_each_relay_is_held_open_and_whether_the_phone_knows(
    house: House, web: FlaskClient
) -> None:
    empty = got(web)
    assert (empty["relays"], empty["state"]) == ([], None)
    more(house, CHOSEN)
    doc = got(web)
    [relay] = doc["relays"]
    assert relay["relay"] == 2
    assert [(g["group"], g["name"]) for g in relay["groups"]] == [(str(STAFF), "Staff")]
    assert relay["groups"][0]["schedule"]["days"] == [1, 2]
    assert (doc["state"], doc["reported_at"]) == ("pending", None)
    more(house, found(house, "verified"))
    assert got(web)["state"] == "verified"
    assert got(web)["reported_at"]


def test_m103_other_hours_have_to_be_proved_anew(house: House, web: FlaskClient) -> None:
    more(house, CHOSEN)
    more(house, found(house, "verified"))
    staff = a_group(STAFF)
    edited = AccessGroupEdited(group=STAFF, name=staff.name, schedule=ALWAYS, doors=frozenset())
    more(house, edited)
    assert got(web)["state"] == "pending"
    more(house, found(house, "rejected", "Failed"))
    assert (got(web)["state"], got(web)["reason"]) == ("rejected", "Failed")


def test_m131_m103_without_its_group_it_has_to_end(house: House, web: FlaskClient) -> None:
    more(house, CHOSEN)
    more(house, found(house, "verified"), AccessGroupDeleted(group=STAFF))
    doc = got(web)
    assert (doc["relays"], doc["state"]) == ([], "withdrawing")
    gone = Outcome(holder=NOBODY, kind="held_open", state="withdrawn")
    more(house, synced(GATE, gone))
    assert got(web)["state"] is None


def test_m103_another_box_and_the_end(house: House, web: FlaskClient) -> None:
    more(house, CHOSEN)
    more(house, found(house, "verified"), REPLACED)
    assert got(web)["state"] == "pending"
    more(house, DeviceRemoved(device=GATE), found(house, "verified"))
    url = f"/api/v1/communities/{HARBOUR}/devices/{GATE}/relay-schedules"
    assert web.get(url).status_code == 404
    assert web.get(url.replace(str(GATE), str(GYM))).status_code == 404


def test_m107_a_lock_is_asked_like_a_phone(house: House, web: FlaskClient) -> None:
    more(house, replace(CHOSEN, device=CELLAR, relay=1))
    assert got(web, CELLAR)["state"] == "pending"


def test_a_document_is_its_schemas(house: House) -> None:
    more(house, CHOSEN)
    with house.reading(HeldOpen) as model:
        is_its_schemas(document(model.of(HARBOUR, GATE)), RelaySchedulesDoc)


WORD = Outcome(holder=NOBODY, kind="held_open", state="verified", digest=b"x")
EVENTS: list[Event] = [
    CHOSEN,
    replace(CHOSEN, relay=1, groups=frozenset({STAFF, SWIMMERS})),
    replace(CHOSEN, groups=frozenset()),
    synced(GATE, WORD),
    REPLACED,
]


@few
@forall(st.permutations(EVENTS), st.booleans(), st.integers(1, 7))
def test_e4_e5_the_same_rows_in_any_batches(
    module_database: Database, past: list[Event], gone: bool, batch: int
) -> None:
    end: list[Event] = [DeviceRemoved(device=GATE), synced(GATE, WORD)] if gone else []
    cuts_alike(module_database, HeldOpen, [*PAST, *past, *end], batch)
