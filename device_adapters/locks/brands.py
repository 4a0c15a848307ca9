"""What the locks of each brand do their own way, as data. [G] is a guess."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from device_adapters.port import Limits
from domain.devices import CredentialKind
from domain.locks import Brand


@dataclass(frozen=True, kw_only=True)
class Profile:
    """batch: people in a write, so that it is done in 5 s. pause, settle: seconds after a request,
    and after a write before it can be read back. name: longest, in characters. holds_open: its
    locks can be held open by schedule (M107). unreadable: what they take but do not show.
    """

    brand: Brand
    source: str
    holds_open: bool = False
    batch: int = 25
    pause: float = 0.1
    settle: float = 1.0
    name: int = 63
    unreadable: frozenset[CredentialKind] = frozenset()

    def paced(self, pause: float, settle: float, batch: int = 100) -> "Profile":
        """For a gateway that needs no sparing, such as a simulated one."""
        return replace(self, pause=pause, settle=settle, batch=batch)

    @property
    def limits(self) -> Limits:
        return Limits(batch=self.batch, settle=self.settle, unreadable=self.unreadable)


KNOWN = (
    Profile(
        brand="dormakaba",
        source="codes: M120 and A39; the rest [G]: no public API is known (ADR 17)",
    ),
    Profile(
        brand="itec",
        source="codes: M121; held open: M107; the rest [G] (ADR 17)",
        holds_open=True,
    ),
)
PROFILES: Mapping[str, Profile] = MappingProxyType({known.brand: known for known in KNOWN})
