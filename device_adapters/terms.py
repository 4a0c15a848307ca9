"""What a lane is given, and what it tells of its phone."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol
from uuid import UUID

from device_adapters import clocks
from device_adapters.ledger import Ledger
from device_adapters.patience import Patience
from device_adapters.port import Phone
from domain.alarms import AlarmKind
from domain.devices import Outcome, SyncState
from domain.ids import DeviceId
from domain.sync import CheckId, OnStrangers

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

    def strangers(self, device: DeviceId, records: int) -> None: ...

    def trouble(self, device: DeviceId, kind: AlarmKind) -> None: ...

    def checked(self, device: DeviceId, check: CheckId, found: "Compared") -> None: ...


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

    ledger: Ledger = field(default_factory=Ledger)
    clock: clocks.Word | None = None
    online: bool | None = None
    firmware: str = ""
    strangers: int = 0
    on_strangers: OnStrangers = "report"
    checks: Collection[CheckId] = ()


@dataclass(frozen=True, kw_only=True)
class Compared:
    """All records of a phone with what it should hold; as in domain.sync.DeviceChecked."""

    right: int = 0
    drifted: int = 0
    strangers: int = 0


@dataclass(frozen=True, kw_only=True)
class Trying:
    """Somebody who does not stand on the phone as wanted: `sent` is written and not yet read back.
    `tries`: in vain; `again_in`: seconds until the next one, 0 if it is due.
    """

    holder: UUID
    state: Literal["sent", "mismatch", "rejected"]
    tries: int
    reason: str | None
    again_in: float


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """For `gatehouse status`. Times in seconds ago; `online` is None before anything is known of
    it, `failure` is None while the phone answers. `strangers`: records that somebody entered by
    hand. `states`: credentials by the last word on them; `trying`: some of those that are not well.
    """

    device: DeviceId
    online: bool | None
    failure: str | None
    seen: float | None
    waiting: int
    revocations: int
    waiting_for: float | None
    suspended: int
    clock_off: float | None
    strangers: int
    states: Mapping[SyncState, int] = field(default_factory=dict)
    trying: Sequence[Trying] = ()


class Over(Exception):
    """Somebody stopped the lane."""
