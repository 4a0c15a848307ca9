"""What every read model is: a consumer of one log that owns its tables, handlers and queries.

A batch, what it changes and the position move in one transaction, under the lock of the
position's row: a second runner of the same read model, or one that was overtaken by a rebuild,
changes nothing.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from functools import cache
from hashlib import sha256
from inspect import getsource
from sys import modules
from typing import Any, ClassVar, LiteralString
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import dict_row

from domain.ids import CommunityId
from domain.kernel import Unknown
from domain.record import Erased
from eventlog.consumer import Consumer
from eventlog.port import Recorded, Vault

Key = tuple[CommunityId, UUID]
Row = dict[str, Any]


class Gathered:
    """What a batch changes in a table: each row is read once and written once, at the end."""

    def __init__(self, table: LiteralString, id: LiteralString) -> None:
        self.table, self.id = table, id
        self.clear()

    def clear(self) -> None:
        self.changes: dict[Key, Row | None] = {}
        self.certain: set[Key] = set()

    def set(self, community: CommunityId, id: UUID, **columns: Any) -> None:
        """A new row needs all its columns, one that is there those that change."""
        key = community, id
        if change := self.changes.get(key):
            change.update(columns)
        else:
            self.changes[key] = columns
        self.certain.add(key)

    def amend(self, community: CommunityId, id: UUID, **columns: Any) -> None:
        """Like `set`, of what may be gone by then: its stream is not the one that says so."""
        change = self.changes.setdefault((community, id), {})
        if change is not None:
            self.changes[community, id] = change | columns

    def touch(self, keys: Iterable[Key]) -> None:
        """To be written anew, if they are there."""
        for key in keys:
            self.changes.setdefault(key, {})

    def drop(self, community: CommunityId, id: UUID) -> None:
        self.changes[community, id] = None
        self.certain.discard((community, id))


class Projector(Consumer):
    """`tables` is DDL with bare names: the search path says whether they are live or in the making.

    Every table has a `community`; `follows` names the log. The queries run on any connection that
    may read, so the web makes one of these around a connection of its own.
    """

    name: ClassVar[str]
    tables: ClassVar[LiteralString]
    follows: ClassVar[str] = "events"

    def __init__(self, db: Connection[Any], vault: Vault) -> None:
        super().__init__()
        self.db, self.vault = db, vault
        self._gathering: list[Gathered] = []
        self._keys: dict[str, list[str]] = {}

    @classmethod
    @cache
    def version(cls) -> str:
        """Changes whenever the code of the read model does: then it is built anew."""
        own = cls.__module__
        parts = sorted(n for n in modules if n == own or n.startswith(f"{own}."))
        code = "".join(getsource(modules[part]) for part in parts)
        return sha256(code.encode()).hexdigest()[:16]

    def create(self) -> None:
        """Its tables and its position, where there are none."""
        with self.db.transaction():
            self.db.execute(self.tables, prepare=False)  # several statements in one
            self.db.execute(
                "insert into positions (name, version) values (%s, %s)"
                " on conflict (name) do update set position = 0, version = excluded.version",
                [self.name, self.version()],
            )
        self.position = 0

    def apply(self, batch: Sequence[Recorded[Any]]) -> None:
        if not any(type(record.event) in self.handlers for record in batch):
            self._pass(batch[-1].position)
            return
        with self.db.transaction():
            if self.held() != self.position:
                self.position = self.held()
                return
            before = self.position
            for gathered in self._gathering:
                gathered.clear()
            super().apply(batch)
            self._move(before, batch)

    def _pass(self, position: int) -> None:
        """What concerns it not moves the position alone: one statement, one commit."""
        moved = self.db.execute(
            "with moved as (update positions set position = %s, moved_at = clock_timestamp()"
            " where name = %s and position = %s returning name)"
            " select pg_notify('read', %s) from moved",
            [position, self.name, self.position, f"{self.name}:{position}"],
        ).fetchone()
        if moved:
            self.position = position
        else:
            with self.db.transaction():
                self.position = self.held()

    def held(self) -> int:
        """The position of the tables; locks it until the transaction ends."""
        row = self.db.execute(
            "select position from positions where name = %s for update", [self.name]
        ).fetchone()
        return int(row[0]) if row else 0

    def _move(self, before: int, batch: Sequence[Recorded[Any]]) -> None:
        self.db.execute(
            "update positions set position = %s, moved_at = clock_timestamp()"
            " where name = %s and position = %s",
            [self.position, self.name, before],
        )
        touched = {r.community for r in batch if type(r.event) in self.handlers}
        self._many(
            "insert into versions (name, community, position) values (%s, %s, %s)"
            " on conflict (name, community) do update set position = excluded.position",
            [(self.name, community, self.position) for community in touched],
        )
        self.db.execute("select pg_notify('read', %s)", [f"{self.name}:{self.position}"])

    def gather(self, table: LiteralString, id: LiteralString) -> Gathered:
        """For `__init__`: `set` and `drop` in the handlers, `gathered` in `settle`."""
        self._gathering.append(new := Gathered(table, id))
        return new

    def gathered(self, what: Gathered) -> list[Row]:
        """The rows as they shall be, to be put; those that shall not be are gone already."""
        gone = [key for key, change in what.changes.items() if change is None]
        self.drop(what.table, [{"community": home, what.id: id} for home, id in gone])
        there = self.rows(what.table, what.id, what.changes)
        return [
            there.get((home, id), {"community": home, what.id: id}) | change
            for (home, id), change in what.changes.items()
            if change is not None and ((home, id) in there or (home, id) in what.certain)
        ]

    def seal(self, rows: Iterable[Row], column: str, subject: str) -> None:
        """What these rows say in clear in a column stands sealed in another one thereafter."""
        said = defaultdict[CommunityId, list[tuple[Row, str]]](list)
        for row in rows:
            match row.pop(column, ...):
                case str(text):
                    said[row["community"]].append((row, text))
                case Erased():
                    row[f"{column}_sealed"] = b""  # such a box opens as erased
                case None:
                    row[f"{column}_sealed"] = None
        for home, those in said.items():
            boxes = self.vault.seal(home, [(row[subject], text) for row, text in those])
            for (row, _), box in zip(those, boxes, strict=True):
                row[f"{column}_sealed"] = box

    def rows(
        self, table: LiteralString, id: LiteralString, keys: Collection[Key]
    ) -> dict[Key, Row]:
        """Those that there are, by community and id."""
        found = self.matching(table, sql.SQL("t.{} = k.id").format(sql.Identifier(id)), keys)
        return {(row["community"], row[id]): row for row in found}

    def matching(
        self, table: LiteralString, condition: sql.Composable, keys: Collection[Key]
    ) -> list[Row]:
        """The rows `t` for which the condition holds with one of the keys, `k.id`."""
        if not keys:
            return []
        statement = sql.SQL(
            "select t.* from {} t join unnest(%s::uuid[], %s::uuid[]) as k (community, id)"
            " on t.community = k.community and {}"
        ).format(sql.Identifier(table), condition)
        with self.db.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement, list(map(list, zip(*keys, strict=True)))).fetchall()

    def put(self, table: LiteralString, rows: Iterable[dict[str, Any]]) -> None:
        """Insert or replace rows by the primary key; all rows have the same columns.

        Of several rows with one key the last one stays.
        """
        given = list(rows)
        if not given:
            return
        columns = list(given[0])
        keys = self._primary_key(table)
        last = {tuple(row[key] for key in keys): row for row in given}
        rest = [c for c in columns if c not in keys]
        statement = sql.SQL(
            "insert into {} ({}) values ({}) on conflict ({}) do update set {}"
        ).format(
            sql.Identifier(table),
            names(columns),
            sql.SQL(", ").join(sql.SQL("%s") for _ in columns),
            names(keys),
            sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in rest
            ),
        )
        self._many(statement, [tuple(row[c] for c in columns) for row in last.values()])

    def drop(self, table: LiteralString, keys: Iterable[dict[str, Any]]) -> None:
        """Delete the rows that have these values in these columns, the same ones in all keys."""
        given = list(keys)
        if not given:
            return
        condition = sql.SQL(" and ").join(
            sql.SQL("{} = %s").format(sql.Identifier(column)) for column in given[0]
        )
        statement = sql.SQL("delete from {} where {}").format(sql.Identifier(table), condition)
        self._many(statement, [list(key.values()) for key in given])

    def _many(self, statement: LiteralString | sql.Composed, rows: Sequence[Sequence[Any]]) -> None:
        if rows:
            with self.db.cursor() as cursor:
                cursor.executemany(statement, rows)

    def _primary_key(self, table: LiteralString) -> list[str]:
        if table not in self._keys:
            self._keys[table] = self._ask_primary_key(table)
        return self._keys[table]

    def _ask_primary_key(self, table: LiteralString) -> list[str]:
        found = self.db.execute(
            "select a.attname from pg_index i join pg_attribute a on a.attrelid = i.indrelid"
            " and a.attnum = any(i.indkey) where i.indrelid = %s::regclass and i.indisprimary",
            [table],
        ).fetchall()
        return [row[0] for row in found]

    def one(
        self, table: LiteralString, community: CommunityId, id: LiteralString, value: UUID
    ) -> str:
        """The document of one row; Unknown if there is none."""
        row = self.db.execute(
            sql.SQL("select doc from {} where community = %s and {} = %s").format(
                sql.Identifier(table), sql.Identifier(id)
            ),
            [community, value],
        ).fetchone()
        if row is None:
            raise Unknown(id, value)
        return str(row[0])


def names(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def document(record: Any) -> str:
    """A record as the compact JSON that its schema would dump (a test holds it to that)."""
    return JSON.encode(record)


def said(value: Any) -> Any:
    """What JSON has no word for, one level of it."""
    kind: type = type(value)
    if names := field_names(kind):
        return {name: getattr(value, name) for name in names}
    match value:
        case UUID():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case time():
            return f"{value:%H:%M}"
        case Erased():
            return None
        case frozenset():
            return sorted(value, key=document)
    raise TypeError(kind.__name__)


@cache
def field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=said)
