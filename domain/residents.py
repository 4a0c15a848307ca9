"""People who live in an apartment, and what opens doors for them."""

import re
from dataclasses import replace
from typing import Literal, NewType, Self

from domain.apartments import HouseholdRole
from domain.faces import PHOTO, FaceEnrolled, FaceRemoved
from domain.ids import ApartmentId, BuildingId, GroupId, ResidentId
from domain.kernel import Claim, Event, Malformed, Refused, event
from domain.lifts import Floors, FloorsChosen
from domain.parking import NO_VEHICLES, Vehicles, VehiclesChanged
from domain.record import Personal, Secret, frozen
from domain.settings import PinMode, Settings, legal_name

Email = NewType("Email", str)
Mobile = NewType("Mobile", str)  # E.164, with its calling code: +351912345678
Maker = Literal["manager", "resident"]  # of a code: what residents make goes to no lock (M133)
PIN = re.compile(r"[0-8][0-9]{1,7}", re.ASCII)
HEX = re.compile(r"[0-9A-F]+", re.ASCII)
OWN_PIN = re.compile(r"[0-8][0-9]{3,7}", re.ASCII)
CARD = re.compile(r"[!-~]{1,20}")
SEPARATORS = re.compile(r"[\s:-]")
PIN_RULE = "2 to 8 digits, not starting with 9"
OWN_PIN_RULE = "4 to 8 digits, not starting with 9 and not all the same"
CARD_RULE = "1 to 20 letters and digits as printed on the card"
PHONES = 3


@frozen
class Contact:
    """How a person is called and reached (M22); blank is None."""

    first_name: Secret[str]
    last_name: Secret[str]
    email: Secret[Email | None] = None
    mobile: Secret[Mobile | None] = None
    phones: Secret[tuple[str, ...]] = ()
    remark: Secret[str | None] = None

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


@frozen
class Card:
    """A8: `code` is what doors compare, `typed` what somebody wrote."""

    code: Secret[str]
    typed: Secret[str]
    made_by: Secret[Maker] = "manager"


@event
class ResidentAdded(Event):
    stream = subject = "resident"
    resident: ResidentId
    apartment: ApartmentId
    building: BuildingId
    role: HouseholdRole
    contact: Personal[Contact]
    groups: frozenset[GroupId]


@event
class ContactChanged(Event):
    stream = subject = "resident"
    resident: ResidentId
    contact: Personal[Contact]


@event
class GroupsChosen(Event):
    """The whole set (M37)."""

    stream = subject = "resident"
    resident: ResidentId
    groups: frozenset[GroupId]


@event
class PinIssued(Event):
    stream = subject = "resident"
    releases = ("pin",)
    resident: ResidentId
    apartment: ApartmentId
    pin: Personal[str]
    pin_mode: PinMode
    made_by: Maker = "manager"

    def claims(self) -> list[Claim]:
        return [pin_claim(self.pin, self.apartment, self.pin_mode)]


@event
class PinRevoked(Event):
    stream = subject = "resident"
    releases = ("pin",)
    resident: ResidentId


@event
class CardsChanged(Event):
    """The whole set, so that release and claim stay right (M29)."""

    stream = subject = "resident"
    releases = ("card",)
    resident: ResidentId
    cards: Personal[frozenset[Card]]

    def claims(self) -> list[Claim]:
        cards = self.cards if isinstance(self.cards, frozenset) else ()
        return [card_claim(card.code) for card in cards]


@event
class ResidentDeleted(Event):
    stream = subject = "resident"
    releases = ("pin", "card", "plate", "uhf", PHOTO)
    resident: ResidentId


@frozen
class Resident:
    resident: ResidentId
    apartment: ApartmentId
    building: BuildingId
    role: HouseholdRole
    contact: Personal[Contact]
    groups: frozenset[GroupId]
    pin: Personal[str] | None = None
    cards: Personal[frozenset[Card]] = frozenset()
    pin_made_by: Maker = "manager"
    vehicles: Personal[Vehicles] = NO_VEHICLES
    face: Personal[str] | None = None
    floors: Floors = frozenset()

    @classmethod
    def evolve(cls, state: Self | None, event: Event) -> Self | None:
        match state, event:
            case None, ResidentAdded() as e:
                return cls(
                    resident=e.resident,
                    apartment=e.apartment,
                    building=e.building,
                    role=e.role,
                    contact=e.contact,
                    groups=e.groups,
                )
            case Resident(), ResidentDeleted():
                return None
            case Resident(), _:
                return state._after(event)
        return state

    def _after(self, event: Event) -> Self:
        match event:
            case ContactChanged(contact=contact):
                return replace(self, contact=contact)
            case GroupsChosen(groups=groups):
                return replace(self, groups=groups)
            case PinIssued(pin=pin, made_by=maker):
                return replace(self, pin=pin, pin_made_by=maker)
            case PinRevoked():
                return replace(self, pin=None)
            case CardsChanged(cards=cards):
                return replace(self, cards=cards)
            case VehiclesChanged(vehicles=vehicles):
                return replace(self, vehicles=vehicles)
            case FaceEnrolled(photo=photo):
                return replace(self, face=photo)
            case FaceRemoved():
                return replace(self, face=None)
            case FloorsChosen(floors=floors):
                return replace(self, floors=floors)
        return self

    @property
    def held(self) -> frozenset[Card]:
        """The cards that are still known."""
        return self.cards if isinstance(self.cards, frozenset) else frozenset()

    @property
    def drives(self) -> Vehicles:
        """The vehicles that are still known."""
        return self.vehicles if isinstance(self.vehicles, Vehicles) else NO_VEHICLES

    def on_foot(self) -> Self:
        """Without vehicles: the period that was set for them is over (M35)."""
        return replace(self, vehicles=NO_VEHICLES)

    def as_managed(self) -> Self:
        """With no codes but those that the property manager made (M133), and for no lift."""
        pin = self.pin if self.pin_made_by == "manager" else None
        cards = frozenset(c for c in self.held if c.made_by == "manager")
        return replace(self, pin=pin, cards=cards, floors=frozenset())


