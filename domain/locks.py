"""Locks of other makers: doors that take what door phones take, by the rules of their brand."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal, Self

from domain.devices import Box, Device, Login, Networks, Place, Relay, legal_address
from domain.ids import CommunityId, DeviceId
from domain.kernel import Claim, Event, Malformed, Refused, event
from domain.record import ERASED, Personal, frozen
from domain.settings import legal_name

Brand = Literal["dormakaba", "itec"]
SyncKind = Literal["pin", "card"]
BRANDS: Final[tuple[Brand, ...]] = ("dormakaba", "itec")
SYNC_KINDS: Final[tuple[SyncKind, ...]] = ("pin", "card")
SERIAL = re.compile(r"[0-9A-Za-z._-]{1,64}", re.ASCII)
DOOR: Final = 1  # a lock has one


@frozen
class Rule:
    """What codes of a kind a brand takes, and the same in words."""

    shape: str
    words: str

    def takes(self, code: str) -> bool:
        return re.fullmatch(self.shape, code, re.ASCII) is not None


RULES: Mapping[tuple[Brand, SyncKind], Rule] = MappingProxyType(
    {
        ("dormakaba", "pin"): Rule(shape="[0-9]{6}", words="PINs of exactly 6 digits"),  # M120
        ("dormakaba", "card"): Rule(  # M120; letters and digits by A39
            shape="[0-9A-Za-z]{20}", words="cards of exactly 20 letters and digits"
        ),
        ("itec", "pin"): Rule(shape="[0-9]{4,8}", words="PINs of 4 to 8 digits"),  # M121
        ("itec", "card"): Rule(
            shape="[0-9A-F]{1,16}", words="cards of 1 to 16 characters of 0-9 and A-F"
        ),
    }
)


@event
class LockRegistered(Event):
    """`serial`: what the maker calls it, `address` and `login`: who speaks for it (ADR 17).

    `phone`: the door phone that it is linked to (M15). A lock is a device: its id is one of theirs.
    """

    stream = subject = "lock"
    lock: DeviceId
    brand: Brand
    serial: str
    name: str
    place: Place
    address: str
    login: Personal[Login] | None
    phone: DeviceId | None = None

    def claims(self) -> list[Claim]:
        return [Claim(kind="lock", value=f"{self.brand}:{self.serial}")]


@event
class LockRenamed(Event):
    stream = "lock"
    lock: DeviceId
    name: str


@event
class LockMoved(Event):
    stream = "lock"
    lock: DeviceId
    place: Place


@event
class LockLinked(Event):
    """M15: from now on it opens to whoever may open a door of this phone; None: no longer."""

    stream = "lock"
    lock: DeviceId
    phone: DeviceId | None


@event
class LockConnected(Event):
    """Somebody else speaks for it, or asks for another login."""

    stream = subject = "lock"
    lock: DeviceId
    address: str
    login: Personal[Login] | None


@event
class LockRemoved(Event):
    stream = "lock"
    releases = ("lock",)
    lock: DeviceId


@event
class LockSyncChosen(Event):
    """M133: the kinds of codes that locks of a brand are given; the whole set."""

    stream = "community"
    community: CommunityId
    brand: Brand
    kinds: frozenset[SyncKind]


@frozen
class Lock:
    lock: DeviceId
    brand: Brand
    serial: str
    name: str
    place: Place
    address: str
    login: Personal[Login] | None
    phone: DeviceId | None = None

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, LockRegistered() as e:
                return cls(
                    lock=e.lock,
                    brand=e.brand,
                    serial=e.serial,
                    name=e.name,
                    place=e.place,
                    address=e.address,
                    login=e.login,
                    phone=e.phone,
                )
            case Lock(), LockRenamed(name=name):
                return replace(state, name=name)
            case Lock(), LockMoved(place=place):
                return replace(state, place=place)
            case Lock(), LockLinked(phone=phone):
                return replace(state, phone=phone)
            case Lock(), LockConnected(address=address, login=login):
                return replace(state, address=address, login=login)
            case Lock(), LockRemoved():
                return None
        return state


@frozen
class LockSync:
    """M133, of a community, in whose stream it is said; nothing is sent before somebody says so."""

    chosen: frozenset[tuple[Brand, SyncKind]] = frozenset()

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        if not isinstance(event, LockSyncChosen):
            return state
        others = {pair for pair in (state or cls()).chosen if pair[0] != event.brand}
        return cls(chosen=frozenset(others | {(event.brand, kind) for kind in event.kinds}))

    def kinds(self, brand: Brand) -> frozenset[SyncKind]:
        return frozenset(kind for known, kind in self.chosen if known == brand)


def unfit(brand: Brand, kind: SyncKind, codes: Collection[str]) -> str | None:
    """M120, M121: why a brand's locks do not take some of these; None if they take all."""
    rule = RULES[brand, kind]
    bad = sum(not rule.takes(code) for code in codes)
    if not bad:
        return None
    only = f"the lock takes only {rule.words}"
    return only if bad == len(codes) else f"{bad} of {len(codes)} left out: {only}"


def door(lock: Lock, sync: LockSync | None, phone: Device | None) -> Device:
    """A lock as rights see it: a device with one door that takes what is synchronised (M133).

    `phone`: the one that it is linked to. While that is not there, nobody has a right to the lock.
    """
    takes = (sync or LockSync()).kinds(lock.brand)
    relay = Relay(number=DOOR, name=lock.name, methods=frozenset(takes))
    return Device(
        device=lock.lock,
        name=lock.name,
        box=Box(mac=lock.serial, model=lock.brand, firmware="", address=lock.address),
        place=lock.place,
        relays=(relay,) if phone or lock.phone is None else (),
        login=lock.login,
        hint=ERASED,
        follows=phone,
        is_lock=True,
    )


def legal_serial(serial: str) -> str:
    if not SERIAL.fullmatch(serial):
        raise Malformed("serial", "1 to 64 letters, digits, dots, dashes and underscores")
    return serial


def register(known: Lock | None, wanted: LockRegistered, networks: Networks) -> list[Event]:
    """M107, M130. The same again is already so."""
    legal_serial(wanted.serial)
    name, address = legal_name(wanted.name), legal_address(wanted.address, networks, "address")
    registered = replace(wanted, name=name, address=address)
    if known is None:
        return [registered]
    if known != Lock.evolve(None, registered):
        raise Refused("already-exists", "lock")
    return []


def rename(now: Lock, name: str) -> list[Event]:
    """M107."""
    name = legal_name(name)
    return [] if name == now.name else [LockRenamed(lock=now.lock, name=name)]


def move(now: Lock, place: Place) -> list[Event]:
    return [] if place == now.place else [LockMoved(lock=now.lock, place=place)]


def link(now: Lock, phone: DeviceId | None) -> list[Event]:
    """M15."""
    return [] if phone == now.phone else [LockLinked(lock=now.lock, phone=phone)]


def connect(now: Lock, address: str, login: Login | None, networks: Networks) -> list[Event]:
    address = legal_address(address, networks, "address")
    if (address, login) == (now.address, now.login):
        return []
    return [LockConnected(lock=now.lock, address=address, login=login)]


def remove(known: Lock | None) -> list[Event]:
    return [LockRemoved(lock=known.lock)] if known else []


def choose_sync(
    now: LockSync | None, home: CommunityId, brand: Brand, kinds: frozenset[SyncKind]
) -> list[Event]:
    """M133."""
    if kinds == (now or LockSync()).kinds(brand):
        return []
    return [LockSyncChosen(community=home, brand=brand, kinds=kinds)]
