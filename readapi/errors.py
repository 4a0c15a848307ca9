"""The one place where an exception becomes an answer: problem+json (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, abort, json, request
from flask_smorest import Api
from marshmallow import RAISE, Schema, fields
from psycopg import InterfaceError, OperationalError
from psycopg.errors import UndefinedTable
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException

from domain.kernel import Forbidden, Malformed, Refused, Unknown
from eventlog.port import Conflict, Unavailable
from schemas.sheets import SheetErrors, UnreadableSheet

PROBLEM = "application/problem+json"
# A mistyped filter would show everything: what a query does not know, it refuses.
FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION["query"] = RAISE
RETRY_SECONDS = "1"


class Problem(Schema):
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(metadata={"description": "what to do, in a sentence"})
    code = fields.String(metadata={"description": "why the state of things refuses; stable"})
    field = fields.String(metadata={"description": "the input to blame"})
    details = fields.List(fields.String(), metadata={"description": "what stands in the way"})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "what is wrong with each field, row or cell"},
    )


class Unauthenticated(Exception):
    """No token, or none that is in force."""


def problem(status: int, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    said = {name: member for name, member in members.items() if member}
    body = {"title": HTTPStatus(status).phrase, "status": status, **said}
    return Response(json.dumps(body), status, headers, mimetype=PROBLEM)


def flat(messages: Any, path: str = "") -> dict[str, list[str]]:
    """{"schedule": {"days": [...]}} becomes {"schedule.days": [...]}."""
    if not isinstance(messages, dict):
        return {path.strip(".") or "body": messages}
    parts = [flat(inner, f"{path}.{name}") for name, inner in messages.items()]
    return {field: said for part in parts for field, said in part.items()}


def malformed(errors: Mapping[str, Any]) -> Response:
    return problem(422, errors=errors)


def malformed_sheet(error: SheetErrors) -> Response:
    """Every cell by its name, with row, column and remedy; nothing of the file was taken (F7)."""
    cells: dict[str, list[str]] = {}
    for wrong in error.errors:
        said = f"row {wrong.row}, {wrong.column_name}: {wrong.message}"
        cells.setdefault(wrong.cell, []).append(said)
    rows = len({wrong.row for wrong in error.errors})
    what = "1 row needs" if rows == 1 else f"{rows} rows need"
    detail = f"{what} mending, nothing was imported: mend and send the file again"
    return problem(422, detail=detail, errors=cells)


def refused(error: Refused) -> Response:
    return problem(409, code=error.code, field=error.field, details=list(error.details))


def unauthenticated(_: Unauthenticated) -> Response:
    how = "send Authorization: Bearer TOKEN; `gatehouse token create --help` says how to make one"
    return problem(401, {"WWW-Authenticate": "Bearer"}, detail=how)


def unknown(error: Unknown) -> Response:
    """The kind of thing alone: whether somebody else has it is nobody's business (S5)."""
    return problem(404, detail=f"there is no such {str(error.args[0]).lower()} here")


def conflict(_: Conflict) -> Response:
    """No rule forbids it: others changed the same things meanwhile, three times."""
    detail = "others changed the same things at the same time: send it again"
    return problem(409, {"Retry-After": RETRY_SECONDS}, code="try-again", detail=detail)


def only_json_or_files() -> None:
    """A body of another type would be read as empty, and an empty one may be a legal command."""
    if request.method == "POST" and request.path.startswith("/api/"):
        hint = "hint" in (request.view_args or {})
        if not (hint or request.is_json or request.mimetype == "multipart/form-data"):
            abort(415, "send Content-Type: application/json (or multipart/form-data for a file)")


def unavailable(_: Exception) -> Response:
    return problem(503, {"Retry-After": RETRY_SECONDS}, detail="the log is out of reach; try again")


def unbuilt(_: UndefinedTable) -> Response:
    """Its projector has not begun yet: at the first start, or after an upgrade that brings it."""
    return problem(503, {"Retry-After": RETRY_SECONDS}, detail="this is not built yet; try again")


class ProblemApi(Api):
    """flask-smorest, whose errors are problems: in its answers, and in its document."""

    ERROR_SCHEMA = Problem

    def _register_responses(self) -> None:
        """It has one content type for answers and errors alike; here they part."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def _register_error_handlers(self) -> None:
        super()._register_error_handlers()
        self._app.before_request(only_json_or_files)
        on = self._app.register_error_handler
        on(Malformed, lambda e: malformed({e.field: [e.message]}))
        on(SheetErrors, malformed_sheet)
        on(UnreadableSheet, lambda e: malformed({"file": [str(e)]}))
        on(Refused, refused)
        on(Conflict, conflict)
        on(Forbidden, lambda e: problem(403, code=e.code))
        on(Unknown, unknown)
        on(RecursionError, lambda _: malformed({"body": ["nested too deeply"]}))
        on(Unauthenticated, unauthenticated)
        on(Unavailable, unavailable)
        on(UndefinedTable, unbuilt)
        for lost in (OperationalError, InterfaceError):  # while it was being asked (K3)
            on(lost, unavailable)

    def handle_http_exception(self, error: HTTPException) -> Response:
        messages = getattr(error, "data", {}).get("messages", {})
        detail = error.description if error.code == HTTPStatus.UNSUPPORTED_MEDIA_TYPE else None
        if error.code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            detail = f"more than {(request.max_content_length or 0) / 2**20:g} MB are not taken"
        errors = [flat(said) for said in messages.values()]  # by place: json, query, headers
        flattened = {k: v for e in errors for k, v in e.items()}
        return problem(error.code or 500, errors=flattened, detail=detail)
