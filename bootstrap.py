"""The only file that knows every part: it finds them, and gives each what it needs."""

import secrets
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from importlib import import_module
from pkgutil import walk_packages
from random import SystemRandom
from select import POLLIN, poll
from threading import Event as Flag
from threading import Thread
from types import ModuleType
from typing import Any
from uuid import UUID, uuid5

import psycopg
from flask import Flask, request
from flask_smorest import Blueprint
from flask_swagger_ui import get_swaggerui_blueprint
from psycopg_pool import ConnectionPool
from uuid6 import uuid7

import commands
import demo
import projections
import readapi
from commands import http
from commands.accounts import (
    AssignCommunities,
    IssueToken,
    OpenAccount,
    Openers,
    RevokeToken,
    Tokens,
    actor,
    digest_of,
)
from commands.bus import Bus
from commands.devices import device_of
from commands.ingest import Ingest
from config import Config, refuse_unsafe
from device_adapters import process
from device_adapters.akuvox.phone import AkuvoxPhone
from device_adapters.akuvox.profiles import profile_of
from device_adapters.doorlog import DoorLogPoller
from device_adapters.lane import Rhythm
from device_adapters.port import Phone
from device_adapters.sync import DoorSync, Outside
from domain.accounts import PLATFORM, Actor, Role, TokenId, token_claim
from domain.devices import Device, Login
from domain.ids import AccountId, CommunityId, DeviceId
from eventlog import migrations
from eventlog.audit import Taken, differences
from eventlog.port import MAX_BATCH, Batch, Unavailable
from eventlog.postgres import Connections, PostgresLog
from eventlog.postgres.reports import PostgresReportLog, ReportListener
from eventlog.reports import KEPT_DAYS, ReportCodec
from eventlog.sealing import Master
from eventlog.shared import SharedLog
from projections.projector import Projector
from projections.runner import Readable, Runner
from readapi.errors import ProblemApi
from readapi.home import home
from readapi.identity import SECURITY, guard
from readapi.waiting import Positions, Reading
from status import figures

WEB_THREADS = 4
HINTS = "hints"
FORGET_SECONDS = 3600
WAIT_SECONDS = 2.0
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
OPERATOR = Actor(name="house:operator", role="system")


def discover(*packages: ModuleType) -> list[ModuleType]:
    """Import everything; decorators and subclasses register themselves as they are read."""
    found = [m for p in packages for m in walk_packages(p.__path__, f"{p.__name__}.")]
    return [import_module(module.name) for module in found]


MODULES = discover(commands, projections, readapi)


def read_models() -> list[type[Projector]]:
    return sorted(Projector.__subclasses__(), key=lambda kind: kind.name)


@dataclass
class House:
    """The parts of one process, each made when it is first wanted."""

    config: Config

    safe: bool = False

    def check(self) -> None:
        """The boot guard (O1), put off while PostgreSQL is away: then nobody is served."""
        with suppress(psycopg.OperationalError):
            refuse_unsafe(self.config)
            self.safe = True

    def must_be_safe(self) -> None:
        if not self.safe:
            self.check()
        if not self.safe and request.path != "/healthz":
            raise Unavailable

    @cached_property
    def master(self) -> Master:
        return Master(self.config.kek())

    @cached_property
    def log(self) -> PostgresLog:
        return PostgresLog(self.config.database.append, self.master)

    @cached_property
    def reports(self) -> PostgresReportLog:
        connections = Connections(self.config.database.append, most=2)
        return PostgresReportLog(connections, ReportListener(connections.conninfo), ReportCodec())

    @cached_property
    def bus(self) -> Bus:
        return Bus(
            self.log,
            now=lambda: datetime.now(UTC),
            new_id=uuid7,
            random=SystemRandom(),
            networks=self.config.device_networks,
        )

    @cached_property
    def reading(self) -> Reading:
        pool = ConnectionPool(
            self.config.database.read,
            kwargs={"autocommit": True, "prepare_threshold": 0, "options": "-c search_path=read"},
            min_size=1,
            max_size=WEB_THREADS + 1,
            timeout=1,
            check=check_if_told,
            open=True,
        )
        positions = Positions(
            lambda: psycopg.connect(self.config.database.read, autocommit=True, connect_timeout=2)
        )
        return Reading(pool, positions, self.log.vault, threads=WEB_THREADS, wait=WAIT_SECONDS)

    @cached_property
    def runner(self) -> Runner:
        logs: dict[str, Readable] = {"events": SharedLog(self.log), "reports": self.reports}
        return Runner(logs, self.project, self.log.vault)

    def project(self, schema: str) -> psycopg.Connection[Any]:
        """As the role that owns the read models, with bare names in one schema."""
        return psycopg.connect(
            self.config.database.project,
            autocommit=True,
            prepare_threshold=0,
            connect_timeout=2,
            # A lost commit takes the position with it: it is only read again.
            options=f"-c search_path={schema} -c synchronous_commit=off",
        )

    def hint(self, device: DeviceId) -> None:
        """To whoever keeps the device's lane, wherever it runs."""
        self.reading.db().execute("select pg_notify(%s, %s)", [HINTS, str(device)])

    def event_url(self, community: CommunityId, device: Device) -> str | None:
        """What a phone calls when something happens: with its own secret, never logged (S9)."""
        if not isinstance(device.hint, str):
            return None
        return f"{self.config.public_url}/api/v1/communities/{community}/hints/{device.hint}"

    def close(self) -> None:
        for made in ("log", "reports"):
            if made in vars(self):
                vars(self)[made].close()
        if "reading" in vars(self):
            self.reading.pool.close()


