"""D5: a few records among thousands are looked for by name, and only good news is believed."""

from contextlib import closing
from dataclasses import replace

from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import profile_of
from device_adapters.port import Limits
from device_adapters.searching import FEW, MANY
from device_adapters.simulator import Fleet
from domain.rights import Entry
from tests.device_adapters.keeping import Hands, Kept, no_more, verified, wish
from tests.device_adapters.memory_phone import MemoryPhone, SearchedPhone
from tests.device_adapters.people import an_entry

CROWD = [an_entry(n) for n in range(1, MANY + FEW + 2)]
NEW = an_entry(1000)


def filled(phone: MemoryPhone, *more: Entry) -> Kept:
    kept = Kept(phone)
    kept.run(wish(*CROWD, *more))
    del phone.calls[:]
    return kept


def made(phone: MemoryPhone) -> list[str]:
    return [name for name, _ in phone.calls if name in ("read", "look_for")]


def test_d5_who_leaves_is_looked_for_by_name_and_so_is_who_comes() -> None:
    kept = filled(phone := SearchedPhone())
    assert [one.state for one in kept.run(no_more(1))] == ["pending", "withdrawn"]
    assert kept.run(wish(NEW)) == [verified(NEW)]
    assert made(phone) == ["look_for", "look_for"]
    assert NEW.key in phone.records
    assert CROWD[0].key not in phone.records


def test_d5_control_a_phone_that_cannot_search_and_one_with_few_people_are_read() -> None:
    kept = filled(phone := MemoryPhone())
    kept.run(no_more(1))
    few = Kept(small := SearchedPhone())
    few.run(wish(*CROWD[: MANY - 1]))
    del small.calls[:]
    few.run(no_more(1))
    assert (made(phone), made(small)) == (["read"], ["read"])


def test_d5_more_than_a_few_are_read() -> None:
    kept = filled(phone := SearchedPhone(limits=Limits(batch=10, settle=0)))
    kept.run(no_more(*range(1, FEW + 2)))
    assert made(phone) == ["read"]


def test_d5_that_nobody_is_found_is_believed_of_a_search_that_finds_somebody_else() -> None:
    kept = filled(phone := SearchedPhone())
    phone.deaf, phone.blind = True, tuple(str(one.name) for one in CROWD)
    assert [one.state for one in kept.run(no_more(1))] == ["pending", "mismatch"]
    assert "read" in made(phone)


def test_d5_a_name_that_may_be_written_otherwise_is_read() -> None:
    rene = an_entry(1000, name="René Müller")
    kept = filled(phone := SearchedPhone(), rene)
    kept.run(no_more(1000))
    assert made(phone) == ["read"]
    assert kept.run(wish(rene)) == [verified(rene)]
    assert made(phone) == ["read", "look_for"]


def test_d3_what_was_not_taken_is_read_and_never_believed() -> None:
    kept = filled(phone := SearchedPhone())
    phone.deaf = True
    assert [one.state for one in kept.run(no_more(1))] == ["pending", "mismatch"]
    assert [one.state for one in kept.run(wish(NEW))] == ["mismatch"]
    assert made(phone).count("read") >= 2


def test_d3_other_hours_than_were_asked_for_are_read_and_never_believed() -> None:
    kept = filled(phone := SearchedPhone())
    phone.seen = lambda records: phone.records.update(
        {NEW.key: replace(records[NEW.key], opens=frozenset())} if NEW.key in records else {}
    )
    assert [one.state for one in kept.run(wish(NEW))] == ["mismatch"]


def test_a_search_that_is_refused_is_a_reading() -> None:
    kept = filled(phone := SearchedPhone(refuses=True))
    assert [one.state for one in kept.run(no_more(1))] == ["pending", "withdrawn"]
    assert made(phone) == ["look_for", "read"]


def test_d6_who_was_withdrawn_is_proved_before_a_crowd_that_was_written_before() -> None:
    """And the crowd is not forgotten."""
    hands = Hands()
    kept = Kept(MemoryPhone(limits=Limits(batch=10, settle=1)), hands)
    kept.run(wish(NEW))
    hands.later[hands.writes + 2] = no_more(1000)
    said = kept.run(wish(*CROWD))
    states = [one.state for one in said]
    assert states[:2] == ["pending", "withdrawn"]
    assert states[2:] == ["verified"] * len(CROWD)


def test_s5_a_phone_finds_what_contains_the_name_and_its_numbers_are_known() -> None:
    ann, anna, bob = (an_entry(n, name=name) for n, name in enumerate(["Ann A", "Ann AB", "Bob B"]))
    with Fleet(["X916"]) as fleet:
        profile = profile_of("X916").paced(0, 0)
        with closing(AkuvoxPhone(fleet[0].url, None, profile)) as phone:
            phone.put([ann, anna, bob])
            found = phone.look_for([ann])
            assert dict(found) == {one.key: phone.shows(one) for one in (ann, anna)}
            phone.withdraw([ann.key])
            assert dict(phone.look_for([ann, bob])) == {
                one.key: phone.shows(one) for one in (anna, bob)
            }
            assert [row["Name"] for row in fleet[0].phone.users] == ["Ann AB", "Bob B"]
