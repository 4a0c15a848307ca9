"""The library screen: codes, which are shown and searched, but never in an address."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import ApartmentId, BuildingId, CommunityId, ResidentId
from domain.record import Secret, frozen
from projections.library import Identity, Kind, Library, LibraryEntry, LibraryFilter
from readapi.paging import PageQuery, answer, page_of
from readapi.waiting import HEADERS, reached
from schemas.of import schema_of

library = Blueprint("library", __name__, url_prefix="/api/v1/communities/<uuid:community>/library")


@frozen
class LibraryQuery(PageQuery):
    """`identity` is the kind of person, `resident` one; `words` are looked for in names."""

    building: BuildingId | None = None
    apartment: ApartmentId | None = None
    identity: Identity | None = None
    resident: ResidentId | None = None
    words: str | None = None

    @property
    def filter(self) -> LibraryFilter:
        return LibraryFilter(
            building=self.building,
            apartment=self.apartment,
            identity=self.identity,
            holder=self.resident,
            words=self.words,
        )


@frozen
class CodeSearch(LibraryQuery):
    """`code` is a part of the code or, if `exact`, all of it."""

    code: Secret[str]
    exact: bool = False


@library.route("/pins")
@library.arguments(schema_of(LibraryQuery)(), location="query")
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def pins(asked: LibraryQuery, *, community: UUID) -> Response:
    """Every PIN in force, whose it is and since when, by name (M93, A54)."""
    return listed("pin", asked, CommunityId(community))


@library.route("/cards")
@library.arguments(schema_of(LibraryQuery)(), location="query")
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def cards(asked: LibraryQuery, *, community: UUID) -> Response:
    """Every RF card in force, whose it is and since when, by name (M94, A54)."""
    return listed("card", asked, CommunityId(community))


@library.route("/plates")
@library.arguments(schema_of(LibraryQuery)(), location="query")
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def plates(asked: LibraryQuery, *, community: UUID) -> Response:
    """Every licence plate, whose it is, for which days, and whether phones are given it (M80)."""
    return listed("plate", asked, CommunityId(community))


@library.route("/uhf")
@library.arguments(schema_of(LibraryQuery)(), location="query")
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def uhf(asked: LibraryQuery, *, community: UUID) -> Response:
    """Every UHF tag, whose it is and for which days (M80)."""
    return listed("uhf", asked, CommunityId(community))


@library.route("/pins/search", methods=["POST"])
@library.arguments(schema_of(CodeSearch)())
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def search_pins(asked: CodeSearch, *, community: UUID) -> Response:
    """The PINs that contain some digits, or are exactly these (M93)."""
    return found("pin", asked, CommunityId(community))


@library.route("/cards/search", methods=["POST"])
@library.arguments(schema_of(CodeSearch)())
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def search_cards(asked: CodeSearch, *, community: UUID) -> Response:
    """The RF cards whose code contains a part, or is exactly this (M94, A43, A8)."""
    return found("card", asked, CommunityId(community))


@library.route("/plates/search", methods=["POST"])
@library.arguments(schema_of(CodeSearch)())
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def search_plates(asked: CodeSearch, *, community: UUID) -> Response:
    """The licence plates that contain a part, or are exactly this (M80)."""
    return found("plate", asked, CommunityId(community))


@library.route("/uhf/search", methods=["POST"])
@library.arguments(schema_of(CodeSearch)())
@library.response(200, page_of(LibraryEntry), headers=HEADERS)
def search_uhf(asked: CodeSearch, *, community: UUID) -> Response:
    """The UHF tags whose code contains a part, or is exactly this (M80)."""
    return found("uhf", asked, CommunityId(community))


def listed(kind: Kind, asked: LibraryQuery, home: CommunityId) -> Response:
    model = reached(Library, asked)
    return answer(model.listed(kind, home, asked.filter, after=asked.after, limit=asked.size))


def found(kind: Kind, asked: CodeSearch, home: CommunityId) -> Response:
    model = reached(Library, asked, etag=False)
    ids = (model.exactly if asked.exact else model.holding)(kind, home, asked.code)
    page = model.listed(kind, home, asked.filter, ids=ids, after=asked.after, limit=asked.size)
    return answer(page)
