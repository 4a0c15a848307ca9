"""D1: whatever goes wrong, a phone ends with what is wanted; and no bug of the known kinds hides.

The domain is tiny on purpose: with more people and PINs two of the six bugs were missed.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from device_adapters import searching
from device_adapters.breaker import MODE, ZONE
from device_adapters.keeper import Keeper
from device_adapters.port import Failure, Held
from domain.rights import Entry
from tests.device_adapters.keeping import Hands, Kept, no_more, verified, wish
from tests.device_adapters.memory_phone import MemoryPhone, SearchedPhone
from tests.device_adapters.people import an_entry

PEOPLE = st.integers(1, 3)
PINS = st.sampled_from(["1234", "5678"])


class House(RuleBasedStateMachine):
    keeper: ClassVar[type[Keeper]] = Keeper
    brand: ClassVar[type[MemoryPhone]] = MemoryPhone

    def __init__(self) -> None:
        super().__init__()
        self.phone = self.brand(room=2)
        self.phone.seen = self.watch
        self.kept = Kept(self.phone, Hands(), kind=self.keeper)
        self.had = dict[str, Held]()
        self.faulty = False

    @rule(who=PEOPLE, pin=PINS)
    def grant(self, who: int, pin: str) -> None:
        self.kept.want(wish(an_entry(who, pin)))

    @rule(who=PEOPLE)
    def revoke(self, who: int) -> None:
        self.kept.want(no_more(who))

    @rule()
    def reconcile(self) -> None:
        self.had = dict(self.phone.records)
        stale = self.phone.stale > 0
        self.faulty = self.phone.deaf or stale or self.phone.keeps_first is not None
        with suppress(Failure):
            self.kept.run()
            assert stale or self.truthful(), "said verified, and is not there"
            return
        self.kept.keeper.forget()

    @rule()
    def kill(self) -> None:
        self.kept.restart()

    @rule(call=st.integers(1, 8), done=st.booleans())
    def break_a_call(self, call: int, done: bool) -> None:
        self.phone.fails_at, self.phone.done = len(self.phone.calls) + call, done

    @rule(deaf=st.booleans(), first=st.sampled_from([None, 0, 1]), stale=st.integers(0, 3))
    def misbehave(self, deaf: bool, first: int | None, stale: int) -> None:
        self.phone.deaf, self.phone.keeps_first, self.phone.stale = deaf, first, stale

    @rule()
    def factory_reset(self) -> None:
        self.phone.records = {}
        self.kept.keeper.forget()

    @rule(who=PEOPLE)
    def local_edit(self, who: int) -> None:
        self.phone.local_edit(an_entry(who).key)
        self.kept.keeper.forget()

    def truthful(self) -> bool:
        said = {one.holder: one for one in self.kept.said}
        return all(
            self.phone.records.get(one.key) == self.phone.shows(one)
            for one in self.kept.desired()
            if said.get(one.holder) == verified(one)
        )

    def watch(self, now: Mapping[str, Held]) -> None:
        """Who keeps the right keeps the record meanwhile; who loses it goes before others come."""
        kept = {one.key for one in self.kept.desired() if self.kept.keeper.wants.of(one.key)}
        assert self.had.keys() & kept <= now.keys(), "somebody was shut out"
        came, gone = now.keys() - self.had.keys(), self.had.keys() & now.keys() - kept
        assert self.faulty or not came or not gone, "granted before revoked"
        assert self.phone.stale or self.proved(now), "taken before it was said"

    def proved(self, now: Mapping[str, Held]) -> bool:
        """What was there and is said to be is left there, whatever is wanted in a moment (D5)."""
        said = {one.holder: one for one in self.kept.said}
        return all(
            now.get(one.key) == self.had[one.key]
            for one in self.possible()
            if said.get(one.holder) == verified(one)
            and self.had.get(one.key) == self.phone.shows(one)
        )

    def possible(self) -> Sequence[Entry]:
        return [an_entry(who, pin) for who in (1, 2, 3) for pin in ("1234", "5678")]

    def teardown(self) -> None:
        self.phone.deaf, self.phone.keeps_first, self.phone.stale = False, None, 0
        self.phone.fails_at, self.faulty = None, True
        self.kept.keeper.forget()  # as a lane does on its timer
        for _ in range(3):
            self.kept.hands.seconds += 4000
            self.reconcile()
        wanted = {one.key: self.phone.shows(one) for one in self.kept.desired()}
        first_two = dict(sorted(wanted.items())[:2])
        assert self.phone.records == first_two, "not what is wanted"
        last = {(one.holder, one.kind): one for one in self.kept.said}
        for one in self.kept.desired():
            state = "verified" if one.key in first_two else "undeliverable"
            assert last[one.holder, "pin"].state == state, "not what was said"


class Searching(House):
    """Who comes and who goes is looked for by name, where somebody else stands there."""

    brand = SearchedPhone

    @rule(comes=PEOPLE, pin=PINS)
    def come_and_go(self, comes: int, pin: str) -> None:
        self.grant(comes, pin)
        self.reconcile()
        self.revoke(comes)
        self.reconcile()


class Switching(House):
    """M115: the community also changes how PINs are asked for."""

    @rule()
    def switch(self) -> None:
        self.kept.hands.pin_mode = "pin" if self.room() else "apt_pin"
        self.kept.want(*(wish(replace(one, room=self.room())) for one in self.kept.desired()))

    @rule(who=PEOPLE, pin=PINS)
    def grant(self, who: int, pin: str) -> None:
        self.kept.want(wish(an_entry(who, pin, room=self.room())))

    @rule()
    def factory_reset(self) -> None:
        self.phone.mode = "pin"
        super().factory_reset()

    def possible(self) -> Sequence[Entry]:
        return [replace(one, room=room) for one in super().possible() for room in (None, "7")]

    def room(self) -> str | None:
        return "7" if self.kept.hands.pin_mode == "apt_pin" else None

    def truthful(self) -> bool:
        last = {one.holder: one for one in self.kept.said}
        said = any(last.get(one.holder) == verified(one) for one in self.kept.desired())
        right = self.phone.mode == self.kept.hands.pin_mode
        return super().truthful() and (right or not said)

    def teardown(self) -> None:
        super().teardown()
        assert self.truthful(), "not as PINs are to be asked for"


class Travelling(House):
    """T3: the community's clock is changed, or all of it moves to another zone."""

    @rule(zone=st.sampled_from(["UTC", "Asia/Tokyo", "America/Santiago"]))
    def move(self, zone: str) -> None:
        self.kept.hands.zone = zone

    @rule()
    def half_a_year(self) -> None:
        self.kept.hands.seconds += 182 * 24 * 3600

    @rule()
    def factory_reset(self) -> None:
        self.phone.shown = "+0000"
        super().factory_reset()

    def teardown(self) -> None:
        super().teardown()
        zone, now = self.kept.hands.zone, self.kept.hands.now()
        assert zone is None or self.phone.shown == self.phone.shows_zone(zone, now), "other zone"


