"""Emergencies in the adapters' process: hears of orders within milliseconds and has them done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Any, Protocol, Self

import structlog
from prometheus_client import Gauge

from commands.bus import Dispatch
from device_adapters.emergency.asking import Asking
from device_adapters.emergency.book import Book
from device_adapters.emergency.desk import FromBook
from device_adapters.emergency.gate import Gate
from device_adapters.emergency.hand import Connect, Hand, Pace
from device_adapters.emergency.keeper import TICK_SECONDS, Keeper
from device_adapters.emergency.telling import Telling
from domain.emergency import OrderId
from domain.ids import CommunityId, DeviceId
from eventlog.port import Recorded, Unavailable
from eventlog.sealing import Master

Errand = frozenset[tuple[int, OrderId]]
LEFT = Gauge("gatehouse_emergency_doors_left", "Doors that are not as ordered in an emergency")
log = structlog.get_logger()


class Log(Protocol):
    def read(self, after: int, wait: float = 0) -> tuple[Sequence[Recorded[Any]], int]:
        """As eventlog.postgres.emergencies.EmergencyLog."""


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What it needs of the house. `ours`: whether we hold a community's lease, without waiting.
    `folder`: where the snapshot and the spool are. `heard`: seconds without a word of the log after
    which an order may have been missed.
    """

    log: Log
    dispatch: Dispatch
    connect: Connect
    ours: Callable[[CommunityId], bool]
    master: Master
    folder: Path
    pace: Pace = field(default_factory=Pace)
    heard: float = 5.0


class Service:
    """`with Service(outside, gate): …`"""

    def __init__(self, outside: Outside, gate: Gate) -> None:
        self._outside, self.book, self._stop = outside, Book(), Flag()
        dispatch = outside.dispatch
        self._telling = Telling(dispatch)
        self._desk = FromBook(self.book, self._ours, gate, self._telling.say)
        self._asking = Asking(self.book, dispatch, outside.connect, self._ours)
        self._keeper = Keeper(outside.folder, outside.master, self.book, dispatch)
        self._hands: dict[DeviceId, tuple[Hand, Errand]] = {}
        self._heard_at = 0.0
        self._threads = [
            Thread(target=work, args=args, name=f"emergency {name}", daemon=True)
            for name, work, args in (
                ("orders", self._follow, ()),
                ("host", self._keep, ()),
                ("import", self._keeper.carry, (self._stop,)),
                ("results", self._telling.run, (self._stop,)),
            )
        ]

    def __enter__(self) -> Self:
        self._outside.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        hands = [hand for hand, _ in self._hands.values()]
        for hand in hands:
            hand.stop()
        for hand in hands:
            hand.join(6.0)

    def _ours(self, home: CommunityId) -> bool:
        """A lease says who may speak; that we have heard of the log since, what to say."""
        return self._is_current() and self._outside.ours(home)

    def _is_current(self) -> bool:
        return monotonic() - self._heard_at < self._outside.heard

    def _follow(self) -> None:
        """The one thread that must not end, and that nothing of the disk or of others holds up."""
        while not self._stop.is_set():
            for step in (self._hear, self._send):
                try:
                    step()
                except Unavailable:
                    self._stop.wait(TICK_SECONDS)
                except Exception as trouble:
                    log.error("emergency", error=type(trouble).__name__)
                    self._stop.wait(TICK_SECONDS)

    def _hear(self) -> None:
        """Nobody goes to a door before all is known that was ordered since."""
        begun, wait = monotonic(), TICK_SECONDS if self.book.live else 0
        records, upto = self._outside.log.read(self.book.position, wait)
        self._take(records)
        self.book.live |= upto == self.book.position
        self.book.position, self._heard_at = upto, begun

    def _take(self, records: Sequence[Recorded[Any]]) -> None:
        """What cannot be taken is passed over: it must not keep other doors shut."""
        for record in records:
            try:
                self.book.apply([record])
            except Exception as trouble:
                error, place = type(trouble).__name__, record.position
                log.error("emergencies pass over an event", position=place, error=error)

    def _send(self) -> None:
        """A hand to each phone where something is to be done by us."""
        for device in self.book.at_work() if self.book.live else ():
            if task := self._desk.task(device):
                self._hand(device, frozenset((r, one.id) for r, one in task.orders.items()))
        if self.book.live:
            self._asking.look(self._stop)
        LEFT.set(self.book.left())

    def _hand(self, device: DeviceId, errand: Errand) -> None:
        hand, known = self._hands.get(device, (None, None))
        if hand is None or hand.ended:
            hand = Hand(device, self._desk, self._outside.connect, self._outside.pace)
            hand.start()
        elif errand != known:
            hand.ring()
        self._hands[device] = hand, errand

    def _keep(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            try:
                self._keeper.adopt()
                if self.book.live and self._is_current():
                    self._keeper.write()
            except Exception as trouble:
                log.error("emergency: this host's disk", error=type(trouble).__name__)
                self._stop.wait(1)
