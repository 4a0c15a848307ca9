"""Emergencies at simulated phones over real sockets: nothing runs but the service and a log."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from commands.emergency import LockDoors, UnlockDoors
from device_adapters.akuvox.doors import doors_of
from device_adapters.emergency.gate import Gate
from device_adapters.emergency.hand import Connect, Pace
from device_adapters.emergency.port import Doors
from device_adapters.emergency.service import Outside, Service
from device_adapters.simulator import Access, Fleet
from domain.access_groups import Door
from domain.devices import Device, Login
from domain.emergency import DoorResult, DoorsTried
from domain.ids import CommunityId
from domain.kernel import Event
from eventlog.memory import MemoryLog
from eventlog.port import Recorded, Unavailable
from eventlog.sealing import Master
from tests.builders import ELSEWHERE, HARBOUR, a_community
from tests.device_adapters.houses import device_id, registered
from tests.scenario import MANAGER, a_bus, also

KEK = Master(bytes(range(32)))
QUICK = Pace(looks=(0.02, 0.05), beat=0.1, doubt=1.0, first_retry=0.02, last_retry=0.1)
Word = Literal["verified", "failed", "offline"]


@dataclass
class Followed:
    """A log as the service reads it. `away` until it is cleared."""

    log: MemoryLog
    away: bool = False

    def read(self, after: int, wait: float = 0) -> tuple[Sequence[Recorded[Any]], int]:
        if self.away:
            raise Unavailable
        batch = self.log.read(after=after, wait=min(wait, 0.02))
        return batch, batch[-1].position if batch else after


def connecting(device: Device, may: Callable[[], None]) -> Doors:
    return doors_of(device, may, paced=False)


@dataclass
class Scene:
    """`ours`: whether the lease is ours."""

    fleet: Fleet
    folder: Path
    log: MemoryLog
    connect: Connect = connecting
    pace: Pace = QUICK
    ours: bool = True
    heard: float = 5.0
    gate: Gate = field(default_factory=Gate)

    def __post_init__(self) -> None:
        self.followed = Followed(self.log)
        self.dispatch = a_bus(self.log).dispatch

    def service(self) -> Service:
        outside = Outside(
            log=self.followed,
            dispatch=self._dispatch,
            connect=self.connect,
            ours=lambda home: self.ours,
            master=KEK,
            folder=self.folder,
            pace=self.pace,
            heard=self.heard,
        )
        return Service(outside, self.gate)

    def _dispatch(self, *given: Any, **more: Any) -> Any:
        if self.followed.away:
            raise Unavailable
        return self.dispatch(*given, **more)

    def say(self, command: object) -> None:
        self.dispatch(command, community=HARBOUR, actor=MANAGER)

    def unlock(self, *doors: Door) -> None:
        which: Any = "selected" if doors else "all"
        self.say(UnlockDoors(doors=which, selected=frozenset(doors)))

    def lock(self, *doors: Door) -> None:
        which: Any = "selected" if doors else "all"
        self.say(LockDoors(doors=which, selected=frozenset(doors)))

    def happen(self, *facts: Event) -> None:
        also(self.log, *facts)

    def elsewhere(self, *facts: Event) -> None:
        also(self.log, *facts, community=ELSEWHERE)

    def events(self, kind: type[Event]) -> list[Any]:
        return [r.event for r in self.log.read(after=0, limit=100_000) if type(r.event) is kind]

    def results(self, n: int) -> list[DoorResult]:
        """All that was told of a phone."""
        told = [one for event in self.events(DoorsTried) for one in event.results]
        return [one for one in told if one.door.device == device_id(n)]

    def words(self, n: int) -> Mapping[int, tuple[bool, Word]]:
        """Of each relay what was ordered last, and what came of it."""
        told = sorted(self.results(n), key=lambda one: one.generation)
        return {one.door.relay: (one.open, one.state) for one in told}

    def open_relays(self, n: int) -> set[int]:
        return {relay for relay, is_open in self.fleet[n].state()["relays"].items() if is_open}

    def all_open(self, *phones: int) -> bool:
        fleet = self.fleet
        return all(len(self.open_relays(n)) == fleet[n].phone.relays.count for n in phones)

    def told(self, *phones: int, opened: bool, word: Word) -> bool:
        return all(
            set(self.words(n).values()) == {(opened, word)}
            and len(self.words(n)) == self.fleet[n].phone.relays.count
            for n in phones
        )


def door(n: int, relay: int = 1) -> Door:
    return Door(device=device_id(n), relay=relay)


@contextmanager
def a_scene(
    models: Sequence[str],
    folder: Path,
    *facts: Event,
    home: CommunityId = HARBOUR,
    running: bool = True,
    login: Login | None = None,
    **options: Any,
) -> Iterator[Scene]:
    """`login`: what all phones ask for."""
    access = Access()
    if login:
        access = Access(mode="digest", user=login.user, password=str(login.password))
    with ExitStack() as stack:
        fleet = stack.enter_context(Fleet(models, access=access))
        phones = [registered(n, sim, login) for n, sim in enumerate(fleet)]
        log = MemoryLog(lambda: datetime.now(UTC))
        also(log, a_community(home=home), *phones, *facts, community=home)
        scene = Scene(fleet, folder, log, **options)
        if running:
            stack.enter_context(scene.service())
        yield scene
