from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from domain.access_groups import ALWAYS, AccessGroup, Door, Schedule
from domain.devices import Device, Place, Relay
from domain.kernel import fold
from domain.residents import Resident, card
from domain.rights import Grant, allowed, desired, entries, evidence, grants
from tests.builders import (
    ANN,
    ANNEX,
    BOB,
    CONTACT,
    EVERYBODY,
    FLAT_1,
    FLAT_2,
    GATE,
    GYM,
    STAFF,
    SWIMMERS,
    TOWER,
    a_default_group,
    a_device,
)

MORNINGS = Schedule(repeat="weekly", days=frozenset({1, 2, 3, 4, 5}), start=time(6), end=time(9))
FRONT, SIDE = Door(device=GATE, relay=1), Door(device=GATE, relay=2)
POOL = AccessGroup(
    group=SWIMMERS, number=1, name="Pool", doors=frozenset({FRONT}), schedule=MORNINGS
)
WORK = AccessGroup(
    group=STAFF,
    number=2,
    name="Work",
    doors=frozenset({Door(device=GYM, relay=1)}),
    schedule=ALWAYS,
)


def device(id: object = GATE, **changes: object) -> Device:
    made = fold(Device, [a_device(GATE if id == GATE else GYM)])
    assert made
    return replace(made, **changes)  # type: ignore[arg-type]


ANNS = Resident(
    resident=ANN,
    apartment=FLAT_1,
    building=TOWER,
    role="master",
    contact=CONTACT,
    groups=frozenset({SWIMMERS}),
    pin="2468",
)
BOBS = replace(ANNS, resident=BOB, groups=frozenset({STAFF}), pin="1357")


@pytest.mark.parametrize(
    ("utc", "may"),
    [("01T21:59", False), ("01T22:00", True), ("02T01:00", True), ("02T01:01", False)],
)
def test_a32_a_schedule_is_read_on_the_communitys_clock(utc: str, may: bool) -> None:
    instant = datetime.fromisoformat(f"2026-03-{utc}").replace(tzinfo=UTC)
    shanghai = ZoneInfo("Asia/Shanghai")
    assert allowed(ANNS, FRONT, device(), [POOL, WORK], instant, shanghai) is may


def test_a31_two_groups_are_a_union() -> None:
    night = replace(POOL, schedule=ALWAYS)
    at = datetime(2026, 3, 7, 23, tzinfo=UTC)
    assert allowed(ANNS, FRONT, device(), [POOL, night], at, ZoneInfo("UTC"))
    assert not allowed(ANNS, FRONT, device(), [POOL], at, ZoneInfo("UTC"))


def test_why_somebody_may_open_a_door() -> None:
    assert grants(ANNS, FRONT, device(), [POOL, WORK]) == [POOL]
    assert grants(ANNS, SIDE, device(), [POOL, WORK]) == []


def test_a_phone_wants_the_codes_of_its_own_people() -> None:
    for id, who in ((GATE, ANN), (GYM, BOB)):
        assert [e.holder for e in desired(device(id), [ANNS, BOBS], [POOL, WORK])] == [who]


def test_m131_without_its_group_a_right_is_gone() -> None:
    assert desired(device(), [ANNS, BOBS], [WORK]) == []


def test_m22_without_a_code_there_is_nothing_to_hold() -> None:
    assert entries(replace(ANNS, pin=None), device(), [POOL]) == []


DEFAULT = [g for g in [fold(AccessGroup, [a_default_group()])] if g]


@pytest.mark.parametrize(
    ("place", "relays"),
    [
        (Place(building=TOWER), {1, 2}),
        (Place(), {1, 2}),
        (Place(building=ANNEX), set()),
        (Place(building=TOWER, apartment=FLAT_1), set()),
    ],
)
def test_m16_a30_a_default_group_has_the_public_doors_of_its_building(
    place: Place, relays: set[int]
) -> None:
    person = replace(ANNS, groups=frozenset({EVERYBODY}))
    found = desired(device(place=place), [person], DEFAULT)
    expected = [frozenset({Grant(schedule=ALWAYS, relays=frozenset(relays))})] if relays else []
    assert [e.grants for e in found] == expected


