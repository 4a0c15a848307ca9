"""Residents by spreadsheet: what all rows mention is looked up at once, then row by row decided."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from commands.bus import Things, command, handles
from commands.residents.cells import Cells, Flaw, Meant, flaw, fold, tried
from commands.residents.mentioned import NOBODY, Mentioned
from commands.residents.rows import ResidentRow
from domain import apartments, lifts, parking, residents
from domain.apartments import Apartment
from domain.ids import BuildingId, GroupId, ResidentId
from domain.kernel import Event, Malformed, MalformedRows, Refused, stream_of
from domain.lifts import Floor
from domain.residents import Contact, ContactChanged, Resident, ResidentAdded

NAMELESS = Contact(first_name="", last_name="")


@command
class ImportResidents:
    """Add and edit residents by spreadsheet: all rows, or none and every error (M43, M44, A21)."""

    rows: tuple[ResidentRow, ...]


@handles(ImportResidents)
def import_residents(cmd: ImportResidents, things: Things) -> list[Event]:
    cells = Cells()
    table = Table(things, [cells.meant(row) for row in cmd.rows])
    events, wrong = list[Event](), list[tuple[int, str, str]]()
    for meant in sorted(table.rows, key=lambda meant: meant.row.role or "0"):  # M23: masters first
        decided, flaws = table.decided(meant)
        events += decided
        wrong += [(meant.row.row, field, message) for field, message in flaws]
    if wrong:
        raise MalformedRows(wrong)
    return events


@dataclass
class Table(Mentioned):
    """As it is and as the rows before have changed it."""

    done: dict[UUID, int] = field(default_factory=dict)

    def decided(self, meant: Meant) -> tuple[Sequence[Event], Sequence[Flaw]]:
        """What a row does, or all that is wrong with it, so that nobody mends it cell by cell."""
        if not (flaws := [*meant.flaws, *self._unfound(meant)]):
            try:
                return self._decide(meant), ()
            except (Malformed, Refused) as no:
                flaws = [flaw(no)]
        self._suppose(meant)
        return (), flaws

    def _unfound(self, meant: Meant) -> list[Flaw]:
        flaws = list[Flaw]()
        if not meant.row.uid:
            tried(self._home, meant, flaws)
        tried(self._chosen, meant, flaws)
        if meant.floors:
            tried(self._floors, meant, flaws)
        return flaws

    def _suppose(self, meant: Meant) -> None:
        """The family of a master whose row is wrong need not be told that there is none."""
        home = self.homes.get(self.at(meant) or NOBODY)
        if home and not home.master and meant.role == "master":
            supposed = replace(home, master=ResidentId(self.things.new_id()))
            self.homes[home.apartment] = supposed

    def _decide(self, meant: Meant) -> Sequence[Event]:
        known = self._whom(meant)
        who = known.resident if known else ResidentId(self.things.new_id())
        if who in self.done:
            raise Malformed("first_name", f"the same person as in row {self.done[who]}")
        events = self._edit(meant, known) if known else self._add(meant, who)
        self._claim(events)
        self._see(events)
        self.done[who] = meant.row.row
        return events

    def _whom(self, meant: Meant) -> Resident | None:
        """A21: by UID, else by building, apartment and name; ambiguous is refused."""
        if meant.row.uid:
            if meant.uid is None or meant.uid not in self.people:
                raise Malformed("uid", "nobody has this UID: leave it blank for a new resident")
            return self.people[meant.uid]
        name = fold(f"{meant.row.first_name} {meant.row.last_name}")
        same = self.named.get((self._home(meant).apartment, name), ())
        if len(same) > 1:
            raise Malformed("uid", "several residents of this name live there: give the UID")
        return next((self.people[who] for who in same), None)

    def _home(self, meant: Meant) -> Apartment:
        if (found := self.numbers.get(meant.place)) is None:
            raise self._homeless(meant)
        return self.homes[found]

    def _homeless(self, meant: Meant) -> Malformed:
        building, apartment = meant.place
        if not building:
            return Malformed("building", "missing: name the building")
        if building not in self.buildings:
            return Malformed("building", "no such building: the installer adds buildings")
        if not apartment:
            return Malformed("apartment", "missing: give the apartment's number")
        return Malformed("apartment", "no such apartment: the installer adds apartments")

    def _add(self, meant: Meant, who: ResidentId) -> list[Event]:
        home, role, groups = self._home(meant), meant.role, self._chosen(meant)
        if role is None:
            raise Malformed("role", "missing: 0 for the master, 1 for the family")
        added = ResidentAdded(
            resident=who,
            apartment=home.apartment,
            building=home.building,
            role=role,
            contact=contact(meant, NAMELESS),
            groups=frozenset({self.defaults[home.building]}) if groups is None else groups,
        )
        joined = apartments.join(home, who, role)
        new = Resident.evolve(None, added)
        assert new
        keys = (*self._codes(meant, new), *self._others(meant, new))
        return [added, *joined, *keys, *renamed(meant, home)]

    def _edit(self, meant: Meant, known: Resident) -> list[Event]:
        if meant.role is not None and meant.role != known.role:
            raise Malformed("role", "a resident's account type does not change by import")
        home = self.homes.get(known.apartment)
        if meant.row.uid and any(meant.place) and self._home(meant) != home:
            raise Malformed("apartment", "the resident of this UID lives elsewhere")
        now = known.contact if isinstance(known.contact, Contact) else NAMELESS
        groups = self._chosen(meant)
        return [
            *residents.change_contact(known, contact(meant, now)),
            *(residents.choose_groups(known, groups) if groups is not None else ()),
            *self._codes(meant, known),
            *self._others(meant, known),
            *(renamed(meant, home) if home else ()),
        ]

    def _codes(self, meant: Meant, resident: Resident) -> Iterator[Event]:
        row = meant.row
        if row.pin:
            yield from residents.issue_pin(resident, self.settings, row.pin)
        elif "pin" in row.clear:
            yield from residents.revoke_pin(resident)
        if row.cards or "cards" in row.clear:
            yield from residents.hold_cards(resident, meant.cards)

    def _others(self, meant: Meant, resident: Resident) -> Iterator[Event]:
        """Of vehicles and floors those cells that say something (A20)."""
        row, now = meant.row, resident.drives
        if row.plates or row.uhf or row.clear:
            plates = meant.plates if row.plates or "plates" in row.clear else now.plates
            tags = meant.tags if row.uhf or "uhf" in row.clear else now.tags
            wanted = replace(now, plates=plates, tags=tags)
            yield from parking.change(resident.resident, now, wanted)
        if row.floors or "floors" in row.clear:
            floors = self._floors(meant, resident.building)
            yield from lifts.choose(resident.resident, resident.floors, floors)

    def _floors(self, meant: Meant, own: BuildingId | None = None) -> frozenset[Floor]:
        """`own`: the building of those that name none; None while that is not known."""
        if any(name and name not in self.buildings for name, _ in meant.floors):
            raise Malformed("floors", "no such building: write its name as in Gatehouse")
        found = [(self.buildings[name] if name else own, n) for name, n in meant.floors]
        return frozenset(Floor(building=id, number=n) for id, n in found if id)

    def _chosen(self, meant: Meant) -> frozenset[GroupId] | None:
        given = meant.row.groups or ()
        if "groups" in meant.row.clear:
            return frozenset()
        if not self.groups.keys() >= set(given):
            raise Malformed("groups", "no access group has this number: see the groups' list")
        return frozenset(self.groups[text] for text in given) if given else None

    def _claim(self, events: Iterable[Event]) -> None:
        """A6: who else has it, in the house or in a row before; the append decides for good."""
        for event in events:
            for claim in event.claims():
                holder = self.holders.setdefault(claim, stream_of(event))
                if holder != stream_of(event):
                    before = self.done.get(holder)
                    where = f"in row {before} too" if before else "in use already"
                    raise Malformed(claim.kind, f"{where}: choose another")

    def _see(self, events: Iterable[Event]) -> None:
        """Who lives where, and is called how: a row after may ask for that."""
        for event in events:
            stream = stream_of(event)
            if home := self.homes.get(stream):
                self.homes[stream] = Apartment.evolve(home, event) or home
            elif isinstance(event, ResidentAdded | ContactChanged):
                person = Resident.evolve(self.people.get(stream), event)
                assert person
                self.know(person)


def renamed(meant: Meant, home: Apartment) -> list[Event]:
    wanted = meant.row.apartment_name
    return apartments.rename(home, wanted) if wanted else []


def contact(meant: Meant, now: Contact) -> Contact:
    """What the row says over what is there."""
    row, clear = meant.row, meant.row.clear
    return residents.legal_contact(
        Contact(
            first_name=row.first_name or now.first_name,
            last_name=row.last_name or now.last_name,
            email=meant.email or (None if "email" in clear else now.email),
            mobile=meant.mobile or (None if "mobile" in clear else now.mobile),
            phones=phones(row, now.phones),
            remark=row.remark or (None if "remark" in clear else now.remark),
        )
    )


def phones(row: ResidentRow, now: Sequence[str]) -> tuple[str, ...]:
    padded = [*now, "", "", ""]
    given = (row.phone1, row.phone2, row.phone3)
    wanted = [
        "" if f"phone{n + 1}" in row.clear else text or padded[n] for n, text in enumerate(given)
    ]
    return tuple(text for text in wanted if text)
