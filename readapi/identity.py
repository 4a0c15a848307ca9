"""Who is asking: a bearer token's account, and whether the community is its business."""

from collections.abc import Callable
from uuid import UUID

from flask import Flask, g, request

from domain.accounts import Account, Actor
from domain.ids import CommunityId
from domain.kernel import Unknown
from readapi.errors import Unauthenticated

API = "/api/v1/"
SCHEME = "bearer"
SECURITY = {"type": "http", "scheme": "bearer"}


def guard(
    app: Flask,
    account_of: Callable[[str], Account | None],
    may_touch: Callable[[Account, CommunityId], bool],
    actor: Callable[[Account], Actor],
) -> None:
    """Every route of the API wants a token, and one with a community that of an account that may
    touch it (S5, S8). A community that is not yours answers like one that is not there.
    """

    @app.before_request
    def identify() -> None:
        given = request.view_args or {}
        if not request.path.startswith(API) or "hint" in given or request.url_rule is None:
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        account = account_of(token.strip()) if scheme.lower() == SCHEME else None
        if account is None:
            raise Unauthenticated
        community = given.get("community")
        if isinstance(community, UUID) and not may_touch(account, CommunityId(community)):
            raise Unknown("Community", community)
        g.account, g.actor = account, actor(account)
