"""What may be asked about locks of other makers."""

from commands.bus import Things, command, handles
from domain import devices, locks
from domain.apartments import Apartment, Building
from domain.devices import Device, Login, Place
from domain.ids import DeviceId
from domain.kernel import Event, Refused
from domain.locks import Brand, Lock, LockRegistered, LockSync, SyncKind
from domain.settings import Settings


@command
class RegisterLock:
    """Add a lock where it is fitted; installers only (M107, M130).

    `serial` is what its maker calls it, `address` who speaks for it, `phone` the door phone that it
    is linked to (M15).
    """

    lock: DeviceId
    brand: Brand
    serial: str
    name: str
    address: str
    place: Place = Place()
    login: Login | None = None
    phone: DeviceId | None = None


@handles(RegisterLock)
def register_lock(cmd: RegisterLock, things: Things) -> list[Event]:
    things.only("installer")
    things.load(Settings, things.community)
    if things.find(Device, cmd.lock):
        raise Refused("already-exists", "lock")
    known_phone(cmd.phone, things)
    registered = LockRegistered(
        lock=cmd.lock,
        brand=cmd.brand,
        serial=cmd.serial,
        name=cmd.name,
        place=known_place(cmd.place, things),
        address=cmd.address,
        login=cmd.login,
        phone=cmd.phone,
    )
    return locks.register(things.find(Lock, cmd.lock), registered, things.networks)


@command
class RenameLock:
    """What people call a lock (M107)."""

    lock: DeviceId
    name: str


@handles(RenameLock)
def rename_lock(cmd: RenameLock, things: Things) -> list[Event]:
    return locks.rename(things.load(Lock, cmd.lock), cmd.name)


@command
class MoveLock:
    """Into an apartment, or into the public area; installers only (M130)."""

    lock: DeviceId
    place: Place


@handles(MoveLock)
def move_lock(cmd: MoveLock, things: Things) -> list[Event]:
    things.only("installer")
    return locks.move(things.load(Lock, cmd.lock), known_place(cmd.place, things))


@command
class LinkLock:
    """Let a lock follow the access groups of a door phone, or none; installers only (M15, M130)."""

    lock: DeviceId
    phone: DeviceId | None = None


@handles(LinkLock)
def link_lock(cmd: LinkLock, things: Things) -> list[Event]:
    things.only("installer")
    known_phone(cmd.phone, things)
    return locks.link(things.load(Lock, cmd.lock), cmd.phone)


@command
class ConnectLock:
    """Who speaks for a lock from now on, and the login asked for; installers only (M130)."""

    lock: DeviceId
    address: str
    login: Login | None = None


@handles(ConnectLock)
def connect_lock(cmd: ConnectLock, things: Things) -> list[Event]:
    things.only("installer")
    return locks.connect(things.load(Lock, cmd.lock), cmd.address, cmd.login, things.networks)


@command
class RemoveLock:
    """Take a lock off the community for good, and ours off the lock; installers only (M130)."""

    lock: DeviceId


@handles(RemoveLock)
def remove_lock(cmd: RemoveLock, things: Things) -> list[Event]:
    things.only("installer")
    return locks.remove(things.find(Lock, cmd.lock))


@command
class ChooseLockSync:
    """The kinds of codes that the locks of a brand are given: those that the property manager made,
    never what residents made (M120, M121, M133).
    """

    brand: Brand
    kinds: frozenset[SyncKind]


@handles(ChooseLockSync)
def choose_lock_sync(cmd: ChooseLockSync, things: Things) -> list[Event]:
    things.load(Settings, things.community)
    now = things.find(LockSync, things.community)
    return locks.choose_sync(now, things.community, cmd.brand, cmd.kinds)


def known_phone(phone: DeviceId | None, things: Things) -> None:
    if phone:
        things.load(Device, phone)


def known_place(place: Place, things: Things) -> Place:
    if place.building:
        things.load(Building, place.building)
    home = things.load(Apartment, place.apartment) if place.apartment else None
    return devices.located(place, home)
