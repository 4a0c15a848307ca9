from dataclasses import replace
from uuid import UUID

import pytest

from device_adapters.keeper import CROWD
from device_adapters.port import Failure, Limits, Offline, WrongBox
from domain.devices import Outcome
from tests.device_adapters.keeping import Hands, Kept, no_more, verified, wish
from tests.device_adapters.memory_phone import MemoryPhone
from tests.device_adapters.people import an_entry

ANN, BOB, CLEO = an_entry(1), an_entry(2), an_entry(3)


def withdrawn(n: int = 1) -> Outcome:
    return Outcome(holder=UUID(int=n), kind="pin", state="withdrawn")


def doubtful(n: int = 1) -> Outcome:
    return Outcome(holder=UUID(int=n), kind="pin", state="pending")


def test_d5_a_grant_is_put_read_back_and_said_with_its_digest() -> None:
    kept = Kept(MemoryPhone())
    assert kept.run(wish(ANN)) == [verified(ANN)]
    assert kept.phone.read() == {ANN.key: kept.phone.shows(ANN)}


def test_d5_a_revocation_is_said_once_it_is_gone() -> None:
    kept = Kept(MemoryPhone())
    kept.run(wish(ANN, BOB))
    assert kept.run(no_more(1)) == [doubtful(), withdrawn()]
    assert list(kept.phone.read()) == [BOB.key]


def test_d5_a_right_that_comes_back_while_it_is_taken_is_proved_anew() -> None:
    """What was said before it was taken has the digest that is wanted again."""
    hands = Hands()
    kept = Kept(MemoryPhone(limits=Limits(batch=10, settle=1)), hands)
    kept.run(wish(ANN))
    hands.later[hands.writes + 1] = wish(ANN)
    assert kept.run(no_more(1)) == [doubtful(), withdrawn(), verified(ANN)]
    assert list(kept.phone.read()) == [ANN.key]


def test_d6_a_revocation_waits_for_nobody_not_even_for_the_log() -> None:
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(ANN))
    kept.mute = True
    with pytest.raises(ConnectionError):
        kept.run(no_more(1))
    assert phone.records == {}
    kept.mute = False
    assert kept.run() == [withdrawn()]


def test_nothing_is_said_twice_unchanged() -> None:
    kept = Kept(MemoryPhone())
    kept.run(wish(ANN))
    assert kept.run() == []
    kept.restart()
    assert kept.run() == []


def test_a_change_back_and_forth_while_it_was_away_is_nothing() -> None:
    phone = MemoryPhone()
    kept = Kept(phone)
    kept.run(wish(ANN))
    before = [name for name, _ in phone.calls]
    assert kept.run(no_more(1), wish(ANN)) == []
    assert [name for name, _ in phone.calls][len(before) :] == ["identify"]


def test_d3_a_lying_ack_is_never_shown_as_done() -> None:
    kept = Kept(phone := MemoryPhone(deaf=True))
    assert kept.run(wish(ANN)) == [
        Outcome(holder=UUID(int=1), kind="pin", state="mismatch", reason="is missing", tries=3)
    ]
    assert [name for name, _ in phone.calls].count("put") == 3
    assert kept.keeper.suspended() == 1
    assert kept.run() == []
    phone.deaf = False
    kept.hands.seconds += 301
    assert kept.run() == [verified(ANN)]


def test_d3_a_lying_ack_to_a_revocation_is_said_too() -> None:
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(ANN))
    phone.deaf = True
    assert kept.run(no_more(1)) == [
        doubtful(),
        Outcome(holder=UUID(int=1), kind="pin", state="mismatch", reason="is still there", tries=3),
    ]


def test_d3_what_must_go_is_never_left_alone_for_long() -> None:
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(ANN))
    phone.deaf = True
    kept.run(no_more(1))
    for _ in range(8):
        kept.hands.seconds += 16
        kept.run()
    assert [name for name, _ in phone.calls].count("withdraw") == 3 + 8
    phone.deaf = False
    kept.hands.seconds += 16
    assert kept.run() == [Outcome(holder=UUID(int=1), kind="pin", state="withdrawn")]


