"""Who may open what, when. Pure: phones, read models and explanations all ask here."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain import lifts, parking
from domain.access_groups import AccessGroup, Door, Period, Schedule
from domain.devices import CredentialKind, Device, Method
from domain.ids import ApartmentId, GroupId
from domain.record import Personal, frozen
from domain.residents import Contact, Resident

Groups = Collection[AccessGroup]
Reach = frozenset[tuple[Schedule, frozenset[int]]]  # relays
Rooms = Mapping[ApartmentId, str]  # numbers, where they are to be keyed in before a PIN (M115)
PIN_ALONE: Final[Rooms] = MappingProxyType({})
METHODS: tuple[Method, ...] = ("pin", "card", "uhf", "plate", "face")
KINDS: tuple[CredentialKind, ...] = (*METHODS, "floors", "held_open")
BY_VEHICLE: frozenset[Method] = frozenset({"uhf", "plate"})
NOTHING: frozenset[str] = frozenset()
NOBODY: Final = UUID(int=0)  # stands for the doors themselves where they are held open (M103)
HELD_OPEN: Final = f"{NOBODY.hex}-open"  # the key of that record


@frozen
class Grant:
    """At these relays of a phone, when the schedule says so."""

    schedule: Schedule
    relays: frozenset[int]


@frozen
class Entry:
    """A record that a phone must hold: whose, which codes, where and when.

    `key` is ours and stable; a person has several where not all kinds open the same (M101, M35),
    and a face has one of its own: a phone may find none in a photo. `first`: of these, that which
    speaks for the `floors`, which all of them have (M27). `room`: the apartment's number, to be
    keyed in before the PIN (M115); None in PIN mode. `face`: as domain.faces knows the photo.
    """

    key: str
    holder: UUID
    name: Personal[str]
    pin: Personal[str] | None
    cards: Personal[frozenset[str]]
    grants: frozenset[Grant]
    room: str | None = None
    uhf: Personal[frozenset[str]] = NOTHING
    plates: Personal[frozenset[str]] = NOTHING
    face: Personal[str] | None = None
    floors: frozenset[int] = frozenset()
    first: bool = True


def relays_of(group: AccessGroup, device: Device) -> frozenset[int]:
    """A default group has every public door of its building (M16, A30). A lock that is linked to a
    door phone opens with any door of that (M15).
    """
    if device.follows:
        theirs = relays_of(group, device.follows)
        return frozenset(relay.number for relay in device.relays) if theirs else theirs
    if group.building is None:
        return frozenset(door.relay for door in group.doors if door.device == device.device)
    public = device.place.public_in(group.building)
    return frozenset(relay.number for relay in device.relays) if public else frozenset()


def grants(person: Resident, door: Door, device: Device, groups: Groups) -> list[AccessGroup]:
    """Why: the groups that join the two. A deleted group is not among them (M131)."""
    ours = (g for g in groups if g.group in person.groups)
    return [group for group in ours if door.relay in relays_of(group, device)]


def allowed(
    person: Resident,
    door: Door,
    device: Device,
    groups: Groups,
    instant: datetime,
    zone: ZoneInfo,
    method: Method | None = None,
) -> bool:
    """Overlapping groups are a union (A31), read on the community's clock (A32). `method`: with
    this kind of credential; None: whatever the relay takes and the person has.
    """
    if method:
        opens = granted(person, device, groups, method)
        return any(door.relay in g.relays and g.schedule.covers(instant, zone) for g in opens)
    return any(g.schedule.covers(instant, zone) for g in grants(person, door, device, groups))


def granted(person: Resident, device: Device, groups: Groups, method: Method) -> frozenset[Grant]:
    """What a kind of credential of a person opens at a phone (M101); a vehicle's, within the period
    that is set for it (M35).
    """
    reach = within_reach(person.groups, device, groups)
    return taken_by(method, device, reach, person.drives.period)


def within_reach(member: Collection[GroupId], device: Device, groups: Groups) -> Reach:
    """What the groups that somebody is in join with a phone, whatever its relays take."""
    ours = (group for group in groups if group.group in member)
    return frozenset(
        (group.schedule, there) for group in ours if (there := relays_of(group, device))
    )


def taken_by(
    method: Method, device: Device, reach: Reach, period: Period | None
) -> frozenset[Grant]:
    takes = frozenset(relay.number for relay in device.relays if method in relay.methods)
    return opened(takes, reach, period if method in BY_VEHICLE else None)


@lru_cache(maxsize=1024)
def opened(takes: frozenset[int], reach: Reach, period: Period | None) -> frozenset[Grant]:
    """Equal ones are one object: thousands of people have the same few, and are compared by them
    on every phone.
    """
    found = set[Grant]()
    for schedule, there in reach:
        when = schedule.within(period) if period else schedule
        if when and (relays := there & takes):
            found.add(Grant(schedule=when, relays=relays))
    return frozenset(found)


def methods_of(person: Resident) -> Iterator[Method]:
    """What the person has to show, in the order of METHODS. A9: who has a tag drives in by that,
    and no plate of theirs is given out.
    """
    if isinstance(person.pin, str):
        yield "pin"
    if person.held:
        yield "card"
    if person.drives.tags:
        yield "uhf"
    elif person.drives.plates:
        yield "plate"
    if isinstance(person.face, str):
        yield "face"


def entries(
    person: Resident, device: Device, groups: Groups, room: str | None = None
) -> list[Entry]:
    """The records of one person that a phone must hold, and no others. `room`: as in Entry."""
    return records(person, device, within_reach(person.groups, device, groups), room)


def records(person: Resident, device: Device, reach: Reach, room: str | None = None) -> list[Entry]:
    """The same where what the groups of the person join is known. The same at every phone with
    such relays, but for the floors, which depend on where it hangs.
    """
    if not reach:
        return []
    person = person.as_managed() if device.is_lock else person
    together = dict[tuple[bool, frozenset[Grant]], list[Method]]()
    for method in methods_of(person):
        if opens := taken_by(method, device, reach, person.drives.period):
            together.setdefault((method == "face", opens), []).append(method)
    return [
        entry(person, device, tuple(methods), opens, room, first=not n)
        for n, ((_, opens), methods) in enumerate(together.items())
    ]


def entry(
    person: Resident,
    device: Device,
    methods: tuple[Method, ...],
    opens: frozenset[Grant],
    room: str | None,
    *,
    first: bool,
) -> Entry:
    return Entry(
        key=key_of(person.resident, methods[0], first=first),
        holder=person.resident,
        name=person.contact.name if isinstance(person.contact, Contact) else person.contact,
        pin=person.pin if "pin" in methods else None,
        cards=frozenset(c.code for c in person.held) if "card" in methods else NOTHING,
        grants=opens,
        room=room if "pin" in methods else None,
        uhf=parking.codes(person.drives.tags) if "uhf" in methods else NOTHING,
        plates=parking.codes(person.drives.plates) if "plate" in methods else NOTHING,
        face=person.face if "face" in methods else None,
        floors=floors_at(person, device),
        first=first,
    )


def key_of(who: UUID, method: Method, *, first: bool) -> str:
    """A face keeps its key whatever else comes and goes: to send a photo again takes long."""
    return who.hex if first and method != "face" else f"{who.hex}-{method}"


def keys_of(who: UUID) -> list[str]:
    """All under which a person may stand on a phone."""
    more = [HELD_OPEN] if who == NOBODY else []
    return [who.hex, *(f"{who.hex}-{method}" for method in METHODS), *more]


def floors_at(person: Resident, device: Device) -> frozenset[int]:
    """Where the lift of the building takes the person, called at a phone of its public area."""
    if not person.floors or device.place.apartment or device.is_lock:
        return frozenset()
    return lifts.of_building(person.floors, device.place.building)


def desired(
    device: Device, people: Iterable[Resident], groups: Groups, rooms: Rooms = PIN_ALONE
) -> list[Entry]:
    """All that a phone must hold, and nothing else."""
    return [
        wanted
        for person in people
        for wanted in entries(person, device, groups, rooms.get(person.apartment))
    ]


def evidence(held: Iterable[Entry]) -> dict[tuple[UUID, CredentialKind], str]:
    """What is compared of a credential: what is keyed in or shown, and what it opens, as one text.

    Only a keyed hash of it ever leaves the process (Outcome.digest).
    """
    found = dict[tuple[UUID, CredentialKind], str]()
    for one in held:
        opens = ";".join(sorted(map(grant_text, one.grants)))
        for kind, text in shown(one):
            found[one.holder, kind] = f"{text}|{opens}"
        if one.key == HELD_OPEN:
            found[one.holder, "held_open"] = opens
        if one.floors and one.first:
            found[one.holder, "floors"] = ",".join(map(str, sorted(one.floors)))
    return found


def shown(one: Entry) -> Iterator[tuple[CredentialKind, str]]:
    """Each code of a record as a text."""
    if isinstance(one.pin, str):
        yield "pin", f"{one.room}#{one.pin}" if one.room else one.pin
    sets: tuple[tuple[CredentialKind, Personal[frozenset[str]]], ...]
    sets = ("card", one.cards), ("uhf", one.uhf), ("plate", one.plates)
    for kind, codes in sets:
        if isinstance(codes, frozenset) and codes:
            yield kind, ",".join(sorted(codes))
    if isinstance(one.face, str):
        yield "face", one.face


def grant_text(grant: Grant) -> str:
    when, days = grant.schedule, "".join(map(str, sorted(grant.schedule.days)))
    span = f"{when.first or ''}/{when.last or ''}/{when.start:%H:%M}-{when.end:%H:%M}"
    return f"{when.repeat}:{days}:{span}@{''.join(map(str, sorted(grant.relays)))}"
