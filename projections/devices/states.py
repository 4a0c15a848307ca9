"""Rows of what is installed, as the states that rights are asked over."""

import json
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any, LiteralString
from uuid import UUID

from domain.access_groups import AccessGroup, Door, Schedule
from domain.devices import Box, Device, Place, Relay
from domain.lifts import Floor
from domain.locks import Lock, LockSync, door
from domain.parking import NO_VEHICLES, Vehicles
from domain.record import ERASED, Personal
from domain.residents import Card, Resident
from projections.devices.standing import Said
from projections.projector import Row
from schemas.of import schema_of

SEALED: tuple[LiteralString, ...] = ("pin", "cards", "vehicles", "face")
NO_BOX = Box(mac="", model="", firmware="", address="")  # rights do not ask for it


def said_of(row: Row) -> Said:
    return Said(
        state=row["state"],
        digest=row["digest"],
        reason=row["reason"],
        reported_at=row["reported_at"].astimezone(UTC),
        tries=row["tries"],
    )


@lru_cache(maxsize=4096)
def loaded(record: type, text: str, many: bool = False) -> Any:
    """Few groups and phones are read again and again, and never changed."""
    found = schema_of(record)(many=many).loads(text)
    return tuple(found) if many else found


def group_of(row: Row) -> AccessGroup:
    return AccessGroup(
        group=row["group_id"],
        number=row["number"],
        name=row["name"],
        schedule=loaded(Schedule, row["schedule"]),
        doors=frozenset(loaded(Door, row["doors"], many=True)),
        building=row["building"],
    )


def device_of(row: Row) -> Device:
    return Device(
        device=row["device"],
        name=row["name"],
        box=NO_BOX,
        place=Place(building=row["building"], apartment=row["apartment"]),
        relays=loaded(Relay, row["relays"], many=True),
        login=None,
        hint=ERASED,
    )


def lock_of(row: Row, sync: LockSync, phones: Mapping[UUID, Device]) -> Device:
    """As the door that it is to rights (M15, M133)."""
    lock = Lock(
        lock=row["device"],
        brand=row["brand"],
        serial="",
        name=row["name"],
        place=Place(building=row["building"], apartment=row["apartment"]),
        address="",
        login=None,
        phone=row["phone"],
    )
    return door(lock, sync, phones.get(row["phone"]))


def resident_of(row: Row, opened: Mapping[str, Personal[str] | None]) -> Resident:
    """`opened` are the columns that stand sealed in the row."""
    cards, vehicles = opened["cards"], opened["vehicles"]
    held = json.loads(cards) if isinstance(cards, str) else ()
    return Resident(
        resident=row["resident"],
        apartment=row["apartment"],
        building=row["building"],
        role=row["role"],
        contact=ERASED,
        groups=frozenset(row["groups"]),
        pin=opened["pin"],
        pin_made_by=row["pin_made_by"],
        cards=frozenset(Card(code=code, typed=code, made_by=maker) for code, maker in held),
        vehicles=driven(vehicles) if isinstance(vehicles, str) else NO_VEHICLES,
        face=opened["face"],
        floors=frozenset(loaded(Floor, row["floors"], many=True)),
    )


def driven(text: str) -> Vehicles:
    """Not remembered, as what few groups and phones say is: it is sealed for somebody."""
    found: Vehicles = schema_of(Vehicles)().loads(text)
    return found
