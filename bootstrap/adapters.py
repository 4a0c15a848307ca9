"""What the adapters' process is made of."""

import gc
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from threading import Event as Flag
from typing import Any

import psycopg
from prometheus_client import REGISTRY

from bootstrap.carriers import ADAPTERS, carrier
from bootstrap.emergency import emergencies
from bootstrap.house import House
from bootstrap.metrics import Phones
from commands.ingest import Ingest
from device_adapters import process
from device_adapters.akuvox.phone import Photo
from device_adapters.akuvox.profiles import profile_of
from device_adapters.akuvox.upkeep import ServicedPhone
from device_adapters.doorlog import DoorLogPoller
from device_adapters.emergency.gate import Gate
from device_adapters.leases import Leases, May, sole
from device_adapters.locks.brands import PROFILES
from device_adapters.locks.lock import GatewayLock
from device_adapters.port import Phone
from device_adapters.sensors import Sensors
from device_adapters.shares import Shares
from device_adapters.sync import DoorSync, Outside, Poll
from device_adapters.terms import Rhythm
from domain.devices import Device, Login
from eventlog import following


def run_adapters(house: House, stop: Flag) -> None:
    """At the real pace, unless DEVICE_PACE=0 says that the phones need none."""
    # A million objects that stay: at the usual thresholds a fifth of what a crowd of residents
    # costs is the search for cycles [M].
    gc.set_threshold(50_000, 20, 20)
    poll = DoorLogPoller(Ingest(house.log, house.reports), lambda: datetime.now(UTC)).poll
    bus, bury = carrier(house, "events", house.log, ADAPTERS)
    leases, connect = Leases(sole(house.config.data / "adapters")), partial(durable, house)
    with emergencies(house, leases) as gate:
        shares = Shares(
            house.log,
            house.log.vault.keyring.get,
            leases,
            connect,
            lambda may, head: DoorSync(outside(house, poll, may, gate), Rhythm(), live_from=head),
            bury,
            following.alarm,
        )
        REGISTRY.register(Phones(lambda: [one for _, one in shares.snapshots()]))
        process.run(bus, shares, leases, connect, stop)


def outside(house: House, poll: Poll, may: May, gate: Gate) -> Outside:
    """Nobody speaks to a phone, or for it, without leave."""

    def dispatch(*given: Any, **more: Any) -> Any:
        may()
        return house.dispatch(*given, **more)

    def connect(device: Device) -> Phone:
        return phone_of(
            device,
            paced=house.config.device_pace,
            may=gate.before(device.device, may),
            photo=house.log.photos.get,
        )

    return Outside(
        dispatch=dispatch,
        connect=connect,
        digest=house.log.vault.digest,
        poll=poll,
        event_url=house.event_url,
        now=lambda: datetime.now(UTC).timestamp(),
        note=house.reports.note,
        look=Sensors(house.reports.note, lambda: datetime.now(UTC)).look,
    )


def phone_of(device: Device, *, paced: bool, may: Callable[[], None], photo: Photo) -> Phone:
    if device.is_lock:
        brand = PROFILES[device.box.model]
        return GatewayLock(device, brand if paced else brand.paced(0, 0), may)
    profile = profile_of(device.box.model)
    login = device.login if isinstance(device.login, Login) else None
    profile = profile if paced else profile.paced(0, 0)
    return ServicedPhone(device.box.address, login, profile, may, photo)


def durable(house: House) -> psycopg.Connection[Any]:
    """A lease that a crash of PostgreSQL took back would have two holders."""
    db = house.project("doors")
    db.execute("set synchronous_commit = on")
    return db
