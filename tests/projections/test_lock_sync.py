"""M122, M133: how far codes have come to locks, and what failed; M15 in what is installed."""

import json
from typing import Any

import pytest

from config import Database
from domain import locks, rights
from domain.access_groups import AccessGroup, Door
from domain.devices import DeviceRemoved, Outcome, SyncState
from domain.ids import DeviceId, ResidentId
from domain.kernel import Event, Malformed, Unknown, fold
from domain.locks import Lock, LockConnected, LockLinked, LockRemoved, LockRenamed, LockSync
from domain.residents import PinIssued, Resident, ResidentDeleted
from projections.devices.installed import Installed
from projections.devices.lock_sync import FailureDoc, SyncDoc
from projections.projector import document
from tests.builders import (
    ANN,
    ATTIC,
    BOB,
    CELLAR,
    CLEO,
    ELSEWHERE,
    FLAT_1,
    GATE,
    HARBOUR,
    NOW,
    SWIMMERS,
    TOWER,
    a_building,
    a_community,
    a_device,
    a_group,
    a_lock,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    lock_sync,
    synced,
)
from tests.projections.properties import is_its_schemas
from tests.read_models import House

DOORS = [Door(device=device, relay=1) for device in (GATE, CELLAR, ATTIC)]
PAST: list[Event] = [
    a_community(),
    a_building(TOWER, "Tower"),
    an_apartment(FLAT_1, "12"),
    a_device(GATE),
    a_lock(CELLAR, "Cellar", "itec"),
    a_lock(ATTIC, "Attic", "dormakaba"),
    a_group(SWIMMERS, *DOORS),
    a_resident(ANN, SWIMMERS),
    a_resident(BOB, SWIMMERS),
    a_resident(CLEO),
    a_pin("246810", ANN),
    a_pin("1357", BOB),
    a_pin("8642", CLEO),
    cards(ANN, "AB12"),
]


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Installed)
    house.happened(*PAST)
    house.happened(*PAST, lock_sync("itec", "pin"), community=ELSEWHERE)
    return house


def now(house: House, cls: Any, id: Any) -> Any:
    return fold(cls, house.log.streams(HARBOUR, [id])[id])


def found(
    house: House, lock: DeviceId, who: ResidentId, state: SyncState, reason: str | None = None
) -> Event:
    """What an adapter says of all that is wanted of a person at a lock."""
    door = locks.door(now(house, Lock, lock), now(house, LockSync, HARBOUR), None)
    held = rights.entries(now(house, Resident, who), door, [now(house, AccessGroup, SWIMMERS)])
    outcomes = [
        Outcome(
            holder=holder,
            kind=kind,
            state=state,
            digest=house.vault.digest(HARBOUR, "credential", text),
            reason=reason,
        )
        for (holder, kind), text in rights.evidence(held).items()
    ]
    return synced(lock, *outcomes)


def progress(house: House) -> dict[tuple[str, str], tuple[bool, int, int, int, int]]:
    """(on, total, settled, failed, percent) by brand and kind."""
    house.project(Installed)
    with house.reading(Installed) as model:
        docs: list[SyncDoc] = model.lock_sync_now(HARBOUR, NOW)
    return {(d.brand, d.kind): (d.on, d.total, d.settled, d.failed, d.percent) for d in docs}


def failures(house: House, limit: int = 50) -> list[dict[str, Any]]:
    house.project(Installed)
    items, after = [], None
    with house.reading(Installed) as model:
        while True:
            page = model.lock_failures(HARBOUR, NOW, after, limit)
            items += [json.loads(doc) for doc in page.docs]
            if (after := page.after) is None:
                return items


def test_m133_before_anything_is_switched_on_nothing_is_to_be_done(house: House) -> None:
    nothing = (False, 0, 0, 0, 100)
    kinds = ("pin", "card")
    assert progress(house) == {(b, k): nothing for b in ("dormakaba", "itec") for k in kinds}


def test_m122_progress_goes_to_100_percent_and_failures_are_listed(house: House) -> None:
    house.happened(lock_sync("itec", "pin", "card"), lock_sync("dormakaba", "pin"))
    assert progress(house)["itec", "pin"] == (True, 2, 0, 0, 0)
    assert progress(house)["itec", "card"] == (True, 1, 0, 0, 0)
    assert progress(house)["dormakaba", "pin"] == (True, 2, 0, 0, 0)
    assert progress(house)["dormakaba", "card"] == (False, 0, 0, 0, 100)
    house.happened(found(house, CELLAR, ANN, "verified"))
    assert progress(house)["itec", "pin"] == (True, 2, 1, 0, 50)
    assert progress(house)["itec", "card"] == (True, 1, 1, 0, 100)
    house.happened(found(house, CELLAR, BOB, "rejected", "no reason given"))
    six = "the lock takes only PINs of exactly 6 digits"
    house.happened(found(house, ATTIC, BOB, "undeliverable", six))
    house.happened(found(house, ATTIC, ANN, "verified"))
    assert progress(house)["itec", "pin"] == (True, 2, 2, 1, 100)
    assert progress(house)["dormakaba", "pin"] == (True, 2, 2, 1, 100)
    failed = failures(house)
    assert [(f["lock_name"], f["brand"], f["kind"], f["state"], f["reason"]) for f in failed] == [
        ("Cellar", "itec", "pin", "rejected", "no reason given"),
        ("Attic", "dormakaba", "pin", "undeliverable", six),
    ]
    assert {f["holder"] for f in failed} == {str(BOB)}
    assert all(f["since"] for f in failed)
    assert failures(house, limit=1) == failed
    for doc in failed:
        is_its_schemas(json.dumps(doc), FailureDoc)


