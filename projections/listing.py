"""A page of finished JSON documents, found by key and never by offset."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, LiteralString, Self
from uuid import UUID

from psycopg import Connection, DataError, ProgrammingError, sql

from domain.kernel import Malformed
from domain.record import frozen

Key = tuple[Any, ...]
Names = tuple[LiteralString, ...]
Condition = tuple[LiteralString, LiteralString]  # {} stands for the column, %s for its value
DIGITS = re.compile(r"[0-9]+")


@frozen
class Page:
    """`docs` are JSON texts in order, each with what was asked `beside` it; `after` is the key of
    the last one if more follow.
    """

    docs: tuple[str, ...]
    after: Key | None = None
    beside: tuple[tuple[Any, ...], ...] = ()


@dataclass
class Listing:
    """One community's rows of a table with a `doc`; the last column of `key` is unique. `beside`
    are columns that a page needs beside its documents.

    >>> Listing("residents", home, ("name", "id")).where("building", None).words("search", "ann")
    """

    table: LiteralString
    community: UUID
    key: Names
    descending: bool = False
    beside: Names = ()
    _conditions: list[Condition] = field(default_factory=list)
    _values: list[Any] = field(default_factory=list)

    def where(self, column: LiteralString, value: Any) -> Self:
        """Equal to the value; None asks for nothing."""
        return self if value is None else self.that("{} = %s", column, value)

    def among(self, column: LiteralString, values: Sequence[Any] | None) -> Self:
        return self if values is None else self.that("{} = any(%s)", column, list(values))

    def since(self, column: LiteralString, value: Any) -> Self:
        return self if value is None else self.that("{} >= %s", column, value)

    def until(self, column: LiteralString, value: Any) -> Self:
        return self if value is None else self.that("{} < %s", column, value)

    def words(self, column: LiteralString, text: str | None) -> Self:
        """Every word is somewhere in the (lower-cased) column."""
        for word in (text or "").lower().split():
            escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
            self.that("{} like %s", column, f"%{escaped}%")
        return self

    def that(self, condition: LiteralString, column: LiteralString, value: Any) -> Self:
        self._conditions.append((condition, column))
        self._values.append(value)
        return self

    def page(self, db: Connection[Any], after: Key | None, limit: int) -> Page:
        rows = self._rows(db, after, limit + 1)
        shown, width = rows[:limit], 1 + len(self.key)
        return Page(
            docs=tuple(row[0] for row in shown),
            after=tuple(rows[limit - 1][1:width]) if len(rows) > limit else None,
            beside=tuple(row[width:] for row in shown) if self.beside else (),
        )

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

    def _statement(self, after: Key | None) -> bytes:
        given = tuple(self._conditions)
        return statement(self.table, given, self.key, self.beside, self.descending, after is None)

    def _parameters(self, after: Key | None, limit: int) -> list[Any]:
        return [self.community, *self._values, *(after or ()), limit]


@lru_cache(maxsize=256)
def statement(
    table: LiteralString,
    given: tuple[Condition, ...],
    key: Names,
    beside: Names,
    descending: bool,
    first: bool,
) -> bytes:
    """Composed once: the same few texts are asked for all day."""
    conditions = [sql.SQL(c).format(sql.Identifier(column)) for c, column in given]
    if not first:
        way = "({}) < ({})" if descending else "({}) > ({})"
        marks = sql.SQL(", ").join(sql.SQL("%s") for _ in key)
        conditions.append(sql.SQL(way).format(names(key), marks))
    return (
        sql.SQL("select doc, {} from {} where {} order by {} limit %s")
        .format(
            names((*key, *beside)),
            sql.Identifier(table),
            sql.SQL(" and ").join([sql.SQL("community = %s"), *conditions]),
            names(key, "{} desc" if descending else "{}"),
        )
        .as_bytes(None)
    )


def names(columns: Names, each: LiteralString = "{}") -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(each).format(sql.Identifier(c)) for c in columns)


def natural(text: str) -> str:
    """What to sort by: A2 before A10, whatever the case."""
    return DIGITS.sub(lambda digits: digits[0].zfill(10), text.casefold())
