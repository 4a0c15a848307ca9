"""What every log does: the memory and PostgreSQL pass the same class (habit 13)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import pairwise
from random import Random
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from domain.ids import CommunityId
from domain.kernel import Claim, Event, Refused, stream_of
from domain.record import ERASED, frozen
from domain.residents import PinRevoked, ResidentDeleted
from domain.settings import CommunityRenamed, PinMode, PinModeChanged
from eventlog.port import Accepted, Conflict, Envelope, EventLog
from tests.builders import (
    ANN,
    BOB,
    CLEO,
    ELSEWHERE,
    FLAT_1,
    FLAT_2,
    HARBOUR,
    a_community,
    a_pin,
    a_resident,
    cards,
)


@frozen
class Said:
    """A command, as far as a log cares."""

    words: str = ""
    times: frozenset[int] = frozenset()


def envelope(
    words: str = "", *, id: UUID | None = None, home: CommunityId = HARBOUR, actor: str = "pm"
) -> Envelope:
    said = Said(words=words)
    return Envelope(
        command=said, command_id=id or uuid7(), community=home, actor=actor, cause="events/7"
    )


def store(
    log: EventLog,
    *events: Event,
    home: CommunityId = HARBOUR,
    guards: Mapping[UUID, int] | None = None,
) -> Accepted:
    """Guards what it writes to as it is now, as the bus does."""
    histories = log.streams(home, {stream_of(event) for event in events})
    seen = {id: len(history) for id, history in histories.items()}
    return log.append(envelope(home=home), events, {**seen, **(guards or {})})


def card(code: str) -> Claim:
    return Claim(kind="card", value=code)


def pin(value: str, within: UUID | None = None) -> Claim:
    return Claim(kind="pin", value=value, discriminator=within)


def mode(mode: PinMode) -> PinModeChanged:
    return PinModeChanged(community=HARBOUR, pin_mode=mode)


def refusal(act: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value


class LogContract:
    @pytest.fixture
    def log(self) -> EventLog:
        raise NotImplementedError

    def test_an_empty_log(self, log: EventLog) -> None:
        assert log.head() == 0
        assert log.read(after=0) == []
        assert list(log.streams(HARBOUR, [ANN])[ANN]) == []

    def test_events_come_back_as_they_went_in_order_and_in_their_place(self, log: EventLog) -> None:
        first, second = [a_resident(ANN), a_pin("2468")], [a_resident(BOB), a_pin("1357", BOB)]
        assert store(log, *first).position == 2
        answer = log.append(sent := envelope(), second, {})
        batch = log.read(after=0)
        assert answer == Accepted(command_id=sent.command_id, position=4, events=2)
        assert [r.event for r in batch] == first + second
        assert [r.position for r in batch] == [1, 2, 3, 4]
        assert [(r.stream, r.version) for r in batch] == [(ANN, 1), (ANN, 2), (BOB, 1), (BOB, 2)]
        last = batch[-1]
        assert (last.community, last.subject, last.actor) == (HARBOUR, BOB, "pm")
        assert (last.command_id, last.cause) == (sent.command_id, "events/7")
        assert log.head() == 4

    def test_reading_goes_on_after_a_position_and_in_portions(self, log: EventLog) -> None:
        for n in range(5):
            store(log, a_community(home=CommunityId(UUID(int=n))))
        assert [r.position for r in log.read(after=2)] == [3, 4, 5]
        assert [r.position for r in log.read(after=1, limit=2)] == [2, 3]
        assert log.read(after=5, wait=0.01) == []

    def test_recorded_at_never_goes_back_nor_stands_still(self, log: EventLog) -> None:
        for n in range(4):
            store(log, a_pin(f"12{n}"), a_pin(f"13{n}"))
        times = [r.recorded_at for r in log.read(after=0)]
        assert all(b - a >= timedelta(microseconds=1) for a, b in pairwise(times))
        assert all(at.utcoffset() == timedelta(0) for at in times)

    def test_streams_are_whole_in_order_and_an_unknown_one_is_empty(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_resident(BOB), a_pin("2468", BOB), a_pin("1357"))
        found = log.streams(HARBOUR, [ANN, BOB, CLEO])
        assert list(found[ANN]) == [a_resident(ANN), a_pin("1357")]
        assert list(found[BOB]) == [a_resident(BOB), a_pin("2468", BOB)]
        assert list(found[CLEO]) == []

    @pytest.mark.parametrize("guards", [{ANN: 0}, {ANN: 2}, {ANN: 1, BOB: 1}, {CLEO: 1}])
    def test_a_guard_that_moved_refuses_everything(
        self, log: EventLog, guards: Mapping[UUID, int]
    ) -> None:
        store(log, a_resident(ANN))
        with pytest.raises(Conflict):
            log.append(envelope(), [a_pin("2468"), a_community()], {ANN: 1, **guards})
        assert log.head() == 1
        assert log.owners(HARBOUR, [pin("2468")]) == {}

    def test_a_stream_without_a_guard_must_be_new(self, log: EventLog) -> None:
        store(log, a_resident(ANN))
        with pytest.raises(Conflict):
            log.append(envelope(), [a_pin("2468")], {})
        assert log.append(envelope(), [a_resident(BOB)], {}).position == 2

    def test_what_was_only_looked_at_is_guarded_too(self, log: EventLog) -> None:
        store(log, a_resident(ANN))
        with pytest.raises(Conflict):
            store(log, a_resident(BOB), guards={ANN: 0})
        assert store(log, a_resident(BOB), guards={ANN: 1}).position == 2

    def test_m28_a_value_has_one_owner(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"))
        refused = refusal(lambda: store(log, a_resident(BOB), a_pin("2468", BOB)))
        assert (refused.code, refused.field) == ("pin-taken", "pin")
        assert log.head() == 2
        assert log.owners(HARBOUR, [pin("2468"), pin("1357")]) == {pin("2468"): ANN}

    def test_nobody_holds_what_is_erased(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"))
        assert log.owners(HARBOUR, [Claim(kind="pin", value=ERASED)]) == {}

    def test_what_is_released_can_be_claimed(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"))
        store(log, a_pin("1357"))
        assert log.owners(HARBOUR, [pin("2468"), pin("1357")]) == {pin("1357"): ANN}
        store(log, a_resident(BOB), a_pin("2468", BOB))
        store(log, ResidentDeleted(resident=BOB))
        assert log.owners(HARBOUR, [pin("2468")]) == {}

    def test_d8_what_was_given_up_is_remembered_with_whose_it_was_and_since_when(
        self, log: EventLog
    ) -> None:
        store(log, a_resident(ANN), a_pin("2468"), cards(ANN, "AA01", "AA02"))
        assert log.released(HARBOUR, [pin("2468"), card("AA01")]) == {}
        store(log, a_pin("1357"), cards(ANN, "AA02"))
        found = log.released(HARBOUR, [pin("2468"), card("AA01"), pin("9753")])
        assert {claim: one.owner for claim, one in found.items()} == {
            pin("2468"): ANN,
            card("AA01"): ANN,
        }
        said = [r.recorded_at for r in log.read(after=0)]
        assert all(abs(one.at - said[-1]) < timedelta(seconds=5) for one in found.values())
        store(log, a_resident(BOB), a_pin("2468", BOB))
        store(log, ResidentDeleted(resident=BOB))
        assert log.released(HARBOUR, [pin("2468")])[pin("2468")].owner == BOB
        assert log.released(ELSEWHERE, [pin("2468")]) == {}

    def test_m29_a_set_is_replaced_as_a_whole(self, log: EventLog) -> None:
        store(log, a_resident(ANN), cards(ANN, "AA01", "AA02"), a_pin("2468"))
        store(log, cards(ANN, "AA02", "AA03"))
        wanted = [Claim(kind="card", value=code) for code in ("AA01", "AA02", "AA03")]
        assert set(log.owners(HARBOUR, wanted)) == set(wanted[1:])
        assert log.owners(HARBOUR, [pin("2468")]) == {pin("2468"): ANN}

    def test_a_value_changes_hands_within_one_command(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"), a_resident(BOB))
        store(log, PinRevoked(resident=ANN), a_pin("2468", BOB))
        assert log.owners(HARBOUR, [pin("2468")]) == {pin("2468"): BOB}
        refused = refusal(lambda: store(log, a_pin("2468", ANN), PinRevoked(resident=BOB)))
        assert refused.code == "pin-taken"

    def test_two_in_one_command_cannot_have_the_same(self, log: EventLog) -> None:
        both = [a_resident(ANN), a_pin("2468"), a_resident(BOB), a_pin("2468", BOB)]
        assert refusal(lambda: store(log, *both)).code == "pin-taken"

    def test_claimed_and_released_again_in_one_command_is_free(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"), a_pin("1357"), a_pin("0011"))
        wanted = [pin("2468"), pin("1357"), pin("0011")]
        assert log.owners(HARBOUR, wanted) == {pin("0011"): ANN}

    def test_a6_the_same_value_has_an_owner_in_each_apartment(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468", mode="apt_pin"))
        store(log, a_resident(BOB), a_pin("2468", BOB, FLAT_2, mode="apt_pin"))
        wanted = [pin("2468", FLAT_1), pin("2468", FLAT_2), pin("2468")]
        assert log.owners(HARBOUR, wanted) == {wanted[0]: ANN, wanted[1]: BOB}
        third = a_pin("2468", CLEO, FLAT_2, mode="apt_pin")
        assert refusal(lambda: store(log, a_resident(CLEO), third)).code == "pin-taken"

    def test_a6_a_change_of_mode_moves_the_claims(self, log: EventLog) -> None:
        store(log, a_community(), a_resident(ANN), a_pin("2468"), a_resident(BOB), cards(BOB, "AA"))
        store(log, mode("apt_pin"))
        wanted = [pin("2468"), pin("2468", FLAT_1), Claim(kind="card", value="AA")]
        assert log.owners(HARBOUR, wanted) == {wanted[1]: ANN, wanted[2]: BOB}
        store(log, mode("pin"))
        assert log.owners(HARBOUR, wanted) == {wanted[0]: ANN, wanted[2]: BOB}

    def test_a6_a_change_of_mode_names_the_clashes(self, log: EventLog) -> None:
        store(log, a_community("apt_pin"), a_resident(ANN), a_pin("2468", mode="apt_pin"))
        store(log, a_resident(BOB), a_pin("2468", BOB, FLAT_2, mode="apt_pin"))
        store(log, a_resident(CLEO), a_pin("1357", CLEO, FLAT_2, mode="apt_pin"))
        refused = refusal(lambda: store(log, mode("pin")))
        assert (refused.code, refused.field) == ("pin-clash", "pin")
        assert list(refused.details) == sorted([str(ANN), str(BOB)])
        assert log.owners(HARBOUR, [pin("2468", FLAT_1)]) == {pin("2468", FLAT_1): ANN}

    def test_a6_claims_and_modes_in_one_command_follow_its_order(self, log: EventLog) -> None:
        store(log, a_community(), a_resident(ANN), a_pin("2468"), mode("apt_pin"), mode("pin"))
        assert log.owners(HARBOUR, [pin("2468")]) == {pin("2468"): ANN}
        apart = a_pin("2468", BOB, FLAT_2, mode="apt_pin")
        refused = refusal(lambda: store(log, a_resident(BOB), apart, mode("pin")))
        assert refused.code == "pin-clash"

    def test_a6_a_change_of_mode_stays_in_its_community(self, log: EventLog) -> None:
        store(log, a_community(), a_resident(ANN), a_pin("2468"))
        store(log, a_resident(ANN), a_pin("2468"), home=ELSEWHERE)
        store(log, a_resident(BOB), a_pin("2468", BOB, mode="apt_pin"), home=ELSEWHERE)
        store(log, mode("apt_pin"))
        assert log.owners(HARBOUR, [pin("2468"), pin("2468", FLAT_1)]) == {pin("2468", FLAT_1): ANN}
        assert log.owners(ELSEWHERE, [pin("2468"), pin("2468", FLAT_1)]) == {
            pin("2468"): ANN,
            pin("2468", FLAT_1): BOB,
        }

    def test_n17_a_repeat_is_answered_alike(self, log: EventLog) -> None:
        sent = envelope("same")
        first = log.append(sent, [a_resident(ANN), a_pin("2468")], {})
        store(log, a_resident(BOB))
        assert log.answer(sent) == first
        assert log.append(sent, [a_resident(ANN)], {}) == first
        assert log.head() == 3

    def test_n17_the_same_id_with_another_body_is_refused(self, log: EventLog) -> None:
        id = uuid7()
        log.append(envelope("one", id=id), [a_resident(ANN)], {})
        other = envelope("two", id=id)
        assert refusal(lambda: log.answer(other)).code == "command-id-reused"
        assert refusal(lambda: log.append(other, [], {})).code == "command-id-reused"

    def test_n17_an_id_belongs_to_its_actor(self, log: EventLog) -> None:
        id = uuid7()
        log.append(envelope(id=id, actor="ann"), [a_resident(ANN)], {})
        assert log.answer(envelope(id=id, actor="bob")) is None

    def test_n17_what_decided_nothing_is_remembered_too(self, log: EventLog) -> None:
        store(log, a_resident(ANN))
        quiet = envelope("already so")
        answer = log.append(quiet, [], {ANN: 1})
        assert answer == Accepted(command_id=quiet.command_id, position=1, events=0)
        store(log, a_resident(BOB))
        assert log.answer(quiet) == log.append(quiet, [], {ANN: 1}) == answer
        with pytest.raises(Conflict):
            log.append(envelope(), [], {ANN: 0})

    def test_a_refused_command_can_be_tried_again(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"), a_resident(BOB))
        sent, wanted = envelope(), [a_pin("2468", BOB)]
        assert refusal(lambda: log.append(sent, wanted, {BOB: 1})).code == "pin-taken"
        assert log.answer(sent) is None
        store(log, PinRevoked(resident=ANN))
        assert log.append(sent, wanted, {BOB: 1}).events == 1

    def test_communities_do_not_see_each_other(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"))
        store(log, a_resident(ANN), a_pin("2468"), a_pin("1357"), home=ELSEWHERE)
        assert len(log.streams(HARBOUR, [ANN])[ANN]) == 2
        assert len(log.streams(ELSEWHERE, [ANN])[ANN]) == 3
        assert log.owners(HARBOUR, [pin("1357")]) == {}

    def test_a_release_stays_in_its_community(self, log: EventLog) -> None:
        store(log, a_resident(ANN), a_pin("2468"))
        store(log, a_resident(ANN), a_pin("2468"), a_pin("1357"), home=ELSEWHERE)
        store(log, ResidentDeleted(resident=ANN), home=ELSEWHERE)
        assert log.owners(HARBOUR, [pin("2468")]) == {pin("2468"): ANN}
        assert log.owners(ELSEWHERE, [pin("2468"), pin("1357")]) == {}


def random_commands(seed: int, how_many: int) -> list[Sequence[Event]]:
    """Two PINs, three people, two flats: whatever can collide soon does."""
    random = Random(seed)
    people = [ANN, BOB, CLEO]

    def one() -> Event:
        who, home = random.choice(people), random.choice([FLAT_1, FLAT_2])
        pin_mode: PinMode = random.choice(["pin", "apt_pin"])
        issued = a_pin(random.choice(["2468", "1357"]), who, home, pin_mode)
        kinds: list[Event] = [issued, issued, issued, PinRevoked(resident=who)]
        held = random.sample(["AA", "BB", "CC"], random.randint(0, 2))
        return random.choice([*kinds, ResidentDeleted(resident=who), cards(who, *held)])

    renamed = CommunityRenamed(community=HARBOUR, name="Harbour")
    return [
        [mode(random.choice(["pin", "apt_pin"])), renamed]
        if random.random() < 0.15
        else [one() for _ in range(random.randint(1, 4))]
        for _ in range(how_many)
    ]


def outcome(log: EventLog, events: Sequence[Event]) -> object:
    try:
        return store(log, *events).position
    except Refused as refused:
        return refused.code, refused.field, tuple(refused.details)


EVERY_CLAIM = [
    *(pin(value, within) for value in ("2468", "1357") for within in (None, FLAT_1, FLAT_2)),
    *(Claim(kind="card", value=code) for code in ("AA", "BB", "CC")),
]
