"""Facts for given and then: a test spells what matters, the rest is legal and arbitrary."""

from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from ipaddress import ip_network
from random import Random
from uuid import UUID

from PIL import Image
from uuid_utils.compat import uuid7

from commands.residents.pictures import as_kept
from domain import parking
from domain.access_groups import ALWAYS, AccessGroupCreated, Door, Period, Schedule
from domain.accounts import AccountOpened, Role
from domain.alarms import AlarmId, AlarmKind, AlarmRaised
from domain.apartments import (
    ApartmentCreated,
    BuildingCreated,
    HouseholdJoined,
    HouseholdRole,
)
from domain.devices import (
    Box,
    DeviceClockFoundRight,
    DeviceClockFoundWrong,
    DeviceRegistered,
    DeviceSynced,
    DeviceWentOffline,
    DeviceWentOnline,
    Login,
    Outcome,
    Place,
    Relay,
)
from domain.faces import FaceEnrolled, known_by
from domain.ids import (
    AccountId,
    ApartmentId,
    BuildingId,
    CommunityId,
    DeviceId,
    GroupId,
    ResidentId,
)
from domain.lifts import Floor
from domain.locks import Brand, LockRegistered, LockSyncChosen, SyncKind
from domain.maintenance import OperationAsked, OperationId
from domain.parking import Vehicles, VehiclesChanged
from domain.residents import (
    CardsChanged,
    Contact,
    PinIssued,
    ResidentAdded,
    card,
)
from domain.settings import CommunityCreated, PinMode

HARBOUR, ELSEWHERE = CommunityId(UUID(int=1)), CommunityId(UUID(int=2))
ANN, BOB, CLEO = (ResidentId(UUID(int=n)) for n in (11, 12, 13))
FLAT_1, FLAT_2 = ApartmentId(UUID(int=21)), ApartmentId(UUID(int=22))
GATE, GYM = DeviceId(UUID(int=31)), DeviceId(UUID(int=32))
CELLAR, ATTIC = DeviceId(UUID(int=36)), DeviceId(UUID(int=37))
SWIMMERS, STAFF, EVERYBODY = (GroupId(UUID(int=n)) for n in (41, 42, 43))
TAMPERING, FIRE = AlarmId(UUID(int=71)), AlarmId(UUID(int=72))
TOWER, ANNEX = BuildingId(UUID(int=51)), BuildingId(UUID(int=52))
NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
LOOPBACK = (ip_network("127.0.0.0/8"),)
CONTACT = Contact(first_name="Ann", last_name="Archer")


def a_community(
    pin_mode: PinMode = "pin", *, zone: str = "UTC", home: CommunityId = HARBOUR
) -> CommunityCreated:
    return CommunityCreated(
        community=home, installer="installer", name="Harbour Quarter", zone=zone, pin_mode=pin_mode
    )


def a_building(
    building: BuildingId = TOWER, name: str = "Tower", group: GroupId = EVERYBODY
) -> BuildingCreated:
    return BuildingCreated(building=building, name=name, default_group=group)


def a_default_group(
    group: GroupId = EVERYBODY, building: BuildingId = TOWER, number: int = 100_043
) -> AccessGroupCreated:
    return AccessGroupCreated(
        group=group,
        number=number,
        name="Tower",
        schedule=ALWAYS,
        doors=frozenset(),
        building=building,
    )


def an_apartment(
    apartment: ApartmentId = FLAT_1, number: str = "1", building: BuildingId = TOWER
) -> ApartmentCreated:
    return ApartmentCreated(apartment=apartment, building=building, number=number, name=number)


def a_group(
    group: GroupId = SWIMMERS,
    *doors: Door,
    when: Schedule = ALWAYS,
    number: int | None = None,
    name: str = "Swimmers",
) -> AccessGroupCreated:
    return AccessGroupCreated(
        group=group,
        number=number or 100_000 + group.int % 1000,
        name=name,
        schedule=when,
        doors=frozenset(doors),
    )


def a_resident(
    who: ResidentId = ANN,
    *groups: GroupId,
    home: ApartmentId = FLAT_1,
    building: BuildingId = TOWER,
    role: HouseholdRole = "master",
    contact: Contact = CONTACT,
) -> ResidentAdded:
    return ResidentAdded(
        resident=who,
        apartment=home,
        building=building,
        role=role,
        contact=contact,
        groups=frozenset(groups),
    )


def joined(
    who: ResidentId = ANN, home: ApartmentId = FLAT_1, role: HouseholdRole = "master"
) -> HouseholdJoined:
    return HouseholdJoined(apartment=home, resident=who, role=role)


def a_pin(
    pin: str, who: ResidentId = ANN, home: ApartmentId = FLAT_1, mode: PinMode = "pin"
) -> PinIssued:
    return PinIssued(resident=who, apartment=home, pin=pin, pin_mode=mode)


