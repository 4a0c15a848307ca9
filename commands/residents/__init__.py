"""What may be asked about residents."""

from commands.bus import Things, command, handles
from domain import apartments, residents
from domain.access_groups import AccessGroup
from domain.apartments import Apartment, Building, HouseholdLeft, HouseholdRole
from domain.ids import ApartmentId, GroupId, ResidentId
from domain.kernel import Event, Forbidden
from domain.residents import Contact, Resident, ResidentAdded, ResidentDeleted
from domain.settings import Settings


@command
class AddResident:
    """Somebody lives in an apartment: the master first, then the family (M22, M23).

    Without `groups` the person belongs to the default group of the building (M16, M37).
    """

    resident: ResidentId
    apartment: ApartmentId
    contact: Contact
    role: HouseholdRole = "master"
    groups: frozenset[GroupId] | None = None


@handles(AddResident)
def add_resident(cmd: AddResident, things: Things) -> list[Event]:
    home = things.load(Apartment, cmd.apartment)
    groups = cmd.groups
    if groups is None:
        groups = frozenset({things.load(Building, home.building).default_group})
    added = ResidentAdded(
        resident=cmd.resident,
        apartment=home.apartment,
        building=home.building,
        role=cmd.role,
        contact=residents.legal_contact(cmd.contact),
        groups=known_groups(groups, things),
    )
    events = residents.add(things.find(Resident, cmd.resident), added)
    return events and [*events, *apartments.join(home, cmd.resident, cmd.role)]


@command
class ChangeContact:
    """Names, e-mail, phones and remark, all of them as they shall be from now on (M42)."""

    resident: ResidentId
    contact: Contact


@handles(ChangeContact)
def change_contact(cmd: ChangeContact, things: Things) -> list[Event]:
    return residents.change_contact(things.load(Resident, cmd.resident), cmd.contact)


@command
class ChooseGroups:
    """The access groups of a resident, all of them (M37, M42)."""

    resident: ResidentId
    groups: frozenset[GroupId]


@handles(ChooseGroups)
def choose_groups(cmd: ChooseGroups, things: Things) -> list[Event]:
    resident = things.load(Resident, cmd.resident)
    return residents.choose_groups(resident, known_groups(cmd.groups, things))


@command
class IssuePin:
    """Give a resident a PIN: 2 to 8 digits, not starting with 9 (M28)."""

    resident: ResidentId
    pin: str


@handles(IssuePin)
def issue_pin(cmd: IssuePin, things: Things) -> list[Event]:
    resident = things.load(Resident, cmd.resident)
    settings = things.load(Settings, things.community)
    return residents.issue_pin(resident, settings, cmd.pin)


@command
class TakeOwnPin:
    """What a resident chose in the app, which speaks as the house: 4 to 8 digits, not starting with
    9 and not all the same; it goes to no lock (A3, M133).
    """

    resident: ResidentId
    pin: str


@handles(TakeOwnPin)
def take_own_pin(cmd: TakeOwnPin, things: Things) -> list[Event]:
    things.only("system")
    resident = things.load(Resident, cmd.resident)
    settings = things.load(Settings, things.community)
    return residents.issue_pin(resident, settings, residents.own_pin(cmd.pin), "resident")


@command
class RevokePin:
    """Take a resident's PIN away (M42)."""

    resident: ResidentId


@handles(RevokePin)
def revoke_pin(cmd: RevokePin, things: Things) -> list[Event]:
    return residents.revoke_pin(things.load(Resident, cmd.resident))


@command
class IssueCard:
    """Give a resident an RF card, beside those that the person has (M29)."""

    resident: ResidentId
    card: str


@handles(IssueCard)
def issue_card(cmd: IssueCard, things: Things) -> list[Event]:
    return residents.issue_card(things.load(Resident, cmd.resident), cmd.card)


@command
class TakeOwnCard:
    """A card that a resident added in the app, which speaks as the house; it goes to no lock
    (M29, M133).
    """

    resident: ResidentId
    card: str


@handles(TakeOwnCard)
def take_own_card(cmd: TakeOwnCard, things: Things) -> list[Event]:
    things.only("system")
    resident = things.load(Resident, cmd.resident)
    return residents.issue_card(resident, cmd.card, "resident")


@command
class RevokeCard:
    """Take an RF card away from a resident (M42)."""

    resident: ResidentId
    card: str


@handles(RevokeCard)
def revoke_card(cmd: RevokeCard, things: Things) -> list[Event]:
    return residents.revoke_card(things.load(Resident, cmd.resident), cmd.card)


@command
class DeleteResident:
    """Delete an account, and with `with_family` the family of a master (M39)."""

    resident: ResidentId
    with_family: bool = False


@handles(DeleteResident)
def delete_resident(cmd: DeleteResident, things: Things) -> list[Event]:
    settings = things.load(Settings, things.community)
    if things.actor.role == "manager" and not settings.may_delete_accounts:
        raise Forbidden("deleting-accounts-not-permitted")
    if (resident := things.find(Resident, cmd.resident)) is None:
        return []
    home = things.load(Apartment, resident.apartment)
    gone = apartments.leaving(home, cmd.resident, with_family=cmd.with_family)
    things.load_all(Resident, gone)
    left = [HouseholdLeft(apartment=home.apartment, resident=who) for who in gone]
    return [*left, *(ResidentDeleted(resident=who) for who in gone)]


def known_groups(groups: frozenset[GroupId], things: Things) -> frozenset[GroupId]:
    things.load_all(AccessGroup, groups)
    return groups
