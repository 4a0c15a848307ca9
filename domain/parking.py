"""Vehicles that may drive in, known by licence plate or by UHF tag (M33-M36, M80)."""

import re
from collections.abc import Callable, Collection
from datetime import date

from domain.access_groups import Period
from domain.ids import ResidentId
from domain.kernel import Claim, Event, Malformed, event
from domain.record import Personal, Secret, frozen

MOST = 5  # of each kind, for one person (A10)
BETWEEN = re.compile(r"[\s.:·-]")
HEX = re.compile(r"[0-9A-F]+", re.ASCII)
TAG = re.compile(r"[!-~]{1,32}")
PLATE_RULE = "2 to 12 letters and digits, as on the plate"
TAG_RULE = "1 to 32 letters and digits, as the reader shows it"


@frozen
class Mark:
    """A plate or a tag: `code` is what cameras and readers compare, `typed` what somebody wrote."""

    code: Secret[str]
    typed: Secret[str]


Marks = frozenset[Mark]


@frozen
class Vehicles:
    """All of a person's. `period`: when they may drive in and out; None: long-term (M35, A11)."""

    plates: Secret[Marks] = frozenset()
    tags: Secret[Marks] = frozenset()
    period: Secret[Period | None] = None


NO_VEHICLES = Vehicles()


@event
class VehiclesChanged(Event):
    """The whole set, so that release and claim stay right."""

    stream = subject = "resident"
    releases = ("plate", "uhf")
    resident: ResidentId
    vehicles: Personal[Vehicles]

    def claims(self) -> list[Claim]:
        return claims(self.vehicles) if isinstance(self.vehicles, Vehicles) else []


def claims(vehicles: Vehicles) -> list[Claim]:
    """A plate or a tag tells one person: who drives in is to be known."""
    plates = [Claim(kind="plate", value=mark.code) for mark in vehicles.plates]
    return plates + [Claim(kind="uhf", value=mark.code) for mark in vehicles.tags]


def plate(typed: str) -> Mark:
    """Upper-cased, without what stands between letters and digits: cameras see none of it."""
    code = bare(typed)
    if not 2 <= len(code) <= 12 or not code.isalnum():
        raise Malformed("plates", PLATE_RULE)
    return Mark(code=code, typed=typed.strip())


def tag(typed: str) -> Mark:
    """As cards are (A8): upper hex without separators where it is hex, else upper-cased."""
    hexed = bare(typed)
    code = hexed if HEX.fullmatch(hexed) else typed.strip().upper()
    if not TAG.fullmatch(code):
        raise Malformed("uhf", TAG_RULE)
    return Mark(code=code, typed=typed.strip())


def bare(typed: str) -> str:
    return BETWEEN.sub("", typed).upper()


def plates(typed: Collection[str]) -> Marks:
    """M33, A10."""
    return few(plate, typed, "plates")


def tags(typed: Collection[str]) -> Marks:
    """M34, A10."""
    return few(tag, typed, "uhf")


def few(read: Callable[[str], Mark], typed: Collection[str], field: str) -> Marks:
    """Each code once, however often and in how many ways it is written."""
    marks = frozenset({mark.code: mark for mark in map(read, sorted(typed))}.values())
    if len(marks) > MOST:
        raise Malformed(field, f"{MOST} at most for one person")
    return marks


def period(
    now: Period | None, long_term: bool | None, first: date | None, last: date | None
) -> Period | None:
    """M35: on by default; off means from one day to another. All None: as it is now."""
    if (long_term, first, last) == (None, None, None):
        return now
    if long_term and (first or last):
        raise Malformed("long_term", "true goes without a first and a last day")
    if long_term:
        return None
    if first is None or last is None or first > last:
        raise Malformed("last", "vehicles for a time have a first and a last day, in this order")
    return Period(first=first, last=last)


def change(who: ResidentId, now: Vehicles, wanted: Vehicles) -> list[Event]:
    """M80. The same codes and the same period are already so, however they are typed."""
    if compared(now) == compared(wanted):
        return []
    return [VehiclesChanged(resident=who, vehicles=wanted)]


def compared(vehicles: Vehicles) -> tuple[frozenset[str], frozenset[str], Period | None]:
    return codes(vehicles.plates), codes(vehicles.tags), vehicles.period


def codes(marks: Marks) -> frozenset[str]:
    return frozenset(mark.code for mark in marks)
