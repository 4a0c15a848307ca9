"""Residents by spreadsheet: what all rows mention is looked up at once, then row by row decided."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from marshmallow import ValidationError

from commands.bus import Things, command, handles
from commands.residents.rows import NOT_YET, ResidentRow
from domain import access_groups, apartments, residents
from domain.access_groups import AccessGroup
from domain.apartments import Apartment, Building, HouseholdRole
from domain.ids import ApartmentId, BuildingId, GroupId, ResidentId
from domain.kernel import Claim, Event, Malformed, MalformedRows, Refused, stream_of
from domain.residents import Contact, Email, Mobile, Resident, ResidentAdded
from domain.settings import Settings
from schemas.of import EmailAddress, MobileNumber

NOBODY = UUID(int=0)
EMAIL, MOBILE = EmailAddress(), MobileNumber()
UNSEEN = "an invisible character is inside: type it again"
FREE = ("first_name", "last_name", "apartment_name", "remark", "phone1", "phone2", "phone3")
ROLES: dict[str, HouseholdRole] = {"0": "master", "1": "family"}
ADVICE = {
    "master-exists": "the apartment has a master already: 1 makes a member of the family",
    "master-missing": "the apartment has no master yet: add a row for the master, with 0",
    "one-card-for-family": "a member of the family has one card: leave one",
}
FIELDS = {"card": "cards", "phones": "phone1", "name": "apartment_name"}


@command
class ImportResidents:
    """Add and edit residents by spreadsheet: all rows, or none and every error (M43, M44, A21)."""

    rows: tuple[ResidentRow, ...]


@handles(ImportResidents)
def import_residents(cmd: ImportResidents, things: Things) -> list[Event]:
    table = Table(things, cmd.rows)
    events, wrong = list[Event](), list[tuple[int, str, str]]()
    for row in sorted(cmd.rows, key=lambda row: row.role or "0"):  # M23: masters first
        flaws = list(table.flaws(row))
        if not flaws:
            with noted(flaws):
                events += table.decide(row)
        if flaws:
            table.suppose(row)
        wrong += [(row.row, field, message) for field, message in flaws]
    if wrong:
        raise MalformedRows(wrong)
    return events


@contextmanager
def noted(flaws: list[tuple[str, str]]) -> Iterator[None]:
    """What is wrong becomes (field of the row, what to do)."""
    try:
        yield
    except Malformed as no:
        flaws.append((FIELDS.get(no.field, no.field), no.message))
    except Refused as no:
        flaws.append((FIELDS.get(no.field or "", no.field or "role"), ADVICE[no.code]))


@dataclass
class Table:
    """What the rows mention, as it is and as the rows before have changed it."""

    things: Things
    rows: Sequence[ResidentRow]
    buildings: dict[str, BuildingId] = field(init=False)
    numbers: dict[tuple[BuildingId, str], ApartmentId] = field(init=False)
    homes: dict[UUID, Apartment] = field(init=False)
    defaults: dict[BuildingId, GroupId] = field(init=False)
    groups: dict[str, GroupId] = field(init=False)
    people: dict[UUID, Resident] = field(init=False)
    done: dict[ResidentId, int] = field(default_factory=dict)
    holders: dict[Claim, UUID] = field(init=False)

    def __post_init__(self) -> None:
        self.settings = self.things.load(Settings, self.things.community)
        self._find_buildings()
        self._find_apartments()
        self._find_groups()
        self._find_people()
        claims = [claim for row in self.rows for claim in self._claims(row)]
        self.holders = dict(self.things.owners(claims))

    def _find_buildings(self) -> None:
        claims = {
            fold(row.building): apartments.building_name(row.building)
            for row in self.rows
            if row.building
        }
        owners = self.things.owners(claims.values())
        found = {name: owners[claim] for name, claim in claims.items() if claim in owners}
        self.buildings = {name: BuildingId(id) for name, id in found.items()}
        known = self.things.find_all(Building, self.buildings.values())
        self.defaults = {b.building: b.default_group for b in known.values()}

    def _find_apartments(self) -> None:
        asked = {
            (self.buildings[fold(row.building)], fold(row.apartment))
            for row in self.rows
            if row.building and row.apartment and fold(row.building) in self.buildings
        }
        claims = {key: apartments.apartment_number(*key) for key in asked}
        owners = self.things.owners(claims.values())
        found = {key: owners[claim] for key, claim in claims.items() if claim in owners}
        self.numbers = {key: ApartmentId(id) for key, id in found.items()}
        self.homes = dict(self.things.find_all(Apartment, self.numbers.values()))

    def _find_groups(self) -> None:
        asked = {text for row in self.rows for text in row.groups or () if text.isdecimal()}
        claims = {text: access_groups.group_number(int(text)) for text in asked}
        owners = self.things.owners(claims.values())
        found = {text: owners[claim] for text, claim in claims.items() if claim in owners}
        self.groups = {text: GroupId(id) for text, id in found.items()}
        self.things.find_all(AccessGroup, {*self.groups.values(), *self.defaults.values()})

    def _find_people(self) -> None:
        members = {who for home in self.homes.values() for who in everybody(home)}
        named = {id for row in self.rows if (id := uid(row))}
        self.people = dict(self.things.find_all(Resident, members | named))

    def _claims(self, row: ResidentRow) -> Iterator[Claim]:
        home = self._at(row)
        if row.pin and home:
            yield residents.pin_claim(row.pin, home, self.settings.pin_mode)
        for typed in row.cards or ():
            with suppress(Malformed):
                yield residents.card_claim(residents.card(typed).code)

    def _at(self, row: ResidentRow) -> ApartmentId | None:
        if (known := self.people.get(uid(row) or NOBODY)) is not None:
            return known.apartment
        if (building := self.buildings.get(fold(row.building or ""))) is None:
            return None
        return self.numbers.get((building, fold(row.apartment or "")))

    def flaws(self, row: ResidentRow) -> list[tuple[str, str]]:
        """All that is wrong with a row by itself, so that nobody mends a file cell by cell."""
        found = [
            (later, NOT_YET)
            for later in ("floors", "plates", "uhf")
            if getattr(row, later) or later in row.clear
        ]
        found += [(name, UNSEEN) for name in FREE if not (getattr(row, name) or "").isprintable()]
        checks: list[Callable[[], object]] = [
            lambda: row.uid or self._home(row),
            lambda: row.role is None or role(row),
            lambda: row.email and email(row),
            lambda: row.mobile and mobile(row),
            lambda: row.pin and residents.legal_pin(row.pin),
            lambda: list(map(residents.card, row.cards or ())),
            lambda: self._chosen(row),
        ]
        for check in checks:
            with noted(found):
                check()
        return found

    def suppose(self, row: ResidentRow) -> None:
        """The family of a master whose row is wrong need not be told that there is none."""
        home = self.homes.get(self._at(row) or NOBODY)
        if home and not home.master and row.role == "0":
            supposed = replace(home, master=ResidentId(self.things.new_id()))
            self.homes[home.apartment] = supposed

    def decide(self, row: ResidentRow) -> list[Event]:
        known = self._whom(row)
        who = known.resident if known else ResidentId(self.things.new_id())
        if who in self.done:
            raise Malformed("first_name", f"the same person as in row {self.done[who]}")
        events = self._edit(row, known) if known else self._add(row, who)
        self._hold(row, events)
        self.done[who] = row.row
        return events

    def _whom(self, row: ResidentRow) -> Resident | None:
        """A21: by UID, else by building, apartment and name; ambiguous is refused."""
        if row.uid:
            if (known := self.people.get(uid(row) or NOBODY)) is None:
                raise Malformed("uid", "nobody has this UID: leave it blank for a new resident")
            return known
        name = fold(f"{row.first_name} {row.last_name}")
        same = [p for p in self._household(self._home(row)) if called(p) == name]
        if len(same) > 1:
            raise Malformed("uid", "several residents of this name live there: give the UID")
        return same[0] if same else None

    def _home(self, row: ResidentRow) -> Apartment:
        if not row.building:
            raise Malformed("building", "missing: name the building")
        building = self.buildings.get(fold(row.building))
        if building is None:
            raise Malformed("building", "no such building: the installer adds buildings")
        if not row.apartment:
            raise Malformed("apartment", "missing: give the apartment's number")
        if (building, fold(row.apartment)) not in self.numbers:
            raise Malformed("apartment", "no such apartment: the installer adds apartments")
        return self.homes[self.numbers[building, fold(row.apartment)]]

    def _household(self, home: Apartment) -> Iterable[Resident]:
        return [self.people[who] for who in everybody(home) if who in self.people]

    def _add(self, row: ResidentRow, who: ResidentId) -> list[Event]:
        home = self._home(row)
        if row.role is None:
            raise Malformed("role", "missing: 0 for the master, 1 for the family")
        groups = self._chosen(row)
        added = ResidentAdded(
            resident=who,
            apartment=home.apartment,
            building=home.building,
            role=role(row),
            contact=contact(row, Contact(first_name="", last_name="")),
            groups=frozenset({self.defaults[home.building]}) if groups is None else groups,
        )
        joined = apartments.join(home, who, role(row))
        new = Resident.evolve(None, added)
        assert new
        return [added, *joined, *self._codes(row, new), *self._renamed(row, home)]

    def _edit(self, row: ResidentRow, known: Resident) -> list[Event]:
        if row.role is not None and role(row) != known.role:
            raise Malformed("role", "a resident's account type does not change by import")
        home = self.homes.get(known.apartment)
        if row.uid and (row.building or row.apartment) and self._home(row) != home:
            raise Malformed("apartment", "the resident of this UID lives elsewhere")
        now = known.contact if isinstance(known.contact, Contact) else None
        groups = self._chosen(row)
        return [
            *residents.change_contact(
                known, contact(row, now or Contact(first_name="", last_name=""))
            ),
            *(residents.choose_groups(known, groups) if groups is not None else ()),
            *self._codes(row, known),
            *(self._renamed(row, home) if home else ()),
        ]

    def _renamed(self, row: ResidentRow, home: Apartment) -> list[Event]:
        return apartments.rename(home, row.apartment_name) if row.apartment_name else []

    def _codes(self, row: ResidentRow, resident: Resident) -> Iterator[Event]:
        if row.pin:
            yield from residents.issue_pin(resident, self.settings, row.pin)
        elif "pin" in row.clear:
            yield from residents.revoke_pin(resident)
        if row.cards or "cards" in row.clear:
            cards = frozenset(map(residents.card, row.cards or ()))
            yield from residents.hold_cards(resident, cards)

    def _chosen(self, row: ResidentRow) -> frozenset[GroupId] | None:
        if "groups" in row.clear:
            return frozenset()
        for text in row.groups or ():
            if text not in self.groups:
                raise Malformed("groups", "no access group has this number: see the groups' list")
        return frozenset(self.groups[text] for text in row.groups) if row.groups else None

    def _hold(self, row: ResidentRow, events: list[Event]) -> None:
        """A6: who else has it, in the house or in a row before; the append decides for good."""
        for event in events:
            for claim in event.claims():
                holder = self.holders.setdefault(claim, stream_of(event))
                if holder != stream_of(event):
                    before = self.done.get(ResidentId(holder))
                    where = f"in row {before} too" if before else "in use already"
                    raise Malformed(FIELDS.get(claim.kind, claim.kind), f"{where}: choose another")
        for event in events:
            stream = stream_of(event)
            if stream in self.homes and (home := Apartment.evolve(self.homes[stream], event)):
                self.homes[stream] = home
            elif person := Resident.evolve(self.people.get(stream), event):
                self.people[stream] = person


def everybody(home: Apartment) -> frozenset[ResidentId]:
    return home.family | ({home.master} if home.master else set())


def called(person: Resident) -> str:
    return fold(person.contact.name) if isinstance(person.contact, Contact) else ""


def fold(text: str) -> str:
    return text.strip().casefold()


def contact(row: ResidentRow, now: Contact) -> Contact:
    """What the row says over what is there."""
    given = {name: getattr(row, name) for name in ("first_name", "last_name", "remark")}
    changes: dict[str, Any] = dict.fromkeys(row.clear & {"email", "remark", "mobile"})
    changes |= {name: value for name, value in given.items() if value is not None}
    if row.email:
        changes["email"] = email(row)
    if row.mobile:
        changes["mobile"] = mobile(row)
    return residents.legal_contact(replace(now, **changes, phones=phones(row, now.phones)))


def uid(row: ResidentRow) -> UUID | None:
    try:
        return UUID(row.uid or "")
    except ValueError:
        return None


def role(row: ResidentRow) -> HouseholdRole:
    if row.role not in ROLES:
        raise Malformed("role", "0 for the master, 1 for a member of the family")
    return ROLES[row.role]


@lru_cache(maxsize=8)
def checked(kind: EmailAddress | MobileNumber, text: str) -> str:
    """A row is looked at twice in a row, for its flaws and for its events."""
    return str(kind.deserialize(text))


def email(row: ResidentRow) -> Email:
    try:
        return Email(checked(EMAIL, row.email or ""))
    except ValidationError:
        raise Malformed("email", "no e-mail address, as ann@example.org") from None


def mobile(row: ResidentRow) -> Mobile:
    text = row.mobile or ""
    if not text.startswith("+"):
        if not row.calling_code:
            raise Malformed("calling_code", "missing: the mobile number needs it, or begins with +")
        text = f"+{row.calling_code.removeprefix('+').removeprefix('00')} {text}"
    try:
        return Mobile(checked(MOBILE, text))
    except ValidationError:
        raise Malformed("mobile", "no such number in the country of the calling code") from None


def phones(row: ResidentRow, now: Sequence[str]) -> tuple[str, ...]:
    padded = [*now, "", "", ""]
    given = (row.phone1, row.phone2, row.phone3)
    wanted = [
        "" if f"phone{n + 1}" in row.clear else text or padded[n] for n, text in enumerate(given)
    ]
    return tuple(text for text in wanted if text)