def test_bad_records_do_not_keep_the_others() -> None:
    bad = frozenset({an_entry(2).key, an_entry(5).key})
    kept = Kept(MemoryPhone(limits=Limits(batch=10, settle=0), poison=bad))
    said = kept.run(wish(*map(an_entry, range(1, 9))))
    states = {one.holder.int: (one.state, one.reason) for one in said}
    assert {n for n, state in states.items() if state == ("rejected", "Failed")} == {2, 5}
    assert {n for n, state in states.items() if state == ("verified", None)} == {1, 3, 4, 6, 7, 8}


def test_a_partial_batch_is_finished() -> None:
    kept = Kept(MemoryPhone(limits=Limits(batch=10, settle=0), keeps_first=1))
    kept.run(wish(ANN, BOB, CLEO))
    assert len(kept.phone.read()) == 3


def test_stale_reads_are_waited_for_and_not_written_again() -> None:
    kept = Kept(phone := MemoryPhone(limits=Limits(batch=10, settle=2)))
    kept.run(wish(ANN))
    phone.stale = 2
    assert kept.run(wish(BOB)) == [verified(BOB)]
    assert [name for name, _ in phone.calls].count("put") == 2


def test_d6_revocations_go_before_changes_and_these_before_grants() -> None:
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(*map(an_entry, range(1, 9))))
    del phone.calls[:]
    phone.down = True
    changed = [replace(an_entry(n), pin=f"77{n}") for n in (5, 6)]
    grants = map(an_entry, range(20, 60))
    with pytest.raises(Offline):
        kept.run(wish(*grants), wish(*changed), no_more(1, 2, 3, 4))
    phone.down = False
    kept.keeper.forget()
    kept.run()
    writes = [(name, key) for name, keys in phone.calls for key in keys]
    assert [name for name, _ in writes[:4]] == ["withdraw"] * 4
    assert {key for _, key in writes[4:6]} == {one.key for one in changed}
    assert len(writes) == 46


def test_d6_a_revocation_that_comes_in_during_grants_goes_next() -> None:
    hands = Hands(later={3: no_more(1)})
    kept = Kept(phone := MemoryPhone(), hands)
    kept.run(wish(ANN))
    hands.writes = 0
    kept.run(wish(*map(an_entry, range(10, 60))))
    writes = [name for name, keys in phone.calls if keys]
    assert writes.index("withdraw") == 1 + 3
    names = [name for name, _ in phone.calls]
    before = names[: names.index("withdraw")]
    assert before[-1] == "put"  # not read back first, which takes 2 s and more
    assert ANN.key not in phone.records
    assert len(phone.records) == 50


def test_d6_who_was_written_a_moment_ago_and_must_go_goes_before_the_crowd() -> None:
    """Until it is read the phone's number of the record is not known."""
    hands = Hands(later={1: no_more(*range(10, 60))})
    kept = Kept(phone := MemoryPhone(), hands)
    said = kept.run(wish(*map(an_entry, range(10, 60))))
    names = [name for name, keys in phone.calls if keys or name == "read"]
    assert names == ["read", "put", "read", "withdraw", "read"]
    assert phone.records == {}
    assert "verified" not in {one.state for one in said}


