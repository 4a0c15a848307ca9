"""M84, M85: whose face opened, though a phone says a name alone; an audit log does not guess."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from commands.residents.pictures import as_kept
from device_adapters.simulator import Fleet, PluggedIn
from device_adapters.simulator.users import face_in
from domain.faces import FaceEnrolled, FaceRemoved, known_by
from domain.ids import ResidentId
from domain.kernel import Event
from domain.residents import ContactChanged
from domain.rights import Entry
from tests.builders import ANN, BOB, CONTACT, HARBOUR, SWIMMERS, a_photo, a_resident
from tests.device_adapters.houses import House, a_house, soon
from tests.device_adapters.keeping import BEGAN, Kept, no_more, wish
from tests.device_adapters.memory_phone import MemoryPhone
from tests.device_adapters.people import an_entry
from tests.device_adapters.test_door_logs import Reading, away

ANNS, BOBS = as_kept(a_photo()), as_kept(a_photo(1))
LONG = "Bartholomew " * 8
BURKE = replace(CONTACT, first_name="Bob", last_name="Burke")
TWO: tuple[Event, ...] = (a_resident(ANN, SWIMMERS), a_resident(BOB, SWIMMERS))  # Ann Archer both
APART: tuple[Event, ...] = (*TWO, ContactChanged(resident=BOB, contact=BURKE))


def enroll(house: House, who: ResidentId, picture: bytes) -> None:
    """As the command does it: the picture first."""
    house.log.photos.keep(HARBOUR, who, picture)
    house.happen(FaceEnrolled(resident=who, photo=known_by(picture)))
    soon(lambda: state(house, who) == "verified")


def state(house: House, who: ResidentId) -> str | None:
    return house.now().get((who.int, "face"))


def shown(phone: PluggedIn, picture: bytes) -> bool:
    return phone.do(lambda one: one.present("face", face_in(picture)).opened)


def holders(reading: Reading) -> Sequence[UUID | None]:
    return [r.event.holder for r in reading.entries()]


def test_m85_a_face_opens_and_the_door_log_says_whose_it_was_but_no_name() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *APART) as house:
        reading = Reading(house)
        enroll(house, ANN, ANNS)
        enroll(house, BOB, BOBS)
        assert shown(fleet[0], BOBS)
        assert shown(fleet[0], ANNS)
        soon(lambda: len(reading.entries()) == 2)
        assert holders(reading) == [BOB, ANN]
        entry = reading.entries()[0].event
        assert (entry.method, entry.credential_kind, entry.holder_kind, entry.outcome) == (
            ("face", "face", "resident", "success")
        )
        assert "Burke" not in repr(reading.entries())
        assert fleet[0].do(lambda phone: phone.doors.ring[0]["Name"]) == "Bob Burke"


def test_m85_of_two_who_are_called_alike_it_is_nobody() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *TWO) as house:
        reading = Reading(house)
        enroll(house, ANN, ANNS)
        assert shown(fleet[0], ANNS)
        soon(lambda: holders(reading) == [ANN])
        enroll(house, BOB, BOBS)
        assert shown(fleet[0], ANNS)
        assert shown(fleet[0], BOBS)
        soon(lambda: len(reading.entries()) == 3)
        assert holders(reading) == [ANN, None, None]


def test_m85_names_that_a_phone_cuts_alike_are_one_name() -> None:
    first, second = (replace(CONTACT, first_name=LONG, last_name=name) for name in ("A", "B"))
    named = (
        ContactChanged(resident=ANN, contact=first),
        ContactChanged(resident=BOB, contact=second),
    )
    with Fleet(["X916"]) as fleet, a_house(fleet, *TWO, *named) as house:
        reading = Reading(house)
        enroll(house, ANN, ANNS)
        assert shown(fleet[0], ANNS)
        soon(lambda: holders(reading) == [ANN])
        assert len(fleet[0].do(lambda phone: phone.doors.ring[0]["Name"])) < len(LONG)
        enroll(house, BOB, BOBS)
        assert shown(fleet[0], ANNS)
        soon(lambda: holders(reading) == [ANN, None])


def test_m85_d8_what_a_face_opened_before_it_was_taken_away_is_not_given_to_another() -> None:
    """Read late, because the phone was away, when the other alone is called so."""
    with Fleet(["X916"]) as fleet, a_house(fleet, *TWO) as house:
        enroll(house, ANN, ANNS)
        enroll(house, BOB, BOBS)
        away(house)
        assert shown(fleet[0], BOBS)
        house.happen(FaceRemoved(resident=BOB))
        fleet[0].clear_faults()
        soon(lambda: state(house, BOB) == "withdrawn")
        reading = Reading(house)
        soon(lambda: holders(reading) == [None])


def test_m85_d8_also_if_we_were_restarted_meanwhile() -> None:
    with Fleet(["X916"]) as fleet, a_house(fleet, *TWO) as house:
        enroll(house, ANN, ANNS)
        enroll(house, BOB, BOBS)
        away(house)
        house.stop()
        assert shown(fleet[0], BOBS)
        house.happen(FaceRemoved(resident=BOB))
        fleet[0].clear_faults()
        with a_house(fleet, log=house.log) as again:
            reading = Reading(again)
            soon(lambda: holders(reading) == [None])
            assert state(again, BOB) == "withdrawn"


# Call by call, with a keeper


def face(n: int, name: str = "Ann Archer") -> Entry:
    whose = f"{UUID(int=n).hex}-face"
    return replace(an_entry(n, name=name), key=whose, pin=None, face=f"{n:064x}")


def bearer(kept: Kept, seconds: float, name: str = "Ann Archer") -> int | None:
    """Whose face it was, so many seconds after the beginning."""
    found = kept.keeper.bearer(name, BEGAN + timedelta(seconds=seconds))
    return found.int if found else None


def test_m85_a_name_is_whole_and_of_who_has_a_face_there() -> None:
    kept = Kept(MemoryPhone())
    kept.run(wish(face(1), face(2, "Ann Archers"), an_entry(3, name="Ann Archer")))
    assert [bearer(kept, 0, name) for name in ("Ann Archer", "Ann", "archer", "")] == [
        *(1, None),
        *(None, None),
    ]


def test_m85_a_name_is_nobodys_until_a_minute_after_another_of_that_name_is_gone() -> None:
    kept = Kept(MemoryPhone())
    kept.run(wish(face(1), face(2)))
    assert bearer(kept, 0) is None
    kept.hands.seconds = 600
    kept.run(no_more(2))
    assert [bearer(kept, at) for at in (0, 600, 659, 661)] == [None, None, None, 1]


def test_m85_who_is_gone_is_not_named_and_whose_record_changed_is() -> None:
    kept = Kept(MemoryPhone())
    kept.run(wish(face(1)))
    kept.run(wish(replace(face(1), grants=an_entry(1, relays=(2,)).grants)))
    assert bearer(kept, 0) == 1
    kept.run(wish(face(1, "Ann Burke")))
    assert (bearer(kept, 0), bearer(kept, 0, "Ann Burke")) == (None, 1)
    kept.run(no_more(1))
    assert (bearer(kept, 0), bearer(kept, 0, "Ann Burke")) == (None, None)


def test_m85_a_face_that_is_found_there_and_is_not_to_be_counts() -> None:
    """A phone that keeps what should go, read by a process that never put it there."""
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(face(1), face(2)))
    phone.deaf = True
    kept.run(no_more(2))
    kept.restart()
    kept.run()
    assert bearer(kept, 0) is None
