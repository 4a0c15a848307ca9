"""How many of everything a community has, and how many of its phones answer (M9-M11).

What doors report comes from another log: another read model counts it, and the screen shows both.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from domain.access_groups import AccessGroupCreated, AccessGroupDeleted
from domain.alarms import AlarmRaised, AlarmSolved
from domain.apartments import ApartmentCreated, BuildingCreated
from domain.devices import (
    DeviceRegistered,
    DeviceRemoved,
    DeviceReplaced,
    DeviceWentOffline,
    DeviceWentOnline,
)
from domain.ids import CommunityId
from domain.kernel import Event, Unknown
from domain.record import frozen
from domain.residents import ResidentAdded, ResidentDeleted
from domain.settings import CommunityCreated
from eventlog.consumer import on
from eventlog.port import Batch, Recorded
from projections.projector import Projector

COUNTED: dict[type[Event], tuple[str, int]] = {
    BuildingCreated: ("buildings", 1),
    ApartmentCreated: ("apartments", 1),
    ResidentAdded: ("residents", 1),
    ResidentDeleted: ("residents", -1),
    AccessGroupCreated: ("access_groups", 1),
    AccessGroupDeleted: ("access_groups", -1),
    AlarmRaised: ("unsolved_alarms", 1),
    AlarmSolved: ("unsolved_alarms", -1),
}
REACHES: dict[type[Event], str] = {
    DeviceRegistered: "never_seen",
    DeviceReplaced: "never_seen",
    DeviceWentOnline: "online",
    DeviceWentOffline: "offline",
}
ADD = """
    insert into dashboard values (%(community)s,
        %(buildings)s, %(apartments)s, %(residents)s, %(access_groups)s, %(unsolved_alarms)s)
    on conflict (community) do update set
        buildings = dashboard.buildings + excluded.buildings,
        apartments = dashboard.apartments + excluded.apartments,
        residents = dashboard.residents + excluded.residents,
        access_groups = dashboard.access_groups + excluded.access_groups,
        unsolved_alarms = dashboard.unsolved_alarms + excluded.unsolved_alarms"""
OF = """
    select buildings, apartments, residents, access_groups, unsolved_alarms,
        count(device) as registered,
        count(*) filter (where reach = 'online') as online,
        count(*) filter (where reach = 'offline') as offline,
        count(*) filter (where reach = 'never_seen') as never_seen
    from dashboard left join dashboard_devices using (community)
    where community = %s group by dashboard.community"""


@frozen
class DeviceCounts:
    """Door phones by what was last heard of them; another box in the place has yet to be seen."""

    registered: int
    online: int
    offline: int
    never_seen: int


@frozen
class DashboardDoc:
    buildings: int
    apartments: int
    residents: int
    access_groups: int
    unsolved_alarms: int
    devices: DeviceCounts


class Dashboard(Projector):
    name = "dashboard"
    tables = """
        create table dashboard (
            community uuid primary key,
            buildings bigint not null,
            apartments bigint not null,
            residents bigint not null,
            access_groups bigint not null,
            unsolved_alarms bigint not null
        );
        create table dashboard_devices (
            community uuid,
            device uuid,
            reach text not null,
            primary key (community, device)
        )"""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.devices = self.gather("dashboard_devices", "device")
        self.more: defaultdict[CommunityId, Counter[str]] = defaultdict(Counter)

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        self.more.clear()  # of a batch that failed
        super().apply(batch)

    @on(CommunityCreated)
    def created(self, batch: Batch[CommunityCreated]) -> None:
        for r in batch:
            self.more.setdefault(r.community, Counter())

    @on(*COUNTED)
    def counted(self, batch: Batch[Event]) -> None:
        for r in batch:
            what, by = COUNTED[type(r.event)]
            self.more[r.community][what] += by

    @on(DeviceRegistered)
    def registered(self, batch: Batch[DeviceRegistered]) -> None:
        for r in batch:
            self.devices.set(r.community, r.event.device, reach=REACHES[type(r.event)])

    @on(DeviceReplaced, DeviceWentOnline, DeviceWentOffline)
    def heard(self, batch: Batch[DeviceReplaced | DeviceWentOnline | DeviceWentOffline]) -> None:
        for r in batch:
            self.devices.amend(r.community, r.event.device, reach=REACHES[type(r.event)])

    @on(DeviceRemoved)
    def removed(self, batch: Batch[DeviceRemoved]) -> None:
        for r in batch:
            self.devices.drop(r.community, r.event.device)

    def settle(self, batch: Sequence[Recorded[Any]]) -> None:
        self.put("dashboard_devices", self.gathered(self.devices))
        nothing = dict.fromkeys((what for what, _ in COUNTED.values()), 0)
        with self.db.cursor() as cursor:
            cursor.executemany(
                ADD, [nothing | more | {"community": home} for home, more in self.more.items()]
            )

    def of(self, community: CommunityId) -> DashboardDoc:
        with self.db.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(OF, [community]).fetchone()
        if found is None:
            raise Unknown("Community", community)
        reach = {name: found.pop(name) for name in ("registered", *sorted(set(REACHES.values())))}
        return DashboardDoc(**found, devices=DeviceCounts(**reach))
