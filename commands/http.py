"""One route for each command, made from its type hints and its docstring."""

from typing import Any
from uuid import UUID

from flask import g
from flask_smorest import Blueprint
from marshmallow import Schema, fields

from commands.bus import COMMANDS, Dispatch
from eventlog.port import Accepted
from schemas.of import schema_of

URL = "/api/v1/communities/<uuid:community>/commands"


class Headers(Schema):
    """A UUID that makes a repeat of the same command harmless (N17)."""

    command_id = fields.UUID(
        data_key="Idempotency-Key",
        metadata={"description": "A UUID of yours: a repeat is answered alike, done once."},
    )


def routes(dispatch: Dispatch) -> Blueprint:
    commands = Blueprint("commands", __name__, url_prefix=URL)
    for name, cls in sorted(COMMANDS.items()):
        add_route(commands, name, cls, dispatch)
    return commands


def add_route(commands: Blueprint, name: str, cls: type, dispatch: Dispatch) -> None:
    @commands.arguments(schema_of(cls))
    @commands.arguments(Headers, location="headers")
    @commands.response(202, schema_of(Accepted))
    def post(command: object, headers: dict[str, Any], *, community: UUID) -> Accepted:
        return dispatch(command, community=community, actor=g.actor, **headers)

    post.__doc__ = cls.__doc__
    commands.add_url_rule(f"/{name}", name, post, methods=["POST"])
