"""Locks through the port of the phones: D1, D5, M107, M120, M121 at a gateway."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest
from hypothesis.stateful import run_state_machine_as_test

from device_adapters.keeper import Keeper
from device_adapters.locks.gateway import Gateway, SimLock
from device_adapters.locks.served import Server, served
from device_adapters.port import (
    Failure,
    Identity,
    Locked,
    Offline,
    Phone,
    Rejected,
    Unsupported,
    WrongBox,
)
from domain.access_groups import Schedule
from domain.devices import Login, Outcome
from tests.device_adapters.keeping import Kept, no_more, verified, wish
from tests.device_adapters.people import an_entry
from tests.device_adapters.test_convergence import GrantsFirst, House, TrustsTheAck, search
from tests.device_adapters.wired_lock import SERIAL, WiredLock, connect

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SWIM = Schedule(repeat="weekly", days=frozenset({1, 2}), start=time(10), end=time(13))


@pytest.fixture
def gateway() -> Gateway:
    return Gateway([SimLock("itec", SERIAL), SimLock("dormakaba", "D-7")], ("house", "hush"))


@pytest.fixture
def server(gateway: Gateway) -> Iterator[Server]:
    with served(gateway) as server:
        yield server


def test_a_lock_is_a_phone_to_whoever_keeps_it(server: Server) -> None:
    lock: Phone = connect(server)
    assert lock.identify() == Identity(mac=SERIAL, model="Simulated", firmware="1.0.0")
    status = lock.status()
    assert status.clock
    assert abs(status.clock - datetime.now(UTC)).total_seconds() < 5
    assert status.uptime
    lock.close()


def test_m120_what_was_put_is_read_back_and_opens(server: Server, gateway: Gateway) -> None:
    lock, sim = connect(server), gateway.locks[SERIAL]
    ann, bob = an_entry(1, "2468", "AB12", when=SWIM), an_entry(2, "1357")
    lock.put([ann, bob])
    assert lock.read() == {one.key: lock.shows(one) for one in (ann, bob)}
    assert sim.present("pin", "2468", NOON)
    assert sim.present("card", "AB12", NOON)
    assert not sim.present("pin", "2468", NOON.replace(hour=14))
    lock.withdraw([ann.key])
    assert lock.read() == {bob.key: lock.shows(bob)}
    assert not sim.present("pin", "2468", NOON)
    log = lock.door_log(after=1)
    assert [(line.id, line.method, line.code, line.success) for line in log.lines] == [
        (2, "card", "AB12", True),
        (3, "pin", "2468", False),
        (4, "pin", "2468", False),
    ]
    assert log.lines[0].local == NOON.replace(tzinfo=None)
    assert (log.newest, log.zone) == (4, UTC)
    sim.log = []
    assert lock.door_log(after=4).newest == 0
    lock.close()


def test_a_lock_is_opened_and_told_its_zone(server: Server, gateway: Gateway) -> None:
    lock, sim = connect(server), gateway.locks[SERIAL]
    lock.open(1)
    assert sim.opened == 1
    with pytest.raises(Rejected):
        lock.open(2)
    lock.set_zone("Asia/Tokyo", NOON)
    assert lock.zone() == lock.shows_zone("Asia/Tokyo", NOON) == sim.zone == "Asia/Tokyo"
    lock.set_pin_mode("apt_pin")
    assert lock.pin_mode() == "apt_pin"
    lock.close()


@pytest.mark.parametrize(
    ("wrong", "failure"),
    [
        ({"login": Login(user="house", password="other")}, Locked),
        ({"login": None}, Locked),
        ({"brand": "dormakaba"}, WrongBox),
        ({"serial": "D-8"}, Unsupported),
    ],
)
def test_d10_s6_who_is_not_who_it_should_be(
    server: Server, wrong: dict[str, Any], failure: type[Failure]
) -> None:
    with closing(connect(server, **wrong)) as lock, pytest.raises(failure):
        lock.identify()


def test_s6_what_a_gateway_may_answer(server: Server, gateway: Gateway) -> None:
    sim = gateway.locks[SERIAL]
    with closing(connect(server)) as lock:
        with pytest.raises(Unsupported):
            lock.report_to("http://127.0.0.1/hint")
        sim.poison = frozenset({an_entry(1).key})
        with pytest.raises(Rejected, match="not a PIN for this lock"):
            lock.put([an_entry(1)])
        sim.reachable = False
        for ask in (lock.status, lock.read):
            with pytest.raises(Offline):
                ask()
        sim.reachable, gateway.down = True, True
        with pytest.raises(Offline):
            lock.status()


@pytest.mark.parametrize(
    "said",
    [
        {"people": "many", "room": 5},
        {"people": [{"key": "a"}, {"key": "a"}]},
        {"people": [{"key": "0" * 32, "cards": "AB", "times": []}]},
        {"people": [{"key": "0" * 32, "cards": [], "times": [{"repeat": "hourly"}]}]},
        {"people": [{"key": "0" * 32, "cards": [], "times": None}]},
        [],
    ],
)
def test_d9_what_makes_no_sense_is_a_failure(said: object) -> None:
    lock = WiredLock()
    lock.wire.gateway.answer = lambda *_: (200, said)  # type: ignore[assignment,method-assign]
    with pytest.raises(Failure):
        lock.read()


def test_m120_m121_what_does_not_fit_is_not_delivered_and_the_rest_is() -> None:
    kept = Kept(lock := WiredLock(brand="dormakaba"))
    card = "0123456789ABCDEFGHIJ"
    both = an_entry(1, "2468", card, "AB12")
    short, good = an_entry(2, "2468"), an_entry(3, "135790")
    said = {(one.holder.int, one.kind): one for one in kept.run(wish(both, short, good))}
    six = "the lock takes only PINs of exactly 6 digits"
    assert said[1, "pin"].state == said[2, "pin"].state == "undeliverable"
    assert said[1, "pin"].reason == said[2, "pin"].reason == six
    assert said[1, "card"].state == "undeliverable"
    assert said[1, "card"].reason == (
        "1 of 2 left out: the lock takes only cards of exactly 20 letters and digits"
    )
    assert said[3, "pin"] == verified(good)
    assert lock.records == {
        both.key: lock.shows(replace(both, pin=None, cards=frozenset({card}))),
        good.key: lock.shows(good),
    }


def test_m120_a_full_lock_says_who_found_no_room() -> None:
    kept = Kept(lock := WiredLock(room=1))
    said = {one.holder.int: one for one in kept.run(wish(an_entry(1), an_entry(2)))}
    assert said[2].state == "undeliverable"
    assert said[2].reason == "the lock is full: 1 people"
    assert list(lock.records) == [an_entry(1).key]


def test_d15_people_of_others_are_counted_and_left_alone() -> None:
    kept = Kept(lock := WiredLock())
    lock.local_edit("concierge")
    kept.run(wish(an_entry(1)))
    assert lock.strangers == 1
    assert set(lock.records) == {"concierge", an_entry(1).key}
    lock.withdraw_strangers()
    assert list(lock.records) == [an_entry(1).key]


def test_d5_a_revocation_goes_before_a_grant() -> None:
    kept = Kept(lock := WiredLock())
    kept.run(wish(an_entry(1)))
    before = len(lock.calls)
    said = kept.run(no_more(1), wish(an_entry(2)))
    writes = [call for call in lock.calls[before:] if not call.startswith("GET")]
    assert writes == ["POST /remove", "PUT /people"]
    gone = Outcome(holder=an_entry(1).holder, kind="pin", state="withdrawn")
    assert said.index(gone) < said.index(verified(an_entry(2)))


def test_m115_a_lock_asks_for_the_pin_alone() -> None:
    kept = Kept(lock := WiredLock())
    kept.hands.pin_mode = "apt_pin"
    ann = an_entry(1, "2468", room="7")
    assert kept.run(wish(ann)) == [verified(ann)]
    assert lock.sim.present("pin", "2468", NOON)


class LockHouse(House):
    brand = WiredLock  # type: ignore[assignment]


def test_d1_every_lock_converges_whatever_goes_wrong() -> None:
    run_state_machine_as_test(LockHouse, settings=search(100))


@pytest.mark.parametrize("bug", [TrustsTheAck, GrantsFirst])
def test_d1_control_a_planted_bug_is_found_at_a_lock(bug: type[Keeper]) -> None:
    house = type(bug.__name__, (LockHouse,), {"keeper": bug})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(house, settings=search(1000))