def test_a_crowd_that_is_on_the_phone_is_known_as_a_whole_before_anybody_is_a_stranger() -> None:
    """After a restart; wishes of a crowd come in parts, and who has none would be withdrawn."""
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(*map(an_entry, range(1, 3 * CROWD // 2))))
    del phone.calls[:]
    kept.restart()
    kept.run()
    assert {name for name, keys in phone.calls if keys} == set()


def test_d10_another_box_gets_nothing() -> None:
    kept = Kept(phone := MemoryPhone(mac="0C11050A0002"))
    with pytest.raises(WrongBox, match="0C11050A0002"):
        kept.run(wish(ANN))
    assert phone.calls == [("identify", ())]


def test_d4_who_comes_last_by_rank_finds_no_room_and_gets_it_when_there_is() -> None:
    kept = Kept(phone := MemoryPhone(room=2))
    said = kept.run(wish(CLEO, BOB, ANN))
    assert set(phone.records) == {ANN.key, BOB.key}
    assert [o for o in said if o.holder.int == 3] == [
        Outcome(holder=UUID(int=3), kind="pin", state="undeliverable", reason="full")
    ]
    assert kept.run(no_more(1)) == [doubtful(), withdrawn(), verified(CLEO)]


def test_d15_drift_is_said_and_repaired() -> None:
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(ANN, BOB))
    phone.local_edit(ANN.key)
    phone.records.pop(BOB.key)
    kept.keeper.forget()
    drift = {
        Outcome(holder=UUID(int=n), kind="pin", state="mismatch", reason="changed on the phone")
        for n in (1, 2)
    }
    said = kept.run()
    assert set(said[:2]) == drift
    assert set(said[2:]) == {verified(ANN), verified(BOB)}


def test_an_old_backup_that_brings_a_revoked_code_back_is_said_and_undone() -> None:
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(ANN, BOB))
    backup = dict(phone.records)
    kept.run(no_more(1))
    phone.records = backup
    kept.keeper.forget()
    back = Outcome(holder=UUID(int=1), kind="pin", state="mismatch", reason="changed on the phone")
    assert kept.run() == [back, withdrawn()]
    assert list(phone.records) == [BOB.key]


def test_what_is_found_and_not_wanted_is_withdrawn() -> None:
    kept = Kept(phone := MemoryPhone(records={ANN.key: MemoryPhone().shows(ANN)}))
    assert kept.run() == [withdrawn()]
    assert phone.records == {}


def test_what_a_phone_does_not_show_is_sent_and_not_verified() -> None:
    blind = Limits(batch=10, settle=0, unreadable=frozenset({"pin"}))
    kept = Kept(phone := MemoryPhone(limits=blind))
    (said,) = kept.run(wish(ANN))
    assert (said.state, said.reason) == ("unverifiable", "the phone does not show it")
    kept.restart()
    assert kept.run() == []
    assert [name for name, _ in phone.calls].count("put") == 1


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("call", range(14))
def test_d11_a_crash_between_any_two_calls_costs_nobody_else(call: int, done: bool) -> None:
    kept = Kept(phone := MemoryPhone())
    kept.run(wish(*map(an_entry, range(1, 6))))
    others = {an_entry(n).key: phone.records[an_entry(n).key] for n in (4, 5)}
    del phone.calls[:]
    phone.fails_at, phone.done = call, done
    changed = replace(an_entry(3), pin="7777")
    try:
        kept.run(no_more(1, 2), wish(changed, *map(an_entry, range(6, 9))))
    except Failure:
        assert others.items() <= phone.records.items()
        kept.restart()
        phone.fails_at = None
        kept.run()
    phone.fails_at = None
    assert set(phone.records) == {an_entry(n).key for n in range(3, 9)}
    assert phone.records[changed.key].pin == "7777"
    assert kept.run() == []


def test_an_outcome_that_could_not_be_said_is_said_later() -> None:
    kept = Kept(MemoryPhone())
    heard = list[Outcome]()

    def tell(news: object) -> None:
        raise ConnectionError

    kept.keeper._tell = tell
    with pytest.raises(ConnectionError):
        kept.run(wish(ANN))
    kept.keeper._tell = heard.extend
    kept.run()
    assert heard == [verified(ANN)]


def test_d3_a_phone_that_stops_lying_is_right_soon_after() -> None:
    """One record is tried now and then, and once it is there, all the others are, at once."""
    kept = Kept(phone := MemoryPhone(deaf=True))
    kept.run(wish(ANN, BOB, CLEO))
    assert kept.keeper.suspended() == 3
    writes = puts(phone)
    kept.hands.seconds += 31
    kept.run()
    assert puts(phone) == writes + 1
    phone.deaf = False
    assert kept.run() == []
    kept.hands.seconds += 31
    assert set(kept.run()) == {verified(ANN), verified(BOB), verified(CLEO)}


def test_d3_control_one_bad_record_among_good_ones_is_left_alone() -> None:
    kept = Kept(phone := MemoryPhone(poison=frozenset({ANN.key})))
    kept.run(wish(ANN))
    writes = puts(phone)
    for n in range(10, 20):
        kept.run(wish(an_entry(n)))
    assert puts(phone) == writes + 10 + 1  # once more with the first good one
    for _ in range(9):
        kept.hands.seconds += 31
        kept.run()
    assert puts(phone) == writes + 10 + 1


def puts(phone: MemoryPhone) -> int:
    return [name for name, _ in phone.calls].count("put")
