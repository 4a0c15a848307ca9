"""Reading one's own writes: wait for a position, and say which one was reached."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from math import inf
from threading import BoundedSemaphore, Condition, Lock, Thread
from time import monotonic
from typing import Any, Final, LiteralString, NamedTuple, TypeVar

from flask import Flask, Response, current_app, g, request
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool

from domain.accounts import PLATFORM, TokenId
from domain.ids import AccountId, CommunityId
from domain.record import frozen
from eventlog.port import Unavailable, Vault
from projections.projector import Projector

P = TypeVar("P", bound=Projector)
LISTEN_SECONDS = 0.5
GLANCE: Final[LiteralString] = """
    select said.events, p.name, p.position, coalesce(v.position, 0) from (
        select count(*) as events from log.events
        where community = %(platform)s and stream in (%(token)s, %(account)s) and exists (
            select from log.keys where community = %(platform)s and subject = %(account)s
            and wrapped is not null)
    ) as said
    left join read.positions p on true
    left join read.versions v on v.name = p.name and v.community = %(home)s"""
HEADER = {"events": "X-Position", "reports": "X-Reports-Position"}
HEADERS = {
    "X-Position": {"schema": {"type": "integer"}, "description": "how far the answer has read"},
    "X-Stale": {
        "schema": {"type": "boolean"},
        "description": "the position was waited for in vain",
    },
}


class Stand(NamedTuple):
    """How far a read model has read, and where it last changed for a community (its ETag)."""

    position: int = 0
    changed: int = 0


@frozen
class After:
    """`after_position` waits until the answer holds what a command's answer gave."""

    after_position: int = 0


class Unchanged(Exception):
    """The client has it already: 304."""


@dataclass
class Found:
    """What this request has found: how the read models stand in a community, how far what it tells
    has read (by header), of which ETag it is, and whether it waited in vain.
    """

    standing: dict[CommunityId, dict[str, Stand]] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    etag: str = ""
    stale: bool = False
    deadline: float = inf


class Positions:
    """Where each read model stands, told by PostgreSQL and, should it be silent, asked.

    Its thread starts with the first wait, so that it is never on the wrong side of a fork.
    """

    def __init__(self, connect: Callable[[], Connection[Any]]) -> None:
        self._connect = connect
        self._moved, self._starting = Condition(), Lock()
        self._known: dict[str, int] = {}
        self._thread: Thread | None = None

    def wait(self, name: str, position: int, seconds: float) -> None:
        self._start()
        with self._moved:
            self._moved.wait_for(lambda: self._known.get(name, 0) >= position, seconds)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._listen, daemon=True)
                self._thread.start()

    def _listen(self) -> None:
        try:
            with self._connect() as db:
                db.execute("listen read")
                while True:
                    self._learn(dict(db.execute("select name, position from read.positions")))
                    for told in db.notifies(timeout=LISTEN_SECONDS):
                        name, _, position = told.payload.rpartition(":")
                        self._learn({name: int(position)})
        except OperationalError:
            return  # the next wait starts another

    def _learn(self, positions: dict[str, int]) -> None:
        with self._moved:
            self._known |= positions
            self._moved.notify_all()


class Reading:
    """What views read with: one connection a request, from a pool; half of the threads may wait."""

    def __init__(
        self, pool: ConnectionPool, positions: Positions, vault: Vault, *, threads: int, wait: float
    ) -> None:
        self.pool, self.positions, self.vault = pool, positions, vault
        self.seconds = wait
        self._waiting = BoundedSemaphore(max(1, threads // 2))

    def install(self, app: Flask) -> None:
        app.extensions["reading"] = self
        app.register_error_handler(Unchanged, lambda _: Response(status=304))
        app.after_request(with_headers)
        app.teardown_request(self._give_back)

    def db(self) -> Connection[Any]:
        db: Connection[Any] | None = g.get("db")
        if db is None:
            try:
                g.db = db = self.pool.getconn()
            except OperationalError as failure:
                raise Unavailable from failure
        return db

    def _give_back(self, _: object = None) -> None:
        if (db := g.pop("db", None)) is not None:
            self.pool.putconn(db)

    def events_of(self, token: TokenId, account: AccountId) -> int:
        """How many events they have, 0 once the account is forgotten. How the read models stand
        is asked with it: a round trip costs more than what it asks.
        """
        return self._glance(home_of_request(), token, account)

    def stand(self, name: str, home: CommunityId) -> Stand:
        """Of a read model, as this request has found it."""
        standing = found().standing
        if home not in standing:
            self._glance(home)
        return standing[home].get(name, Stand())

    def _glance(
        self, home: CommunityId, token: TokenId | None = None, account: AccountId | None = None
    ) -> int:
        asked = {"platform": PLATFORM, "token": token, "account": account, "home": home}
        rows = self.db().execute(GLANCE, asked).fetchall()
        found().standing[home] = {name: Stand(*stands) for _, name, *stands in rows}
        return int(rows[0][0])

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """False at once when as many wait as may."""
        mine = self._waiting.acquire(blocking=False)
        try:
            yield mine
        finally:
            if mine:
                self._waiting.release()

    def wait(self, name: str, position: int) -> None:
        now, here = monotonic(), found()
        here.deadline = min(here.deadline, now + self.seconds)  # one for all models
        with self.turn() as mine:
            if mine:
                self.positions.wait(name, position, here.deadline - now)


def reached(
    kind: type[P],
    after: After,
    *,
    etag: bool = True,
    of: CommunityId | None = None,
    besides: object = "",
) -> P:
    """The read model, at the position asked for if it came in time; 304 if it is unchanged.

    `of` is the community that is read, where it is not the address's; `besides` is what else the
    answer depends on.
    """
    reading: Reading = current_app.extensions["reading"]
    home, position, here = of or home_of_request(), after.after_position, found()
    model = kind(reading.db(), reading.vault)
    if reading.stand(kind.name, home).position < position:
        reading.wait(kind.name, position)
        here.standing.clear()
    stand = reading.stand(kind.name, home)
    # What was told may be lost since: PostgreSQL forgets the last of a read model when it crashes.
    here.stale = stand.position < position or here.stale
    header = HEADER[kind.follows]
    here.positions[header] = min(stand.position, here.positions.get(header, stand.position))
    if etag:
        unchanged(here, model, stand.changed, besides)
    return model


def this_minute() -> datetime:
    """Rights end with a minute: what depends on the time is the same until the next one."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def found() -> Found:
    here: Found | None = g.get("found")
    if here is None:
        g.found = here = Found()
    return here


def home_of_request() -> CommunityId:
    """The platform, where the address has no community."""
    return CommunityId((request.view_args or {}).get("community", PLATFORM))


def unchanged(here: Found, model: Projector, changed: int, besides: object) -> None:
    """Everything that an answer depends on: the model's code and last change, address and role."""
    asked = request.path, request.query_string, g.actor.role
    seen = [here.etag, model.name, model.version(), changed, *asked, besides]
    tag = sha256(repr(seen).encode()).hexdigest()[:24]
    here.etag = f'W/"{tag}"'
    if request.method == "GET" and request.if_none_match.contains_weak(tag):
        raise Unchanged


def with_headers(answer: Response) -> Response:
    here = found()
    for header, position in here.positions.items():
        answer.headers[header] = str(position)
    if here.stale:
        answer.headers["X-Stale"] = "true"
    if here.etag and answer.status_code in (200, 304):
        answer.headers["ETag"] = here.etag
        answer.headers["Cache-Control"] = "private, no-cache"
    return answer
