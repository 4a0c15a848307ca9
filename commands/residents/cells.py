"""What the cells of a row mean, each looked at once, and what is wrong with them by themselves."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import TypeVar
from uuid import UUID

from marshmallow import ValidationError

from commands.residents.rows import ResidentRow
from domain import parking, residents
from domain.apartments import HouseholdRole
from domain.kernel import Malformed, Refused
from domain.parking import Marks
from domain.residents import Card, Email, Mobile
from schemas.of import EmailAddress, MobileNumber

C = TypeVar("C")
M = TypeVar("M")
Flaw = tuple[str, str]  # field of the row, what to do
Place = tuple[str, str]  # building and apartment, folded
OnFloor = tuple[str, int]  # building, folded, empty for the person's own; number
EMAIL, MOBILE = EmailAddress(), MobileNumber()
UNSEEN = "an invisible character is inside: type it again"
FREE = ("first_name", "last_name", "apartment_name", "remark", "phone1", "phone2", "phone3")
NUMBER = re.compile(r"-?[0-9]{1,3}", re.ASCII)
ROLES: dict[str, HouseholdRole] = {"0": "master", "1": "family"}
ADVICE = {
    "master-exists": "the apartment has a master already: 1 makes a member of the family",
    "master-missing": "the apartment has no master yet: add a row for the master, with 0",
    "one-card-for-family": "a member of the family has one card: leave one",
}
FIELDS = {"card": "cards", "plate": "plates", "phones": "phone1", "name": "apartment_name"}
UNREMARKABLE = re.compile(r"[a-z0-9_+-]+(\.[a-z0-9_+-]+)*")

free = attrgetter(*FREE)


@dataclass(slots=True, repr=False)
class Meant:
    """None is a blank cell, one that empties, or one with a flaw."""

    row: ResidentRow
    flaws: list[Flaw]
    uid: UUID | None
    place: Place
    role: HouseholdRole | None
    email: Email | None
    mobile: Mobile | None
    cards: frozenset[Card]
    plates: Marks
    tags: Marks
    floors: tuple[OnFloor, ...]


class Cells:
    """Those of one sheet."""

    @cached_property
    def _domains(self) -> dict[tuple[str, int], str]:
        return {}

    def meant(self, row: ResidentRow) -> Meant:
        flaws = unseen(row)
        if row.pin:
            tried(residents.legal_pin, row.pin, flaws)
        return Meant(
            row=row,
            flaws=flaws,
            uid=uid(row.uid) if row.uid else None,
            place=(fold(row.building or ""), fold(row.apartment or "")),
            role=tried(role, row.role, flaws) if row.role is not None else None,
            email=tried(self._email, row.email, flaws) if row.email else None,
            mobile=tried(mobile, row, flaws) if row.mobile else None,
            cards=(tried(cards, row.cards, flaws) if row.cards else None) or frozenset(),
            plates=(tried(parking.plates, row.plates, flaws) if row.plates else None)
            or frozenset(),
            tags=(tried(parking.tags, row.uhf, flaws) if row.uhf else None) or frozenset(),
            floors=(tried(floors, row.floors, flaws) if row.floors else None) or (),
        )

    def _email(self, text: str) -> Email:
        try:
            return Email(self._address(text))
        except ValidationError:
            raise Malformed("email", "no e-mail address, as ann@example.org") from None

    def _address(self, text: str) -> str:
        """Of plain names before the @ only the length counts; few domains are in a sheet."""
        name, _, domain = text.rpartition("@")
        if not UNREMARKABLE.fullmatch(name):
            return str(EMAIL.deserialize(text))
        if (domain, len(name)) not in self._domains:
            like = str(EMAIL.deserialize(f"{'a' * len(name)}@{domain}"))
            self._domains[domain, len(name)] = like[len(name) :]
        return name + self._domains[domain, len(name)]


def tried(read: Callable[[C], M], cell: C, flaws: list[Flaw]) -> M | None:
    try:
        return read(cell)
    except Malformed as no:
        flaws.append(flaw(no))
        return None


def flaw(no: Malformed | Refused) -> Flaw:
    message = no.message if isinstance(no, Malformed) else ADVICE[no.code]
    return FIELDS.get(no.field or "", no.field or "role"), message


def unseen(row: ResidentRow) -> list[Flaw]:
    if "".join(filter(None, free(row))).isprintable():
        return []
    return [(name, UNSEEN) for name in FREE if not (getattr(row, name) or "").isprintable()]


def fold(text: str) -> str:
    return text.strip().casefold()


def uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def role(text: str) -> HouseholdRole:
    if text not in ROLES:
        raise Malformed("role", "0 for the master, 1 for a member of the family")
    return ROLES[text]


def cards(typed: tuple[str, ...]) -> frozenset[Card]:
    return frozenset(map(residents.card, typed))


def floors(typed: tuple[str, ...]) -> tuple[OnFloor, ...]:
    """A56: `2;Annex:7`."""
    parts = [text.rpartition(":") for text in typed]
    if not all(NUMBER.fullmatch(number.strip()) for _, _, number in parts):
        raise Malformed("floors", "numbers by ';', of another building as Annex:7")
    return tuple((fold(building), int(number)) for building, _, number in parts)


def mobile(row: ResidentRow) -> Mobile:
    text = row.mobile or ""
    if not text.startswith("+"):
        if not row.calling_code:
            raise Malformed("calling_code", "missing: the mobile number needs it, or begins with +")
        text = f"+{row.calling_code.removeprefix('+').removeprefix('00')} {text}"
    try:
        return Mobile(str(MOBILE.deserialize(text)))
    except ValidationError:
        raise Malformed("mobile", "no such number in the country of the calling code") from None
