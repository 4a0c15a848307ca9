"""What a lane does beside keeping records: doors opened from afar, restarts, settings (M110, M111).

What has begun is not begun again: whether it was done may not be known, but nothing is done twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, sleep
from typing import Final, Protocol, runtime_checkable

from device_adapters.port import Failure, Offline, Phone, Rejected, Unsupported, WrongBox
from domain.maintenance import Ending, OperationKind, Upkeep, UpkeepState

CHECKED_SECONDS: Final = 900.0
RETRY_SECONDS: Final = 60.0
RESTARTS: Final[frozenset[OperationKind]] = frozenset({"reboot", "reset"})
WAITS: Final[frozenset[OperationKind]] = RESTARTS | {"autop"}
Said = tuple[UpkeepState, str]
Found = Callable[[UpkeepState, str], None]


@runtime_checkable
class Serviced(Protocol):
    """What some drivers can do beside the port. Every method may raise Failure."""

    def reboot(self) -> None: ...

    def reset(self) -> None:
        """To the factory's settings."""

    def wanted(self, upkeep: Upkeep) -> Mapping[str, str]:
        """What is kept, as settings of the phone. Without asking the phone."""

    def configure(self, settings: Mapping[str, str]) -> None:
        """What is already so is not written."""

    def amiss(self, settings: Mapping[str, str]) -> list[str]:
        """The names of those that the phone shows otherwise."""


@dataclass(kw_only=True)
class Errand:
    """`until`: unix seconds, after which nobody wants it any more. `begun` and `ended` tell the
    log, and may raise: then it is told later. `result` is what came of it, told or not.
    """

    kind: OperationKind
    until: float
    begun: Callable[[], None]
    ended: Callable[[Ending, str], None]
    relay: int = 0
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    result: tuple[Ending, str] | None = None


class Errands:
    """Of one phone. `add` and `keep` are for others to call, all else for the lane."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._lock = now, Lock()
        self._waiting: list[Errand] = []
        self._kept: Upkeep | None = None
        self._found: Found = lambda state, reason: None
        self._said: Said | None = None
        self._look_at = 0.0
        self._fresh = False

    def add(self, errand: Errand) -> None:
        """Who waits at a door goes first."""
        with self._lock:
            self._waiting = sorted([*self._waiting, errand], key=lambda one: one.kind in WAITS)
        self._fresh = True

    def keep(self, upkeep: Upkeep, found: Found, said: Said | None = None) -> None:
        """`said`: what was found of it last, in a life past."""
        self._kept, self._found, self._said = upkeep, found, said
        self._look_at, self._fresh = 0.0, True

    def forget(self) -> None:
        """It is another box: what was found on the old one says nothing of it."""
        self._look_at, self._said = 0.0, None

    def calls(self) -> bool:
        """To the phone at once, whether it answers or not."""
        return self._fresh

    def next_due(self) -> float:
        """On the monotonic clock, with a phone that answers."""
        return self._look_at if self._kept else float("inf")

    def give_up(self) -> None:
        """The phone is no longer anybody's to speak to."""
        for errand in self._waiting:
            errand.ended(*(errand.result or ("failed", "the device was removed")))

    def run(self, phone: Phone, mac: str) -> None:
        """Raises Failure if the phone does not answer and something waits for it."""
        self._fresh = False
        for errand in self._waiting:
            errand.result = errand.result or self._attempt(errand, phone, mac)
            errand.ended(*errand.result)
            with self._lock:
                self._waiting = [other for other in self._waiting if other is not errand]
        if self._kept and monotonic() >= self._look_at:
            self._look_after(self._kept, phone, mac)

    def _attempt(self, errand: Errand, phone: Phone, mac: str) -> tuple[Ending, str]:
        """Raises Offline while it can wait."""
        if self._now() > errand.until:
            return "offline", "the device was not reached in time"
        try:
            meet(phone, mac)
        except Offline as away:
            if errand.kind in WAITS:
                raise
            return "offline", away.reason
        except Failure as no:
            return "failed", str(no)
        if errand.kind in WAITS:
            errand.begun()
        return self._do(errand, phone)

    def _do(self, errand: Errand, phone: Phone) -> tuple[Ending, str]:
        try:
            act(errand, phone)
        except Offline as away:
            if errand.kind in RESTARTS:
                return "done", "it answered no more, as one that restarts"
            return "offline", f"{away.reason}: whether it was done is not known"
        except Failure as no:
            return "failed", str(no)
        finally:
            if errand.kind in WAITS:
                self._look_at = 0.0
        return "done", ""

    def _look_after(self, kept: Upkeep, phone: Phone, mac: str) -> None:
        """Said once, and again when it is otherwise."""
        meet(phone, mac)
        try:
            set_up(phone, serviced(phone).wanted(kept))
            word: Said = ("verified", "")
        except Amiss as amiss:
            word = ("mismatch", amiss.reason)
        except (Rejected, Unsupported) as no:
            word = ("rejected", no.reason)
        pause = CHECKED_SECONDS if word[0] == "verified" else RETRY_SECONDS
        self._look_at = monotonic() + pause
        if word != self._said:
            self._found(*word)
            self._said = word


class Amiss(Failure):
    """It took the settings, and shows others."""

    kind = "mismatch"


def meet(phone: Phone, mac: str) -> None:
    """D10: whoever else answers is asked for nothing."""
    if (found := phone.identify().mac) != mac:
        raise WrongBox(f"{found or 'no MAC'} answers")


def act(errand: Errand, phone: Phone) -> None:
    match errand.kind:
        case "open":
            phone.open(errand.relay)
        case "reboot":
            serviced(phone).reboot()
        case "reset":
            serviced(phone).reset()
        case "autop":
            set_up(phone, errand.settings)


def set_up(phone: Phone, settings: Mapping[str, str]) -> None:
    """A success answer is no proof: they are read back."""
    if not settings:
        return
    hand = serviced(phone)
    hand.configure(settings)
    sleep(phone.limits.settle)
    if amiss := hand.amiss(settings):
        raise Amiss(", ".join(sorted(amiss)[:5]))


def serviced(phone: Phone) -> Serviced:
    if not isinstance(phone, Serviced):
        raise Unsupported("this cannot be done from here")
    return phone