def cards(who: ResidentId = ANN, *typed: str) -> CardsChanged:
    return CardsChanged(resident=who, cards=frozenset(map(card, typed)))


def vehicles(
    *plates: str,
    tags: tuple[str, ...] = (),
    period: Period | None = None,
    who: ResidentId = ANN,
) -> VehiclesChanged:
    all_of_them = Vehicles(plates=parking.plates(plates), tags=parking.tags(tags), period=period)
    return VehiclesChanged(resident=who, vehicles=all_of_them)


@cache
def a_photo(n: int = 0) -> bytes:
    """As somebody uploads it; of each number another one."""
    noise = Image.frombytes("RGB", (40, 40), Random(n).randbytes(4800)).resize((240, 240))
    made = BytesIO()
    noise.save(made, "JPEG")
    return made.getvalue()


def a_face(photo: bytes, who: ResidentId = ANN) -> FaceEnrolled:
    return FaceEnrolled(resident=who, photo=known_by(as_kept(photo)))


def floors(*numbers: int, building: BuildingId = TOWER) -> frozenset[Floor]:
    return frozenset(Floor(building=building, number=n) for n in numbers)


def a_box(
    address: str = "http://127.0.0.1:8101", mac: str = "0C11050A0001", model: str = "X916"
) -> Box:
    return Box(mac=mac, model=model, firmware="916.30.10.114", address=address)


def a_device(
    device: DeviceId = GATE,
    name: str = "Gate",
    *,
    box: Box | None = None,
    place: Place | None = None,
    relays: int = 2,
    login: Login | None = None,
) -> DeviceRegistered:
    n = device.int % 100
    return DeviceRegistered(
        device=device,
        name=name,
        box=box or a_box(f"http://127.0.0.1:81{n:02}", f"0C11050A00{n:02}"),
        place=place or Place(building=TOWER),
        relays=tuple(Relay(number=i + 1, name=f"{name} {i + 1}") for i in range(relays)),
        login=login,
        hint=f"hint-{device.int}",
    )


def online(device: DeviceId = GATE, firmware: str = "916.30.10.114") -> DeviceWentOnline:
    return DeviceWentOnline(sync=uuid7(), device=device, firmware=firmware)


def offline(device: DeviceId = GATE, reason: str = "no answer") -> DeviceWentOffline:
    return DeviceWentOffline(sync=uuid7(), device=device, reason=reason)


def clock_right(device: DeviceId = GATE, zone: str = "UTC") -> DeviceClockFoundRight:
    return DeviceClockFoundRight(sync=uuid7(), device=device, zone=zone)


def clock_wrong(device: DeviceId = GATE, ahead: int = 0, reason: str = "") -> DeviceClockFoundWrong:
    return DeviceClockFoundWrong(sync=uuid7(), device=device, ahead=ahead, reason=reason)


def synced(device: DeviceId, *outcomes: Outcome) -> DeviceSynced:
    return DeviceSynced(sync=uuid7(), device=device, outcomes=outcomes)


def an_account(
    account: AccountId, name: str = "Asta", role: Role = "manager", *communities: CommunityId
) -> AccountOpened:
    return AccountOpened(account=account, name=name, role=role, communities=frozenset(communities))


def an_alarm(
    alarm: AlarmId = TAMPERING,
    kind: AlarmKind = "tamper",
    device: DeviceId = GATE,
    name: str = "Gate",
    *,
    relay: int | None = None,
    heard_at: datetime = NOW,
) -> AlarmRaised:
    return AlarmRaised(
        alarm=alarm,
        kind=kind,
        device=device,
        name=name,
        relay=relay,
        building=TOWER,
        apartment=None,
        heard_at=heard_at,
    )


def a_lock(
    lock: DeviceId = CELLAR,
    name: str = "Cellar",
    brand: Brand = "itec",
    *,
    serial: str | None = None,
    place: Place | None = None,
    address: str = "http://127.0.0.1:8190",
    login: Login | None = None,
    phone: DeviceId | None = None,
) -> LockRegistered:
    return LockRegistered(
        lock=lock,
        brand=brand,
        serial=serial or f"LOCK{lock.int}",
        name=name,
        place=place or Place(building=TOWER),
        address=address,
        login=login,
        phone=phone,
    )


def lock_sync(brand: Brand = "itec", *kinds: SyncKind) -> LockSyncChosen:
    return LockSyncChosen(community=HARBOUR, brand=brand, kinds=frozenset(kinds))


def an_opening(
    by: str,
    n: int = 1,
    *,
    device: DeviceId = GATE,
    relay: int = 1,
    at: datetime = NOW,
) -> OperationAsked:
    return OperationAsked(
        operation=OperationId(UUID(int=900 + n)),
        device=device,
        kind="open",
        relay=relay,
        lines=(),
        by=by,
        asked_at=at,
        until=at + timedelta(seconds=10),
    )
