"""The contacts in the frames of the doors: which stand open, and since when (S18)."""

from datetime import datetime, timedelta


class Frames:
    def __init__(self) -> None:
        self.since: dict[int, datetime] = {}
        self.told: set[int] = set()

    def open(self, relay: int, now: datetime) -> None:
        self.since.setdefault(relay, now)

    def close(self, relay: int) -> None:
        self.since.pop(relay, None)
        self.told.discard(relay)

    def overdue(self, now: datetime, after: timedelta) -> list[int]:
        """Those open for too long; each once, until it was shut."""
        found = [n for n, since in self.since.items() if now - since > after and n not in self.told]
        self.told |= {*found}
        return found
