"""Goes to one phone and does what is ordered there, for as long as it must stay so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as Flag
from threading import Thread
from time import monotonic
from typing import Final

import structlog

from device_adapters.emergency.port import Desk, Doors, Task, Withdrawn
from device_adapters.port import Failure, Offline, WrongBox
from domain.access_groups import Door
from domain.devices import Device
from domain.emergency import DoorResult, DoorState, Order, OrderId
from domain.ids import DeviceId

log = structlog.get_logger()
Connect = Callable[[Device, Callable[[], None]], Doors]
NOT_READ_BACK: Final = {
    True: "the relay stays shut",
    False: "the relay stays open; a relay schedule may hold it",
}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds. `looks`: before a relay is read again that was not seen to follow; `beat`: between
    looks at doors that are held open; `doubt`: for how long a request that was not answered may
    still open a door; `first_retry` doubles up to `last_retry`, and up to `unlocked` where all that
    is left to do is a lock that the phone has heard.
    """

    looks: tuple[float, ...] = (0.3, 1.0)
    beat: float = 3.0
    doubt: float = 12.0
    first_retry: float = 0.2
    last_retry: float = 2.0
    unlocked: float = 30.0


class Superseded(Exception):
    """There is a newer order: begin again."""


class Hand:
    """A thread, until nothing is to be done. It alone sends orders to this phone, one after the
    other, so that a late unlock is over before the lock goes out (fencing, ADR 18).
    """

    def __init__(self, device: DeviceId, desk: Desk, connect: Connect, pace: Pace) -> None:
        self._device, self._desk, self._connect, self._pace = device, desk, connect, pace
        self._phone: Doors | None = None
        self._at: Device | None = None
        self._kept: dict[int, OrderId] = {}
        self._refused: dict[int, str] = {}
        self._failures, self._doubt_until = 0, 0.0
        self._bell, self._over = Flag(), Flag()
        self._thread = Thread(target=self._live, name=f"emergency {device}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ring(self) -> None:
        """There may be something new."""
        self._bell.set()

    def stop(self) -> None:
        self._over.set()
        self._bell.set()

    def join(self, seconds: float | None = None) -> bool:
        """Whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def ended(self) -> bool:
        return bool(self._thread.ident) and not self._thread.is_alive()

    def _live(self) -> None:
        try:
            while not self._over.is_set():
                self._bell.clear()
                if (task := self._desk.task(self._device)) is None:
                    return
                self._bell.wait(self._turn(task))
        except Withdrawn:
            pass
        finally:
            self._leave()

    def _turn(self, task: Task) -> float:
        """Seconds until the next one."""
        try:
            with self._desk.alone(self._device):
                shown = self._bring(task)
        except Superseded:
            return 0.0
        except Withdrawn:
            raise
        except Failure as failure:
            return self._failed(task, failure)
        except Exception as trouble:  # a bug must not keep a door shut for good
            log.error("emergency", device=str(self._device), error=type(trouble).__name__)
            return self._failed(task, Failure(type(trouble).__name__))
        return self._found(task, shown)

    def _bring(self, task: Task) -> Mapping[int, bool]:
        """What the relays are seen to be after it."""
        news = {r: order for r, order in task.orders.items() if self._kept.get(r) != order.id}
        phone, self._refused = self._reach(task.device, anew=bool(news)), {}
        for relay, order in news.items():
            self._command(phone, relay, order)
        shown = phone.relays()
        for pause in self._pace.looks if news else ():
            if all(shown.get(relay) is order.open for relay, order in task.orders.items()):
                break
            self._bell.wait(pause)
            shown = phone.relays()
        return shown

    def _reach(self, device: Device, *, anew: bool) -> Doors:
        """The box that is registered, and no other one (D10): asked before anything is ordered."""
        if device != self._at:
            self._leave()
        phone = self._phone or self._connect(device, lambda: self._desk.may(self._device))
        anew |= self._phone is None
        self._phone, self._at = phone, device
        if anew and (mac := phone.identify().mac) != device.box.mac:
            raise WrongBox(f"{mac} answers instead of {device.box.mac}")
        return phone

    def _command(self, phone: Doors, relay: int, order: Order) -> None:
        if not self._desk.holds(self._device, relay, order.id):
            raise Superseded
        try:
            (phone.hold if order.open else phone.let_go)(relay)
        except Offline:
            if order.open:  # it may have heard, and do it later
                self._doubt_until = monotonic() + self._pace.doubt
            raise
        except Failure as no:  # the others' doors do not wait for this one
            self._refused[relay] = str(no)

    def _found(self, task: Task, shown: Mapping[int, bool]) -> float:
        self._failures = 0 if self._is_so(task, shown) else self._failures + 1
        fallen = False
        for relay, order in task.orders.items():
            if shown.get(relay) is not order.open:
                fallen |= self._kept.pop(relay, None) is not None
                reason = self._refused.get(relay, NOT_READ_BACK[order.open])
                self._say(task, relay, "failed", shown.get(relay), reason)
            elif order.open or monotonic() >= self._doubt_until:
                self._kept[relay] = order.id
                self._say(task, relay, "verified", order.open)
        if fallen:
            return 0.0
        if not self._failures:
            return self._rest(task)
        opens = any(order.open for order in task.orders.values())
        return self._retry(self._pace.last_retry if opens else self._pace.unlocked)

    def _is_so(self, task: Task, shown: Mapping[int, bool]) -> bool:
        return all(shown.get(relay) is order.open for relay, order in task.orders.items())

    def _rest(self, task: Task) -> float:
        """Locked doors are left alone once no late request can open them."""
        if any(order.open for order in task.orders.values()):
            return self._pace.beat
        return min(self._pace.beat, max(0.0, self._doubt_until - monotonic()))

    def _failed(self, task: Task, failure: Failure) -> float:
        self._leave()
        self._failures += 1
        state: DoorState = "offline" if isinstance(failure, Offline) else "failed"
        for relay in task.orders:
            self._say(task, relay, state, None, failure.reason)
        return self._retry(self._pace.last_retry)

    def _retry(self, most: float) -> float:
        return min(self._pace.first_retry * (1 << min(self._failures - 1, 10)), most)

    def _say(
        self,
        task: Task,
        relay: int,
        state: DoorState,
        shown: bool | None,
        reason: str | None = None,
    ) -> None:
        order = task.orders[relay]
        result = DoorResult(
            order=order.id,
            generation=order.generation,
            door=Door(device=task.device.device, relay=relay),
            open=order.open,
            state=state,
            shown=shown,
            at=datetime.now(UTC),
            reason=reason,
        )
        self._desk.found(task.community, result)

    def _leave(self) -> None:
        """Whoever answers next has to say again who it is, and is told everything again."""
        if self._phone:
            self._phone.close()
        self._phone, self._at = None, None
        self._kept.clear()
