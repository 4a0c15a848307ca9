"""The devices screen, and what is on the phones."""

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Literal
from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import ApartmentId, BuildingId, CommunityId, DeviceId
from domain.kernel import Unknown
from domain.record import frozen
from projections.devices.changes import Changes, Since
from projections.devices.doors import DoorSensors, Sensed
from projections.devices.installed import Installed
from projections.devices.live import Doc, LaneDoc, Live, live, shown
from projections.devices.phones import DeviceDoc, Devices, Reach, Wanted
from projections.devices.standing import HolderDoc, ResidentDoors
from projections.projector import document
from readapi.paging import AS_JSON, PageQuery, answer, item, items_of, page_of
from readapi.waiting import HEADERS, After, reached, this_minute
from schemas.of import schema_of

devices = Blueprint("devices", __name__, url_prefix="/api/v1/communities/<uuid:community>")


Failure = Literal["mismatch", "rejected", "undeliverable"]


@frozen
class DeviceQuery(PageQuery):
    """`words` are looked for in names, MAC, model and place, all must be there; `mac` is a part of
    one, with or without separators; `reach` is what was last heard of the phone.
    """

    building: BuildingId | None = None
    apartment: ApartmentId | None = None
    words: str | None = None
    mac: str | None = None
    reach: Reach | None = None
    model: str | None = None


@frozen
class HolderQuery(PageQuery):
    """`said`: only people of whom this was last said; `undeliverable` lists whom a phone that is
    full has no room for (D4).
    """

    said: Failure | None = None


@devices.route("/devices")
@devices.arguments(schema_of(DeviceQuery)(), location="query")
@devices.response(200, page_of(DeviceDoc), headers=HEADERS)
def listed(asked: DeviceQuery, *, community: UUID) -> Response:
    """The door phones of a community, by name; which of their doors are open, where a sensor tells
    (M99).
    """
    wanted = Wanted(
        building=asked.building,
        apartment=asked.apartment,
        words=asked.words,
        mac=asked.mac,
        reach=asked.reach,
        model=asked.model,
    )
    home, doors = CommunityId(community), reached(DoorSensors, After())
    page = reached(Devices, asked).page(home, wanted, asked.after, asked.size)
    sensed = doors.of(home)
    return answer(page, with_doors(items_of(page), sensed) if sensed else None)


@devices.route("/devices/<uuid:device>")
@devices.arguments(schema_of(After)(), location="query")
@devices.response(200, schema_of(DeviceDoc), headers=HEADERS)
def one(after: After, *, community: UUID, device: UUID) -> Response:
    """A door phone: hardware, place, relays and what they take, which doors are open, and whether
    it answers (M99, M100, M101).
    """
    home, doors = CommunityId(community), reached(DoorSensors, After())
    phone: Doc = json.loads(reached(Devices, after).of(home, device))
    [told] = with_doors([phone], doors.of(home))
    return item(AS_JSON.encode(told))


@devices.route("/devices/<uuid:device>/credentials")
@devices.arguments(schema_of(HolderQuery)(), location="query")
@devices.response(200, page_of(HolderDoc), headers=HEADERS)
def credentials(asked: HolderQuery, *, community: UUID, device: UUID) -> Response:
    """Who has rights at a phone or is still on it, and how each credential stands there: since when
    it is wanted so, when the phone was last read, how often it was tried in vain (M99).
    """
    home, changes = CommunityId(community), reached(Changes, asked, etag=False)
    now = live(changes.db, [device]).get(device)
    at = this_minute()
    model = reached(Installed, asked, besides=(at, now and (now.lane.failure, now.trials)))
    page = model.holders(home, device, at, asked.after, asked.size, asked.said)
    people = items_of(page)
    since = changes.since(home, [device], [UUID(one["holder"]) for one in people])
    for one in people:
        one["credentials"] = as_of_now(one["credentials"], device, UUID(one["holder"]), now, since)
    return answer(page, people)


@devices.route("/devices/<uuid:device>/lane")
@devices.arguments(schema_of(After)(), location="query")
@devices.response(200, schema_of(LaneDoc), headers=HEADERS)
def lane(after: After, *, community: UUID, device: UUID) -> Response:
    """What waits for a phone or a lock since when, and how many revocations among it; 404 while no
    adapter keeps it (M99).
    """
    model = reached(Changes, after, etag=False)
    if device not in model.phones(CommunityId(community)):
        raise Unknown("Device", device)
    if (now := live(model.db, [device]).get(device)) is None:
        raise Unknown("Lane", device)
    return item(document(now.lane))


@devices.route("/residents/<uuid:resident>/doors")
@devices.arguments(schema_of(After)(), location="query")
@devices.response(200, schema_of(ResidentDoors), headers=HEADERS)
def doors(after: After, *, community: UUID, resident: UUID) -> Response:
    """The phones where a resident has rights now, how each credential stands there, and the phones
    that have yet to forget something (M99, M38).
    """
    home, changes = CommunityId(community), reached(Changes, after, etag=False)
    phones = changes.phones(home)
    lives = live(changes.db, phones)
    now = {id: (one.lane.failure, one.trials.get(resident)) for id, one in lives.items()}
    at = this_minute()
    found = reached(Installed, after, besides=(at, now)).doors(home, resident, at)
    since = changes.since(home, phones, [resident])
    doc = json.loads(document(found))
    for phone in (*doc["doors"], *doc["withdrawing"]):
        id = UUID(phone["device"])
        told = as_of_now(phone["credentials"], id, resident, lives.get(id), since)
        phone["credentials"] = told
    return item(AS_JSON.encode(doc))


def with_doors(phones: list[Doc], sensed: Mapping[tuple[DeviceId, int], Sensed]) -> list[Doc]:
    """Sensors are told of by reports, all else is by events. Nothing is known of a new box."""
    for phone in phones:
        connection, device = phone["connection"], DeviceId(UUID(phone["device"]))
        for relay in phone["relays"] if connection["reach"] != "never_seen" else ():
            found = sensed.get((device, relay["number"]))
            if relay["sensor"] and found:
                relay["door"] = {
                    "state": "open" if found.is_open else "closed",
                    "since": found.since.astimezone(UTC).isoformat(),
                    "seen": connection["since"] if connection["reach"] == "offline" else None,
                }
    return phones


def as_of_now(
    credentials: list[Doc], device: UUID, holder: UUID, now: Live | None, since: Since
) -> list[Doc]:
    """With what is no event: since when each waits, and how it was tried last."""
    return [
        shown(one, now, holder, said.isoformat() if said else None)
        for one in credentials
        for said in [since.get((device, holder, one["kind"]))]
    ]
