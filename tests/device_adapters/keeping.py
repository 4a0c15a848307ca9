"""A keeper with a lane that never waits, to be driven call by call."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from device_adapters.keeper import Keeper
from device_adapters.ledger import Ledger
from device_adapters.patience import Patience
from device_adapters.port import Phone
from device_adapters.wants import NOTHING, Want, Wishes
from domain.devices import Outcome
from domain.rights import Entry, evidence
from domain.settings import PinMode
from tests.device_adapters.memory_phone import MAC

BEGAN = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def verified(entry: Entry) -> Outcome:
    """What is to be said of a record with one code."""
    ((who, kind), text), *_ = evidence([entry]).items()
    return Outcome(holder=who, kind=kind, state="verified", digest=digest(text))


def wish(*entries: Entry) -> Wishes:
    return {one.holder: Want(rank=one.key, entries=(one,)) for one in entries}


def no_more(*people: int) -> Wishes:
    return {UUID(int=n): NOTHING for n in people}


@dataclass
class Hands:
    """What a lane does for its keeper. `later`: wishes that come in after so many writes."""

    inbox: dict[UUID, Want] = field(default_factory=dict)
    later: dict[int, Wishes] = field(default_factory=dict)
    pin_mode: PinMode = "pin"
    zone: str | None = None
    seconds: float = 0.0
    writes: int = 0
    caught_up: int = 0

    def wishes(self, most: int | None = None) -> Wishes:
        taken = dict(list(self.inbox.items())[:most])
        self.inbox = {who: want for who, want in self.inbox.items() if who not in taken}
        return taken

    def pause(self, seconds: float, *, until_wishes: bool) -> None:
        if not (until_wishes and self.inbox):
            self.seconds += seconds

    def wrote(self, records: int, grants: bool) -> None:
        self.writes += 1
        self.inbox |= self.later.pop(self.writes, {})

    def catch_up(self) -> None:
        self.caught_up += 1

    def clock(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self.seconds)


@dataclass
class Kept:
    """A phone, its keeper, and all that was said of it."""

    phone: Phone
    hands: Hands = field(default_factory=Hands)
    said: list[Outcome] = field(default_factory=list)
    kind: type[Keeper] = Keeper
    mac: str = MAC
    mute: bool = False

    def __post_init__(self) -> None:
        self.keeper = self._a_keeper()

    def restart(self) -> None:
        """kill -9: only what was said and what is wanted comes back."""
        wanted = {**self.wanted}
        self.hands.inbox = wanted
        self.keeper = self._a_keeper()

    def want(self, *wishes: Wishes) -> None:
        for some in wishes:
            self.hands.inbox |= some
            self.wanted |= some

    def run(self, *wishes: Wishes) -> Sequence[Outcome]:
        """What a pass says."""
        before = len(self.said)
        self.want(*wishes)
        self.keeper.run()
        return self.said[before:]

    def desired(self) -> Iterable[Entry]:
        return [one for want in self.wanted.values() for one in want.entries]

    def _tell(self, news: Sequence[Outcome]) -> None:
        if self.mute:
            raise ConnectionError
        self.said.extend(news)

    def _a_keeper(self) -> Keeper:
        self.wanted: dict[UUID, Want] = getattr(self, "wanted", {})
        return self.kind(
            self.phone,
            self.mac,
            self.hands,
            self._tell,
            digest,
            Ledger(self.said),
            Patience(),
            self.hands.clock,
        )
