"""A log, the read models of it in a real PostgreSQL, and the screens over them."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

import psycopg
from flask import Flask
from flask.testing import FlaskClient
from flask_smorest import Blueprint
from psycopg import Connection, sql
from psycopg_pool import ConnectionPool

from commands.accounts import actor
from config import Database
from domain.accounts import Account, Role
from domain.ids import AccountId, CommunityId
from domain.kernel import Event
from eventlog.memory import MemoryLog
from eventlog.port import MAX_BATCH, Vault
from eventlog.reports import MemoryReportLog
from eventlog.sealing import Keyring, KeyringVault, Master, StoredKey, fresh
from projections.projector import Projector
from projections.runner import LIVE, Readable, Runner
from readapi import identity
from readapi.errors import ProblemApi
from readapi.waiting import Positions, Reading
from tests.builders import ELSEWHERE, HARBOUR, NOW
from tests.scenario import a_log, also

ASKING = AccountId(UUID(int=91))
CONFIG = {"API_TITLE": "Gatehouse", "API_VERSION": "v1", "OPENAPI_VERSION": "3.1.0"}


class MemoryKeys:
    """Keys for whoever is asked for, until they are destroyed."""

    def __init__(self) -> None:
        self.master = Master(os.urandom(32))
        self._kept = dict[tuple[UUID, UUID], StoredKey]()

    def load(self, community: UUID, subjects: Collection[UUID]) -> Mapping[UUID, StoredKey]:
        return {subject: self._one(community, subject) for subject in subjects}

    def _one(self, community: UUID, subject: UUID) -> StoredKey:
        new = fresh()
        stored = StoredKey(key_id=new.id, wrapped=self.master.wrap(new.dek))
        return self._kept.setdefault((community, subject), stored)

    def destroy(self, community: UUID, subject: UUID) -> None:
        known = self._one(community, subject)
        self._kept[community, subject] = StoredKey(key_id=known.key_id, wrapped=None)


@dataclass
class House:
    """`project` and `rebuild` are what the projector process does, as its role."""

    database: Database
    log: MemoryLog = field(default_factory=a_log)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    reports: MemoryReportLog = field(default_factory=lambda: MemoryReportLog(lambda: NOW))

    @property
    def logs(self) -> dict[str, Readable]:
        return {"events": self.log, "reports": self.reports}

    @cached_property
    def vault(self) -> Vault:
        return KeyringVault(Keyring(self.keys.master, self.keys, trust=0), lambda c: c.bytes)

    def happened(self, *past: Event, community: CommunityId = HARBOUR) -> int:
        also(self.log, *past, community=community)
        return self.log.head()

    def project(self, *kinds: type[Projector], batch: int = MAX_BATCH) -> None:
        """Everything there is, in batches of this size."""
        for kind in kinds:
            with self.connect(LIVE) as db:
                model = kind(db, self.vault)
                if not db.execute("select 1 from positions where name = %s", [kind.name]).rowcount:
                    model.create()
                model.position = model.held()
                while found := self.logs[kind.follows].read(after=model.position, limit=batch):
                    model.apply(found)

    def rebuild(self, kind: type[Projector]) -> None:
        Runner(self.logs, self.connect, self.vault).rebuild(kind)

    def forget(self, *kinds: type[Projector]) -> None:
        """Drop the tables, for a projection from the beginning."""
        with self.connect(LIVE) as db:
            for kind in kinds:
                for table in tables(db, kind):
                    db.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(table)))
                db.execute("delete from positions where name = %s", [kind.name])
                db.execute("delete from versions where name = %s", [kind.name])

    def connect(self, schema: str) -> Connection[Any]:
        path = f"-c search_path={schema}"
        return psycopg.connect(self.database.project, options=path, autocommit=True)

    @contextmanager
    def reading(self, kind: type[Projector]) -> Iterator[Any]:
        """The read model, as the role that may only read."""
        with psycopg.connect(
            self.database.read, options="-c search_path=read", autocommit=True, prepare_threshold=0
        ) as db:
            yield kind(db, self.vault)

    def rows(self, kind: type[Projector]) -> dict[str, list[tuple[Any, ...]]]:
        """All that the tables hold; of what is sealed, that it is there."""
        with self.connect(LIVE) as db:
            return {table: contents(db, table) for table in tables(db, kind)}

    @contextmanager
    def web(self, *screens: Blueprint, wait: float = 0.2, role: Role = "manager") -> Iterator[Any]:
        """A client of an account that may touch HARBOUR and ELSEWHERE, no other community."""
        kwargs = {"options": "-c search_path=read", "autocommit": True, "prepare_threshold": 0}
        with ConnectionPool(self.database.read, kwargs=kwargs, min_size=1, open=True) as pool:
            app = Flask("screens")
            app.config |= CONFIG
            positions = Positions(lambda: psycopg.connect(self.database.read, autocommit=True))
            Reading(pool, positions, self.vault, threads=4, wait=wait).install(app)
            ours = frozenset({HARBOUR, ELSEWHERE})
            account = Account(account=ASKING, name="Asking", role=role, communities=ours)
            identity.guard(app, lambda _: account, lambda _, home: home in ours, actor)
            api = ProblemApi(app)
            for screen in screens:
                api.register_blueprint(screen)
            yield client(app)


def client(app: Flask) -> FlaskClient:
    web = app.test_client()
    web.environ_base["HTTP_AUTHORIZATION"] = "Bearer any"
    return web


def tables(db: Connection[Any], kind: type[Projector]) -> list[str]:
    found = db.execute(
        "select tablename from pg_tables where schemaname = %s"
        " and (tablename = %s or starts_with(tablename, %s)) order by 1",
        [LIVE, kind.name, f"{kind.name}_"],
    )
    return [row[0] for row in found]


def contents(db: Connection[Any], table: str) -> list[tuple[Any, ...]]:
    """Sealed columns are called so: pin_sealed. Each sealing gives other bytes."""
    cursor = db.execute(sql.SQL("select * from {}").format(sql.Identifier(table)))
    columns = [c.name for c in cursor.description or ()]
    shown = [
        tuple(
            value is not None if column.endswith("_sealed") else value
            for column, value in zip(columns, row, strict=True)
        )
        for row in cursor
    ]
    return sorted(shown, key=repr)


def pages(web: FlaskClient, url: str, cursor: str = "") -> list[list[Any]]:
    """The items of each page, by the cursor to the end."""
    found = list[list[Any]]()
    sign = "&" if "?" in url else "?"
    while len(found) < 100:
        answer = web.get(f"{url}{sign}cursor={cursor}" if cursor else url)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        found.append(answer.json["items"])  # type: ignore[index]
        cursor = answer.json["next"]  # type: ignore[index]
        if cursor is None:
            return found
    raise AssertionError("a list without an end")
