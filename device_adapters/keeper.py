"""Brings one phone to what is wanted of it. Revocations first; nothing is so before it was read."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

from device_adapters.breaker import MODE, TRIES, ZONE, Breaker, Failing
from device_adapters.ledger import Ledger
from device_adapters.patience import Patience, Surroundings
from device_adapters.port import (
    Held,
    Identity,
    Phone,
    Rejected,
    Unsupported,
    WrongBox,
)
from device_adapters.searching import searched
from device_adapters.sent import Sent
from device_adapters.terms import Compared, Trying
from device_adapters.verified import Digest, Findings, holder
from device_adapters.wants import Wants
from domain.devices import Outcome

ROUND: Final = 500  # grants before they are read back
MOST_NEWS: Final = 500  # in one event
CROWD: Final = 200  # wishes at once, between two writes
ASTRAY: Final = {MODE: "asks for PINs in another way", ZONE: "shows another zone"}
Tell = Callable[[Sequence[Outcome]], None]


class Keeper:
    """`mac` is that of the box which may be given codes. Not thread-safe: a lane's own."""

    def __init__(
        self,
        phone: Phone,
        mac: str,
        lane: Surroundings,
        tell: Tell,
        digest: Digest,
        ledger: Ledger,
        patience: Patience,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._phone, self._mac, self._lane, self._tell = phone, mac, lane, tell
        self._patience, self._clock = patience, clock
        self.wants = Wants(phone)
        self._breaker = Breaker(patience, clock)
        self._found = Findings(phone, self.wants, digest, ledger, self._breaker.failing)
        self._dirty: dict[str, float] = {}
        self._leaving: set[str] = set()  # of these, what is to go
        self._sent = Sent(phone)
        self._unsaid: set[UUID] = set()
        self._unread, self.compared = True, Compared()

    def forget(self) -> None:
        """What the phone holds is not known for sure: read all before anything else."""
        self._unread = True

    def run(self) -> Identity:
        """One pass. Raises Failure; what was not done is then still to do."""
        identity = self._identify()
        self.hear()
        if self._unread:
            self._read_all()
        wrote = False
        while self._step():
            wrote = True
        self._report(())
        if wrote:
            with suppress(Rejected, Unsupported):
                self._phone.tidy(self.wants.entries())
        return identity

    def hear(self) -> bool:
        """Take in the latest wishes; whether some of them touch what the phone holds.

        A crowd comes in by and by, for hundreds of lanes share one interpreter, but is there as a
        whole before it is said what on the phone is nobody's.
        """
        changed = self.wants.take(self._lane.wishes(None if self._unread else CROWD))
        if self.wants.pin_mode != self._lane.pin_mode:
            self.wants.pin_mode = self._lane.pin_mode
            self._found.failing.pop(MODE, None)
        if self.wants.zone != self._lane.zone:
            self.wants.zone = self._lane.zone
            self._found.failing.pop(ZONE, None)
        for key in changed:
            self._found.failing.pop(key, None)
            self._sent.alone.discard(key)
        self._mark(changed)
        sent = changed & self._sent.unproven.keys()
        return bool(sent) or any(self._found.present(key) for key in changed & self._dirty.keys())

    def next_due(self) -> float | None:
        """When, on the monotonic clock, there is something to do; None if there is not."""
        if self._unread or self._unsaid or self._sent.unproven:
            return self._clock()
        times = [self._due(key) for key in self._dirty]
        times += [self._breaker.again(way, self._clock()) for way in self._astray()]
        return min(times, default=None)

    def bearer(self, name: str, at: datetime) -> UUID | None:
        """Whose face the phone knew by a name (commands.ingest.Witness)."""
        return self._found.faces.bearer(name, at)

    def waiting(self) -> tuple[int, int, float | None]:
        """How many changes wait, how many of them are revocations, since when."""
        since = list(self._dirty.values())
        return len(since), len(self._leaving), min(since, default=None)

    def suspended(self) -> int:
        return self._breaker.suspended()

    def trying(self, most: int) -> Sequence[Trying]:
        """Who does not stand on the phone as wanted, though it was tried: those in vain first."""
        failing = {k: one for k, one in list(self._found.failing.items()) if k not in ASTRAY}
        vain = [self._in_vain(key, one) for key, one in list(failing.items())[:most]]
        sent = [key for key in list(self._sent.unproven) if key not in failing]
        return [*vain, *map(just_sent, sent[: most - len(vain)])]

    def _in_vain(self, key: str, one: Failing) -> Trying:
        return Trying(
            holder=holder(key),
            state="rejected" if one.state == "rejected" else "mismatch",
            tries=one.tries,
            reason=one.reason,
            again_in=max(0.0, one.again - self._clock()),
        )

    def clock_trouble(self) -> str | None:
        """Why the phone's clock is in another zone; "" if it is not, None if that is to be seen."""
        if self._unread or self._lane.zone is None:
            return None
        if ZONE not in self._astray():
            return ""
        failing = self._found.failing.get(ZONE)
        return failing.reason if failing and failing.tries >= TRIES else None

    def _astray(self) -> Sequence[str]:
        """In which ways the phone is not as it is wanted."""
        zone, at = self._lane.zone, self._lane.now()
        right = zone is None or self._found.zone == self._phone.shows_zone(zone, at)
        return [*([] if right else [ZONE]), *([] if self._is_in_mode() else [MODE])]

    def _is_in_mode(self) -> bool:
        return self._found.pin_mode == self._lane.pin_mode

    def _identify(self) -> Identity:
        """D10: whoever else answers gets no code."""
        identity = self._phone.identify()
        if identity.mac != self._mac:
            raise WrongBox(f"{identity.mac or 'no MAC'} answers")
        return identity

    def _due(self, key: str) -> float:
        return self._breaker.again(key, self._dirty[key])

    def _mark(self, keys: Iterable[str]) -> None:
        """Those that are not as they should be, and since when."""
        now = self._clock()
        for key in keys:
            self._leaving.discard(key)
            if self._found.right(key):
                self._dirty.pop(key, None)
                self._unsaid.add(holder(key))
            else:
                self._dirty.setdefault(key, now)
                if self.wants.of(key) is None:
                    self._leaving.add(key)

    def _step(self) -> bool:
        """Write, read back, say; False if there is nothing to do."""
        self.hear()
        todo = self._todo()
        grants = bool(todo) and self.wants.of(todo[0]) is not None
        if (grants or not todo) and (way := self._must_set()):
            self._set(way)
            return True
        self._announce(todo, grants)
        self._write(todo, grants)
        if self._sent.unproven and not (grants and self._is_overtaken()):
            self._prove(grants)
        return bool(todo)

    def _is_overtaken(self) -> bool:
        """By what must go: one reading proves all. What was only just sent, and is to go again, is
        to be found first."""
        unproven = self._sent.unproven
        if len(unproven) >= ROUND or any(self.wants.of(k) != e for k, e in unproven.items()):
            return False
        return bool(self._gone())

    def _announce(self, todo: Sequence[str], grants: bool) -> None:
        """What was found there counts no more, even if just that is wanted again in a moment."""
        try:
            self._say(self._found.doubtful(set(map(holder, todo))))
        except Exception:
            if grants:
                raise  # a revocation waits for nobody, not even for the log

    def _must_set(self) -> str | None:
        """After what must go, before anybody's credential comes (M115, T3)."""
        now, again = self._clock(), self._breaker.again
        return next((way for way in self._astray() if again(way, 0) <= now), None)

    def _set(self, way: str) -> None:
        refused = None
        try:
            self._write_way(way)
        except (Rejected, Unsupported) as no:
            refused = no.reason
        for look in self._patience.looks:
            if self._settles(look * self._phone.limits.settle, interruptible=True):
                return
            self._look_at(way)
            if way not in self._astray() or refused:
                break
        if way in self._astray():
            self._fail(way, refused, ASTRAY[way])
        else:
            self._found.failing.pop(way, None)
        self._report(self.wants.wishes() if way == MODE else ())

    def _write_way(self, way: str) -> None:
        """What the phone wrote by the old clock is read by the old clock."""
        if way == MODE:
            self._phone.set_pin_mode(self._lane.pin_mode)
        elif zone := self._lane.zone:
            self._lane.catch_up()
            self._phone.set_zone(zone, self._lane.now())

    def _look_at(self, way: str) -> None:
        if way == MODE:
            self._found.pin_mode = self._phone.pin_mode() or self._found.pin_mode
        elif self._lane.zone:
            self._found.zone = self._phone.zone()

    def _todo(self) -> Sequence[str]:
        """All that must go; else what must change, then what must come."""
        if gone := self._gone():
            return gone
        due = self._due_of(self._dirty)
        due.sort(key=lambda key: not self._found.present(key))
        return due[:ROUND]

    def _gone(self) -> list[str]:
        return self._due_of(self._leaving)

    def _due_of(self, keys: Iterable[str]) -> list[str]:
        now = self._clock()
        return [key for key in keys if self._due(key) <= now and not self._is_sent(key)]

    def _is_sent(self, key: str) -> bool:
        unproven = self._sent.unproven
        return key in unproven and unproven[key] == self.wants.of(key)

    def _write(self, todo: Sequence[str], grants: bool) -> None:
        for batch in self._sent.batches(todo, grants=grants):
            self._found.doubt(batch)
            self._sent.write({key: self.wants.of(key) for key in batch})
            self._lane.wrote(len(batch), grants)
            if grants and self.hear():
                return

    def _prove(self, grants: bool) -> None:
        """Read back what was written, more than once if need be. Wishes that touch what the phone
        holds go before the proof of grants; the proof of revocations waits for nobody."""
        sent = self._sent.first()
        for look in self._patience.looks:
            if self._settles(look * self._phone.limits.settle, grants):
                return
            if (some := searched(self._phone, self._found, sent)) is not None:
                self._conclude(list(sent), some)
                return
            held = self._phone.read()
            wrong = (k for k, e in sent.items() if not self._found.agrees(k, e, held))
            if self._sent.accounts_for(wrong):
                break
        self._conclude(list(sent), held)
        self._notice(held)

    def _settles(self, seconds: float, interruptible: bool) -> bool:
        """Whether it was interrupted."""
        over = self._clock() + seconds
        while (left := over - self._clock()) > 0:
            self._lane.pause(left, until_wishes=interruptible)
            if interruptible and self.hear():
                return True
        return False

    def _conclude(self, keys: Sequence[str], held: Mapping[str, Held]) -> None:
        proven, refused, spoiled = self._sent.take(keys)
        right = {k: entry for k, entry in proven.items() if self._found.agrees(k, entry, held)}
        for key, entry in right.items():
            self._found.settle(key, entry)
            self._sent.alone.discard(key)
        wrong = [key for key in proven if key not in right]
        for key in wrong:
            self._note(key, held)
            if key not in spoiled:
                self._fail(key, refused.get(key), self._found.differs(key, proven[key], held))
        self._breaker.concluded(right, [key for key in wrong if key not in spoiled])
        self._mark(proven)
        self._report(map(holder, proven))

    def _note(self, key: str, held: Mapping[str, Held]) -> None:
        if key in held:
            self._found.stray(key, held[key])
        else:
            self._found.lost(key)

    def _notice(self, held: Mapping[str, Held]) -> None:
        """What somebody else did meanwhile, as far as keys tell."""
        known = self._found.verified.keys() | self._found.strays.keys()
        for key in (known ^ held.keys()) - self._sent.unproven.keys():
            self._note(key, held)
            self._mark([key])

    def _fail(self, key: str, refused: str | None, differs: str) -> None:
        must_go = self.wants.of(key) is None and key not in ASTRAY
        self._breaker.fail(key, refused, differs, must_go=must_go)

    def _read_all(self) -> None:
        """Compare every record (drift, restarts, factory resets)."""
        held = self._phone.read()
        for way in ASTRAY:
            self._look_at(way)
        self._sent.take(list(self._sent.unproven))
        self._found.verified.clear()
        self._found.strays.clear()
        self._found.leaving.clear()
        self.wants.make_room()
        for key in held:
            entry = self.wants.of(key)
            if entry and self._found.agrees(key, entry, held) and self._found.vouched(entry):
                self._found.settle(key, entry)
            else:
                self._found.stray(key, held[key])
        self._mark({*self.wants.keys(), *held, *self._dirty})
        drifted = self._found.drifted()
        self.compared = Compared(
            right=len(self._found.verified),
            drifted=len({one.holder for one in drifted}),
            strangers=self._phone.strangers,
        )
        self._unread = False
        self._say(drifted)
        self._report({*self.wants.wishes(), *(who for who, _ in self._found.ledger.outcomes)})

    def _report(self, people: Iterable[UUID]) -> None:
        """Once, and only what is new. What could not be said is said next time."""
        self._unsaid.update(people)
        self._say(self._found.news(self._unsaid))
        self._unsaid.clear()

    def _say(self, news: Sequence[Outcome]) -> None:
        for start in range(0, len(news), MOST_NEWS):
            some = news[start : start + MOST_NEWS]
            self._tell(some)
            self._found.said(some, self._lane.now())


def just_sent(key: str) -> Trying:
    return Trying(holder=holder(key), state="sent", tries=0, reason=None, again_in=0)
