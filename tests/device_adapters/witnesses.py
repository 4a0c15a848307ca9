"""Who stands beside a door log that is polled without a lane."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from commands.ingest import FromAfar
from device_adapters.doorlog import Gap
from device_adapters.openings import Openings
from domain.devices import CredentialKind
from domain.reports import Asked
from tests.builders import GATE


@dataclass
class Alone:
    """Knows of nothing that is gone, of the faces that it is given, of openings of the gate, and
    remembers what it was told.
    """

    faces: Mapping[str, UUID] = field(default_factory=dict)
    openings: Openings = field(default_factory=Openings)
    gaps: list[Gap] = field(default_factory=list)
    asked_again: int = 0

    def gone(self, holder: UUID, kind: CredentialKind) -> datetime | None:
        return None

    def bearer(self, name: str, at: datetime) -> UUID | None:
        return self.faces.get(name)

    def asked(self, lines: Sequence[FromAfar]) -> Mapping[int, Asked]:
        return self.openings.of(GATE, lines)

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def more(self) -> None:
        self.asked_again += 1
