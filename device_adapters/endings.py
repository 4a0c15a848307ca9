"""Rights that are over for good. The log says nothing when a last hour has passed: a clock does."""

from datetime import datetime, tzinfo
from uuid import UUID

from domain.access_groups import Period, Schedule, is_over


class Endings:
    """`over`: the groups, and the people as far as their vehicles go, whose time has passed."""

    def __init__(self) -> None:
        self._limits: dict[UUID, Schedule | Period] = {}
        self.over: frozenset[UUID] = frozenset()

    def limit(self, id: UUID, when: Schedule | Period | None) -> None:
        """None, or hours without a last day: there is no end."""
        self._limits.pop(id, None)
        if when and when.last:
            self._limits[id] = when

    def pass_time(self, now: datetime, zone: tzinfo) -> frozenset[UUID]:
        """Who is over now and was not before; or the other way round, where an end was put off, or
        a clock or the zone was set back.
        """
        before = self.over
        self.over = frozenset(id for id, when in self._limits.items() if is_over(when, now, zone))
        return before ^ self.over
