"""A row of the residents' sheet, as the manual's template has it (M44)."""

from dataclasses import dataclass
from typing import Annotated

from schemas.sheets import Column


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class ResidentRow:
    """A blank cell keeps what is there; #CLEAR empties it. UID says who is edited: leave it blank
    for a new resident. All rows are taken, or none.
    """

    # All is text (A20, A21): what is wrong with it is told together with what the house says.

    row: int
    clear: frozenset[str] = frozenset()
    uid: Annotated[
        str | None,
        Column("UID", "Leave blank for a new resident; an export fills it in", width=38),
    ] = None
    building: Annotated[
        str | None,
        Column("Building", "Its name as in Gatehouse", required=True, code=True, example="Tower A"),
    ] = None
    floors: Annotated[
        tuple[str, ...] | None,
        Column(
            "Accessible Floors",
            "Numbers by ';', of the building or as Annex:7 of another one",
            code=True,
            example="1;2",
            width=18,
        ),
    ] = None
    apartment: Annotated[
        str | None,
        Column(
            "Apt",
            "The apartment's number: letters, digits and '#'",
            required=True,
            code=True,
            example="2#123A",
            aliases=("Apartment", "APT Number"),
        ),
    ] = None
    apartment_name: Annotated[
        str | None, Column("Apt Name", "A new name for the apartment", aliases=("Apartment Name",))
    ] = None
    role: Annotated[
        str | None,
        Column(
            "Account Type",
            "0 for the family master, 1 for a member of the family",
            required=True,
            code=True,
            example="0",
        ),
    ] = None
    first_name: Annotated[
        str | None,
        Column("First Name", "64 characters at most", required=True, example="Ann", width=18),
    ] = None
    last_name: Annotated[
        str | None,
        Column("Last Name", "64 characters at most", required=True, example="Archer", width=18),
    ] = None
    email: Annotated[
        str | None,
        Column(
            "Email", "An e-mail address", example="ann@example.org", width=26, aliases=("E-mail",)
        ),
    ] = None
    mobile: Annotated[
        str | None,
        Column(
            "Mobile Number",
            "With its calling code as +351…, or without and the code in the next column",
            code=True,
            example="912345678",
            width=18,
            aliases=("Mobile",),
        ),
    ] = None
    calling_code: Annotated[
        str | None,
        Column(
            "Telephone Calling Code",
            "Of the mobile number's country",
            code=True,
            example="351",
            aliases=("Calling Code",),
        ),
    ] = None
    phone1: Annotated[str | None, Column("Phone1", "A landline", code=True)] = None
    phone2: Annotated[str | None, Column("Phone2", "A landline", code=True)] = None
    phone3: Annotated[str | None, Column("Phone3", "A landline", code=True)] = None
    cards: Annotated[
        tuple[str, ...] | None,
        Column(
            "RF Card",
            "As printed; several by ';', on a master only",
            code=True,
            secret=True,
            example="0A1B2C3D;0A1B2C3E",
            width=24,
            aliases=("RF Cards",),
        ),
    ] = None
    pin: Annotated[
        str | None,
        Column(
            "PIN",
            "2 to 8 digits, not starting with 9",
            code=True,
            secret=True,
            example="0246",
            width=10,
            aliases=("PIN Code",),
        ),
    ] = None
    plates: Annotated[
        tuple[str, ...] | None,
        Column(
            "License Plate",
            "5 at most, by ';'; phones are given none of who has a UHF card",
            code=True,
            secret=True,
            example="12-AB-34",
            width=18,
            aliases=("License Plates",),
        ),
    ] = None
    uhf: Annotated[
        tuple[str, ...] | None,
        Column(
            "UHF Card",
            "5 at most, by ';', as the long-range reader shows them",
            code=True,
            secret=True,
            example="E2801160",
            width=18,
            aliases=("UHF Cards",),
        ),
    ] = None
    groups: Annotated[
        tuple[str, ...] | None,
        Column(
            "Access Group ID",
            "Numbers of access groups by ';'; blank for a new resident: the building's default",
            code=True,
            example="123456",
            width=18,
        ),
    ] = None
    remark: Annotated[str | None, Column("Remark", "Who this is, for example tenant", width=24)] = (
        None
    )
