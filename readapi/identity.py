"""Who is asking: a bearer token's account, and whether the community is its business."""

from collections.abc import Callable
from uuid import UUID

from flask import Flask, g, request

from domain.accounts import Account, Actor
from domain.ids import CommunityId
from domain.kernel import Unknown
from readapi.errors import Unauthenticated

SCHEME = "Bearer "
SECURITY = {"type": "http", "scheme": "bearer"}


def guard(
    app: Flask,
    account_of: Callable[[str], Account | None],
    may_touch: Callable[[Account, CommunityId], bool],
    actor: Callable[[Account], Actor],
) -> None:
    """Every route with a community wants a token of an account that may touch it (S5, S8).

    A community that is not yours answers like one that is not there.
    """

    @app.before_request
    def identify() -> None:
        community = (request.view_args or {}).get("community")
        if not isinstance(community, UUID) or "hint" in (request.view_args or {}):
            return
        header = request.headers.get("Authorization", "")
        account = account_of(header.removeprefix(SCHEME)) if header.startswith(SCHEME) else None
        if account is None:
            raise Unauthenticated
        if not may_touch(account, CommunityId(community)):
            raise Unknown("Community", community)
        g.actor = actor(account)
