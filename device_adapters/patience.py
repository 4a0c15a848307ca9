"""How a keeper goes about it: how long it waits, and what it needs of the lane around it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from device_adapters.wants import Wishes
from domain.settings import PinMode


@dataclass(frozen=True, kw_only=True)
class Patience:
    """`looks`: how often, in settling times, a phone is read before a write counts as failed, for
    some answer with what was a while ago. `breaker`: seconds to leave alone what failed three
    times, doubled each time up to `longest`; `revocation`: the same for what must go, never more,
    for as long as it is there it opens doors; `probe`: until one record is tried where nothing is.
    """

    looks: tuple[float, ...] = (1, 1, 2)
    breaker: float = 300
    longest: float = 3600
    revocation: float = 15
    probe: float = 30


class Surroundings(Protocol):
    """What a keeper needs of its lane. `pin_mode` is never older than the wishes that it gave;
    `zone` is None where the phone's clock is nobody's business.
    """

    pin_mode: PinMode
    zone: str | None

    def now(self) -> datetime:
        """In UTC."""

    def wishes(self, most: int | None = None) -> Wishes:
        """What came in since the last call; of a crowd so many at most, and all who must go."""

    def pause(self, seconds: float, *, until_wishes: bool) -> None:
        """Returns early if it is over; if `until_wishes`, also for new ones."""

    def wrote(self, records: int, grants: bool) -> None:
        """Time for others, between two writes. Revocations if they are not grants."""

    def catch_up(self) -> None:
        """Read what the phone wrote by the clock that it has now. May raise anything."""
