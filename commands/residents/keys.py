"""What may be asked about keys that nobody types: vehicles, faces, and the floors of lifts."""

from datetime import date

from commands.bus import Things, command, handles
from commands.residents.pictures import as_kept
from domain import faces, lifts, parking
from domain.apartments import Building
from domain.ids import ResidentId
from domain.kernel import Event
from domain.lifts import Floor
from domain.parking import Vehicles
from domain.residents import Resident


@command
class ChangeVehicles:
    """A resident's licence plates and UHF tags, up to 5 of each; what is left out stays as it is
    (M33, M34, M35, M80, A10, A11).

    Long-term vehicles may drive in and out for ever; others from a `first` to a `last` day, which
    goes for all of the person's. Who has a UHF tag drives in by that, and not by plate (M36).
    """

    resident: ResidentId
    plates: frozenset[str] | None = None
    uhf: frozenset[str] | None = None
    long_term: bool | None = None
    first: date | None = None
    last: date | None = None


@handles(ChangeVehicles)
def change_vehicles(cmd: ChangeVehicles, things: Things) -> list[Event]:
    now = things.load(Resident, cmd.resident).drives
    wanted = Vehicles(
        plates=now.plates if cmd.plates is None else parking.plates(cmd.plates),
        tags=now.tags if cmd.uhf is None else parking.tags(cmd.uhf),
        period=parking.period(now.period, cmd.long_term, cmd.first, cmd.last),
    )
    return parking.change(cmd.resident, now, wanted)


@command
class EnrollFace:
    """A photo of a resident's face in place of the one before: JPEG or PNG of at most 2 MB, 120 to
    4096 pixels on each side, in base64 (M32). Only its pixels are kept, and nobody is shown them.
    """

    resident: ResidentId
    photo: bytes


@handles(EnrollFace)
def enroll_face(cmd: EnrollFace, things: Things) -> list[Event]:
    resident = things.load(Resident, cmd.resident)
    picture = as_kept(cmd.photo)
    events = faces.enroll(cmd.resident, resident.face, faces.known_by(picture))
    if events:
        things.log.photos.keep(things.community, cmd.resident, picture)
    return events


@command
class RemoveFace:
    """Forget a resident's photo, here and on every phone (M32, M42)."""

    resident: ResidentId


@handles(RemoveFace)
def remove_face(cmd: RemoveFace, things: Things) -> list[Event]:
    return faces.remove(cmd.resident, things.load(Resident, cmd.resident).face)


@command
class ChooseFloors:
    """The floors to which lifts take a resident, of any buildings, all of them (M27)."""

    resident: ResidentId
    floors: frozenset[Floor]


@handles(ChooseFloors)
def choose_floors(cmd: ChooseFloors, things: Things) -> list[Event]:
    things.load_all(Building, {floor.building for floor in cmd.floors})
    now = things.load(Resident, cmd.resident).floors
    return lifts.choose(cmd.resident, now, cmd.floors)