def check_if_told(connection: psycopg.Connection[Any]) -> None:
    """A round trip only where there is something to read: an idle connection that is well has
    nothing, one that was ended has its end.
    """
    waiting = poll()
    waiting.register(connection.fileno(), POLLIN)
    if waiting.poll(0):
        ConnectionPool.check_connection(connection)


def create_app(config: Config | None = None) -> Flask:
    """The web: commands in, read models out."""
    house = House(config or Config.from_env())
    house.check()
    app = Flask("gatehouse")
    app.config |= SETTINGS
    app.extensions["house"] = house
    app.before_request(house.must_be_safe)
    house.reading.install(app)
    guard(
        app,
        Tokens(house.log).account_of,
        Openers(house.log).may_touch,
        actor,
    )
    api = ProblemApi(app)
    hints = http.hints(partial(device_of, house.log), house.hint)
    for blueprint in (http.routes(house.bus.dispatch), hints, *blueprints()):
        api.register_blueprint(blueprint)
    follows = {kind.name: kind.follows for kind in read_models()}
    heads = {"events": house.log.head, "reports": house.reports.head}
    app.register_blueprint(home(heads, follows))
    docs = get_swaggerui_blueprint("/api/docs", "/api/openapi.json", {"app_name": "Gatehouse"})
    app.register_blueprint(docs)
    return app


def blueprints() -> list[Blueprint]:
    return [v for m in MODULES for v in vars(m).values() if isinstance(v, Blueprint)]


@contextmanager
def the_house() -> Iterator[House]:
    house = House(Config.from_env())
    try:
        yield house
    finally:
        house.close()


def migrate() -> None:
    migrations.migrate(Config.from_env().database.owner)


def run(process: str) -> None:
    """A process of the Procfile until SIGTERM or SIGINT."""
    if process not in RUNS:
        raise LookupError(f"no process is called {process}; there are {', '.join(RUNS)}")
    stop = Flag()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: stop.set())
    with the_house() as house:
        refuse_unsafe(house.config)
        RUNS[process](house, stop)


def run_projector(house: House, stop: Flag) -> None:
    Thread(target=forget_old_reports, args=(house, stop), daemon=True).start()
    house.runner.run(read_models(), stop)


def forget_old_reports(house: House, stop: Flag) -> None:
    """M82: what doors reported is kept for 30 days; the read models let go by themselves."""
    while not stop.is_set():
        with suppress(Unavailable):
            house.reports.drop_before((datetime.now(UTC) - timedelta(days=KEPT_DAYS)).date())
        stop.wait(FORGET_SECONDS)