class TrustsTheAck(Keeper):
    def _prove(self, grants: bool) -> None:
        proven, _, _ = self._sent.take(list(self._sent.unproven))
        for key, entry in proven.items():
            self._found.settle(key, entry)
        self._mark(proven)


class Stuck(Keeper):
    """Marks what it began, and does not begin it twice."""

    begun: dict[str, object]

    def _todo(self) -> Sequence[str]:
        self.begun = getattr(self, "begun", {})
        todo = [key for key in super()._todo() if self.begun.get(key) != (key, self.wants.of(key))]
        self.begun |= {key: (key, self.wants.of(key)) for key in todo}
        return todo


class GrantsFirst(Keeper):
    def _todo(self) -> Sequence[str]:
        todo = self._due_of(self._dirty)
        return sorted(todo, key=lambda key: self.wants.of(key) is None)[:1]


class NeverLooksAgain(Keeper):
    """Believes after a broken call what it knew before."""

    def forget(self) -> None:
        pass


class TakesUnannounced(Keeper):
    """As long as it is not read back, what was said before stands."""

    def _announce(self, todo: Sequence[str], grants: bool) -> None:
        pass


class TrustsTheMode(Keeper):
    def _look_at(self, way: str) -> None:
        self._found.pin_mode = self.wants.pin_mode
        super()._look_at(ZONE)


class TrustsTheZone(Keeper):
    """What it wrote is so."""

    def _look_at(self, way: str) -> None:
        super()._look_at(MODE)
        if self._lane.zone:
            self._found.zone = self._phone.shows_zone(self._lane.zone, self._lane.now())


class SetsTheZoneOnce(Keeper):
    """And takes the offset of that day for that of all days."""

    told: str | None = None

    def _astray(self) -> Sequence[str]:
        return [way for way in super()._astray() if way == MODE or self.told != self._lane.zone]

    def _set(self, way: str) -> None:
        super()._set(way)
        self.told = self._lane.zone


class ForgetsTheMode(Keeper):
    """Sets it when it changes, and takes a phone that was reset for what it was."""

    def _read_all(self) -> None:
        before = self._found.pin_mode
        super()._read_all()
        self._found.pin_mode = before


class ClearsAndRefills(MemoryPhone):
    def put(self, entries: Collection[Entry]) -> None:
        before = self.records
        super().withdraw(list(before))
        super().put(entries)
        self.records = {**before, **self.records}


class DeletesByPin(MemoryPhone):
    def withdraw(self, keys: Collection[str]) -> None:
        pins = {self.records[key].pin for key in keys if key in self.records}
        super().withdraw([key for key, held in self.records.items() if held.pin in pins])


class EchoesTheSearch(SearchedPhone):
    """What is looked for is found: that shows that a search is believed here."""

    def look_for(self, entries: Sequence[Entry]) -> Mapping[str, Held]:
        return {one.key: self.shows(one) for one in entries}


PLANTED: dict[str, dict[str, Any]] = {
    "trusts the ack": {"keeper": TrustsTheAck},
    "stuck": {"keeper": Stuck},
    "grants first": {"keeper": GrantsFirst},
    "never looks again": {"keeper": NeverLooksAgain},
    "takes unannounced": {"keeper": TakesUnannounced},
    "clears and refills": {"brand": ClearsAndRefills},
    "deletes by PIN": {"brand": DeletesByPin},
    "echoes the search": {"brand": EchoesTheSearch, "house": Searching},
    "trusts the mode": {"keeper": TrustsTheMode, "house": Switching},
    "trusts the zone": {"keeper": TrustsTheZone, "house": Travelling},
    "sets the zone once": {"keeper": SetsTheZoneOnce, "house": Travelling},
    "forgets the mode": {"keeper": ForgetsTheMode, "house": Switching},
}


def search(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=25,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


@pytest.mark.parametrize("house", [House, Searching, Switching, Travelling])
def test_d1_m115_t3_every_phone_converges(
    house: type[House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "MANY", 1)
    run_state_machine_as_test(house, settings=search(200))


@pytest.mark.parametrize("bug", PLANTED)
def test_d1_control_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MANY", 1)
    planted = PLANTED[bug]
    house = type(bug, (planted.get("house", House),), planted)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(house, settings=search(1000))
