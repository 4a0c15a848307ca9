"""Who may open what, when. Pure: phones, read models and explanations all ask here."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.access_groups import AccessGroup, Door, Schedule
from domain.devices import CredentialKind, Device, Method
from domain.ids import ApartmentId
from domain.record import Personal, frozen
from domain.residents import Contact, Resident

Groups = Collection[AccessGroup]
Rooms = Mapping[ApartmentId, str]  # numbers, where they are to be keyed in before a PIN (M115)
PIN_ALONE: Final[Rooms] = MappingProxyType({})
KINDS: tuple[CredentialKind, ...] = ("pin", "card")


@frozen
class Grant:
    """At these relays of a phone, when the schedule says so."""

    schedule: Schedule
    relays: frozenset[int]


@frozen
class Entry:
    """A record that a phone must hold: whose, which codes, where and when.

    `key` is ours and stable; a person has two where a relay takes PINs and another cards (M101).
    `room`: the apartment's number, to be keyed in before the PIN (M115); None in PIN mode.
    """

    key: str
    holder: UUID
    name: Personal[str]
    pin: Personal[str] | None
    cards: Personal[frozenset[str]]
    grants: frozenset[Grant]
    room: str | None = None


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
) -> bool:
    """Overlapping groups are a union (A31), read on the community's clock (A32)."""
    return any(g.schedule.covers(instant, zone) for g in grants(person, door, device, groups))


def granted(person: Resident, device: Device, groups: Groups, method: Method) -> frozenset[Grant]:
    """What a kind of credential of a person opens at a phone (M101)."""
    takes = {relay.number for relay in device.relays if method in relay.methods}
    ours = (g for g in groups if g.group in person.groups)
    found = {(group.schedule, relays_of(group, device) & takes) for group in ours}
    return frozenset(Grant(schedule=when, relays=relays) for when, relays in found if relays)


def entries(
    person: Resident, device: Device, groups: Groups, room: str | None = None
) -> list[Entry]:
    """The records of one person that a phone must hold, and no others. `room`: as in Entry."""
    person = person.as_managed() if device.is_lock else person
    by_pin = granted(person, device, groups, "pin") if isinstance(person.pin, str) else None
    by_card = granted(person, device, groups, "card") if person.held else None
    if by_pin == by_card or not by_card:
        return list(entry(person, "", by_pin, pin=True, cards=bool(by_card), room=room))
    if not by_pin:
        return list(entry(person, "", by_card, pin=False, cards=True))
    pin = entry(person, "-pin", by_pin, pin=True, cards=False, room=room)
    return [*pin, *entry(person, "-card", by_card, pin=False, cards=True)]


def entry(
    person: Resident,
    suffix: str,
    opens: frozenset[Grant] | None,
    *,
    pin: bool,
    cards: bool,
    room: str | None = None,
) -> Iterable[Entry]:
    if opens:
        yield Entry(
            key=f"{person.resident.hex}{suffix}",
            holder=person.resident,
            name=person.contact.name if isinstance(person.contact, Contact) else person.contact,
            pin=person.pin if pin else None,
            cards=frozenset(c.code for c in person.held) if cards else frozenset(),
            grants=opens,
            room=room,
        )


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
        if isinstance(one.pin, str):
            keyed = f"{one.room}#{one.pin}" if one.room else one.pin
            found[one.holder, "pin"] = f"{keyed}|{opens}"
        if isinstance(one.cards, frozenset) and one.cards:
            found[one.holder, "card"] = f"{','.join(sorted(one.cards))}|{opens}"
    return found


def grant_text(grant: Grant) -> str:
    when, days = grant.schedule, "".join(map(str, sorted(grant.schedule.days)))
    span = f"{when.first or ''}/{when.last or ''}/{when.start:%H:%M}-{when.end:%H:%M}"
    return f"{when.repeat}:{days}:{span}@{''.join(map(str, sorted(grant.relays)))}"
