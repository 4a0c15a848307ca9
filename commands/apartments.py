"""What may be asked about buildings and apartments."""

from commands.bus import Things, command, handles
from domain import access_groups, apartments
from domain.apartments import Apartment, ApartmentCreated, Building, BuildingCreated
from domain.ids import ApartmentId, BuildingId, GroupId
from domain.kernel import Event, begin
from domain.settings import Settings, legal_name


@command
class CreateBuilding:
    """Add a building and its default access group; installers only (M130, M16)."""

    building: BuildingId
    name: str


@handles(CreateBuilding)
def create_building(cmd: CreateBuilding, things: Things) -> list[Event]:
    things.only("installer")
    things.load(Settings, things.community)
    group = GroupId(things.new_id())
    created = BuildingCreated(building=cmd.building, name=cmd.name.strip(), default_group=group)
    events = apartments.create_building(things.find(Building, cmd.building), created)
    if events:
        number = things.random.randrange(100_000, 1_000_000)
        events.append(access_groups.default_group(group, number, cmd.building, cmd.name.strip()))
    return events


@command
class RenameBuilding:
    """Call a building something else (M130)."""

    building: BuildingId
    name: str


@handles(RenameBuilding)
def rename_building(cmd: RenameBuilding, things: Things) -> list[Event]:
    return apartments.rename_building(things.load(Building, cmd.building), cmd.name)


@command
class CreateApartment:
    """Add an apartment to a building; installers only (M130, A33)."""

    apartment: ApartmentId
    building: BuildingId
    number: str
    name: str = ""


@handles(CreateApartment)
def create_apartment(cmd: CreateApartment, things: Things) -> list[Event]:
    things.only("installer")
    things.load(Building, cmd.building)
    created = ApartmentCreated(
        apartment=cmd.apartment,
        building=cmd.building,
        number=apartments.legal_number(cmd.number),
        name=legal_name(cmd.name or cmd.number),
    )
    return begin(things.find(Apartment, cmd.apartment), created)


@command
class RenameApartment:
    """Change the name of an apartment (M67)."""

    apartment: ApartmentId
    name: str


@handles(RenameApartment)
def rename_apartment(cmd: RenameApartment, things: Things) -> list[Event]:
    return apartments.rename(things.load(Apartment, cmd.apartment), cmd.name)
