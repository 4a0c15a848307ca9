"""The web: commands in, read models out."""

from functools import partial

from flask import Flask
from flask_smorest import Blueprint
from flask_swagger_ui import get_swaggerui_blueprint

from bootstrap.house import MODULES, House, followers, follows
from bootstrap.metrics import Standing
from bootstrap.observed import note_caller
from commands import http
from commands.accounts import (
    Openers,
    Tokens,
    actor,
)
from commands.devices import device_of
from config import Config
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


def create_app(config: Config | None = None) -> Flask:
    """The web: commands in, read models out."""
    house = House(config or Config.from_env())
    house.check()
    app = Flask("gatehouse")
    app.config |= SETTINGS
    app.extensions["house"] = house
    count(app)
    app.before_request(note_caller)
    app.before_request(house.must_be_safe)
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


def blueprints() -> list[Blueprint]:
    return [v for m in MODULES for v in vars(m).values() if isinstance(v, Blueprint)]
