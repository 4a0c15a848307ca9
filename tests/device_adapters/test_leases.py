"""Whose the doors are: leases in PostgreSQL, held against time."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any

import psycopg
import pytest

from config import Database
from device_adapters.leases import Busy, Leases, Lost, sole

LONG = 30.0


@pytest.fixture
def db(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.project, autocommit=True) as connection:
        yield connection


def test_one_takes_what_is_free_and_another_what_is_left(db: psycopg.Connection[Any]) -> None:
    one, other = Leases("one"), Leases("other")
    assert set(one.take(db, {0, 1})) == {0, 1}
    assert set(other.take(db, {0, 1, 2})) == {2}
    assert (set(one.held), set(other.held)) == ({0, 1}, {2})


def test_what_is_released_is_free_at_once(db: psycopg.Connection[Any]) -> None:
    one, other = Leases("one"), Leases("other")
    one.take(db, {0, 1})
    one.release(db, one.end({0}))
    assert set(other.take(db, {0, 1})) == {0}
    assert set(one.held) == {1}


def test_k2_what_is_not_renewed_is_taken_over_and_renewing_it_is_refused(
    db: psycopg.Connection[Any],
) -> None:
    zombie, heir = (Leases(name, seconds=0.3, heard_out=0.1) for name in ("zombie", "heir"))
    zombie.take(db, {0})
    may = zombie.may(0)
    may()
    assert not heir.take(db, {0})
    sleep(0.35)
    assert set(heir.take(db, {0})) == {0}
    assert set(zombie.renew(db, {})) == {0}
    with pytest.raises(Lost):
        may()
    heir.may(0)()


def test_k2_the_holder_falls_silent_before_anybody_may_take_over(
    db: psycopg.Connection[Any],
) -> None:
    """Whatever it began last is heard out when the heir begins."""
    now = 0.0
    leases = Leases("one", seconds=1.0, heard_out=0.7, clock=lambda: now)
    leases.take(db, {0})
    may = leases.may(0)
    now = 0.29
    may()
    now = 0.31
    speaker = Thread(target=may, daemon=True)
    speaker.start()
    speaker.join(0.2)
    assert speaker.is_alive()  # it waits for a renewal
    leases.renew(db, {})
    speaker.join(LONG)
    assert not speaker.is_alive()
    now = 0.6
    may()


def test_d13_whether_one_may_begin_is_told_without_waiting(db: psycopg.Connection[Any]) -> None:
    now = 0.0
    leases = Leases("one", seconds=1.0, heard_out=0.7, clock=lambda: now)
    assert not leases.is_sure(0)
    leases.take(db, {0})
    assert (leases.is_sure(0), leases.is_sure(1)) == (True, False)
    now = 0.31
    assert not leases.is_sure(0)
    leases.renew(db, {})
    assert leases.is_sure(0)
    leases.end({0})
    assert not leases.is_sure(0)


def test_whoever_waits_for_a_lease_that_ends_is_told(db: psycopg.Connection[Any]) -> None:
    leases, found = Leases("one", seconds=0.2, heard_out=0.2), list[str]()
    leases.take(db, {0})
    may = leases.may(0)

    def speak() -> None:
        try:
            may()
        except Lost:
            found.append("lost")

    speaker = Thread(target=speak)
    speaker.start()
    leases.release(db, leases.end({0}))
    speaker.join(LONG)
    assert found == ["lost"]


def test_leave_of_an_earlier_life_of_a_lease_is_none(db: psycopg.Connection[Any]) -> None:
    leases = Leases("one")
    leases.take(db, {0})
    old = leases.may(0)
    leases.release(db, leases.end({0}))
    leases.take(db, {0})
    leases.may(0)()
    with pytest.raises(Lost):
        old()


def test_a_restart_takes_over_from_itself_at_once(db: psycopg.Connection[Any]) -> None:
    Leases("one").take(db, {0, 1})
    assert set(Leases("one").take(db, {0, 1})) == {0, 1}


def test_a_folder_has_one_process_and_keeps_its_name(tmp_path: Path) -> None:
    name = sole(tmp_path / "adapters")
    with pytest.raises(Busy):
        sole(tmp_path / "adapters")
    assert (tmp_path / "adapters").read_text() == name
    assert sole(tmp_path / "another") != name


def test_positions_are_kept_with_the_lease(db: psycopg.Connection[Any]) -> None:
    leases = Leases("one")
    leases.take(db, {3, 4})
    leases.renew(db, {3: 17, 4: 9})
    found = db.execute("select partition, position from doors.leases order by 1").fetchall()
    assert found == [(3, 17), (4, 9)]
