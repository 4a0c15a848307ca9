"""What a lane is given, and what it tells of its phone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from device_adapters import clocks
from device_adapters.patience import Patience
from device_adapters.port import Phone
from device_adapters.verified import Credential
from domain.devices import Outcome
from domain.ids import DeviceId

Poll = Callable[[DeviceId, Phone], timedelta | None]  # as doorlog.off


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """Seconds. `heartbeat`: between signs of life, and between door-log polls. `scan`: between
    comparisons of every record. `first_retry` doubles up to `last_retry`. A phone that has not
    answered twice and for `offline_after` is offline: within 15 s of falling silent (D2).
    """

    heartbeat: float = 4.0
    scan: float = 900.0
    first_retry: float = 0.2
    last_retry: float = 30.0
    offline_after: float = 8.0
    patience: Patience = field(default_factory=Patience)


class Reports(clocks.Reports, Protocol):
    """What a lane says of its phone. May raise; then it is said again later."""

    def synced(self, device: DeviceId, outcomes: tuple[Outcome, ...]) -> None: ...

    def online(self, device: DeviceId, firmware: str) -> None: ...

    def offline(self, device: DeviceId, reason: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Place:
    """A phone as it is registered: which box may be given codes, and how it is reached."""

    device: DeviceId
    mac: str
    connect: Callable[[], Phone]
    event_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the log says of a phone already; None where nothing was ever said."""

    outcomes: Mapping[Credential, Outcome] = field(default_factory=dict)
    clock: clocks.Word | None = None
    online: bool | None = None
    firmware: str = ""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """For `gatehouse status`. Times in seconds ago; `failure` is None while the phone answers.
    `strangers`: records that somebody entered by hand.
    """

    device: DeviceId
    online: bool
    failure: str | None
    seen: float | None
    waiting: int
    revocations: int
    waiting_for: float | None
    suspended: int
    clock_off: float | None
    strangers: int


class Over(Exception):
    """Somebody stopped the lane."""
