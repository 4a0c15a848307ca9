"""Who had doors opened from afar: a phone writes that one was, and not for whom (M85)."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from commands.ingest import A_MINUTE, FromAfar
from domain.ids import DeviceId
from domain.maintenance import OperationAsked
from domain.reports import Asked

KEPT: Final = 50  # of a device


@dataclass
class Opening:
    """`line`: which of the phone's log says it, by epoch and id; None until it was read."""

    asked: Asked
    relay: int
    at: datetime
    line: tuple[int, int] | None = None


class Openings:
    """The latest at each device, in their order. Told by anybody, asked by the device's lane."""

    def __init__(self) -> None:
        self._done = defaultdict[DeviceId, deque[Opening]](lambda: deque(maxlen=KEPT))

    def done(self, wanted: OperationAsked, at: datetime) -> None:
        """May be told again, of a log that was down."""
        known = self._done[wanted.device]
        if wanted.kind == "open" and all(o.asked.operation != wanted.operation for o in known):
            asked = Asked(operation=wanted.operation, by=wanted.by)
            known.append(Opening(asked=asked, relay=wanted.relay or 1, at=at))

    def of(self, device: DeviceId, lines: Sequence[FromAfar]) -> Mapping[int, Asked]:
        """Which lines are of these, by id: each of one, which keeps it though the line may be read
        again. All others are of somebody else's asking: of the vendor's app, of a monitor.
        """
        known = list(self._done[device])
        read = {opening.line for opening in known}
        for relay in {line.relay for line in lines}:
            free = [one for one in known if one.relay == relay and one.line is None]
            new = [one for one in lines if one.relay == relay and (one.epoch, one.id) not in read]
            for opening, line in matched(free, new):
                opening.line = line.epoch, line.id
        told = {opening.line: opening.asked for opening in known}
        return {one.id: told[place] for one in lines if (place := (one.epoch, one.id)) in told}


def matched(
    openings: Sequence[Opening], lines: Sequence[FromAfar]
) -> Iterable[tuple[Opening, FromAfar]]:
    """The nearest first, within what clocks may be off; then the first line is of the first
    opening, for a phone says whole seconds, and both are in order.
    """
    pairs = [(o, n) for o in range(len(openings)) for n in range(len(lines))]
    away = {(o, n): abs(openings[o].at - lines[n].at) for o, n in pairs}
    near, taken = set[int](), set[int]()
    for o, n in sorted((pair for pair in pairs if away[pair] <= A_MINUTE), key=away.__getitem__):
        if o not in near and n not in taken:
            near.add(o)
            taken.add(n)
    return zip((openings[o] for o in sorted(near)), (lines[n] for n in sorted(taken)), strict=True)
