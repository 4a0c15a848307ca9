"""The first screen: how the community stands, and how its doors are used today."""

import json
from datetime import UTC, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import Response
from flask_smorest import Blueprint

from domain.ids import CommunityId
from domain.record import frozen
from projections.dashboard import Dashboard, DashboardDoc
from projections.emergency import Emergencies
from projections.emergency.docs import Standing
from projections.logs.door import DoorLog
from projections.projector import document
from projections.settings import CommunitySettings
from readapi.paging import item
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

dashboard = Blueprint("dashboard", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@frozen
class Openings:
    """Doors opened since the community's midnight; `by_hour` has 24 counts, of its clock."""

    today: int
    by_hour: tuple[int, ...]


@frozen
class DashboardScreen(DashboardDoc):
    """`emergency`: whether doors are held open, or as a drill (M118)."""

    openings: Openings
    emergency: Standing


@dashboard.route("/dashboard")
@dashboard.arguments(schema_of(After)(), location="query")
@dashboard.response(200, schema_of(DashboardScreen), headers=HEADERS)
def counts(after: After, *, community: UUID) -> Response:
    """Buildings, apartments, residents, access groups, phones by state, unsolved alarms,
    openings (M9, M10, M11).
    """
    home = CommunityId(community)
    zone = json.loads(reached(CommunitySettings, after).of(home))["zone"]
    midnight = datetime.combine(datetime.now(ZoneInfo(zone)), time(), ZoneInfo(zone))
    found = reached(Dashboard, after).of(home)
    log = reached(DoorLog, After(), besides=midnight)
    hours = log.openings(home, midnight.astimezone(UTC), zone)
    opened = Openings(today=sum(hours.values()), by_hour=tuple(hours.get(h, 0) for h in range(24)))
    counts = {name: getattr(found, name) for name in DashboardDoc.__dataclass_fields__}
    emergency = reached(Emergencies, after).state(home)
    return item(document(DashboardScreen(**counts, openings=opened, emergency=emergency)))
