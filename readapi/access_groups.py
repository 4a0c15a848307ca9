"""The access groups screen."""

from uuid import UUID

from flask import Response
from flask_smorest import Blueprint

from domain.ids import CommunityId
from domain.record import frozen
from projections.access_groups import AccessGroups
from projections.access_groups.documents import (
    AccessGroupDetails,
    AccessGroupDoc,
    GroupType,
    MemberDoc,
)
from readapi.paging import PageQuery, answer, item, page_of
from readapi.waiting import HEADERS, After, reached
from schemas.of import schema_of

access_groups = Blueprint(
    "access_groups", __name__, url_prefix="/api/v1/communities/<uuid:community>/access-groups"
)


@frozen
class GroupQuery(PageQuery):
    """`words` are looked for in name and number; all must be there."""

    type: GroupType | None = None
    words: str | None = None


@access_groups.route("")
@access_groups.arguments(schema_of(GroupQuery)(), location="query")
@access_groups.response(200, page_of(AccessGroupDoc), headers=HEADERS)
def listed(asked: GroupQuery, *, community: UUID) -> Response:
    """Default and self-created groups, by name (M17, A45)."""
    model = reached(AccessGroups, asked)
    page = model.listed(
        CommunityId(community),
        type=asked.type,
        words=asked.words,
        after=asked.after,
        limit=asked.size,
    )
    return answer(page)


@access_groups.route("/<uuid:group>")
@access_groups.arguments(schema_of(After)(), location="query")
@access_groups.response(200, schema_of(AccessGroupDetails), headers=HEADERS)
def one(after: After, *, community: UUID, group: UUID) -> Response:
    """When a group holds, which doors it opens, and how many belong to it (M17, M16)."""
    return item(reached(AccessGroups, after).of(CommunityId(community), group))


@access_groups.route("/<uuid:group>/people")
@access_groups.arguments(schema_of(PageQuery)(), location="query")
@access_groups.response(200, page_of(MemberDoc), headers=HEADERS)
def people(asked: PageQuery, *, community: UUID, group: UUID) -> Response:
    """Who belongs to a group, by name (M17, M18)."""
    model = reached(AccessGroups, asked)
    page = model.members(CommunityId(community), group, after=asked.after, limit=asked.size)
    return answer(page)
