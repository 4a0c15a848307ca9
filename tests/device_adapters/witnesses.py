"""Who stands beside a door log that is polled without a lane."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from device_adapters.doorlog import Gap
from domain.devices import CredentialKind


@dataclass
class Alone:
    """Knows of nothing that is gone, and remembers what it was told."""

    gaps: list[Gap] = field(default_factory=list)
    asked_again: int = 0

    def gone(self, holder: UUID, kind: CredentialKind) -> datetime | None:
        return None

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def more(self) -> None:
        self.asked_again += 1
