"""Carries what was found at doors into the log as soon as it can: doors never wait for that."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event as Flag
from typing import Final

import structlog

from commands.bus import Dispatch
from commands.emergency import ReportDoors
from device_adapters.emergency.port import Withdrawn
from domain.accounts import Actor
from domain.emergency import DoorResult
from domain.ids import CommunityId

ADAPTER: Final = Actor(name="device adapter", role="system")
GATHER_SECONDS, RETRY_SECONDS, MOST = 0.05, 0.5, 200
Told = tuple[CommunityId, DoorResult]
log = structlog.get_logger()


class Telling:
    """`run` in a thread; `say` from any. What could not be told yet is kept until it is."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._waiting = SimpleQueue[Told]()

    def say(self, home: CommunityId, result: DoorResult) -> None:
        self._waiting.put((home, result))

    def run(self, stop: Flag) -> None:
        while not stop.is_set():
            gathered = self._gathered()
            for home, results in by_community(gathered).items():
                say = ReportDoors(results=tuple(results))
                insist(lambda home=home, say=say: self._tell(home, say), stop)  # type: ignore[misc]

    def _tell(self, home: CommunityId, report: ReportDoors) -> None:
        self._dispatch(report, community=home, actor=ADAPTER)

    def _gathered(self) -> list[Told]:
        """What comes at once is told at once."""
        found = list[Told]()
        try:
            while len(found) < MOST:
                found.append(self._waiting.get(timeout=GATHER_SECONDS if found else 0.25))
        except Empty:
            pass
        return found


def by_community(told: Sequence[Told]) -> dict[CommunityId, list[DoorResult]]:
    found = defaultdict[CommunityId, list[DoorResult]](list)
    for home, result in told:
        found[home].append(result)
    return found


def insist(act: Callable[[], object], stop: Flag) -> bool:
    """Until it is done, whatever fails: PostgreSQL is away. False if we were stopped before."""
    while not stop.is_set():
        try:
            act()
            return True
        except Withdrawn:
            return False
        except Exception as trouble:  # it must be told, and a message may quote what is personal
            log.warning("emergency: not told yet", error=type(trouble).__name__)
            stop.wait(RETRY_SECONDS)
    return False
