"""D5, M99: granted is not yet installed; what is on the phones, against what should be."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from config import Database
from domain import rights
from domain.access_groups import AccessGroup, AccessGroupDeleted, AccessGroupEdited, Door, Schedule
from domain.devices import (
    CredentialKind,
    Device,
    DeviceEdited,
    DeviceMoved,
    DeviceRemoved,
    DeviceReplaced,
    Outcome,
    Place,
    Relay,
    SyncState,
)
from domain.ids import CommunityId, DeviceId, ResidentId
from domain.kernel import Event, Malformed, Unknown, fold
from domain.record import ERASED
from domain.residents import CardsChanged, ContactChanged, GroupsChosen, Resident, ResidentDeleted
from domain.settings import PinModeChanged
from projections.devices.installed import Installed
from projections.devices.standing import ResidentDoors
from projections.projector import document
from tests.builders import (
    ANN,
    BOB,
    CLEO,
    ELSEWHERE,
    EVERYBODY,
    FLAT_1,
    GATE,
    GYM,
    HARBOUR,
    NOW,
    STAFF,
    SWIMMERS,
    TOWER,
    a_box,
    a_building,
    a_community,
    a_default_group,
    a_device,
    a_group,
    a_pin,
    a_resident,
    an_apartment,
    cards,
    synced,
)
from tests.projections.histories import histories
from tests.projections.properties import cuts_alike, few, is_its_schemas
from tests.read_models import House

PAST: list[Event] = [
    a_building(TOWER, "Tower"),
    an_apartment(FLAT_1, "12"),
    a_device(GATE, "Gate"),
    a_device(GYM, "Gym"),
    a_group(SWIMMERS, Door(device=GATE, relay=1), Door(device=GYM, relay=2)),
    a_group(STAFF, Door(device=GATE, relay=2), name="Staff"),
    a_resident(ANN, SWIMMERS),
    a_resident(BOB, STAFF),
    a_pin("24681357", ANN),
    cards(ANN, "DEADBEEF"),
    a_pin("1357", BOB),
]
REPLACED = DeviceReplaced(
    device=GATE, box=a_box("http://127.0.0.1:9000", "0C11050AFFFF", "R29"), login=None
)


@pytest.fixture
def house(module_database: Database) -> House:
    house = House(module_database)
    house.forget(Installed)
    house.happened(*PAST)
    house.happened(*PAST, community=ELSEWHERE)
    return house


def doors(house: House, who: ResidentId = ANN, home: CommunityId = HARBOUR) -> ResidentDoors:
    house.project(Installed)
    with house.reading(Installed) as model:
        found: ResidentDoors = model.doors(home, who, NOW)
    return found


def holders(house: House, device: DeviceId = GATE) -> list[dict[str, Any]]:
    house.project(Installed)
    with house.reading(Installed) as model:
        return [json.loads(doc) for doc in model.holders(HARBOUR, device, NOW, None, 200).docs]


def states(house: House, who: ResidentId = ANN) -> dict[tuple[str, str], str]:
    """What stands where: {(phone, kind): state}, granted and withdrawing alike."""
    found = doors(house, who)
    phones = (*found.doors, *found.withdrawing)
    return {(p.name, c.kind): c.state for p in phones for c in p.credentials}


def summary(house: House, who: ResidentId = ANN) -> tuple[int, int]:
    found = doors(house, who).summary
    return found.verified, found.of


def now(house: House, cls: Any, id: UUID) -> Any:
    return fold(cls, house.log.streams(HARBOUR, [id])[id])


def found_right(
    house: House, device: DeviceId, who: ResidentId, state: SyncState, room: str | None = None
) -> Event:
    """What an adapter says of all that is wanted of a person at a phone, by the rules."""
    person, phone = now(house, Resident, who), now(house, Device, device)
    groups = [g for g in (now(house, AccessGroup, id) for id in (SWIMMERS, STAFF)) if g]
    held = rights.entries(person, phone, groups, room)
    outcomes = [
        Outcome(holder=holder, kind=kind, state=state, digest=digest(house, text))
        for (holder, kind), text in rights.evidence(held).items()
    ]
    return synced(device, *outcomes)


def digest(house: House, text: str) -> bytes:
    return house.vault.digest(HARBOUR, "credential", text)


def verify(house: House, *devices: DeviceId, who: ResidentId = ANN) -> None:
    for device in devices or (GATE, GYM):
        house.happened(found_right(house, device, who, "verified"))


def ours(house: House) -> list[tuple[Any, ...]]:
    return [row for rows in house.rows(Installed).values() for row in rows if row[0] == HARBOUR]


def said(device: DeviceId, kind: CredentialKind, state: SyncState, why: str | None = None) -> Event:
    return synced(device, Outcome(holder=ANN, kind=kind, state=state, reason=why))


def test_d5_nothing_is_verified_before_a_phone_said_so(house: House) -> None:
    assert set(states(house).values()) == {"pending"}
    assert summary(house) == (0, 4)


def test_d5_verified_is_what_was_read_back_as_it_is_wanted_now(house: House) -> None:
    verify(house, GATE)
    assert summary(house) == (2, 4)
    assert states(house)["Gate", "pin"] == "verified"
    assert states(house)["Gym", "pin"] == "pending"
    verify(house, GYM)
    assert summary(house) == (4, 4)
    assert summary(house, BOB) == (0, 1)


def test_d5_a_pin_changed_since_is_pending_and_the_card_stays_verified(house: House) -> None:
    verify(house)
    house.happened(a_pin("8642", ANN))
    assert states(house) == {
        ("Gate", "pin"): "pending",
        ("Gate", "card"): "verified",
        ("Gym", "pin"): "pending",
        ("Gym", "card"): "verified",
    }
    assert summary(house) == (2, 4)
    verify(house, GATE)
    assert summary(house) == (3, 4)


def test_m115_a_pin_is_pending_until_a_phone_holds_it_with_its_room(house: House) -> None:
    plain = found_right(house, GATE, ANN, "verified")
    with_room = found_right(house, GATE, ANN, "verified", "12")
    house.happened(a_community("apt_pin", home=ELSEWHERE), community=ELSEWHERE)
    house.happened(a_community(), plain)
    assert states(house)["Gate", "pin"] == "verified"
    house.happened(PinModeChanged(community=HARBOUR, pin_mode="apt_pin"))
    assert states(house)["Gate", "pin"] == "pending"
    assert states(house)["Gate", "card"] == "verified"
    house.happened(found_right(house, GATE, ANN, "verified", "13"))
    assert states(house)["Gate", "pin"] == "pending"
    house.happened(with_room)
    assert states(house)["Gate", "pin"] == "verified"
    assert {c["kind"]: c["state"] for c in holders(house)[0]["credentials"]} == {
        "pin": "verified",
        "card": "verified",
    }
    house.happened(PinModeChanged(community=HARBOUR, pin_mode="pin"))
    assert states(house)["Gate", "pin"] == "pending"
    house.happened(plain)
    assert states(house)["Gate", "pin"] == "verified"


def changed_schedule(house: House) -> Event:
    evenings = Schedule(repeat="weekly", days=frozenset({1}))
    group = now(house, AccessGroup, SWIMMERS)
    return AccessGroupEdited(group=SWIMMERS, name="Swimmers", schedule=evenings, doors=group.doors)


def other_methods(house: House) -> Event:
    pins_only = tuple(Relay(number=n, name=f"Door {n}", methods=frozenset({"pin"})) for n in (1, 2))
    return DeviceEdited(device=GATE, name="Gate", relays=pins_only)


@pytest.mark.parametrize("change", [changed_schedule, lambda _: REPLACED])
def test_d5_other_rights_or_another_box_and_nothing_is_proved(
    house: House, change: Callable[[House], Event]
) -> None:
    verify(house)
    house.happened(change(house))
    assert {states(house)["Gate", kind] for kind in ("pin", "card")} == {"pending"}


def test_a_name_changed_changes_no_right(house: House) -> None:
    verify(house)
    contact = now(house, Resident, ANN).contact
    house.happened(ContactChanged(resident=ANN, contact=replace(contact, first_name="Anna")))
    assert summary(house) == (4, 4)


def test_d5_what_a_phone_does_not_show_is_sent_until_it_is_wanted_otherwise(house: House) -> None:
    house.happened(found_right(house, GATE, ANN, "unverifiable"))
    assert states(house)["Gate", "pin"] == "unverifiable"
    assert summary(house) == (0, 4)
    house.happened(a_pin("8642", ANN))
    assert states(house)["Gate", "pin"] == "pending"


@pytest.mark.parametrize("state", ["mismatch", "rejected", "undeliverable"])
def test_d5_a_failure_says_why_and_when(house: House, state: SyncState) -> None:
    at = NOW + timedelta(microseconds=house.happened(said(GATE, "pin", state, "is full")) - 1)
    [pin, card] = doors(house).doors[0].credentials
    assert (pin.kind, pin.state, pin.reason, pin.reported_at) == ("pin", state, "is full", at)
    assert (card.state, card.reason, card.reported_at) == ("pending", None, None)


def test_d5_a_right_that_went_and_came_back_is_proved_only_anew(house: House) -> None:
    verify(house)
    house.happened(said(GATE, "card", "pending"))
    assert (states(house)["Gate", "card"], states(house)["Gate", "pin"]) == ("pending", "verified")


def test_m101_a_credential_opens_the_doors_that_take_it(house: House) -> None:
    verify(house)
    house.happened(other_methods(house))
    found = doors(house)
    [pin] = found.doors[0].credentials
    assert [(d.relay, d.name) for d in pin.doors] == [(1, "Door 1")]
    [gate] = found.withdrawing
    assert [(c.kind, c.state) for c in gate.credentials] == [("card", "withdrawing")]
    assert summary(house) == (3, 3)


def test_m131_what_is_no_longer_wanted_is_withdrawing_until_it_is_gone(house: House) -> None:
    verify(house)
    house.happened(AccessGroupDeleted(group=SWIMMERS))
    found = doors(house)
    assert (found.doors, found.summary.of) == ((), 0)
    assert [p.name for p in found.withdrawing] == ["Gate", "Gym"]
    house.happened(said(GATE, "pin", "withdrawn"), said(GATE, "card", "withdrawn"))
    assert [p.name for p in doors(house).withdrawing] == ["Gym"]
    house.happened(said(GYM, "pin", "mismatch", "is still there"))
    assert [c.reason for c in doors(house).withdrawing[0].credentials] == ["is still there", None]


def test_what_could_never_be_delivered_need_not_be_withdrawn(house: House) -> None:
    house.happened(
        said(GATE, "pin", "undeliverable", "no room"),
        GroupsChosen(resident=ANN, groups=frozenset()),
    )
    assert doors(house).withdrawing == ()


def test_somebody_deleted_is_there_until_the_phones_have_forgotten(house: House) -> None:
    verify(house, GATE)
    house.happened(ResidentDeleted(resident=ANN))
    found = doors(house)
    assert (found.doors, [p.name for p in found.withdrawing]) == ((), ["Gate"])
    assert [(h["holder"], h["name"]) for h in holders(house)] == [
        (str(ANN), None),
        (str(BOB), "Ann Archer"),
    ]
    house.happened(said(GATE, "pin", "withdrawn"), said(GATE, "card", "withdrawn"))
    with pytest.raises(Unknown):
        doors(house)
    assert str(ANN) not in repr(ours(house))


def test_a_right_without_a_credential_is_shown_as_such(house: House) -> None:
    house.happened(a_resident(CLEO, STAFF))
    found = doors(house, CLEO)
    assert [(p.name, p.credentials) for p in found.doors] == [("Gate", ())]
    assert found.summary.of == 0


def test_a_phone_removed_is_gone_with_all_that_was_said_of_it(house: House) -> None:
    verify(house)
    late = found_right(house, GATE, ANN, "verified")
    house.happened(DeviceRemoved(device=GATE), late)
    assert {phone for phone, _ in states(house)} == {"Gym"}
    house.happened(late)
    house.project(Installed)
    assert str(GATE) not in repr([row for row in ours(house) if ANN in row])
    with pytest.raises(Unknown):
        holders(house)


def test_a30_a_phone_moved_into_an_apartment_leaves_the_default_group(house: House) -> None:
    house.happened(a_default_group(EVERYBODY, TOWER), a_resident(CLEO, EVERYBODY))
    house.happened(a_pin("7531", CLEO))
    assert set(states(house, CLEO)) == {("Gate", "pin"), ("Gym", "pin")}
    house.happened(DeviceMoved(device=GATE, place=Place(building=TOWER, apartment=FLAT_1)))
    assert set(states(house, CLEO)) == {("Gym", "pin")}


def test_a_forgotten_key_leaves_no_credential_to_install(house: House) -> None:
    house.happened(a_resident(CLEO, STAFF), CardsChanged(resident=CLEO, cards=ERASED))
    assert states(house, CLEO) == {}
    house.project(Installed)
    house.keys.destroy(HARBOUR, ANN)
    assert states(house) == {}


def test_codes_are_sealed_and_digests_are_each_communitys_own(house: House) -> None:
    verify(house)
    house.project(Installed)
    rows = repr(house.rows(Installed))
    assert "24681357" not in rows
    assert "DEADBEEF" not in rows
    assert doors(house, home=ELSEWHERE).summary.verified == 0


def test_m99_a_phone_shows_who_has_rights_there_and_how_each_stands(house: House) -> None:
    contact = now(house, Resident, BOB).contact
    house.happened(ContactChanged(resident=BOB, contact=replace(contact, first_name="Aaron")))
    verify(house, GATE)
    house.happened(a_pin("8642", ANN), said(GYM, "card", "rejected"), said(GYM, "pin", "rejected"))
    bob, ann = holders(house)
    assert (bob["name"], ann["name"]) == ("Aaron Archer", "Ann Archer")
    assert [(c["kind"], c["state"]) for c in ann["credentials"]] == [
        ("pin", "pending"),
        ("card", "verified"),
    ]
    assert [c["doors"] for c in bob["credentials"]] == [[{"relay": 2, "name": "Gate 2"}]]
    [ann] = holders(house, GYM)
    assert [c["state"] for c in ann["credentials"]] == ["rejected", "rejected"]


def test_m99_pages_of_holders_join(house: House) -> None:
    house.happened(a_resident(CLEO, STAFF))
    house.project(Installed)
    found, after = list[str](), None
    with house.reading(Installed) as model:
        for _ in range(4):
            page = model.holders(HARBOUR, GATE, NOW, after, 1)
            found += [json.loads(doc)["holder"] for doc in page.docs]
            if (after := page.after) is None:
                break
        for foreign in [("a",), ("a", "b"), ("a", "b", "c")]:
            with pytest.raises(Malformed):
                model.holders(HARBOUR, GATE, NOW, foreign, 1)
    assert found == [str(ANN), str(BOB), str(CLEO)]


def test_the_document_is_its_schemas(house: House) -> None:
    verify(house, GATE)
    house.happened(said(GYM, "pin", "rejected", "no"))
    is_its_schemas(document(doors(house)), ResidentDoors)


OUTCOMES = st.builds(
    Outcome,
    holder=st.sampled_from([ANN, BOB]),
    kind=st.sampled_from(["pin", "card"]),
    state=st.sampled_from(["verified", "withdrawn", "rejected"]),
    digest=st.sampled_from([None, b"x" * 32]),
)
REPORTS = st.builds(synced, st.sampled_from([GATE, GYM]), OUTCOMES, OUTCOMES)


@few
@forall(histories(15), st.lists(REPORTS, max_size=6), st.randoms(), st.integers(1, 7))
def test_any_cut_into_batches_and_a_rebuild_give_the_same_rows(
    module_database: Database, past: list[Event], reports: list[Event], random: Any, batch: int
) -> None:
    for report in reports:
        past.insert(random.randint(0, len(past)), report)
    cuts_alike(module_database, Installed, past, batch)