def pin_claim(pin: Personal[str], apartment: ApartmentId, pin_mode: PinMode) -> Claim:
    """A6: one owner in the community; in APT+PIN mode, in the apartment."""
    within = apartment if pin_mode == "apt_pin" else None
    return Claim(kind="pin", value=pin, discriminator=within, place=apartment)


def card_claim(code: str) -> Claim:
    return Claim(kind="card", value=code)


def legal_contact(contact: Contact) -> Contact:
    """M22, M44."""
    first = legal_name(contact.first_name, "first_name")
    last = legal_name(contact.last_name, "last_name")
    if len(contact.phones) > PHONES:
        raise Malformed("phones", f"{PHONES} at most")
    if (first, last) == (contact.first_name, contact.last_name):
        return contact
    return replace(contact, first_name=first, last_name=last)


def legal_pin(pin: str) -> str:
    """M28."""
    if not PIN.fullmatch(pin):
        raise Malformed("pin", PIN_RULE)
    return pin


def own_pin(pin: str) -> str:
    """A3: of what residents choose themselves more is asked."""
    if not OWN_PIN.fullmatch(pin) or len(set(pin)) == 1:
        raise Malformed("pin", OWN_PIN_RULE)
    return pin


def card(typed: str, made_by: Maker = "manager") -> Card:
    """A8: upper hex without separators where it is hex, else upper-cased; 20 characters at most."""
    typed = typed.strip()
    bare = SEPARATORS.sub("", typed.upper())
    code = bare if HEX.fullmatch(bare) else typed.upper()
    if not CARD.fullmatch(code):
        raise Malformed("card", CARD_RULE)
    return Card(code=code, typed=typed, made_by=made_by)


def add(known: Resident | None, wanted: ResidentAdded) -> list[Event]:
    """M22. The same again is already so, whatever was chosen for the person since."""
    if known is None:
        return [wanted]
    if (known.contact, known.apartment) != (wanted.contact, wanted.apartment):
        raise Refused("already-exists", "resident")
    return []


def change_contact(resident: Resident, contact: Contact) -> list[Event]:
    """M42."""
    wanted = legal_contact(contact)
    if wanted == resident.contact:
        return []
    return [ContactChanged(resident=resident.resident, contact=wanted)]


def choose_groups(resident: Resident, groups: frozenset[GroupId]) -> list[Event]:
    """M37, M18."""
    if groups == resident.groups:
        return []
    return [GroupsChosen(resident=resident.resident, groups=groups)]


def issue_pin(
    resident: Resident, settings: Settings, pin: str, made_by: Maker = "manager"
) -> list[Event]:
    """M28. That nobody else has it is a claim, decided in the append (A6)."""
    if legal_pin(pin) == resident.pin:
        return []
    return [
        PinIssued(
            resident=resident.resident,
            apartment=resident.apartment,
            pin=pin,
            pin_mode=settings.pin_mode,
            made_by=made_by,
        )
    ]


def revoke_pin(resident: Resident) -> list[Event]:
    """M42."""
    return [PinRevoked(resident=resident.resident)] if resident.pin else []


def hold_cards(resident: Resident, cards: frozenset[Card]) -> list[Event]:
    """M29, A49: several for a master, one for a member of the family."""
    if {c.code for c in cards} == {c.code for c in resident.held}:
        return []
    if resident.role == "family" and len(cards) > 1:
        raise Refused("one-card-for-family", "card")
    return [CardsChanged(resident=resident.resident, cards=cards)]


def issue_card(resident: Resident, typed: str, made_by: Maker = "manager") -> list[Event]:
    new = card(typed, made_by)
    if new.code in {c.code for c in resident.held}:
        return []
    return hold_cards(resident, resident.held | {new})


def revoke_card(resident: Resident, typed: str) -> list[Event]:
    gone = card(typed).code
    return hold_cards(resident, frozenset(c for c in resident.held if c.code != gone))
