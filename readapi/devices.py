"""The devices screen, and what is on the phones."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import ApartmentId, BuildingId, CommunityId
from domain.record import frozen
from projections.devices.installed import Installed
from projections.devices.phones import DeviceDoc, Devices, Reach, Wanted
from projections.devices.standing import HolderDoc, ResidentDoors
from projections.projector import document
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

devices = Blueprint("devices", __name__, url_prefix="/api/v1/communities/<uuid:community>")


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


@devices.route("/devices")
@devices.arguments(schema_of(DeviceQuery)(), location="query")
@devices.response(200, page_of(DeviceDoc), headers=HEADERS)
def listed(asked: DeviceQuery, *, community: UUID) -> Response:
    """The door phones of a community, by name (M99)."""
    wanted = Wanted(
        building=asked.building,
        apartment=asked.apartment,
        words=asked.words,
        mac=asked.mac,
        reach=asked.reach,
        model=asked.model,
    )
    model = reached(Devices, asked)
    return answer(model.page(CommunityId(community), wanted, asked.after, asked.size))


@devices.route("/devices/<uuid:device>")
@devices.arguments(schema_of(After)(), location="query")
@devices.response(200, schema_of(DeviceDoc), headers=HEADERS)
def one(after: After, *, community: UUID, device: UUID) -> Response:
    """A door phone: hardware, place, relays and what they take, and whether it answers
    (M99, M100, M101).
    """
    return item(reached(Devices, after).of(CommunityId(community), device))


@devices.route("/devices/<uuid:device>/credentials")
@devices.arguments(schema_of(PageQuery)(), location="query")
@devices.response(200, page_of(HolderDoc), headers=HEADERS)
def credentials(asked: PageQuery, *, community: UUID, device: UUID) -> Response:
    """Who has rights at a phone or is still on it, and how each credential stands there (M99)."""
    model = reached(Installed, asked)
    return answer(model.holders(CommunityId(community), device, asked.after, asked.size))


@devices.route("/residents/<uuid:resident>/doors")
@devices.arguments(schema_of(After)(), location="query")
@devices.response(200, schema_of(ResidentDoors), headers=HEADERS)
def doors(after: After, *, community: UUID, resident: UUID) -> Response:
    """The phones where a resident has rights now, whether each credential is proved to be there,
    and the phones that have yet to forget something (M99, M38).
    """
    return item(document(reached(Installed, after).doors(CommunityId(community), resident)))