def run_adapters(house: House, stop: Flag) -> None:
    """At the real pace, unless DEVICE_PACE=0 says that the phones need none."""
    poller = DoorLogPoller(Ingest(house.log, house.reports), lambda: datetime.now(UTC))
    outside = Outside(
        dispatch=house.bus.dispatch,
        connect=partial(phone_of, paced=house.config.device_pace),
        digest=house.log.vault.digest,
        poll=poller.poll,
        event_url=house.event_url,
        now=lambda: datetime.now(UTC).timestamp(),
    )
    sync = DoorSync(outside, Rhythm(), live_from=house.log.head())
    process.run(house.log, sync, lambda: house.project("doors"), stop)


def phone_of(device: Device, *, paced: bool) -> Phone:
    profile = profile_of(device.box.model)
    login = device.login if isinstance(device.login, Login) else None
    return AkuvoxPhone(device.box.address, login, profile if paced else profile.paced(0, 0))


RUNS: Mapping[str, Callable[[House, Flag], None]] = {
    "projector": run_projector,
    "adapters": run_adapters,
}


def make_token(role: Role, name: str, communities: Sequence[UUID], *, replace: bool = False) -> str:
    """A new token of the account of this role and name; `replace` ends the one made so before."""
    with the_house() as house:
        account = AccountId(uuid5(PLATFORM, f"{role}/{name}"))
        token = secrets.token_urlsafe(32)
        id = TokenId(uuid5(account, "token") if replace else uuid7())

        def say(command: object) -> None:
            house.bus.dispatch(command, community=PLATFORM, actor=OPERATOR)

        say(OpenAccount(account=account, name=name, role=role))
        if communities:
            assigned = frozenset(map(CommunityId, communities))
            say(AssignCommunities(account=account, communities=assigned))
        say(RevokeToken(token=id))
        say(IssueToken(token=id, account=account, digest=digest_of(token)))
        return token


def seed_demo(token: str, say: Callable[[str], None]) -> None:
    config = Config.from_env()
    first = demo.phones_port(config.port)
    phones = [f"http://127.0.0.1:{first + n}" for n in range(len(demo.FLEET))]
    web = f"http://127.0.0.1:{config.port}"
    demo.seed(web, token, phones, demo.secret_of(config.data), say)


def end_token(token: str) -> bool:
    """Whether it was in force."""
    with the_house() as house:
        claim = token_claim(digest_of(token.strip()))
        if (id := house.log.owners(PLATFORM, [claim]).get(claim)) is None:
            return False
        house.bus.dispatch(RevokeToken(token=TokenId(id)), community=PLATFORM, actor=OPERATOR)
        return True


def rebuild(name: str, progress: Callable[[int, int], None]) -> None:
    kinds = {kind.name: kind for kind in read_models()}
    if name not in kinds:
        raise LookupError(f"no read model is called {name}; there are {', '.join(kinds)}")
    with the_house() as house:
        house.runner.rebuild(kinds[name], progress)


def history(log: PostgresLog, after: int = 0) -> Iterator[Any]:
    batch: Batch[Any] = log.read(after=after)
    while batch:
        yield from batch
        batch = log.read(after=batch[-1].position)


def audit_claims() -> list[str]:
    with the_house() as house, psycopg.connect(house.config.database.read) as db:
        rows = db.execute("select community, kind, key, discriminator, owner from log.claims")
        stored: list[Taken] = [
            (home, kind, bytes(key), at, who) for home, kind, key, at, who in rows
        ]
        return list(differences(history(house.log), stored, house.log.vault.digest))


def tail(after: int | None, follow: bool) -> Iterator[str]:
    """A line an event, without anything personal."""
    with the_house() as house:
        position = max(0, house.log.head() - 10) if after is None else after
        while batch := house.log.read(after=position, limit=MAX_BATCH, wait=60 if follow else 0):
            for r in batch:
                yield (
                    f"{r.position:>8}  {r.recorded_at:%Y-%m-%d %H:%M:%S}  "
                    f"{type(r.event).__name__:<24} {r.stream}  by {r.actor}"
                )
            position = batch[-1].position


def status() -> dict[str, object]:
    """What stands where, for `gatehouse status`."""
    follows = {kind.name: kind.follows for kind in read_models()}
    return figures(Config.from_env().database.read, follows)
