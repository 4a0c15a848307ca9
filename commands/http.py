"""One route for each command, made from its type hints and its docstring.

A command with `rows` of a record that has columns takes an .xlsx file instead of JSON, and offers
the template of it.
"""

from collections.abc import Callable
from dataclasses import fields as fields_of
from inspect import cleandoc
from io import BytesIO
from threading import BoundedSemaphore
from typing import Any, get_args, get_type_hints
from uuid import UUID

from flask import Response, g, request, send_file
from flask_smorest import Blueprint
from flask_smorest.fields import Upload
from marshmallow import Schema, fields

from commands.bus import COMMANDS, Dispatch
from domain.ids import CommunityId, DeviceId
from domain.kernel import MalformedRows, Unknown
from eventlog.port import Accepted
from schemas.of import schema_of
from schemas.sheets import XLSX, read_sheet
from schemas.sheets.rows import columns_of, load, locate
from schemas.sheets.writing import template

DeviceOf = Callable[[CommunityId, str], DeviceId | None]
Hear = Callable[[CommunityId, DeviceId, str], None]
URL = "/api/v1/communities/<uuid:community>/commands"


READERS = BoundedSemaphore(2)  # each of them may use 512 MB for a hostile file (F1)


class Headers(Schema):
    command_id = fields.UUID(
        data_key="Idempotency-Key",
        metadata={"description": "A UUID of yours: a repeat is answered alike, done once (N17)."},
    )


class File(Schema):
    file = Upload(required=True, metadata={"description": "an .xlsx file, as the template"})


def routes(dispatch: Dispatch) -> Blueprint:
    commands = Blueprint("commands", __name__, url_prefix=URL)
    for name, cls in sorted(COMMANDS.items()):
        if row := row_of(cls):
            add_sheet_route(commands, name, cls, row, dispatch)
            add_template_route(commands, name, cls, row)
        else:
            add_route(commands, name, cls, dispatch)
    return commands


def hints(device_of: DeviceOf, tell: Callable[[DeviceId], None], hear: Hear) -> Blueprint:
    """Where phones say that something happened: it makes their door log be read at once.

    What they say is heard for alarms alone, which no door log holds; the secret in the address is
    never logged.
    """
    events = Blueprint("hints", __name__, url_prefix="/api/v1/communities/<uuid:community>/hints")

    @events.route("/<hint>", methods=["GET", "POST"])
    @events.response(204)
    @events.doc(security=[])
    def happened(*, community: UUID, hint: str) -> None:
        """Called by a door phone, with the secret that it was given (S9)."""
        home = CommunityId(community)
        device = device_of(home, hint)
        if device is None:
            raise Unknown("hint")
        hear(home, device, request.args.get("event", ""))
        tell(device)

    return events


def row_of(cls: type) -> type | None:
    """The record of a command's rows, if it is read from a sheet."""
    if {"rows"} != {f.name for f in fields_of(cls)}:
        return None
    found: type = get_args(get_type_hints(cls)["rows"])[0]
    return found if columns_of(found) else None


def add_route(commands: Blueprint, name: str, cls: type, dispatch: Dispatch) -> None:
    @commands.arguments(schema_of(cls)())
    @commands.arguments(Headers(), location="headers")
    @commands.response(202, schema_of(Accepted))
    def post(command: object, headers: dict[str, Any], *, community: UUID) -> Accepted:
        return dispatch(command, community=community, actor=g.actor, **headers)

    post.__doc__ = cls.__doc__
    commands.add_url_rule(f"/{name}", name, post, methods=["POST"])


def add_sheet_route(
    commands: Blueprint, name: str, cls: type, row: type, dispatch: Dispatch
) -> None:
    @commands.arguments(File(), location="files")
    @commands.arguments(Headers(), location="headers")
    @commands.response(202, schema_of(Accepted))
    def post(files: dict[str, Any], headers: dict[str, Any], *, community: UUID) -> Accepted:
        with READERS:
            sheet = read_sheet(files["file"].read(), list(columns_of(row).values()))
        command = cls(rows=tuple(load(row, sheet)))
        try:
            return dispatch(command, community=community, actor=g.actor, **headers)
        except MalformedRows as wrong:
            raise locate(row, sheet, wrong.errors) from None

    post.__doc__ = cls.__doc__
    commands.add_url_rule(f"/{name}", name, post, methods=["POST"])


def add_template_route(commands: Blueprint, name: str, cls: type, row: type) -> None:
    @commands.response(200, content_type=XLSX)
    def get(*, community: UUID) -> Response:
        """The spreadsheet to fill in, with a sheet that says how (M43)."""
        title = name.replace("-", " ").capitalize()
        blank = template(
            list(columns_of(row).values()), title, [cleandoc(str(row.__doc__)).replace("\n", " ")]
        )
        return send_file(BytesIO(blank), XLSX, True, f"{name}.xlsx")

    commands.add_url_rule(f"/{name}/template", f"{name}-template", get, methods=["GET"])
