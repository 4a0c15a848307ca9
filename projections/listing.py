"""A page of finished JSON documents, found by key and never by offset."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString, Self
from uuid import UUID

from psycopg import Connection, DataError, ProgrammingError, sql

from domain.kernel import Malformed
from domain.record import frozen

Key = tuple[Any, ...]
DIGITS = re.compile(r"[0-9]+")


@frozen
class Page:
    """`docs` are JSON texts in order; `after` is the key of the last one if more follow."""

    docs: tuple[str, ...]
    after: Key | None = None


@dataclass
class Listing:
    """One community's rows of a table with a `doc`; the last column of `key` is unique.

    >>> Listing("residents", home, ("name", "id")).where("building", None).words("search", "ann")
    """

    table: LiteralString
    community: UUID
    key: tuple[LiteralString, ...]
    descending: bool = False
    _conditions: list[sql.Composable] = field(default_factory=list)
    _values: list[Any] = field(default_factory=list)

    def where(self, column: LiteralString, value: Any) -> Self:
        """Equal to the value; None asks for nothing."""
        return self if value is None else self.that(sql.SQL("{} = %s"), column, value)

    def among(self, column: LiteralString, values: Sequence[Any] | None) -> Self:
        return self if values is None else self.that(sql.SQL("{} = any(%s)"), column, list(values))

    def since(self, column: LiteralString, value: Any) -> Self:
        return self if value is None else self.that(sql.SQL("{} >= %s"), column, value)

    def until(self, column: LiteralString, value: Any) -> Self:
        return self if value is None else self.that(sql.SQL("{} < %s"), column, value)

    def words(self, column: LiteralString, text: str | None) -> Self:
        """Every word is somewhere in the (lower-cased) column."""
        for word in (text or "").lower().split():
            escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
            self.that(sql.SQL("{} like %s"), column, f"%{escaped}%")
        return self

    def that(self, condition: sql.SQL, column: LiteralString, value: Any) -> Self:
        self._conditions.append(condition.format(sql.Identifier(column)))
        self._values.append(value)
        return self

    def page(self, db: Connection[Any], after: Key | None, limit: int) -> Page:
        rows = self._rows(db, after, limit + 1)
        docs = tuple(row[0] for row in rows[:limit])
        return Page(docs=docs, after=tuple(rows[limit - 1][1:]) if len(rows) > limit else None)

    def _rows(self, db: Connection[Any], after: Key | None, limit: int) -> list[Any]:
        foreign = Malformed("cursor", "not a cursor of this list")
        if after is not None and len(after) != len(self.key):
            raise foreign
        try:
            return db.execute(self._statement(after), self._parameters(after, limit)).fetchall()
        except (DataError, ProgrammingError):
            if after is None:
                raise
            raise foreign from None

    def count(self, db: Connection[Any], most: int) -> int:
        """How many, counted no further than `most`."""
        inner = self._from(None) + sql.SQL(" limit %s")
        statement = sql.SQL("select count(*) from (select 1 {}) as found").format(inner)
        [found] = db.execute(statement, self._parameters(None, most)).fetchone() or (0,)
        return int(found)

    def _statement(self, after: Key | None) -> sql.Composed:
        order = sql.SQL(", ").join(
            sql.SQL("{} desc" if self.descending else "{}").format(sql.Identifier(c))
            for c in self.key
        )
        return sql.SQL("select doc, {} {} order by {} limit %s").format(
            self._columns(), self._from(after), order
        )

    def _from(self, after: Key | None) -> sql.Composed:
        conditions = [sql.SQL("community = %s"), *self._conditions]
        if after is not None:
            way = "({}) < ({})" if self.descending else "({}) > ({})"
            marks = sql.SQL(", ").join(sql.SQL("%s") for _ in self.key)
            conditions.append(sql.SQL(way).format(self._columns(), marks))
        return sql.SQL("from {} where {}").format(
            sql.Identifier(self.table), sql.SQL(" and ").join(conditions)
        )

    def _columns(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.key))

    def _parameters(self, after: Key | None, limit: int) -> list[Any]:
        return [self.community, *self._values, *(after or ()), limit]


def natural(text: str) -> str:
    """What to sort by: A2 before A10, whatever the case."""
    return DIGITS.sub(lambda digits: digits[0].zfill(10), text.casefold())
