"""The floors to which a lift takes a person (M27)."""

from domain.ids import BuildingId, ResidentId
from domain.kernel import Event, Malformed, event
from domain.record import frozen

LOWEST, HIGHEST = -9, 200
MOST = 100  # for a resident; for deliveries ten are the most (M60, A12)


@frozen
class Floor:
    """By its number as on the lift's buttons; below the ground they are negative."""

    building: BuildingId
    number: int


Floors = frozenset[Floor]


@event
class FloorsChosen(Event):
    """The whole set, over all buildings (A12)."""

    stream = subject = "resident"
    resident: ResidentId
    floors: Floors


def legal_floors(floors: Floors, most: int = MOST) -> Floors:
    """A12: counted across all buildings together."""
    if len(floors) > most:
        raise Malformed("floors", f"{most} at most")
    if not all(LOWEST <= floor.number <= HIGHEST for floor in floors):
        raise Malformed("floors", f"numbers from {LOWEST} to {HIGHEST}")
    return floors


def choose(who: ResidentId, now: Floors, wanted: Floors) -> list[Event]:
    """M27."""
    return [] if legal_floors(wanted) == now else [FloorsChosen(resident=who, floors=wanted)]


def of_building(floors: Floors, building: BuildingId | None) -> frozenset[int]:
    """Where a lift of this building may take somebody."""
    return frozenset(floor.number for floor in floors if floor.building == building)
