"""Whether a phone's clock can be relied on: its schedules are read on it (T4)."""

from datetime import timedelta
from typing import Final, Protocol

from domain.ids import DeviceId
from domain.record import frozen

MOST_SECONDS: Final = 60.0
RIGHT_AGAIN_SECONDS: Final = 30.0  # so that a clock on the edge is not told of without end
QUARTER: Final = timedelta(minutes=15)  # no two zones are nearer
DOOR_LOG: Final = "its door log is"


@frozen
class Word:
    """What was said of a clock, as far as it counts; `zone` is None if it is wrong."""

    zone: str | None
    off: bool = False
    trouble: str = ""


def right(zone: str) -> Word:
    return Word(zone=zone)


def wrong(ahead: int, trouble: str) -> Word:
    return Word(zone=None, off=bool(ahead), trouble=trouble)


class Reports(Protocol):
    """What is said of a phone's clock. May raise; then it is said again later."""

    def clock_right(self, device: DeviceId, zone: str) -> None: ...

    def clock_wrong(self, device: DeviceId, ahead: int, reason: str) -> None: ...


class Watch:
    """`said`: the last word on the phone's clock; None if there is none."""

    def __init__(self, device: DeviceId, reports: Reports, said: Word | None = None) -> None:
        self._device, self._reports, self._said = device, reports, said
        self._shown: timedelta | None = None

    def show(self, off: timedelta | None) -> None:
        """How far the last line of its door log is off, if that is known."""
        self._shown = self._shown if off is None else off

    def forget(self) -> None:
        """What it showed says nothing any more: it is to go by another zone."""
        self._shown = None

    def _in_its_log(self) -> str:
        """What was said of it stands until another line is seen."""
        if self._shown is None:
            said = self._said.trouble if self._said else ""
            return said if said.startswith(DOOR_LOG) else ""
        minutes = round(self._shown / QUARTER) * 15
        way = "ahead" if minutes > 0 else "behind"
        return f"{DOOR_LOG} {abs(minutes)} minutes {way}" if minutes else ""

    def judge(self, off: float | None, zone: str, trouble: str) -> None:
        """Says once that the clock is wrong, and once that it is right again.

        off: seconds by which it is ahead, None if it does not tell the time. trouble: why it is in
        another zone than it should be, or empty; then its door log must agree.
        """
        trouble = trouble or self._in_its_log()
        most = RIGHT_AGAIN_SECONDS if self._said and self._said.off else MOST_SECONDS
        ahead = round(off) if off is not None and abs(off) > most else 0
        found = wrong(ahead, trouble) if ahead or trouble else right(zone)
        if found == self._said:
            return
        if found.zone is None:
            self._reports.clock_wrong(self._device, ahead, trouble)
        else:
            self._reports.clock_right(self._device, zone)
        self._said = found
