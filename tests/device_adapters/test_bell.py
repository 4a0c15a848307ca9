"""What waits for a lane is handed out so that nobody who must go waits behind a crowd (D6)."""

from uuid import UUID

from device_adapters.bell import Bell
from tests.device_adapters.keeping import no_more, wish
from tests.device_adapters.people import an_entry


def test_d6_who_must_go_is_in_the_first_part_of_a_crowd_and_nobody_is_left_out() -> None:
    bell = Bell()
    bell.wish({**wish(*map(an_entry, range(10))), **no_more(20, 21)})
    first, second, third = (bell.take(4) for _ in range(3))
    assert {UUID(int=20), UUID(int=21)} <= first.keys()
    assert (len(first), len(second), len(third)) == (6, 4, 2)
    assert first.keys() | second.keys() | third.keys() == {
        UUID(int=n) for n in (*range(10), 20, 21)
    }
    assert not bell.wishes


def test_the_latest_wish_of_who_still_waits_counts() -> None:
    bell = Bell()
    bell.wish(wish(*map(an_entry, range(4))))
    first = bell.take(2)
    bell.wish(no_more(3))
    assert bell.take(2) == {**wish(an_entry(2)), **no_more(3)}
    assert UUID(int=3) not in first
