"""Plates, tags, faces and floors: from a fact in the log to a phone and back (M27, M32-M36)."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from commands.residents.pictures import as_kept
from device_adapters.akuvox import fits, rows, windows
from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import CAUTIOUS, KNOWN, Profile, profile_of
from device_adapters.port import Rejected
from device_adapters.simulator import Fleet, PluggedIn
from device_adapters.simulator.users import face_in
from domain.access_groups import Period
from domain.faces import FaceEnrolled, FaceRemoved, known_by
from domain.ids import ResidentId
from domain.kernel import Event
from domain.lifts import FloorsChosen
from domain.residents import PinRevoked, ResidentDeleted
from domain.rights import Entry
from tests.builders import (
    ANN,
    BOB,
    HARBOUR,
    NOW,
    SWIMMERS,
    a_photo,
    a_pin,
    a_resident,
    floors,
    vehicles,
)
from tests.device_adapters.houses import House, a_house, soon
from tests.device_adapters.people import an_entry

KEPT, OTHER = as_kept(a_photo()), as_kept(a_photo(1))
ANNS: tuple[Event, ...] = (a_resident(ANN, SWIMMERS), a_pin("2468", ANN))
JUNE = Period(first=date(2026, 6, 1), last=date(2026, 6, 30))


def enrolled(house: House, picture: bytes = KEPT, who: ResidentId = ANN) -> FaceEnrolled:
    """As the command does it: the picture first."""
    house.log.photos.keep(HARBOUR, who, picture)
    return FaceEnrolled(resident=who, photo=known_by(picture))


def state(house: House, kind: str, n: int = 0, who: ResidentId = ANN) -> str | None:
    return house.now(n).get((who.int, kind))


def test_m33_a_plate_opens_the_door_and_is_proved_to_be_there() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *ANNS, vehicles("12-AB-34", "CD 56")) as house:
        soon(lambda: state(house, "plate") == "verified")
        assert house.is_right()
        assert fleet[0].phone.present("plate", "12ab34").opened
        house.happen(vehicles("CD56"))
        soon(lambda: not fleet[0].phone.present("plate", "12AB34").opened)
        soon(lambda: state(house, "plate") == "verified" and house.is_right())
        assert fleet[0].phone.present("plate", "CD56").opened
        assert state(house, "pin") == "verified"


def test_m34_m36_with_a_tag_the_plates_leave_the_phone_and_come_back_with_its_last_one() -> None:
    with Fleet(["E18"]) as fleet, a_house(fleet, *ANNS, vehicles("AB12")) as house:
        soon(lambda: state(house, "plate") == "verified")
        house.happen(vehicles("AB12", tags=("E280",)))
        soon(lambda: (state(house, "uhf"), state(house, "plate")) == ("verified", "withdrawn"))
        assert fleet[0].phone.present("uhf", "E280").opened
        assert not fleet[0].phone.present("plate", "AB12").opened
        house.happen(vehicles("AB12"))
        soon(lambda: (state(house, "uhf"), state(house, "plate")) == ("withdrawn", "verified"))
        assert fleet[0].phone.present("plate", "AB12").opened


def test_m35_a_phone_keeps_a_vehicle_out_before_and_after_its_period() -> None:
    at = [NOW]
    with (
        Fleet(["X916"], clock=lambda: at[0]) as fleet,
        a_house(fleet, *ANNS, vehicles("AB12", period=JUNE), wall=NOW.timestamp) as house,
    ):
        soon(lambda: (state(house, "plate"), state(house, "pin")) == ("verified",) * 2)
        opened = []
        for month, day in ((5, 31), (6, 1), (6, 30), (7, 1)):
            at[0] = datetime(2026, month, day, 12, tzinfo=UTC)
            opened.append(fleet[0].phone.present("plate", "AB12").opened)
            assert fleet[0].punch("2468").opened
        assert opened == [False, True, True, False]


def test_m32_a_face_opens_the_door_and_another_photo_takes_its_place() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *ANNS) as house:
        house.happen(enrolled(house))
        soon(lambda: state(house, "face") == "verified")
        assert house.is_right()
        assert fleet[0].phone.present("face", face_in(KEPT)).opened
        house.happen(enrolled(house, OTHER))
        soon(lambda: fleet[0].phone.present("face", face_in(OTHER)).opened)
        soon(lambda: state(house, "face") == "verified" and house.is_right())
        assert not fleet[0].phone.present("face", face_in(KEPT)).opened
        house.happen(FaceRemoved(resident=ANN))
        soon(lambda: state(house, "face") == "withdrawn")
        assert not fleet[0].phone.present("face", face_in(OTHER)).opened
        assert state(house, "pin") == "verified"


def test_m32_a_photo_is_sent_once_and_not_with_each_change_of_its_owner() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *ANNS) as house:
        house.happen(enrolled(house), vehicles("AB12"))
        soon(lambda: (state(house, "face"), state(house, "plate")) == ("verified",) * 2)
        house.happen(a_pin("1357", ANN), FloorsChosen(resident=ANN, floors=floors(3)))
        soon(lambda: state(house, "floors") == "verified" and house.is_right())
        assert fleet[0].phone.answered["filetool/import"] == 1


def test_m32_d3_where_a_phone_finds_no_face_it_is_said_and_the_pin_goes_on() -> None:
    with Fleet(["X916"]) as fleet:
        fleet[0].fault("no_face")
        with a_house(fleet, *ANNS) as house:
            house.happen(enrolled(house))
            soon(lambda: state(house, "face") == "mismatch", within=10)
            reasons = {one.reason for one in house.outcomes() if one.state == "mismatch"}
            assert (reasons, state(house, "pin")) == ({"knows no face by the photo"}, "verified")
            assert fleet[0].punch("2468").opened


def test_m32_a_photo_that_is_gone_is_written_nowhere() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *ANNS) as house:
        house.happen(FaceEnrolled(resident=ANN, photo=known_by(KEPT)))
        soon(lambda: state(house, "face") == "mismatch", within=10)
        assert [row["UserID"] for row in fleet[0].phone.users] == [ANN.hex]


def test_d6_m32_a_revocation_does_not_wait_for_a_crowd_of_faces() -> None:
    crowd = [ResidentId(UUID(int=n)) for n in range(10_000, 10_030)]
    with Fleet(["X916"]) as fleet, a_house(fleet, *ANNS) as house:
        soon(lambda: state(house, "pin") == "verified")
        fleet[0].fault("latency", ms=20)
        for n, who in enumerate(crowd):
            house.happen(a_resident(who, SWIMMERS), enrolled(house, KEPT + bytes([n]), who))
        sent = fleet[0].phone.answered
        soon(lambda: sent["filetool/import"] > 2)
        house.happen(PinRevoked(resident=ANN))
        soon(lambda: not fleet[0].punch("2468").opened)
        assert sent["filetool/import"] < 20
        fleet[0].clear_faults()
        soon(lambda: all(state(house, "face", who=who) == "verified" for who in crowd), within=20)


def test_m39_who_is_deleted_is_known_by_no_plate_and_no_face() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *ANNS, vehicles("AB12")) as house:
        house.happen(enrolled(house))
        soon(lambda: state(house, "face") == "verified")
        house.happen(ResidentDeleted(resident=ANN))
        soon(lambda: {state(house, kind) for kind in ("pin", "plate", "face")} == {"withdrawn"})
        assert not fleet[0].state()["users"]


def test_m27_the_floors_of_its_building_stand_in_each_record_of_a_phone() -> None:
    with (
        Fleet(["R29"]) as fleet,
        a_house(fleet, *ANNS, vehicles("AB12", period=JUNE), wall=NOW.timestamp) as house,
    ):
        house.happen(FloorsChosen(resident=ANN, floors=floors(12, 3)))
        soon(lambda: state(house, "floors") == "verified" and house.is_right())
        assert {row["LiftFloorNum"] for row in fleet[0].phone.users} == {"3;12"}
        house.happen(FloorsChosen(resident=ANN, floors=frozenset()))
        soon(lambda: state(house, "floors") == "withdrawn")
        assert {row["LiftFloorNum"] for row in fleet[0].phone.users} == {"0"}
        assert state(house, "pin") == "verified"


def test_d6_m33_m27_what_somebody_changes_at_the_phone_is_set_right() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *ANNS, vehicles("AB12")) as house:
        house.happen(FloorsChosen(resident=ANN, floors=floors(3)))
        soon(lambda: state(house, "floors") == "verified")
        evil = {"LicensePlate": "AB12;EVIL1", "LiftFloorNum": "3;9"}
        fleet[0].phone.local_edit("alter", ANN.hex, evil)
        assert fleet[0].phone.present("plate", "EVIL1").opened
        house.lane().check()
        soon(lambda: not fleet[0].phone.present("plate", "EVIL1").opened and house.is_right())
        told = [one.state for one in house.outcomes() if one.kind == "plate"]
        assert "mismatch" in told


def test_what_a_model_cannot_take_is_not_deliverable_and_says_why() -> None:
    """M33, M34, M32, M27: E12W has neither keypad nor camera, R20A no faces."""
    with Fleet(["E12W", "R20A"]) as fleet:
        bobs = (a_resident(BOB, SWIMMERS), vehicles(tags=("E281",), who=BOB))
        with a_house(fleet, *ANNS, vehicles("AB12"), *bobs) as house:
            house.happen(enrolled(house), FloorsChosen(resident=ANN, floors=floors(0, 3)))
            soon(lambda: len(house.now(0)) >= 5 and state(house, "plate", 1) == "verified")
            soon(lambda: state(house, "face", 1) == "undeliverable")
            why = {
                (n, one.holder, one.kind): one.reason
                for n in (0, 1)
                for one in house.outcomes(n)
                if one.state == "undeliverable"
            }
        assert why == {
            (0, ANN, "pin"): "the phone has no keypad",
            (0, ANN, "plate"): "the phone takes no licence plates",
            (0, ANN, "face"): "the phone knows no faces",
            (0, ANN, "floors"): "the phone calls no lift",
            (0, BOB, "uhf"): "the phone takes no UHF tags",
            (1, ANN, "face"): "the phone knows no faces",
            (1, ANN, "floors"): "takes 1 of 2 floors: 1 to 128",
        }


# The driver by itself


@pytest.fixture
def sim() -> Iterator[PluggedIn]:
    with Fleet(["X916"]) as fleet:
        yield fleet[0]


def driver(sim: PluggedIn) -> AkuvoxPhone:
    profile = profile_of("X916").paced(0, 0)
    return AkuvoxPhone(sim.url, None, profile, photo=lambda holder, photo: KEPT)


def full(n: int = 1) -> Entry:
    return replace(
        an_entry(n),
        plates=frozenset({"AB12", "CD34"}),
        face=known_by(KEPT),
        floors=frozenset({2, 11}),
    )


@pytest.mark.parametrize("profile", [*KNOWN, CAUTIOUS], ids=lambda p: p.model or "unknown")
def test_m128_what_fits_a_model_is_what_its_profile_says(profile: Profile) -> None:
    fit = fits.fit(full(), profile)
    takes = {
        "plate": profile.vehicles > 0,
        "face": profile.faces,
        "floors": profile.floors > 0,
        "pin": profile.pin_digits is not None,
    }
    assert {kind for kind, may in takes.items() if not may} <= fit.lacks.keys()


def test_where_no_code_fits_nobody_is_taken_to_a_floor() -> None:
    alone = replace(full(), face=None, plates=frozenset(), pin="1234567")
    none = fits.fit(alone, replace(profile_of("X916"), pin_digits=(2, 4)))
    assert (none.entry, set(none.lacks)) == (None, {"pin", "floors"})


def test_m33_m32_m27_a_field_that_a_phone_swallows_is_seen(sim: PluggedIn) -> None:
    with closing(driver(sim)) as phone:
        phone.put([full()])
        key = full().key
        assert phone.read()[key] == phone.shows(full())
        [row] = sim.phone.users
        for field, value in (
            ("LicensePlate", "AB12"),
            ("FaceRegisterStatus", "0"),
            ("FaceUrl", "/mnt/Face/somebody-else.jpg"),
            ("LiftFloorNum", "2"),
        ):
            other = {"FaceFileName": ""} if field == "FaceUrl" else {}
            sim.phone.users.put({**row, field: value, **other})
            assert phone.read()[key] != phone.shows(full()), field
        sim.phone.users.put(row)
        assert phone.read()[key] == phone.shows(full())


def test_a_row_of_the_wire_has_five_places_for_vehicles_and_tells_no_face(sim: PluggedIn) -> None:
    """[UL]: what is free is an empty object."""
    always = {str(windows.ALWAYS): "1001"}
    written = rows.row_of(full(), always, profile_of("X916"))
    assert written["LicensePlate"] == [{"Plate": "AB12"}, {"Plate": "CD34"}, {}, {}, {}]
    assert written["FaceFileName"] == f"{full().key}-{known_by(KEPT)[:16]}.jpg"
    assert "LicensePlate" not in rows.row_of(an_entry(), always, CAUTIOUS)


def test_a_photo_that_a_phone_does_not_take_is_refused_without_a_word_of_it(sim: PluggedIn) -> None:
    profile = profile_of("X916").paced(0, 0)
    with (
        closing(AkuvoxPhone(sim.url, None, profile, photo=lambda *_: b"PLAIN SECRET")) as phone,
        pytest.raises(Rejected) as refused,
    ):
        phone.put([full()])
    assert "SECRET" not in str(refused.value)


def test_nothing_of_a_plate_or_a_face_is_in_what_is_printed() -> None:
    held = rows.shown(full(), profile_of("X916"))
    assert "AB12" not in repr((full(), held))
    assert known_by(KEPT)[:16] not in repr((full(), held))