FF01 = frozenset({"FF01"})
BOTH = replace(ANNS, groups=frozenset({EVERYBODY}), cards=frozenset({card("FF01")}))
BOBS_TOO = replace(BOTH, resident=BOB, apartment=FLAT_2, cards=frozenset())


def test_m101_one_record_where_a_phone_takes_both_kinds_everywhere() -> None:
    [one] = entries(BOTH, device(), DEFAULT)
    assert (one.key, one.pin, one.cards) == (ANN.hex, "2468", FF01)


def test_m101_two_records_where_a_relay_takes_one_kind_only() -> None:
    relays = (Relay(number=1, name="A", methods=frozenset({"pin"})), Relay(number=2, name="B"))
    by_pin, by_card = entries(BOTH, device(relays=relays), DEFAULT)
    held = by_pin.pin, by_pin.cards, by_card.pin, by_card.cards
    assert held == ("2468", frozenset(), None, FF01)
    assert [[sorted(g.relays) for g in e.grants] for e in (by_pin, by_card)] == [[[1, 2]], [[2]]]


def test_m101_a_relay_that_takes_no_pin_opens_by_none() -> None:
    cards_only = tuple(Relay(number=n, name="A", methods=frozenset({"card"})) for n in (1, 2))
    [one] = entries(BOTH, device(relays=cards_only), DEFAULT)
    assert (one.pin, one.cards) == (None, FF01)


def test_the_evidence_of_a_credential_is_its_code_and_what_it_opens() -> None:
    held = entries(BOTH, device(), DEFAULT)
    proof = evidence(held)
    assert set(proof) == {(ANN, "pin"), (ANN, "card")}
    for other in (
        replace(held[0], pin="1357"),
        replace(held[0], grants=frozenset({Grant(schedule=ALWAYS, relays=frozenset({1}))})),
        replace(held[0], grants=frozenset({Grant(schedule=MORNINGS, relays=frozenset({1, 2}))})),
    ):
        assert evidence([other])[ANN, "pin"] != proof[ANN, "pin"]
    assert evidence([replace(held[0], cards=frozenset({"FF02"}))])[ANN, "pin"] == proof[ANN, "pin"]


def test_m115_a_record_with_a_pin_says_the_apartment_and_one_with_cards_alone_does_not() -> None:
    relays = (
        Relay(number=1, name="Front", methods=frozenset({"pin"})),
        Relay(number=2, name="Side", methods=frozenset({"card"})),
    )
    by_pin, by_card = entries(BOTH, device(relays=relays), DEFAULT, "101")
    assert (by_pin.room, by_card.room) == ("101", None)
    [one] = entries(BOTH, device(), DEFAULT, "101")
    assert (one.room, one.cards) == ("101", by_card.cards)
    [hers, his] = desired(device(), [BOTH, BOBS_TOO], DEFAULT, {FLAT_1: "101"})
    assert (hers.room, his.room) == ("101", None)


def test_m115_the_apartment_is_part_of_the_proof_of_a_pin_and_not_of_a_card() -> None:
    plain, here, there = (
        evidence(entries(BOTH, device(), DEFAULT, room)) for room in (None, "101", "102")
    )
    assert len({proof[ANN, "pin"] for proof in (plain, here, there)}) == 3
    assert plain[ANN, "card"] == here[ANN, "card"] == there[ANN, "card"]


def test_d6_equal_grants_of_two_people_are_one_object() -> None:
    """Thousands have the same few, and every phone compares them while somebody must go."""
    neighbour = replace(ANNS, resident=BOB, pin="1357")
    [one], [other] = (entries(who, device(), [POOL]) for who in (ANNS, neighbour))
    assert one.grants is other.grants
