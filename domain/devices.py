"""Door phones: where they hang, what their relays take, and what was found on them."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal, Self
from urllib.parse import urlsplit
from uuid import UUID

from domain.alarms import MOST_INPUTS
from domain.apartments import Apartment
from domain.ids import ApartmentId, BuildingId, DeviceId
from domain.kernel import Claim, Event, Malformed, Refused, event
from domain.record import Personal, frozen
from domain.settings import legal_name

Method = Literal["pin", "card", "uhf", "plate", "face"]
METHODS: frozenset[Method] = frozenset({"pin", "card", "uhf", "plate", "face"})
Networks = Collection[IPv4Network | IPv6Network]
MAC = re.compile(r"[0-9A-F]{12}")
DTMF = re.compile(r"[0-9*#]{1,4}")
MOST_RELAYS = 4

CredentialKind = Literal["pin", "card", "uhf", "plate", "face", "floors", "held_open"]
SyncState = Literal[
    "pending", "verified", "unverifiable", "withdrawn", "mismatch", "rejected", "undeliverable"
]


@frozen
class Relay:
    """A door of a phone (M100): numbered from 1, with what it takes, and where the app shows it: on
    its home page, and while somebody talks to the phone (M101). `sensor` is the input of the phone,
    from 1, whose contact is closed while the door is shut (M99).
    """

    number: int
    name: str
    dtmf: str | None = None
    methods: frozenset[Method] = METHODS
    on_home_page: bool = True
    on_talking_page: bool = True
    sensor: int | None = None


@frozen
class Place:
    """In an apartment, in the public area of a building, or of the whole community."""

    building: BuildingId | None = None
    apartment: ApartmentId | None = None

    def public_in(self, building: BuildingId) -> bool:
        """What serves the whole community serves each of its buildings."""
        return self.apartment is None and self.building in (None, building)


@frozen
class Box:
    """The hardware: what answers at the address (D10)."""

    mac: str
    model: str
    firmware: str
    address: str


@frozen
class Login:
    """What the phone's API asks for; None where it knows its clients by their address."""

    user: str
    password: Personal[str]


@event
class DeviceRegistered(Event):
    """`hint` is the secret of the phone's event URL."""

    stream = subject = "device"
    device: DeviceId
    name: str
    box: Box
    place: Place
    relays: tuple[Relay, ...]
    login: Personal[Login] | None
    hint: Personal[str]

    def claims(self) -> list[Claim]:
        return [*box_claims(self.box), hint_claim(self.hint)]


@event
class DeviceReplaced(Event):
    """Another box in the same place: all that the old one held must go to the new one."""

    stream = subject = "device"
    releases = ("mac", "address")
    device: DeviceId
    box: Box
    login: Personal[Login] | None

    def claims(self) -> list[Claim]:
        return box_claims(self.box)


@event
class DeviceEdited(Event):
    stream = "device"
    device: DeviceId
    name: str
    relays: tuple[Relay, ...]


@event
class DeviceMoved(Event):
    stream = "device"
    device: DeviceId
    place: Place


@event
class DeviceRemoved(Event):
    stream = "device"
    releases = ("mac", "address", "hint")
    device: DeviceId


@frozen
class Outcome:
    """What a phone held of one credential when it was read back.

    `digest` is a keyed hash of the code and its grants, or None where nothing is held; `reason`
    says why it is not verified; `tries`: how often it was written in vain.
    """

    holder: UUID
    kind: CredentialKind
    state: SyncState
    digest: bytes | None = None
    reason: str | None = None
    tries: int = 0


@event
class DeviceSynced(Event):
    """One for each device and batch, in a stream of its own, so that the device's stays short."""

    stream = "sync"
    sync: UUID
    device: DeviceId
    outcomes: tuple[Outcome, ...]


@event
class DeviceWentOnline(Event):
    stream = "sync"
    sync: UUID
    device: DeviceId
    firmware: str


@event
class DeviceWentOffline(Event):
    stream = "sync"
    sync: UUID
    device: DeviceId
    reason: str


@event
class DeviceClockFoundRight(Event):
    """T4: it tells our time within a minute, in the community's zone: its schedules can be relied
    on, and from now on its door log is read in this zone.
    """

    stream = "sync"
    sync: UUID
    device: DeviceId
    zone: str


@event
class DeviceClockFoundWrong(Event):
    """T4: what is bound to hours opens there at other hours. `ahead`: seconds by which it is more
    than a minute off, negative if behind, else 0; `reason`: why it shows another zone, or empty.
    """

    stream = "sync"
    sync: UUID
    device: DeviceId
    ahead: int
    reason: str


@frozen
class Device:
    """A door phone; or a lock, as rights see it: that may follow a phone (M15), takes the property
    manager's codes alone (M133), and calls no lift.
    """

    device: DeviceId
    name: str
    box: Box
    place: Place
    relays: tuple[Relay, ...]
    login: Personal[Login] | None
    hint: Personal[str]
    follows: "Device | None" = None
    is_lock: bool = False

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, DeviceRegistered() as e:
                return cls(
                    device=e.device,
                    name=e.name,
                    box=e.box,
                    place=e.place,
                    relays=e.relays,
                    login=e.login,
                    hint=e.hint,
                )
            case Device(), DeviceReplaced(box=box, login=login):
                return replace(state, box=box, login=login)
            case Device(), DeviceEdited(name=name, relays=relays):
                return replace(state, name=name, relays=relays)
            case Device(), DeviceMoved(place=place):
                return replace(state, place=place)
            case Device(), DeviceRemoved():
                return None
        return state


