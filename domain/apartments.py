"""Buildings, their apartments, and who lives there."""

import re
from dataclasses import replace
from typing import Literal, Self

from domain.ids import ApartmentId, BuildingId, GroupId, ResidentId
from domain.kernel import Claim, Event, Malformed, Refused, event
from domain.record import frozen
from domain.settings import legal_name

HouseholdRole = Literal["master", "family"]
NUMBER = re.compile(r"[A-Za-z0-9#]{1,64}")
MOST_OF_A_BUILDINGS_NAME = 128  # M44


@event
class BuildingCreated(Event):
    stream = "building"
    building: BuildingId
    name: str
    default_group: GroupId

    def claims(self) -> list[Claim]:
        return [building_name(self.name)]


@event
class BuildingRenamed(Event):
    stream = "building"
    releases = ("building",)
    building: BuildingId
    name: str

    def claims(self) -> list[Claim]:
        return [building_name(self.name)]


@event
class ApartmentCreated(Event):
    stream = "apartment"
    apartment: ApartmentId
    building: BuildingId
    number: str
    name: str

    def claims(self) -> list[Claim]:
        return [apartment_number(self.building, self.number)]


@event
class ApartmentRenamed(Event):
    stream = "apartment"
    apartment: ApartmentId
    name: str


@event
class HouseholdJoined(Event):
    stream = "apartment"
    apartment: ApartmentId
    resident: ResidentId
    role: HouseholdRole


@event
class HouseholdLeft(Event):
    stream = "apartment"
    apartment: ApartmentId
    resident: ResidentId


@frozen
class Building:
    building: BuildingId
    name: str
    default_group: GroupId

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, BuildingCreated(building=building, name=name, default_group=group):
                return cls(building=building, name=name, default_group=group)
            case Building(), BuildingRenamed(name=name):
                return replace(state, name=name)
        return state


@frozen
class Apartment:
    apartment: ApartmentId
    building: BuildingId
    number: str
    name: str
    master: ResidentId | None = None
    family: frozenset[ResidentId] = frozenset()

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, ApartmentCreated() as e:
                return cls(apartment=e.apartment, building=e.building, number=e.number, name=e.name)
            case Apartment(), ApartmentRenamed(name=name):
                return replace(state, name=name)
            case Apartment(), HouseholdJoined(resident=who, role="master"):
                return replace(state, master=who)
            case Apartment(), HouseholdJoined(resident=who):
                return replace(state, family=state.family | {who})
            case Apartment(), HouseholdLeft(resident=who) if who == state.master:
                return replace(state, master=None)
            case Apartment(), HouseholdLeft(resident=who):
                return replace(state, family=state.family - {who})
        return state


def building_name(name: str) -> Claim:
    return Claim(kind="building", value=name.strip().casefold())


def apartment_number(building: BuildingId, number: str) -> Claim:
    value = number.strip().casefold()
    return Claim(kind="apartment", value=value, discriminator=building)


def create_building(known: Building | None, wanted: BuildingCreated) -> list[Event]:
    """The same name again is already so: which group is its default was decided then."""
    legal_name(wanted.name, most=MOST_OF_A_BUILDINGS_NAME)
    if known is None:
        return [wanted]
    if known.name != wanted.name:
        raise Refused("already-exists", "building")
    return []


def rename_building(now: Building, name: str) -> list[Event]:
    name = legal_name(name, most=MOST_OF_A_BUILDINGS_NAME)
    return [] if name == now.name else [BuildingRenamed(building=now.building, name=name)]


def legal_number(number: str) -> str:
    """M44, A33."""
    if not NUMBER.fullmatch(number):
        raise Malformed("number", "1 to 64 letters, digits and '#', for example 2#123A")
    return number


def rename(now: Apartment, name: str) -> list[Event]:
    """M67."""
    name = legal_name(name)
    return [] if name == now.name else [ApartmentRenamed(apartment=now.apartment, name=name)]


def join(home: Apartment, who: ResidentId, role: HouseholdRole) -> list[Event]:
    """M23: one master, and the master first."""
    if home.master == who or who in home.family:
        return []
    if role == "master" and home.master:
        raise Refused("master-exists", "role")
    if role == "family" and not home.master:
        raise Refused("master-missing", "role")
    return [HouseholdJoined(apartment=home.apartment, resident=who, role=role)]


def leaving(home: Apartment, who: ResidentId, *, with_family: bool) -> list[ResidentId]:
    """A40: who goes when somebody goes; a master does not leave the family behind."""
    if who != home.master:
        return [who]
    if home.family and not with_family:
        raise Refused("family-still-there", "with_family", sorted(map(str, home.family)))
    return [*sorted(home.family), who]