def test_m122_another_code_is_to_be_delivered_anew(house: House) -> None:
    house.happened(lock_sync("itec", "pin"))
    house.happened(found(house, CELLAR, ANN, "verified"), found(house, CELLAR, BOB, "verified"))
    assert progress(house)["itec", "pin"] == (True, 2, 2, 0, 100)
    house.happened(a_pin("975310"))
    assert progress(house)["itec", "pin"] == (True, 2, 1, 0, 50)


def test_m122_switched_off_it_is_done_when_the_last_code_is_gone(house: House) -> None:
    house.happened(lock_sync("itec", "pin"))
    house.happened(found(house, CELLAR, ANN, "verified"))
    house.happened(lock_sync("itec"))
    assert progress(house)["itec", "pin"] == (False, 1, 0, 0, 0)
    gone = Outcome(holder=ANN, kind="pin", state="withdrawn")
    house.happened(synced(CELLAR, gone))
    assert progress(house)["itec", "pin"] == (False, 0, 0, 0, 100)


def test_m122_who_was_deleted_has_yet_to_go(house: House) -> None:
    house.happened(lock_sync("itec", "pin"))
    house.happened(found(house, CELLAR, ANN, "verified"), ResidentDeleted(resident=ANN))
    assert progress(house)["itec", "pin"] == (True, 2, 0, 0, 0)


def test_m133_a_residents_own_pin_is_not_among_them(house: House) -> None:
    house.happened(lock_sync("itec", "pin"))
    own = PinIssued(
        resident=ANN, apartment=FLAT_1, pin="135790", pin_mode="pin", made_by="resident"
    )
    house.happened(own)
    assert progress(house)["itec", "pin"] == (True, 1, 0, 0, 0)


def test_m15_a_linked_lock_follows_its_phone_in_what_is_installed(house: House) -> None:
    house.happened(lock_sync("itec", "pin"), LockLinked(lock=CELLAR, phone=GATE))
    assert progress(house)["itec", "pin"][1] == 2
    house.happened(DeviceRemoved(device=GATE))
    assert progress(house)["itec", "pin"][1] == 0


def holders(house: House) -> dict[str, list[str]]:
    """The kinds that each person has at the cellar."""
    house.project(Installed)
    with house.reading(Installed) as model:
        docs = [json.loads(doc) for doc in model.holders(HARBOUR, CELLAR, NOW, None, 50).docs]
    return {doc["holder"]: [c["kind"] for c in doc["credentials"]] for doc in docs}


def test_m99_a_lock_is_asked_like_a_phone(house: House) -> None:
    house.happened(lock_sync("itec", "pin"), LockRenamed(lock=CELLAR, name="Bikes"))
    assert holders(house) == {str(ANN): ["pin"], str(BOB): ["pin"]}
    with house.reading(Installed) as model:
        names = [door.name for door in model.doors(HARBOUR, ANN, NOW).doors]
    assert names == ["Bikes", "Gate"]


def test_m107_another_gateway_proves_anew_and_a_removed_lock_is_gone(house: House) -> None:
    house.happened(lock_sync("itec", "pin"))
    house.happened(found(house, CELLAR, ANN, "verified"))
    house.happened(LockConnected(lock=CELLAR, address="http://127.0.0.1:9", login=None))
    assert progress(house)["itec", "pin"] == (True, 2, 0, 0, 0)
    house.happened(LockRemoved(lock=CELLAR))
    assert progress(house)["itec", "pin"] == (True, 0, 0, 0, 100)
    with house.reading(Installed) as model, pytest.raises(Unknown):
        model.holders(HARBOUR, CELLAR, NOW, None, 1)
    with house.reading(Installed) as model, pytest.raises(Malformed):
        model.lock_failures(HARBOUR, NOW, ("no",), 1)


def test_a_document_is_its_schemas(house: House) -> None:
    house.project(Installed)
    with house.reading(Installed) as model:
        for doc in model.lock_sync_now(HARBOUR, NOW):
            is_its_schemas(document(doc), SyncDoc)
