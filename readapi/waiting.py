"""Reading one's own writes: wait for a position, and say which one was reached."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from threading import BoundedSemaphore, Condition, Lock, Thread
from time import monotonic
from typing import Any, Final, LiteralString, NamedTuple, TypeVar

from flask import Flask, Response, abort, current_app, g, request
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


class Positions:
    """Where each read model stands, told by PostgreSQL and, should it be silent, asked.

    Its thread starts with the first wait, so that it is never on the wrong side of a fork.
    """

    def __init__(self, connect: Callable[[], Connection[Any]]) -> None:
        self._connect = connect
        self._moved, self._starting = Condition(), Lock()
        self._known: dict[str, int] = {}
        self._thread: Thread | None = None

    def wait(self, name: str, position: int, seconds: float) -> bool:
        self._start()
        with self._moved:
            return self._moved.wait_for(lambda: self._known.get(name, 0) >= position, seconds)

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
        app.after_request(with_headers)
        app.teardown_request(self._give_back)

    def db(self) -> Connection[Any]:
        if "db" not in g:
            try:
                g.db = self.pool.getconn()
            except OperationalError as failure:
                raise Unavailable from failure
        db: Connection[Any] = g.db
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
        if home not in known():
            self._glance(home)
        return known()[home].get(name, Stand())

    def _glance(
        self, home: CommunityId, token: TokenId | None = None, account: AccountId | None = None
    ) -> int:
        asked = {"platform": PLATFORM, "token": token, "account": account, "home": home}
        rows = self.db().execute(GLANCE, asked).fetchall()
        known()[home] = {name: Stand(*stands) for _, name, *stands in rows}
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

    def reached(self, name: str, position: int) -> bool:
        deadline = g.setdefault("deadline", monotonic() + self.seconds)  # one for all models
        with self.turn() as mine:
            return mine and self.positions.wait(name, position, deadline - monotonic())


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
    home, position = of or home_of_request(), after.after_position
    model = kind(reading.db(), reading.vault)
    if reading.stand(kind.name, home).position < position:
        if not reading.reached(kind.name, position):
            g.stale = True
        known().clear()
    stand = reading.stand(kind.name, home)
    said = g.setdefault("positions", {})
    header = HEADER[kind.follows]
    said[header] = min(stand.position, said.get(header, stand.position))
    if etag:
        unchanged(model, stand.changed, besides)
    return model


def home_of_request() -> CommunityId:
    """The platform, where the address has no community."""
    return CommunityId((request.view_args or {}).get("community", PLATFORM))


def known() -> dict[CommunityId, dict[str, Stand]]:
    """How the read models stand for a community, as this request has found them."""
    found: dict[CommunityId, dict[str, Stand]] = g.setdefault("standing", {})
    return found


def unchanged(model: Projector, changed: int, besides: object) -> None:
    """Everything that an answer depends on: the model's code and last change, address and role."""
    before = g.get("etag", "")
    seen = [before, model.name, model.version(), changed, request.full_path, g.actor.role, besides]
    tag = sha256(repr(seen).encode()).hexdigest()[:24]
    g.etag = f'W/"{tag}"'
    if request.method == "GET" and request.if_none_match.contains_weak(tag):
        abort(Response(status=304))


def with_headers(answer: Response) -> Response:
    for header, position in g.get("positions", {}).items():
        answer.headers[header] = str(position)
    if g.get("stale"):
        answer.headers["X-Stale"] = "true"
    if "etag" in g and answer.status_code in (200, 304):
        answer.headers["ETag"] = g.etag
        answer.headers["Cache-Control"] = "private, no-cache"
    return answer
