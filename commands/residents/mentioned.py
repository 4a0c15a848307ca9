"""What the rows of a sheet mention, looked up all at once; every stream of it is guarded."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from commands.bus import Things
from commands.residents.cells import Meant, Place, fold
from domain import access_groups, apartments, parking, residents
from domain.access_groups import AccessGroup
from domain.apartments import Apartment, Building
from domain.ids import ApartmentId, BuildingId, GroupId, ResidentId
from domain.kernel import Claim
from domain.parking import Vehicles
from domain.residents import Contact, Resident
from domain.settings import Settings

NOBODY = UUID(int=0)
LONGEST_NUMBER = 18  # digits; Python refuses to read thousands of them
Named = tuple[ApartmentId, str]


@dataclass
class Mentioned:
    """`buildings`, `numbers`, `groups` by what cells say; `named` by home and folded name."""

    things: Things
    rows: Sequence[Meant]
    settings: Settings = field(init=False)
    buildings: dict[str, BuildingId] = field(init=False)
    numbers: dict[Place, ApartmentId] = field(init=False)
    homes: dict[UUID, Apartment] = field(init=False)
    defaults: dict[BuildingId, GroupId] = field(init=False)
    groups: dict[str, GroupId] = field(init=False)
    people: dict[UUID, Resident] = field(init=False)
    named: defaultdict[Named, set[UUID]] = field(init=False)
    holders: dict[Claim, UUID] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = self.things.load(Settings, self.things.community)
        self._find_buildings()
        self._find_apartments()
        self._find_groups()
        self._find_people()
        claims = [claim for meant in self.rows for claim in self._claims(meant)]
        self.holders = dict(self.things.owners(claims))

    def _find_buildings(self) -> None:
        on_floors = {name for meant in self.rows for name, _ in meant.floors}
        names = ({meant.place[0] for meant in self.rows} | on_floors) - {""}
        claims = {name: apartments.building_name(name) for name in names}
        owners = self.things.owners(claims.values())
        found = {name: owners[claim] for name, claim in claims.items() if claim in owners}
        self.buildings = {name: BuildingId(id) for name, id in found.items()}
        known = self.things.find_all(Building, self.buildings.values())
        self.defaults = {b.building: b.default_group for b in known.values()}

    def _find_apartments(self) -> None:
        asked = {meant.place for meant in self.rows if all(meant.place)}
        claims = {
            place: apartments.apartment_number(self.buildings[place[0]], place[1])
            for place in asked
            if place[0] in self.buildings
        }
        owners = self.things.owners(claims.values())
        found = {place: owners[claim] for place, claim in claims.items() if claim in owners}
        self.numbers = {place: ApartmentId(id) for place, id in found.items()}
        self.homes = dict(self.things.find_all(Apartment, self.numbers.values()))

    def _find_groups(self) -> None:
        said = {text for meant in self.rows for text in meant.row.groups or ()}
        asked = {text for text in said if text.isdecimal() and len(text) <= LONGEST_NUMBER}
        claims = {text: access_groups.group_number(int(text)) for text in asked}
        owners = self.things.owners(claims.values())
        found = {text: owners[claim] for text, claim in claims.items() if claim in owners}
        self.groups = {text: GroupId(id) for text, id in found.items()}
        self.things.find_all(AccessGroup, {*self.groups.values(), *self.defaults.values()})

    def _find_people(self) -> None:
        members = {who for home in self.homes.values() for who in everybody(home)}
        uids = {meant.uid for meant in self.rows if meant.uid}
        self.people, self.named = {}, defaultdict(set)
        for person in self.things.find_all(Resident, members | uids).values():
            self.know(person)

    def know(self, person: Resident) -> None:
        """As the person is from now on."""
        if before := self.people.get(person.resident):
            self.named[called(before)].discard(before.resident)
        self.people[person.resident] = person
        self.named[called(person)].add(person.resident)

    def _claims(self, meant: Meant) -> Iterator[Claim]:
        home = self.at(meant)
        if meant.row.pin and home:
            yield residents.pin_claim(meant.row.pin, home, self.settings.pin_mode)
        for card in meant.cards:
            yield residents.card_claim(card.code)
        yield from parking.claims(Vehicles(plates=meant.plates, tags=meant.tags))

    def at(self, meant: Meant) -> ApartmentId | None:
        if meant.uid and (known := self.people.get(meant.uid)):
            return known.apartment
        return self.numbers.get(meant.place)


def everybody(home: Apartment) -> frozenset[ResidentId]:
    return home.family | ({home.master} if home.master else set())


def called(person: Resident) -> Named:
    """Nobody's row gives a name as blank as that of who is forgotten."""
    contact = person.contact
    return person.apartment, fold(contact.name) if isinstance(contact, Contact) else ""
