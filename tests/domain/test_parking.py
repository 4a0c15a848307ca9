"""Vehicles: what is a plate or a tag, how many, for how long, and whose."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from commands.residents import DeleteResident
from commands.residents.keys import ChangeVehicles
from domain import parking
from domain.access_groups import ALWAYS, AccessGroup, Door, Period, Schedule
from domain.devices import Device, Relay
from domain.kernel import Malformed, fold
from domain.parking import Vehicles, VehiclesChanged
from domain.residents import Resident
from domain.rights import allowed, entries, evidence, granted
from tests.builders import (
    ANN,
    BOB,
    GATE,
    SWIMMERS,
    a_community,
    a_device,
    a_group,
    a_resident,
    an_apartment,
    joined,
    vehicles,
)
from tests.scenario import given

HOME = (a_community(), an_apartment(), a_resident(), joined())
JUNE = Period(first=date(2026, 6, 1), last=date(2026, 6, 30))
GATES = frozenset({Door(device=GATE, relay=n) for n in (1, 2)})


def ann(*changes: VehiclesChanged) -> Resident:
    person = fold(Resident, [a_resident(ANN, SWIMMERS), *changes])
    assert person
    return person


def device(*methods: frozenset[str]) -> Device:
    phone = fold(Device, [a_device()])
    assert phone
    relays = tuple(
        Relay(number=n, name="Gate", methods=taken)  # type: ignore[arg-type]
        for n, taken in enumerate(methods, 1)
    )
    return replace(phone, relays=relays or phone.relays)


def group(when: Schedule = ALWAYS) -> AccessGroup:
    made = fold(AccessGroup, [a_group(SWIMMERS, *GATES, when=when)])
    assert made
    return made


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("12-ab-34", "12AB34"),
        (" M·AB 1234 ", "MAB1234"),
        ("\u0430123", "\u0410123"),
        ("京A12345", "京A12345"),
    ],
)
def test_m33_a_plate_is_what_a_camera_sees_of_it(typed: str, code: str) -> None:
    assert parking.plate(typed).code == code


@pytest.mark.parametrize("typed", ["", "A", "A" * 13, "AB_12", "AB\x0012", "=A1+1"])
def test_m33_what_no_camera_reads_is_no_plate(typed: str) -> None:
    with pytest.raises(Malformed, match="letters and digits"):
        parking.plate(typed)


@pytest.mark.parametrize(
    ("typed", "code"),
    [("e2:80:11:60", "E2801160"), ("Tag-7x", "TAG-7X"), ("e28011606", "E28011606")],
)
def test_m34_a_uhf_tag_is_written_as_cards_are(typed: str, code: str) -> None:
    assert parking.tag(typed).code == code


def test_m33_m34_plates_and_tags_are_given_together_and_what_is_left_out_stays() -> None:
    both = ChangeVehicles(resident=ANN, plates=frozenset({"12-AB-34"}), uhf=frozenset({"E280"}))
    given(*HOME).when(both).then(vehicles("12-AB-34", tags=("E280",)))
    other = ChangeVehicles(resident=ANN, plates=frozenset({"99-ZZ-99"}))
    given(*HOME, vehicles("12-AB-34", tags=("E280",))).when(other).then(
        vehicles("99-ZZ-99", tags=("E280",))
    )


def test_m80_the_same_plates_typed_otherwise_are_already_so() -> None:
    again = ChangeVehicles(resident=ANN, plates=frozenset({"12 ab 34", "12.AB.34"}))
    given(*HOME, vehicles("12-AB-34")).when(again).then_nothing()
    gone = ChangeVehicles(resident=ANN, plates=frozenset())
    given(*HOME, vehicles("12-AB-34")).when(gone).then(vehicles())


@pytest.mark.parametrize("field", ["plates", "uhf"])
def test_a10_five_of_each_and_no_sixth(field: str) -> None:
    five = frozenset(f"AB{n}" for n in range(5))
    made = given(*HOME).when(ChangeVehicles(resident=ANN, **{field: five})).decided()  # type: ignore[arg-type]
    assert len(made) == 1
    six = ChangeVehicles(resident=ANN, **{field: five | {"AB9"}})  # type: ignore[arg-type]
    given(*HOME).when(six).then_refused("5 at most")


@pytest.mark.parametrize(("kind", "field"), [("plate", "plates"), ("uhf", "uhf")])
def test_m33_m34_a_plate_and_a_tag_have_one_owner_until_they_are_given_up(
    kind: str, field: str
) -> None:
    two = (*HOME, a_resident(BOB, role="family"), joined(BOB, role="family"))
    hers = vehicles("E2801", tags=("E2802",))
    code = "E2801" if kind == "plate" else "E2802"
    ask = ChangeVehicles(resident=BOB, **{field: frozenset({code})})  # type: ignore[arg-type]
    given(*two, hers).when(ask).then_refused(f"{kind}-taken")
    assert given(*two, hers, vehicles()).when(ask).decided()


def test_m33_who_is_deleted_gives_plates_and_tags_up() -> None:
    hers = vehicles("AB12", tags=("E2802",))
    gone = given(*HOME, hers).when(DeleteResident(resident=ANN), by="installer").decided()
    assert {"plate", "uhf", "photo"} <= set(gone[-1].releases)


def test_m35_long_term_is_on_by_default_and_off_wants_a_period() -> None:
    assert Vehicles().period is None
    off = ChangeVehicles(resident=ANN, long_term=False)
    given(*HOME).when(off).then_refused("a first and a last day")
    for_june = ChangeVehicles(resident=ANN, long_term=False, first=JUNE.first, last=JUNE.last)
    given(*HOME, vehicles("AB12")).when(for_june).then(vehicles("AB12", period=JUNE))
    again = ChangeVehicles(resident=ANN, long_term=True)
    given(*HOME, vehicles("AB12", period=JUNE)).when(again).then(vehicles("AB12"))
    both = ChangeVehicles(resident=ANN, long_term=True, first=JUNE.first, last=JUNE.last)
    given(*HOME).when(both).then_refused("long_term")
    backwards = ChangeVehicles(resident=ANN, first=JUNE.last, last=JUNE.first)
    given(*HOME).when(backwards).then_refused("in this order")


@pytest.mark.parametrize(
    ("day", "may"), [((5, 31), False), ((6, 1), True), ((6, 30), True), ((7, 1), False)]
)
def test_a11_m35_a_period_is_the_persons_and_bounds_what_vehicles_open(
    day: tuple[int, int], may: bool
) -> None:
    person = ann(vehicles("AB12", "CD34", period=JUNE))
    at = datetime(2026, *day, 12, tzinfo=UTC)
    front = Door(device=GATE, relay=1)
    asked = person, front, device(), [group()], at, ZoneInfo("UTC")
    assert allowed(*asked, method="plate") is may
    assert allowed(*asked)  # on foot the groups alone decide


def test_m36_a9_who_has_a_uhf_tag_drives_in_by_that_and_by_no_plate() -> None:
    both = ann(vehicles("AB12", "CD34", tags=("E280",)))
    [one] = entries(both, device(), [group()])
    assert (one.uhf, one.plates) == (frozenset({"E280"}), frozenset())
    assert set(evidence([one])) == {(ANN, "uhf")}


def test_a9_with_the_last_tag_gone_the_plates_are_given_out_again() -> None:
    before = vehicles("AB12", tags=("E280",))
    without = given(*HOME, before).when(ChangeVehicles(resident=ANN, uhf=frozenset())).decided()
    [one] = entries(ann(before, *without), device(), [group()])  # type: ignore[arg-type]
    assert (one.uhf, one.plates) == (frozenset(), frozenset({"AB12"}))


def test_m101_a_relay_may_take_plates_and_no_tags() -> None:
    phone = device(frozenset({"plate"}), frozenset({"uhf", "pin"}))
    person = replace(ann(vehicles("AB12")), pin="2468")
    pin, plates = entries(person, phone, [group()])
    assert (pin.key, plates.key) == (ANN.hex, f"{ANN.hex}-plate")
    assert [{n for g in one.grants for n in g.relays} for one in (pin, plates)] == [{2}, {1}]
    tagged = ann(vehicles("AB12", tags=("E280",)))
    assert {n for g in granted(tagged, phone, [group()], "uhf") for n in g.relays} == {2}


def test_m35_a_period_makes_a_record_of_its_own_and_leaves_the_pin_alone() -> None:
    person = replace(ann(vehicles("AB12", period=JUNE)), pin="2468")
    pin, plates = entries(person, device(), [group()])
    assert {g.schedule for g in pin.grants} == {ALWAYS}
    assert {g.schedule for g in plates.grants} == {ALWAYS.within(JUNE)}


def test_nobody_sees_a_plate_in_what_is_printed() -> None:
    happened = vehicles("AB12", tags=("E280",))
    assert "AB12" not in repr((happened, happened.vehicles, ann(happened), happened.claims()))
    ask = ChangeVehicles(resident=ANN, plates=frozenset({"AB12"}))
    assert "AB12" not in repr(ask)
