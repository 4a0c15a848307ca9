"""The residents screen."""

import json
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Response, send_file
from flask_smorest import Blueprint

from commands.residents.rows import ResidentRow
from domain.apartments import HouseholdRole
from domain.ids import ApartmentId, BuildingId, CommunityId
from domain.record import frozen
from projections.residents import Residents, Sort
from projections.residents.documents import ResidentDoc
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of
from schemas.sheets import XLSX
from schemas.sheets.rows import columns_of
from schemas.sheets.writing import write_sheet

residents = Blueprint("residents", __name__, url_prefix="/api/v1/communities/<uuid:community>")


@frozen
class ResidentQuery(PageQuery):
    """`words` are looked for in names, e-mails, buildings and apartments; all must be there."""

    building: BuildingId | None = None
    apartment: ApartmentId | None = None
    role: HouseholdRole | None = None
    words: str | None = None
    sort: Sort = "name"


@residents.route("/residents")
@residents.arguments(schema_of(ResidentQuery)(), location="query")
@residents.response(200, page_of(ResidentDoc), headers=HEADERS)
def listed(asked: ResidentQuery, *, community: UUID) -> Response:
    """The people of a community, by name, or by building and apartment (M38)."""
    page = reached(Residents, asked).listed(
        CommunityId(community),
        building=asked.building,
        apartment=asked.apartment,
        role=asked.role,
        words=asked.words,
        sort=asked.sort,
        after=asked.after,
        limit=asked.size,
    )
    return answer(page)


@residents.route("/residents/export")
@residents.arguments(schema_of(After)(), location="query")
@residents.response(200, content_type=XLSX, headers=HEADERS)
def export(after: After, *, community: UUID) -> Response:
    """All residents as a spreadsheet to edit and import again: by UID, codes blank (M45, A21)."""
    docs = reached(Residents, after).all(CommunityId(community))
    sheet = write_sheet(list(columns_of(ResidentRow).values()), map(cells, map(json.loads, docs)))
    return send_file(BytesIO(sheet), XLSX, as_attachment=True, download_name="residents.xlsx")


def cells(doc: dict[str, Any]) -> dict[str, str]:
    """Blank keeps what is there (A20), so codes need not leave the house."""
    contact = doc["contact"] or {}
    phones = dict(zip(("Phone1", "Phone2", "Phone3"), contact.get("phones", ()), strict=False))
    return phones | {
        "UID": doc["resident"],
        "Building": doc["building_name"],
        "Accessible Floors": ";".join(floor(each, doc) for each in doc["floors"]),
        "Apt": doc["apartment_number"],
        "Account Type": "0" if doc["role"] == "master" else "1",
        "First Name": contact.get("first_name", ""),
        "Last Name": contact.get("last_name", ""),
        "Email": contact.get("email") or "",
        "Mobile Number": contact.get("mobile") or "",
        "Access Group ID": ";".join(str(group["number"]) for group in doc["groups"]),
        "Remark": contact.get("remark") or "",
    }


def floor(each: dict[str, Any], doc: dict[str, Any]) -> str:
    """The number alone in the resident's own building, else `Annex:7` (A56)."""
    if each["building"] == doc["building"]:
        return str(each["number"])
    return f"{each['building_name']}:{each['number']}"


@residents.route("/residents/<uuid:resident>")
@residents.arguments(schema_of(After)(), location="query")
@residents.response(200, schema_of(ResidentDoc), headers=HEADERS)
def one(after: After, *, community: UUID, resident: UUID) -> Response:
    """Contact, home and groups of a resident, and which keys there are, but no code (M38, M42)."""
    return item(reached(Residents, after).of(CommunityId(community), resident))
