"""What any door phone can do, whatever the brand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Protocol, runtime_checkable

from domain.devices import CredentialKind
from domain.record import Personal, Secret, frozen
from domain.rights import Entry
from domain.settings import PinMode


class Failure(Exception):
    """A phone did not do what it was asked. The reason is for people and holds no code."""

    kind = "failed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class Offline(Failure):
    """No answer, or half of one: whether a write was done is not known."""

    kind = "offline"


class Rejected(Failure):
    """It understood, and says no."""

    kind = "rejected"


class Unsupported(Failure):
    """It has no such function."""

    kind = "unsupported"


class WrongBox(Failure):
    """Another box answers at the address (D10)."""

    kind = "wrong-box"


class Locked(Failure):
    """It does not let us in."""

    kind = "locked"


class Garbled(Failure):
    """What it says makes no sense, or is too much of it (D9)."""

    kind = "garbled"


@frozen
class Identity:
    """The hardware that answers: the MAC as 12 upper hex digits."""

    mac: str
    model: str
    firmware: str


@frozen
class Status:
    """What its clock says, and how long it has been up; None where it does not say."""

    clock: datetime | None
    uptime: timedelta | None


@frozen
class Held:
    """A record of ours as a phone shows it, to be compared with what it would show.

    `opens` is the driver's own wording of schedules by content, and relays; `face` tells which
    photo it is. A field that the phone does not show is None on both sides.
    """

    name: Personal[str]
    pin: Personal[str] | None
    cards: Personal[frozenset[str]]
    opens: frozenset[str]
    room: str | None = None
    vehicles: Personal[frozenset[str]] = frozenset()
    face: Personal[str] | None = None
    floors: frozenset[int] = frozenset()

    def kinds(self) -> frozenset[CredentialKind]:
        """What is there, as far as it tells: a plate and a UHF tag look the same."""
        there: dict[CredentialKind, object] = {
            "pin": self.pin,
            "card": self.cards,
            "uhf": self.vehicles,
            "plate": self.vehicles,
            "face": self.face,
            "floors": self.floors,
        }
        return frozenset(kind for kind, found in there.items() if found)


@frozen
class Fit:
    """What of an entry a phone can take, and why not the rest of it."""

    entry: Entry | None
    lacks: Mapping[CredentialKind, str]


@frozen
class Opened:
    """A line of the door log. `local` is the phone's own clock, without a zone, if legible."""

    id: int
    local: datetime | None
    method: str
    name: Personal[str]
    code: Secret[str]
    relays: frozenset[int]
    success: bool


@frozen
class DoorLog:
    """`newest` is the highest id there is, 0 if none: one below what was read means a new epoch.

    `more` is true if there are newer lines than the given ones, to be read next. `zone` and `clock`
    are those by which the phone writes lines now, the clock as it stands; None if it does not say.
    """

    newest: int
    lines: tuple[Opened, ...]
    more: bool = False
    zone: tzinfo | None = None
    clock: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`batch`: records in a write. `settle`: seconds before a write can be read back.

    `unreadable` are the kinds of codes that the phone takes but does not show.
    """

    batch: int
    settle: float
    unreadable: frozenset[CredentialKind] = frozenset()


class Phone(Protocol):
    """One conversation with one phone, by one caller at a time. Every method may raise Failure.

    Records are known by our key (`Entry.key`), never by the phone's own numbers. Records that are
    not ours are neither shown nor touched; `strangers` is how many of them somebody has entered by
    hand, as of the last reading (D15).
    """

    limits: Limits
    strangers: int

    def identify(self) -> Identity: ...

    def status(self) -> Status: ...

    def pin_mode(self) -> PinMode | None:
        """How it asks for PINs (M115); None if it does not say, and then as from the factory."""

    def set_pin_mode(self, mode: PinMode) -> None:
        """What is already so is not written."""

    def zone(self) -> str | None:
        """That of its clock, in the driver's own words; None if it does not say."""

    def shows_zone(self, zone: str, at: datetime) -> str:
        """What `zone` gives at that time once it was set. Without asking the phone; not the same
        all year where the phone does not know when clocks are changed."""

    def set_zone(self, zone: str, at: datetime) -> None:
        """By its name in the IANA database. What is already so is not written."""

    def fit(self, entry: Entry) -> Fit:
        """Without asking the phone."""

    def overflow(self, entries: Sequence[Entry]) -> Mapping[str, str]:
        """Which of these find no room, last first, and why: {key: reason} (D4)."""

    def shows(self, entry: Entry) -> Held:
        """What `read` gives once the phone holds it."""

    def read(self) -> Mapping[str, Held]:
        """All records of ours. Of several under one key, all but one come under keys of their
        own, to be withdrawn."""

    def withdraw(self, keys: Collection[str]) -> None:
        """One write; what is not there is already so."""

    def put(self, entries: Collection[Entry]) -> None:
        """One write of new ones and one of changed ones, with the schedules that they need."""

    def withdraw_strangers(self) -> None:
        """Remove what somebody entered by hand, as of the last reading; the cloud's stays (D15)."""

    def tidy(self, entries: Collection[Entry]) -> None:
        """Remove schedules of ours that none of these needs."""

    def open(self, relay: int, seconds: int = 0) -> None:
        """0 seconds: as long as the phone is set to."""

    def door_log(self, after: int = 0) -> DoorLog:
        """What is newer than an id, oldest first."""

    def report_to(self, url: str) -> None:
        """Have events reported to a URL, without codes; what is already so is not written."""

    def close(self) -> None: ...


@runtime_checkable
class Searched(Protocol):
    """What some phones can do beside: look for a few of thousands of records."""

    def look_for(self, entries: Sequence[Entry]) -> Mapping[str, Held]:
        """As `read`, but only what is called as these are. Unsupported, Rejected or Garbled if it
        cannot say; to find nothing proves nothing, for a phone may look for names in its own way.
        """


@runtime_checkable
class Sensing(Protocol):
    """What some phones can do beside: tell of what is wired to them."""

    def inputs(self) -> Mapping[int, bool]:
        """Which contacts are closed, by number. Unsupported or Rejected if it cannot say."""
