"""The web: commands in, read models out."""

import re
from functools import partial
from typing import Final

import structlog
from flask import Flask, request
from flask_smorest import Blueprint
from flask_swagger_ui import get_swaggerui_blueprint

import readapi
from bootstrap.house import House, discover, followers, follows
from bootstrap.metrics import Standing
from commands import http
from commands.accounts import (
    Openers,
    Tokens,
    actor,
)
from commands.devices import device_of
from config import Config
from eventlog.port import Unavailable
from readapi.errors import ProblemApi
from readapi.home import home
from readapi.identity import SECURITY, guard
from readapi.metrics import count, metrics

SETTINGS = {
    "API_TITLE": "Gatehouse",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/api",
    "OPENAPI_JSON_PATH": "openapi.json",
    "MAX_CONTENT_LENGTH": 11 * 2**20,  # a spreadsheet of 10 MB and its envelope (F1)
    "API_SPEC_OPTIONS": {
        "security": [{"token": []}],
        "components": {"securitySchemes": {"token": SECURITY}},
    },
}

TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
SCREENS = discover(readapi)


def create_app(config: Config | None = None) -> Flask:
    """The web: commands in, read models out."""
    house = House(config or Config.from_env())
    house.check()
    app = Flask("gatehouse")
    app.config |= SETTINGS
    app.extensions["house"] = house
    count(app)
    app.before_request(note_caller)
    app.before_request(partial(must_be_safe, house))
    house.reading.install(app)
    guard(
        app,
        Tokens(house.log, house.reading.events_of).account_of,
        Openers(house.log).may_touch,
        actor,
    )
    api = ProblemApi(app)
    hints = http.hints(partial(device_of, house.log), house.hint, house.ingest.hear)
    for blueprint in (http.routes(house.dispatch), hints, *blueprints()):
        api.register_blueprint(blueprint)
    heads = {"events": house.log.head, "reports": house.reports.head}
    app.register_blueprint(home(heads, follows()))
    app.register_blueprint(metrics(Standing(house.config.database.read, followers())))
    docs = get_swaggerui_blueprint("/api/docs", "/api/openapi.json", {"app_name": "Gatehouse"})
    app.register_blueprint(docs)
    return app


def must_be_safe(house: House) -> None:
    if not house.safe:
        house.check()
    if not house.safe and request.path != "/healthz":
        raise Unavailable


def note_caller() -> None:
    """Before each request: the caller's own trace, if it has one, is told in every line of it, so
    that it leads to the command's (W3C Trace Context; ADR 16). A malformed one is none.
    """
    structlog.contextvars.clear_contextvars()
    if given := TRACEPARENT.fullmatch(request.headers.get("traceparent", "")):
        structlog.contextvars.bind_contextvars(caller_trace_id=given[1])


def blueprints() -> list[Blueprint]:
    return [v for m in SCREENS for v in vars(m).values() if isinstance(v, Blueprint)]
