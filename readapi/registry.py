"""The schemas of the stream, as every client of Confluent's Schema Registry asks for them.

Only what reads; ids never change. No token is wanted: a schema holds shapes and nobody's data, like
/api/openapi.json, and who may read a topic is the broker's business. Credentials that a client
sends are left unread, so that a proxy may ask for them. Nothing here waits or asks PostgreSQL.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from flask import Response, current_app, json, request
from flask.blueprints import BlueprintSetupState
from flask_smorest import Blueprint
from marshmallow import Schema, fields
from werkzeug.exceptions import RequestEntityTooLarge

from schemas.registry import Entry, NotASchema, Registry

registry = Blueprint("registry", __name__, url_prefix="/registry")

TYPE = "application/vnd.schemaregistry.v1+json"
TYPES = [TYPE, "application/vnd.schemaregistry+json", "application/json"]
LATEST = ("latest", "-1")
LONGEST_QUESTION = 64 * 2**10
View = Callable[..., Any]


class RegistryFault(Schema):
    error_code = fields.Integer(required=True, metadata={"description": "as Confluent's"})
    message = fields.String(required=True)


DOCUMENTED = {
    "security": [],
    "responses": {
        "200": {"description": "as Confluent's", "content": {TYPE: {}}},
        "default": {"description": "a fault", "content": {TYPE: {"schema": RegistryFault}}},
    },
}


class Fault(Exception):
    """A number of Confluent's, which begins with the HTTP status, and a sentence."""


@registry.record_once
def load(state: BlueprintSetupState) -> None:
    """Unless the app brings schemas of its own."""
    state.app.extensions.setdefault("schemas", Registry.load())


def known() -> Registry:
    found: Registry = current_app.extensions["schemas"]
    return found


def answered(body: Any, status: int = 200) -> Response:
    kind = request.accept_mimetypes.best_match(TYPES, TYPE)
    return Response(json.dumps(body), status, mimetype=kind)


@registry.errorhandler(Fault)
def faulty(fault: Fault) -> Response:
    code, message = fault.args
    return answered({"error_code": code, "message": message}, code // 100)


def asked(rule: str, *methods: str) -> Callable[[View], View]:
    """A view whose result is the body of the answer."""

    def decorated(view: View) -> View:
        @registry.doc(**DOCUMENTED)
        @wraps(view)
        def answering(**given: Any) -> Response:
            return answered(view(**given))

        registry.add_url_rule(rule, view.__name__, answering, methods=methods or ("GET",))
        return view

    return decorated


def entry(id: int) -> Entry:
    if found := known().entry(id):
        return found
    raise Fault(40403, f"Schema {id} not found")


def versions(subject: str) -> list[Entry]:
    if found := known().versions(subject):
        return found
    raise Fault(40401, f"Subject '{subject}' not found.")


def said(entry: Entry) -> dict[str, Any]:
    name = {"subject": entry.subject, "version": entry.version, "id": entry.id}
    return name | {"schema": known().text(entry.id)}


@asked("/")
def root() -> Any:
    """Whether somebody is here."""
    return {}


@asked("/schemas/types")
def types() -> Any:
    """All is Avro."""
    return ["AVRO"]


@asked("/schemas/ids/<int:id>")
def schema(id: int) -> Any:
    """The schema that a message's frame names. A `subject` is heard and changes nothing."""
    return {"schema": known().text(entry(id).id)}


@asked("/schemas/ids/<int:id>/schema")
def schema_itself(id: int) -> Any:
    """The same without a wrapping."""
    return known().schemas[entry(id).id]


@asked("/schemas/ids/<int:id>/subjects")
def subjects_of_schema(id: int) -> Any:
    """The subject that a schema belongs to."""
    return [entry(id).subject]


@asked("/schemas/ids/<int:id>/versions")
def versions_of_schema(id: int) -> Any:
    """The subject that a schema belongs to, and which version of it it is."""
    return [{"subject": entry(id).subject, "version": entry(id).version}]


@asked("/subjects")
def subjects() -> Any:
    """A subject for every kind of event and report: the full name of its record. `subjectPrefix`
    leaves out those that begin otherwise; `:*:` before it is Confluent's for any context.
    """
    begin = request.args.get("subjectPrefix", "").removeprefix(":*:")
    return sorted({entry.subject for entry in known().entries if entry.subject.startswith(begin)})


@asked("/subjects/<subject>/versions")
def versions_of_subject(subject: str) -> Any:
    """The numbers of the versions of a subject, from 1."""
    return [entry.version for entry in versions(subject)]


@asked("/subjects/<subject>/versions/<version>")
def version_of_subject(subject: str, version: str) -> Any:
    """A version of a subject by its number, or `latest`."""
    return said(numbered(subject, version))


@asked("/subjects/<subject>/versions/<version>/schema")
def version_itself(subject: str, version: str) -> Any:
    """Only the schema of it."""
    return known().schemas[numbered(subject, version).id]


def numbered(subject: str, version: str) -> Entry:
    entries = versions(subject)
    if version in LATEST:
        return entries[-1]
    if found := [each for each in entries if each.version == number(version)]:
        return found[0]
    raise Fault(40402, f"Version {version} not found.")


def number(version: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,9}", version):
        allowed = 'Allowed values are between [1, 2^31-1] and the string "latest"'
        raise Fault(42202, f"'{version}' is not a valid version id. {allowed}")
    return int(version)


@asked("/subjects/<subject>", "POST")
def look_up(subject: str) -> Any:
    """The id and the version of a schema in a subject, normalised or not."""
    versions(subject)
    try:
        found = known().find(subject, text_of_question())
    except NotASchema:
        raise Fault(42201, "Invalid schema") from None
    if found:
        return said(found)
    raise Fault(40403, "Schema not found")


def text_of_question() -> str:
    request.max_content_length = LONGEST_QUESTION
    with suppress(RequestEntityTooLarge):
        match request.get_json(force=True, silent=True):
            case {"schema": str(text)}:
                return text
    raise NotASchema


@asked("/config")
def config() -> Any:
    """What every new version keeps to: what is old and what is new read each other."""
    return {"compatibilityLevel": "FULL_TRANSITIVE"}


@asked("/config/<subject>")
def config_of_subject(subject: str) -> Any:
    """The same for every subject."""
    versions(subject)
    return config()


@asked("/mode")
def mode() -> Any:
    """Schemas come with a release of Gatehouse and in no other way."""
    return {"mode": "READONLY"}


@asked("/mode/<subject>")
def mode_of_subject(subject: str) -> Any:
    """The same for every subject."""
    return mode()


@asked("/<path:anything>", "POST", "PUT", "DELETE")
def refuse(anything: str) -> Any:
    """Nothing is registered, changed or deleted here."""
    raise Fault(42205, "The registry is in read-only mode: schemas come with a release")


@asked("/<path:anything>")
def nothing(anything: str) -> Any:
    """Nothing else can be read here."""
    raise Fault(40400, "HTTP 404 Not Found")
