"""A community with real lanes to simulated phones, over real sockets, on a log in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from threading import Event as Flag
from threading import Thread
from time import monotonic, sleep, time
from typing import Any
from uuid import UUID

from device_adapters.akuvox.phone import a_phone
from device_adapters.akuvox.profiles import Profile
from device_adapters.doorlog import Witness
from device_adapters.lane import Lane
from device_adapters.patience import Patience
from device_adapters.port import Phone
from device_adapters.simulator import Fleet, PluggedIn
from device_adapters.sync import DoorSync, Look, Outside, Poll
from device_adapters.terms import Rhythm
from domain import rights
from domain.access_groups import ALWAYS, Door, Schedule
from domain.devices import (
    Box,
    Device,
    DeviceRegistered,
    DeviceSynced,
    DeviceWentOffline,
    DeviceWentOnline,
    Login,
    Outcome,
)
from domain.ids import CommunityId, DeviceId
from domain.kernel import Event
from domain.reports import DoorLogEntry
from eventlog.consumer import take
from eventlog.memory import MemoryLog
from eventlog.port import Accepted
from tests.builders import HARBOUR, SWIMMERS, a_community, a_device, a_group
from tests.scenario import a_bus, a_log, also

QUICK = Rhythm(
    heartbeat=0.1,
    scan=60,
    first_retry=0.02,
    last_retry=0.1,
    offline_after=0.3,
    patience=Patience(looks=(1, 1, 1), breaker=60),
)


def device_id(n: int) -> DeviceId:
    return DeviceId(UUID(int=3000 + n))


def digest(community: CommunityId, kind: str, text: str) -> bytes:
    return sha256(f"{community} {kind} {text}".encode()).digest()


def box_of(sim: PluggedIn) -> Box:
    profile = sim.phone.profile
    return Box(mac=sim.mac, model=profile.model, firmware=profile.firmware, address=sim.url)


def registered(n: int, sim: PluggedIn, login: Login | None = None) -> DeviceRegistered:
    relays = sim.phone.profile.relays
    return a_device(device_id(n), f"Door {n}", box=box_of(sim), relays=relays, login=login)


@dataclass
class House:
    log: MemoryLog
    fleet: Fleet
    rhythm: Rhythm = QUICK
    settle: float = 0.0
    batch: int = 100
    users: int = 50_000
    event_url: str | None = None
    wall: Callable[[], float] = time
    poller: Poll = lambda phone, home, device, beside: None
    look: Look = lambda phone, home, device: None
    polls: list[DeviceId] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    noted: list[DoorLogEntry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._bus = a_bus(self.log)
        outside = Outside(
            dispatch=self.tell,
            connect=self._connect,
            digest=digest,
            poll=self._poll,
            event_url=lambda _, device: self.event_url,
            now=self.wall,
            note=lambda _, entry: self.noted.append(entry),
            look=self.look,
        )
        self.sync = DoorSync(outside, self.rhythm, self.log.head())
        self._stop = Flag()
        self._thread = Thread(target=self._follow)
        self._thread.start()

    def tell(self, report: object, **options: Any) -> Accepted:
        """What the adapters say to the log."""
        return self._bus.dispatch(report, **options)

    def _follow(self) -> None:
        try:
            while not self._stop.is_set():
                if batch := self.log.read(after=self.sync.position, wait=0.02):
                    take(self.sync, batch)
                self.sync.keep_time()
        except Exception as failure:
            self.failures.append(failure)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.sync.lanes.stop()
        assert not self.failures

    def happen(self, *facts: Event) -> None:
        also(self.log, *facts)

    def lane(self, n: int = 0) -> Lane:
        return self.sync.lanes[device_id(n)]

    def events(self, kind: type[Event]) -> Sequence[Event]:
        return [r.event for r in self.log.read(after=0, limit=100_000) if type(r.event) is kind]

    def outcomes(self, n: int = 0) -> list[Outcome]:
        """All that was ever said of a phone."""
        said = [e for e in self.events(DeviceSynced) if isinstance(e, DeviceSynced)]
        return [one for event in said if event.device == device_id(n) for one in event.outcomes]

    def now(self, n: int = 0) -> Mapping[tuple[int, str], str]:
        """The state of each credential on a phone, as last said: {(person, kind): state}."""
        return {(one.holder.int, one.kind): one.state for one in self.outcomes(n)}

    def comings_and_goings(self, n: int = 0) -> list[str]:
        said = [r.event for r in self.log.read(after=0, limit=100_000)]
        return [
            type(e).__name__
            for e in said
            if isinstance(e, DeviceWentOffline | DeviceWentOnline) and e.device == device_id(n)
        ]

    def desired(self, n: int = 0) -> list[rights.Entry]:
        site = self.sync._sites[HARBOUR]
        device = site.devices[device_id(n)]
        groups = list(site.groups.values())
        return rights.desired(device, site.people.values(), groups, site.rooms)

    def is_right(self, n: int = 0) -> bool:
        """A second look with a driver of the test's own: exactly what is wanted, no more."""
        phone = self._connect(self.sync._sites[HARBOUR].devices[device_id(n)])
        try:
            fits = [fit.entry for fit in map(phone.fit, self.desired(n)) if fit.entry]
            return dict(phone.read()) == {one.key: phone.shows(one) for one in fits}
        finally:
            phone.close()

    def _poll(
        self, phone: Phone, home: CommunityId, device: Device, beside: Witness
    ) -> timedelta | None:
        self.polls.append(device.device)
        return self.poller(phone, home, device, beside)

    def _connect(self, device: Device) -> Phone:
        return a_phone(device, self._tuned, self.log.photos.get)

    def _tuned(self, known: Profile) -> Profile:
        paced = known.paced(0, self.settle, self.batch)
        return replace(paced, users=min(known.users, self.users))


@contextmanager
def a_house(
    fleet: Fleet,
    *facts: Event,
    when: Schedule = ALWAYS,
    log: MemoryLog | None = None,
    kind: type[House] = House,
    **options: object,
) -> Iterator[House]:
    """All phones of the fleet are doors of the swimmers, all their relays."""
    if log is None:
        phones = [registered(n, sim) for n, sim in enumerate(fleet)]
        doors = [Door(device=p.device, relay=r.number) for p in phones for r in p.relays]
        log = a_log(a_community(), *phones, a_group(SWIMMERS, *doors, when=when), *facts)
    house = kind(log, fleet, **options)  # type: ignore[arg-type]
    try:
        yield house
    finally:
        house.stop()


def soon(true: Callable[[], object], within: float = 20.0) -> float:
    """Seconds until it is so."""
    started = monotonic()
    while not true():
        if monotonic() - started > within:
            raise AssertionError(f"not within {within:g} s")
        sleep(0.005)
    return monotonic() - started