def box_claims(box: Box) -> list[Claim]:
    return [Claim(kind="mac", value=box.mac), Claim(kind="address", value=box.address)]


def hint_claim(hint: Personal[str]) -> Claim:
    return Claim(kind="hint", value=hint)


def located(place: Place, home: Apartment | None) -> Place:
    """`home`: its apartment, which lies in a building."""
    if home is None:
        return place
    if place.building not in (None, home.building):
        raise Malformed("place.building", "the apartment is in another building")
    return Place(building=home.building, apartment=home.apartment)


def legal_box(box: Box, networks: Networks) -> Box:
    """The MAC as 12 upper hex digits; the address where phones may be, as http(s)://IP:port."""
    mac = re.sub(r"[\s:.-]", "", box.mac).upper()
    if not MAC.fullmatch(mac):
        raise Malformed("box.mac", "12 hex digits, as 0C:11:05:0A:BC:DE")
    model, firmware = legal_name(box.model, "box.model"), legal_name(box.firmware, "box.firmware")
    address = legal_address(box.address, networks)
    return Box(mac=mac, model=model, firmware=firmware, address=address)


def legal_address(address: str, networks: Networks, field: str = "box.address") -> str:
    """S10: an IP, never a name that somebody could point elsewhere, within DEVICE_NETWORKS."""
    rule = "http:// or https://, an IP address and a port, nothing else"
    try:
        parts = urlsplit(address)
        ip, port = ip_address(parts.hostname or ""), parts.port
    except ValueError:
        raise Malformed(field, rule) from None
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    plain = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
    if parts.scheme not in ("http", "https") or address.rstrip("/") != plain:
        raise Malformed(field, rule)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if not any(ip in network for network in networks):
        raise Malformed(field, "outside the networks where door phones may be")
    return plain


def legal_relays(
    relays: Collection[Relay], fire_inputs: frozenset[int] = frozenset()
) -> tuple[Relay, ...]:
    """M100, M101: numbered 1, 2, … as on the phone. `fire_inputs`: a fire panel's, of no door."""
    ordered = tuple(sorted(relays, key=lambda r: r.number))
    if [r.number for r in ordered] != list(range(1, len(ordered) + 1)) or not ordered:
        raise Malformed("relays", "numbered 1, 2, … without a gap")
    if len(ordered) > MOST_RELAYS:
        raise Malformed("relays", f"{MOST_RELAYS} at most")
    for relay in ordered:
        legal_name(relay.name, "relays.name")
        if relay.dtmf is not None and not DTMF.fullmatch(relay.dtmf):
            raise Malformed("relays.dtmf", "1 to 4 of 0-9, * and #")
    legal_sensors(list(sensors(ordered).values()), fire_inputs)
    return ordered


def sensors(relays: Collection[Relay]) -> Mapping[int, int]:
    """The input that tells whether a door is open, by relay (M99)."""
    return {relay.number: relay.sensor for relay in relays if relay.sensor is not None}


def legal_sensors(inputs: Collection[int], fire_inputs: frozenset[int]) -> None:
    """M99: an input has one contact."""
    if not set(inputs) <= set(range(1, MOST_INPUTS + 1)):
        raise Malformed("relays.sensor", f"the number of an input, 1 to {MOST_INPUTS}")
    if len(set(inputs)) < len(inputs):
        raise Malformed("relays.sensor", "each door at an input of its own")
    if taken := fire_inputs & set(inputs):
        raise Refused("fire-panels-input", "relays.sensor", sorted(map(str, taken)))


def register(known: Device | None, wanted: DeviceRegistered) -> list[Event]:
    if known is None:
        return [wanted]
    if known != Device.evolve(None, replace(wanted, hint=known.hint)):
        raise Refused("already-exists", "device")
    return []


def put_in_place_of(now: Device, box: Box, login: Login | None) -> list[Event]:
    """A broken phone by another; the same box again is already so."""
    if (box, login) == (now.box, now.login):
        return []
    return [DeviceReplaced(device=now.device, box=box, login=login)]


def edit(
    now: Device, name: str, relays: Collection[Relay], fire_inputs: frozenset[int] = frozenset()
) -> list[Event]:
    """M100, M101, M99. Which relays there are is the hardware's."""
    name, wanted = legal_name(name), legal_relays(relays, fire_inputs)
    if len(wanted) != len(now.relays):
        raise Refused("relays-are-the-hardwares", "relays")
    if (name, wanted) == (now.name, now.relays):
        return []
    return [DeviceEdited(device=now.device, name=name, relays=wanted)]


def move(now: Device, place: Place) -> list[Event]:
    """A30."""
    return [] if place == now.place else [DeviceMoved(device=now.device, place=place)]


def remove(known: Device | None) -> list[Event]:
    return [DeviceRemoved(device=known.device)] if known else []
