"""What the screens of an emergency show, composed of rows and computed when it is read."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from domain.access_groups import Door
from domain.alarms import AlarmId
from domain.emergency import Cause, Doors, Finding, Order, OrderId, door_name, standing
from domain.ids import DeviceId
from domain.record import frozen
from projections.projector import Row

Stand = Literal["open", "shut"]
Standing = Literal["on", "drill", "off"]
State = Literal["verified", "failed", "offline", "pending"]


@frozen
class DoorDoc:
    """A relay. `commanded`: null as long as nothing was ever ordered; `shown`: how it was last read
    back for that order, null if it could not be; `state`: pending until then. `red`: it is not as
    ordered, as far as is known.
    """

    device: DeviceId
    relay: int
    name: str
    order: OrderId | None
    commanded: Stand | None
    shown: Stand | None
    state: State | None
    at: datetime | None
    reason: str | None
    red: bool


@frozen
class CheckDoc:
    """An emergency alarm that was to unlock doors, and whether its phone confirmed it."""

    alarm: AlarmId
    device: DeviceId
    finding: Finding
    reason: str
    heard_at: datetime


@frozen
class EmergencyDoc:
    """`state`: whether doors are commanded open, and only as a drill. `doors` of the group: null
    for all. `checks`: of the last alarms, the newest first.
    """

    state: Standing
    since: datetime | None
    automatic: bool
    group: tuple[Door, ...] | None
    red: int
    doors: tuple[DoorDoc, ...]
    checks: tuple[CheckDoc, ...]


@frozen
class OrderDoc:
    """`given_by` is an account's id, a part of the house, or who broke the glass at which host;
    `selected`: null for all doors.
    """

    order: OrderId
    action: Literal["unlock", "lock"]
    cause: Cause
    drill: bool
    given_at: datetime
    given_by: str
    alarm: AlarmId | None
    selected: tuple[Door, ...] | None


@frozen
class ReportedDoor:
    """Commanded against actual. `verified_at`: when it was first read back as commanded, and how
    many milliseconds after the order; null if never.
    """

    device: DeviceId
    relay: int
    name: str
    commanded: Stand
    shown: Stand | None
    state: State
    verified_at: datetime | None
    milliseconds: int | None
    at: datetime | None
    reason: str | None


@frozen
class ReportDoc(OrderDoc):
    """N16. `slowest`: milliseconds until the last of those that were verified was."""

    verified: int
    red: int
    slowest: int | None
    doors: tuple[ReportedDoor, ...]


def stand(is_open: bool | None) -> Stand | None:
    return None if is_open is None else "open" if is_open else "shut"


def told(doors: Doors) -> str | None:
    """As a column keeps them."""
    if doors is None:
        return None
    return json.dumps(sorted([str(door.device), door.relay] for door in doors))


def heard(column: str | None) -> Doors:
    if column is None:
        return None
    return frozenset(Door(device=DeviceId(UUID(id)), relay=n) for id, n in json.loads(column))


def in_order(doors: Doors) -> tuple[Door, ...] | None:
    if doors is None:
        return None
    return tuple(sorted(doors, key=lambda door: (str(door.device), door.relay)))


def order_of(row: Row) -> Order:
    return Order(
        id=row["id"],
        generation=row["generation"],
        open=row["opens"],
        doors=heard(row["doors"]),
        drill=row["drill"],
    )


def names_of(devices: Iterable[Row]) -> dict[Door, str]:
    """Of all relays, in the order of their names."""
    found = {
        Door(device=row["device"], relay=number): door_name(row["called"], name)
        for row in devices
        for number, name in json.loads(row["relays"])
    }
    return dict(sorted(found.items(), key=lambda one: (one[1], one[0].relay)))


def emergency(
    setting: Row | None,
    devices: Sequence[Row],
    orders: Sequence[Row],
    results: Mapping[tuple[OrderId, Door], Row],
    checks: Sequence[Row],
) -> EmergencyDoc:
    given = {row["id"]: row for row in orders}
    rules = standing(map(order_of, orders))
    doors = list[DoorDoc]()
    for door, name in names_of(devices).items():
        order = next((one for one in reversed(rules) if one.covers(door)), None)
        result = results.get((order.id, door)) if order else None
        doors.append(door_doc(door, name, order, result))
    opening = {one.order for one in doors if one.commanded == "open" and one.order}
    return EmergencyDoc(
        state=in_a_word([given[id]["drill"] for id in opening]),
        since=min((given[id]["given_at"] for id in opening), default=None),
        automatic=bool(setting and setting["automatic"]),
        group=in_order(heard(setting["doors"] if setting else None)),
        red=sum(one.red for one in doors),
        doors=tuple(doors),
        checks=tuple(map(check_doc, checks)),
    )


def check_doc(row: Row) -> CheckDoc:
    return CheckDoc(**{name: value for name, value in row.items() if name != "community"})


def in_a_word(drills: Sequence[bool]) -> Standing:
    if not drills:
        return "off"
    return "drill" if all(drills) else "on"


def door_doc(door: Door, name: str, order: Order | None, result: Row | None) -> DoorDoc:
    state: State | None = (result["state"] if result else "pending") if order else None
    return DoorDoc(
        device=door.device,
        relay=door.relay,
        name=name,
        order=order.id if order else None,
        commanded=stand(order.open) if order else None,
        shown=stand(result["shown"]) if result else None,
        state=state,
        at=result["at"] if result else None,
        reason=result["reason"] if result else None,
        red=state not in (None, "verified"),
    )


def order_doc(row: Row) -> dict[str, Any]:
    return {
        "order": row["id"],
        "action": "unlock" if row["opens"] else "lock",
        "cause": row["cause"],
        "drill": row["drill"],
        "given_at": row["given_at"],
        "given_by": row["given_by"],
        "alarm": row["alarm"],
        "selected": in_order(heard(row["doors"])),
    }


def report(order: Row, devices: Sequence[Row], results: Mapping[Door, Row]) -> ReportDoc:
    """Of the doors that were ordered, and of those that were tried: others may be gone by now."""
    names, tried = names_of(devices), results.keys()
    there = names_of(row for row in devices if not row["gone"]).keys() if order["stands"] else ()
    wanted = heard(order["doors"]) or frozenset(tried | set(there))
    in_turn = sorted(wanted, key=lambda door: (names.get(door, ""), str(door.device), door.relay))
    doors = tuple(reported(d, names.get(d, ""), order, results.get(d)) for d in in_turn)
    verified = [door.milliseconds for door in doors if door.milliseconds is not None]
    return ReportDoc(
        **order_doc(order),
        verified=len(verified),
        red=len(doors) - len(verified),
        slowest=max(verified, default=None),
        doors=doors,
    )


def reported(door: Door, name: str, order: Row, result: Row | None) -> ReportedDoor:
    at = result["verified_at"] if result else None
    return ReportedDoor(
        device=door.device,
        relay=door.relay,
        name=name,
        commanded="open" if order["opens"] else "shut",
        shown=stand(result["shown"]) if result else None,
        state=result["state"] if result else "pending",
        verified_at=at,
        milliseconds=(at - order["given_at"]) // timedelta(milliseconds=1) if at else None,
        at=result["at"] if result else None,
        reason=result["reason"] if result else None,
    )
